//! A port that takes one connection at a time.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with, sockopt};

use super::line::Taken;

enum Port {
    /// Connections are taken.
    Open(TcpListener),
    /// Pulled: a socket that does not listen keeps the number for us, and connections are refused.
    Kept(Option<OwnedFd>),
}

/// See the module.
pub(super) struct TcpLine {
    address: SocketAddr,
    port: Port,
    connection: Option<TcpStream>,
}

impl TcpLine {
    pub(super) fn open(address: SocketAddr) -> io::Result<Self> {
        let listener = listen(address)?;
        let address = listener.local_addr()?;
        Ok(Self { address, port: Port::Open(listener), connection: None })
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) const fn is_pulled(&self) -> bool {
        matches!(self.port, Port::Kept(_))
    }

    /// While a register is connected, others wait in the queue of the system.
    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        match (&self.connection, &self.port) {
            (Some(connection), _) => Some(connection.as_fd()),
            (None, Port::Open(listener)) => Some(listener.as_fd()),
            (None, Port::Kept(_)) => None,
        }
    }

    pub(super) fn take(&mut self, buffer: &mut [u8]) -> io::Result<Taken> {
        let Some(connection) = &mut self.connection else { return self.accept() };
        match connection.read(buffer) {
            Ok(0) => {
                self.connection = None;
                Ok(Taken::Closed)
            }
            Ok(count) => Ok(Taken::Bytes { count, first: false }),
            Err(error) if is_nothing(&error) => Ok(Taken::Nothing),
            Err(_) => {
                self.connection = None;
                Ok(Taken::Closed)
            }
        }
    }

    fn accept(&mut self) -> io::Result<Taken> {
        let Port::Open(listener) = &self.port else { return Ok(Taken::Nothing) };
        match listener.accept() {
            Ok((connection, _)) => {
                connection.set_nonblocking(true)?;
                connection.set_nodelay(true)?;
                // A register whose machine has gone without a word must not keep the others out for ever.
                sockopt::set_socket_keepalive(&connection, true)?;
                self.connection = Some(connection);
                Ok(Taken::Opened)
            }
            Err(error) if is_nothing(&error) || error.kind() == io::ErrorKind::ConnectionAborted => Ok(Taken::Nothing),
            Err(error) => Err(error),
        }
    }

    pub(super) fn give(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(connection) = &mut self.connection else { return Ok(bytes.len()) };
        match connection.write(bytes) {
            Ok(count) => Ok(count),
            Err(error) if is_nothing(&error) => Ok(0),
            Err(error) => {
                self.connection = None;
                Err(error)
            }
        }
    }

    pub(super) fn cut(&mut self) {
        if let Some(connection) = self.connection.take() {
            // What was said before arrives first.
            drop(connection.shutdown(std::net::Shutdown::Write));
        }
    }

    pub(super) fn pull(&mut self) {
        self.cut();
        self.port = Port::Kept(None);
        self.port = Port::Kept(keep(self.address).ok());
    }

    pub(super) fn put_back(&mut self) -> io::Result<()> {
        if let Port::Kept(kept) = &mut self.port {
            drop(kept.take());
            self.port = Port::Open(listen(self.address)?);
        }
        Ok(())
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Binds without listening.
fn keep(address: SocketAddr) -> rustix::io::Result<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    bind(&socket, &address)?;
    Ok(socket)
}

fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
