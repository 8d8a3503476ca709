//! The other end of the socket: a command that found the folder in use.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use kassette_model::Environment;

use super::command::{Asked, Command};
use super::execute::Output;
use super::failure::{Failure, FailureKind};
use super::frame::{CHUNK_BYTES_MAX, Frame, LINE_BYTES_MAX};
use super::reply::Reply;
use super::server::SOCKET_NAME;

/// Sends a command to the server that has `data_dir` open, and passes its output on.
///
/// # Errors
/// What the server answered; [`FailureKind::Refused`] when the folder is not of `environment`; [`FailureKind::Locked`] when
/// nobody answers.
pub fn call(
    data_dir: &Path,
    environment: Environment,
    command: &Command,
    output: &mut dyn Output,
) -> Result<Reply, Failure> {
    let path = data_dir.join(SOCKET_NAME);
    let locked = |error: &io::Error| {
        let (folder, socket) = (data_dir.display(), path.display());
        Failure::new(
            FailureKind::Locked,
            format!("{folder} is in use by another process, which does not answer on {socket}: {error}"),
        )
    };
    let stream = UnixStream::connect(&path).map_err(|error| locked(&error))?;
    let asked = Asked { environment: environment.name().to_owned(), command };
    let mut line = serde_json::to_vec(&asked).map_err(|error| Failure::fault(error.to_string()))?;
    line.push(b'\n');
    (&stream).write_all(&line).map_err(|error| locked(&error))?;
    read_answer(BufReader::new(stream), output)
}

fn read_answer(mut reader: impl BufRead, output: &mut dyn Output) -> Result<Reply, Failure> {
    let mut chunk = Vec::new();
    loop {
        match read_frame(&mut reader)? {
            Frame::Progress { done, total } => output.progress(done, total).map_err(|error| written(&error))?,
            Frame::Bytes(length) if length > CHUNK_BYTES_MAX => {
                return Err(Failure::fault("the server announced more than this version reads"));
            }
            Frame::Bytes(length) => {
                chunk.resize(length, 0);
                reader.read_exact(&mut chunk).map_err(|error| broken(&error))?;
                output.bytes(&chunk).map_err(|error| written(&error))?;
            }
            Frame::Done(reply) => return Ok(*reply),
            Frame::Failed(failure) => return Err(failure),
        }
    }
}

fn read_frame(reader: &mut impl BufRead) -> Result<Frame, Failure> {
    let mut line = Vec::new();
    let limit = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX);
    reader.take(limit).read_until(b'\n', &mut line).map_err(|error| broken(&error))?;
    if line.is_empty() {
        return Err(Failure::fault(
            "the server stopped before it had answered; whether the command was done is not known",
        ));
    }
    serde_json::from_slice(&line)
        .map_err(|error| Failure::fault(format!("the server's answer cannot be read: {error}")))
}

fn broken(error: &io::Error) -> Failure {
    Failure::fault(format!("the connection to the server broke: {error}"))
}

fn written(error: &io::Error) -> Failure {
    Failure::fault(format!("the output cannot be written: {error}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Kept {
        bytes: Vec<u8>,
        progress: Vec<(u64, u64)>,
    }

    impl Output for Kept {
        fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
            self.bytes.extend_from_slice(bytes);
            Ok(())
        }

        fn progress(&mut self, done: u64, total: u64) -> io::Result<()> {
            self.progress.push((done, total));
            Ok(())
        }
    }

    #[test]
    fn an_answer_is_read_with_its_output() {
        let mut answer = Frame::Progress { done: 1, total: 2 }.line().unwrap();
        // Line ends inside the bytes are not line ends of the protocol.
        answer.extend(Frame::Bytes(4).line().unwrap());
        answer.extend(b"a\nb\n");
        answer.extend(Frame::Done(Box::new(Reply::Done { message: "well".into() })).line().unwrap());
        let mut kept = Kept::default();
        let reply = read_answer(answer.as_slice(), &mut kept).unwrap();
        assert!(matches!(reply, Reply::Done { message } if message == "well"));
        assert_eq!((kept.bytes.as_slice(), kept.progress.as_slice()), (&b"a\nb\n"[..], &[(1, 2)][..]));
    }

    #[test]
    fn an_answer_that_breaks_off_is_a_fault_and_not_a_success() {
        let whole = Frame::Done(Box::new(Reply::Done { message: "well".into() })).line().unwrap();
        for cut in 0..whole.len() - 1 {
            let failure = read_answer(whole.get(..cut).unwrap(), &mut Kept::default()).unwrap_err();
            assert_eq!(failure.kind, FailureKind::Fault, "cut at {cut}");
        }
        let huge = Frame::Bytes(CHUNK_BYTES_MAX + 1).line().unwrap();
        assert_eq!(read_answer(huge.as_slice(), &mut Kept::default()).unwrap_err().kind, FailureKind::Fault);
        let failed = Frame::Failed(Failure::not_found("nobody")).line().unwrap();
        assert_eq!(read_answer(failed.as_slice(), &mut Kept::default()).unwrap_err(), Failure::not_found("nobody"));
    }

    #[test]
    fn a_folder_without_a_socket_says_who_does_not_answer() {
        let folder = tempfile::tempdir().unwrap();
        let failure = call(folder.path(), Environment::Sandbox, &Command::Status, &mut Kept::default()).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Locked);
        assert!(failure.message.contains(SOCKET_NAME), "{failure}");
    }
}
