//! A network terminal's line.

use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::time::Duration;

use actix::Addr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::keeper::{LineEnd, LineKeeper};
use super::line::{LineBytes, LineUp};
use super::session::TerminalSession;

/// How long a connection may take to be made.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How long the terminal may take to take what is written.
const WRITE_WITHIN: Duration = Duration::from_secs(5);
/// Bytes read at once; a message has at most a few hundred.
const READ_BYTES: usize = 4_096;

/// Opens the connection and moves bytes until it ends; gives the reason. Dropped, it closes the connection.
pub(super) async fn run(
    host: String,
    port: u16,
    keeper: Arc<LineKeeper>,
    session: Addr<TerminalSession>,
    mut bytes: mpsc::UnboundedReceiver<Vec<u8>>,
) -> String {
    let stream = match tokio::time::timeout(CONNECT_WITHIN, TcpStream::connect((host.as_str(), port))).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return format!("{host}:{port}: {error}"),
        Err(_) => return format!("{host}:{port}: no connection within {} s", CONNECT_WITHIN.as_secs()),
    };
    // A message is written whole; waiting for more only adds to its time.
    _ = stream.set_nodelay(true);
    if let Ok(second) = stream.as_fd().try_clone_to_owned() {
        keeper.keep(LineEnd::Tcp(second.into()));
    }
    let (mut from, mut to) = stream.into_split();
    if session.send(LineUp).await.is_err() {
        return "its session has ended".to_owned();
    }
    let read = async {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            match from.read(&mut buffer).await {
                Ok(0) => return "the terminal closed the connection".to_owned(),
                Ok(count) => {
                    let some = buffer.get(..count).unwrap_or_default().to_vec();
                    // Waits until it was taken: a terminal that floods is slowed down.
                    if session.send(LineBytes(some)).await.is_err() {
                        return "its session has ended".to_owned();
                    }
                }
                Err(error) => return format!("read: {error}"),
            }
        }
    };
    let write = async {
        while let Some(some) = bytes.recv().await {
            match tokio::time::timeout(WRITE_WITHIN, to.write_all(&some)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return format!("write: {error}"),
                Err(_) => return "the terminal does not take what is written to it".to_owned(),
            }
        }
        "its port has ended".to_owned()
    };
    tokio::select! {
        reason = read => reason,
        reason = write => reason,
    }
}
