//! The socket of a running server.

use std::fs::Permissions;
use std::future::Future;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinHandle;

use super::command::{Asked, Command};
use super::context::Context;
use super::execute::{Output, execute};
use super::failure::Failure;
use super::frame::{CHUNK_BYTES_MAX, Frame, LINE_BYTES_MAX};

/// Name of the socket in the data folder.
pub const SOCKET_NAME: &str = "admin.sock";
/// Connections served at the same time; more wait.
const CONNECTIONS_MAX: usize = 16;
/// Of these, those that may only wait, so that commands which do something always find a place.
const WAITS_MAX: usize = 8;
/// Pieces of output that may wait for a slow client.
const PIECES_MAX: usize = 8;

/// A listening socket.
pub struct AdminServer {
    path: PathBuf,
    task: JoinHandle<()>,
    stopped: watch::Sender<bool>,
}

impl AdminServer {
    /// Listens on `<data folder>/admin.sock` with mode 0600. Whoever calls this holds the lock of the folder, so that a socket
    /// that is there already belongs to a process that is gone.
    ///
    /// # Errors
    /// When the socket cannot be made, for example because its path is too long for the system.
    pub fn listen(context: Context) -> io::Result<Self> {
        let path = context.data_dir.join(SOCKET_NAME);
        let listener = bind_private(&path)?;
        let (stopped, stop) = watch::channel(false);
        let task = tokio::spawn(accept(listener, Arc::new(context), stop));
        Ok(Self { path, task, stopped })
    }

    /// Stops listening and ends open connections.
    pub async fn stop(self) {
        self.stopped.send_replace(true);
        self.task.abort();
        drop(self.task.await);
        drop(std::fs::remove_file(&self.path));
    }
}

/// Binds beside, restricts, renames: at no moment can another user connect.
fn bind_private(path: &Path) -> io::Result<UnixListener> {
    let beside = path.with_extension("new");
    for old in [path, &beside] {
        match std::fs::remove_file(old) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    let listener = UnixListener::bind(&beside)?;
    std::fs::set_permissions(&beside, Permissions::from_mode(0o600))?;
    std::fs::rename(&beside, path)?;
    Ok(listener)
}

async fn accept(listener: UnixListener, context: Arc<Context>, stop: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let waits = Arc::new(Semaphore::new(WAITS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "admin socket");
                // Out of file descriptors, most likely: do not spin.
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                continue;
            }
        };
        let (context, waits, mut stop) = (Arc::clone(&context), Arc::clone(&waits), stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                served = serve(stream, context, &waits) => {
                    if let Err(error) = served {
                        tracing::debug!(%error, "admin connection");
                    }
                }
                _ = stop.wait_for(|stopped| *stopped) => {}
            }
            drop(place);
        });
    }
}

enum Piece {
    Progress { done: u64, total: u64 },
    Bytes(Vec<u8>),
}

/// The output of a command on its way to the client. Bounded: a slow client slows the command.
struct Pieces(mpsc::Sender<Piece>);

impl Pieces {
    fn send(&self, piece: Piece) -> io::Result<()> {
        self.0.blocking_send(piece).map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the client went away"))
    }
}

impl Output for Pieces {
    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        bytes.chunks(CHUNK_BYTES_MAX).try_for_each(|chunk| self.send(Piece::Bytes(chunk.to_vec())))
    }

    fn progress(&mut self, done: u64, total: u64) -> io::Result<()> {
        self.send(Piece::Progress { done, total })
    }

    fn gone(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let pieces = self.0.clone();
        Box::pin(async move { pieces.closed().await })
    }
}

/// Ends with the connection: after its command a client sends nothing.
async fn closed(mut reader: impl AsyncRead + Unpin) {
    let mut beyond = [0; 64];
    while reader.read(&mut beyond).await.is_ok_and(|bytes| bytes > 0) {}
}

async fn serve(mut stream: UnixStream, context: Arc<Context>, waits: &Semaphore) -> io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut line = Vec::new();
    let limit = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX);
    let mut reader = BufReader::new(reader);
    (&mut reader).take(limit).read_until(b'\n', &mut line).await?;
    if line.is_empty() {
        return Ok(());
    }
    let Asked::<Command> { environment, command } = match serde_json::from_slice(&line) {
        Ok(asked) => asked,
        Err(error) => {
            // Only the place: the text of the error may quote a passphrase.
            let failure = Failure::usage(format!("not a command of this version (column {})", error.column()));
            return writer.write_all(&Frame::Failed(failure).line()?).await;
        }
    };
    let own = context.environment.name();
    if environment != own {
        // As KeyFolder refuses to open it, when no server has the folder.
        let folder = context.data_dir.display();
        let failure = Failure::refused(format!("{folder} belongs to {own}, not to {environment}"));
        return writer.write_all(&Frame::Failed(failure).line()?).await;
    }
    let waiting = if command.waits() { Some(waits.try_acquire()) } else { None };
    if let Some(Err(_)) = waiting {
        let failure = Failure::refused(format!("{WAITS_MAX} commands wait already; try again when one has ended"));
        return writer.write_all(&Frame::Failed(failure).line()?).await;
    }
    let (pieces, mut output) = mpsc::channel(PIECES_MAX);
    let runtime = tokio::runtime::Handle::current();
    let work = tokio::task::spawn_blocking(move || execute(&context, &runtime, command, &mut Pieces(pieces)));
    let closed = closed(reader);
    tokio::pin!(closed);
    loop {
        let piece = tokio::select! {
            piece = output.recv() => piece,
            // Dropping the output tells the command.
            () = &mut closed => return Ok(()),
        };
        let Some(piece) = piece else { break };
        match piece {
            Piece::Progress { done, total } => writer.write_all(&Frame::Progress { done, total }.line()?).await?,
            Piece::Bytes(bytes) => {
                writer.write_all(&Frame::Bytes(bytes.len()).line()?).await?;
                writer.write_all(&bytes).await?;
            }
        }
    }
    let end = match work.await {
        Ok(Ok(reply)) => Frame::Done(Box::new(reply)),
        Ok(Err(failure)) => Frame::Failed(failure),
        Err(error) => Frame::Failed(Failure::fault(format!("the command failed: {error}"))),
    };
    writer.write_all(&end.line()?).await?;
    writer.shutdown().await
}
