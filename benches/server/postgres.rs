//! PostgreSQL appending the same row: head of the cash box locked, SHA-256 over the previous hash and the body, a journal row
//! and an operation row inserted, the head updated, committed with `synchronous_commit = on`. No signature, no HTTP.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::load::sale;

const BIN: &str = "/usr/lib/postgresql/15/bin";

const SCHEMA: &str = "
create table cash_box (id int primary key, seq bigint not null, head bytea not null);
create table journal (cash_box int, seq bigint, prev bytea, hash bytea, request bytea, response bytea, primary key (cash_box, seq));
create table operation (cash_box int, id uuid, seq bigint, primary key (cash_box, id));
insert into cash_box select n, 0, '\\x00' from generate_series(0, 63) n;
create function append(box int, body bytea, answer bytea) returns bigint language plpgsql as $$
declare s bigint; h bytea; n bytea;
begin
  select seq, head into s, h from cash_box where id = box for update;
  n := sha256(h || body || answer);
  insert into journal values (box, s + 1, h, n, body, answer);
  insert into operation values (box, gen_random_uuid(), s + 1);
  update cash_box set seq = s + 1, head = n where id = box;
  return s + 1;
end $$;
";

/// A cluster in a temporary folder, reached through a socket in it.
pub(crate) struct Cluster {
    folder: PathBuf,
}

impl Cluster {
    /// `None`, with the reason printed, when PostgreSQL 15 is not installed.
    pub(crate) fn start(parent: &Path) -> Option<Self> {
        if !Path::new(BIN).join("postgres").exists() {
            println!("PostgreSQL 15 is not installed (Debian: postgresql-15)");
            return None;
        }
        let folder = parent.join("postgres");
        fs::create_dir_all(&folder).unwrap();
        let cluster = Self { folder };
        // Only the user postgres may run it; the folder above must let it through.
        run(Command::new("chmod").args(["755"]).arg(parent));
        run(Command::new("chown").args(["postgres"]).arg(&cluster.folder));
        let data = cluster.folder.join("data");
        run(cluster.tool("initdb").args(["-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-D"]).arg(&data));
        let options = format!("-c listen_addresses= -c unix_socket_directories={}", cluster.folder.display());
        run(cluster
            .tool("pg_ctl")
            .arg("-D")
            .arg(&data)
            .args(["-w", "-s", "-l"])
            .arg(cluster.folder.join("log"))
            .args(["-o", &options, "start"]));
        let script = format!(
            "select append(:client_id, '{}'::bytea, '{}'::bytea);\n",
            sale("000000000000").replace('\'', "''").replace('\\', ""),
            "x".repeat(crate::load::ANSWER_BYTES)
        );
        fs::write(cluster.folder.join("append.sql"), script).unwrap();
        fs::write(cluster.folder.join("schema.sql"), SCHEMA).unwrap();
        run(cluster
            .tool("psql")
            .args(["-q", "-h"])
            .arg(&cluster.folder)
            .args(["-d", "postgres", "-f"])
            .arg(cluster.folder.join("schema.sql")));
        Some(cluster)
    }

    fn tool(&self, name: &str) -> Command {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(Path::new(BIN).join(name)).current_dir(&self.folder);
        command
    }

    /// Appends per second with 64 clients.
    pub(crate) fn measure(&self, seconds: u64) -> f64 {
        let output = self
            .tool("pgbench")
            .args(["-n", "-c", "64", "-j", "2", "-M", "prepared", "-T", &seconds.to_string(), "-h"])
            .arg(&self.folder)
            .arg("-f")
            .arg(self.folder.join("append.sql"))
            .arg("postgres")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text.lines().find(|line| line.starts_with("tps = "));
        line.and_then(|line| line.split(' ').nth(2)).and_then(|number| number.parse().ok()).unwrap_or_else(|| {
            panic!("pgbench says: {text}{}", String::from_utf8_lossy(&output.stderr));
        })
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let data = self.folder.join("data");
        let _ = self.tool("pg_ctl").arg("-D").arg(data).args(["-m", "immediate", "-s", "stop"]).status();
    }
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
