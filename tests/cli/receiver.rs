//! A receiver of callbacks on loopback that answers as it is told.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver as Channel, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kassette_webhooks::{Secret, TOLERANCE_S, verify};

/// A message as it arrived.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) target: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Arrived {
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        &self.headers.iter().find(|(found, _)| found == name).unwrap_or_else(|| panic!("no {name}")).1
    }

    /// Whether it was signed under this secret, as a receiver checks it.
    pub(crate) fn is_signed_under(&self, secret: &str) -> bool {
        let secrets = [Secret::parse(secret).unwrap()];
        let timestamp = self.header("webhook-timestamp");
        let now_s = timestamp.parse().unwrap();
        let (id, signature) = (self.header("webhook-id"), self.header("webhook-signature"));
        verify(&secrets, id, timestamp, signature, &self.body, now_s, TOLERANCE_S).is_ok()
    }
}

/// Answers with the statuses it was given, then with 204.
pub(crate) struct Receiver {
    address: SocketAddr,
    answers: Arc<Mutex<VecDeque<u16>>>,
    arrived: Channel<Arrived>,
}

impl Receiver {
    pub(crate) fn start(answers: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answers = Arc::new(Mutex::new(answers.iter().copied().collect::<VecDeque<_>>()));
        let (sender, arrived) = channel();
        let given = Arc::clone(&answers);
        // Ends with the process.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (given, sender) = (Arc::clone(&given), sender.clone());
                std::thread::spawn(move || answer(&stream, &given, &sender));
            }
        });
        Self { address, answers, arrived }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What the next messages are answered with.
    pub(crate) fn answer_with(&self, answers: &[u16]) {
        self.answers.lock().unwrap().extend(answers);
    }

    /// The next message that arrives.
    #[track_caller]
    pub(crate) fn next(&self) -> Arrived {
        self.arrived.recv_timeout(Duration::from_secs(30)).expect("a callback arrives")
    }
}

fn answer(stream: &TcpStream, answers: &Mutex<VecDeque<u16>>, arrived: &Sender<Arrived>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let target = line.split(' ').nth(1).unwrap().to_owned();
        let mut headers = Vec::new();
        loop {
            line.clear();
            reader.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let length = headers.iter().find(|(name, _)| name == "content-length").map_or("0", |(_, value)| value);
        let mut body = vec![0; length.parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        let status = answers.lock().unwrap().pop_front().unwrap_or(204);
        drop(arrived.send(Arrived { target, headers, body }));
        if (&*stream).write_all(format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n").as_bytes()).is_err() {
            return;
        }
    }
}
