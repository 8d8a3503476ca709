//! A data folder, the binary, and a client of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

/// A temporary data folder and the program on it.
pub(crate) struct Bench {
    pub(crate) outside: tempfile::TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { outside: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.outside.path().join("data")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.outside.path().join(name)
    }

    /// The program with these arguments and the data folder, in an environment without settings of ours.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kassette"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("KASSETTE_") {
                command.env_remove(name);
            }
        }
        command.args(arguments).arg("--data-dir").arg(self.data_dir());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Standard output of a command that must be done.
    #[track_caller]
    pub(crate) fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}\n{}", output.status, text(&output.stderr));
        text(&output.stdout)
    }

    /// The result of a command that must be done, as JSON.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let mut with_json = arguments.to_vec();
        with_json.push("--json");
        serde_json::from_str(&self.done(&with_json)).unwrap()
    }

    /// What a command said that must end with this exit code.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout) + &text(&output.stderr)
    }

    /// A started Austrian sandbox cash box.
    #[track_caller]
    pub(crate) fn till(&self, name: &str) -> Till {
        let created = self.json(&["cashbox", "create", "--market", "at", "--name", name]);
        Till { id: string(&created["cash_box"]), token: string(&created["access_token"]) }
    }

    /// A server on a port of its own.
    #[track_caller]
    pub(crate) fn serve(&self) -> Server {
        Server::start(self.command(&["serve", "--listen", "127.0.0.1:0", "--json"]))
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[track_caller]
pub(crate) fn string(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a text")).to_owned()
}

/// Credentials of a cash box.
#[derive(Clone)]
pub(crate) struct Till {
    pub(crate) id: String,
    pub(crate) token: String,
}

impl Till {
    pub(crate) fn headers(&self) -> Vec<(String, String)> {
        vec![
            ("x-cashbox-id".into(), self.id.clone()),
            ("x-cashbox-accesstoken".into(), self.token.clone()),
            ("x-operation-id".into(), uuid::Uuid::new_v4().to_string()),
        ]
    }

    /// Signs a sale of one coffee; gives the status and the answer.
    pub(crate) fn sell(&self, server: &Server) -> (u16, Value) {
        self.sign(server, 0x0001, json!([{"Description": "Melange", "Amount": 4.9, "VATRate": 20}]))
    }

    /// Signs a receipt of this case, paid when it has items.
    pub(crate) fn sign(&self, server: &Server, case: u64, items: Value) -> (u16, Value) {
        server.post("/v2/sign", &self.headers(), receipt(case, items).to_string().as_bytes())
    }
}

pub(crate) fn receipt(case: u64, items: Value) -> Value {
    let paid =
        if items.as_array().unwrap().is_empty() { json!([]) } else { json!([{"Description": "Bar", "Amount": 4.9}]) };
    json!({
        "cbReceiptReference": uuid::Uuid::new_v4().to_string(),
        "cbChargeItems": items,
        "cbPayItems": paid,
        "ftReceiptCase": 0x4154_2000_0000_0000 | case,
    })
}

/// Caption of every signature of an answer.
pub(crate) fn captions(answer: &Value) -> Vec<String> {
    answer["ftSignatures"].as_array().unwrap().iter().map(|item| string(&item["Caption"])).collect()
}

/// A running server; killed when a test fails.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    #[track_caller]
    pub(crate) fn start(command: Command) -> Self {
        Self::spawn(command, Stdio::null())
    }

    /// A server whose log goes to a file.
    #[track_caller]
    pub(crate) fn start_with_log(command: Command, log: std::fs::File) -> Self {
        Self::spawn(command, log.into())
    }

    #[track_caller]
    fn spawn(mut command: Command, log: Stdio) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let started: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("the server said {line:?}"));
        let url = string(&started["url"]);
        let address = url.strip_prefix("http://").unwrap().split('/').next().unwrap().parse().unwrap();
        Self { child, address }
    }

    pub(crate) fn connect(&self) -> std::io::Result<TcpStream> {
        let stream = TcpStream::connect_timeout(&self.address, Duration::from_secs(10))?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(stream)
    }

    #[track_caller]
    pub(crate) fn post(&self, path: &str, headers: &[(String, String)], body: &[u8]) -> (u16, Value) {
        let mut stream = self.connect().unwrap();
        stream.write_all(&request(path, headers, body)).unwrap();
        answer(&mut stream).unwrap()
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> (u16, Value) {
        let mut stream = self.connect().unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nhost: till\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        answer(&mut stream).unwrap()
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end.
    pub(crate) fn ended(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// An orderly stop.
    #[track_caller]
    pub(crate) fn stop(self) {
        self.signal("TERM");
        let status = self.ended();
        assert!(status.success(), "{status}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub(crate) fn request(path: &str, headers: &[(String, String)], body: &[u8]) -> Vec<u8> {
    let mut request = format!("POST {path} HTTP/1.1\r\nhost: till\r\nconnection: close\r\n").into_bytes();
    for (name, value) in headers {
        request.extend(format!("{name}: {value}\r\n").into_bytes());
    }
    request.extend(format!("content-length: {}\r\n\r\n", body.len()).into_bytes());
    request.extend_from_slice(body);
    request
}

/// Status and JSON body of an answer that ends with the connection.
pub(crate) fn answer(stream: &mut TcpStream) -> Option<(u16, Value)> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).ok()?;
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let status = text(&bytes[..end]).split(' ').nth(1)?.parse().ok()?;
    Some((status, serde_json::from_slice(&bytes[end + 4..]).ok()?))
}

/// Runs a Python script of `docs/verify`; `None` when Python or a package it needs is missing and this is not CI.
pub(crate) fn python(script: &str, arguments: &[&Path], needs: &str) -> Option<Output> {
    let in_ci = std::env::var_os("KASSETTE_CI").is_some_and(|value| value == "1");
    let there = Command::new("python3").args(["-c", &format!("import {needs}")]).output();
    if !there.is_ok_and(|output| output.status.success()) {
        assert!(!in_ci, "python3 with {needs} is needed in CI");
        eprintln!("left out: python3 with {needs} is not here");
        return None;
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/verify").join(script);
    Some(Command::new("python3").arg(path).args(arguments).output().unwrap())
}
