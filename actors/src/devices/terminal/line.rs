//! What the port and the session of a terminal say to each other.

use actix::{Addr, Message};

use super::session::TerminalSession;

/// Open the line anew, and give what comes from it to this session.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Attach(pub(crate) Addr<TerminalSession>);

/// Write these bytes to the line.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Write(pub(crate) Vec<u8>);

/// The line is open.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct LineUp;

/// Bytes came from the line.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct LineBytes(pub(crate) Vec<u8>);
