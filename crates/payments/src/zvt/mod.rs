//! ZVT: PA00P016 (transport, revision 03) and PA00P015 (commands, revision 13.08).
//!
//! Purpose: speak ZVT as the cash register (ECR), and understand both sides well enough to play the terminal (PT).
//! Owns: [`Apdu`]; the two transports [`SerialLink`] and [`TcpLink`] behind [`Link`]; [`Fields`] with every bitmap's
//!   length; [`Container`] of BER-TLV; [`Command`] (ECR to PT), [`Message`] (PT to ECR) and [`Answer`] (both ways);
//!   [`ResultCode`] and [`IntermediateCode`] with their texts; [`session`]: the dialogue, and how a doubt is settled.
//! Invariants: what cannot be understood is kept as bytes and encodes again to the same bytes; a decoder never fails on a
//!   field whose meaning is unknown; a transport delivers an APDU again when the other side sends it again; `Debug` shows
//!   no card number, no track data, no password.
//! Not here: sockets, ports and clocks (`actors`).

/// Its name, as protocol and as provider.
pub const NAME: &str = "zvt";
/// Its registration.
pub const PROVIDER: crate::Provider =
    crate::Provider { name: NAME, sandbox_only: false, lines: &[crate::Line::Tcp, crate::Line::Serial] };

mod answer;
mod anything;
mod apdu;
mod bcd;
mod bitmap;
mod charset;
mod command;
mod completion;
mod crc;
mod fields;
#[cfg(test)]
mod fields_for_tests;
mod frame;
mod intermediate;
mod link;
mod meaning;
mod message;
mod password;
mod print;
mod result_code;
mod serial;
pub mod session;
pub mod simulator;
mod tcp;
mod tlv;

pub use answer::Answer;
pub use anything::decode_anything;
pub use apdu::{Apdu, ApduError, DATA_BYTES_MAX};
pub use bitmap::{Length, length_of};
pub use charset::{Charset, decode_text};
pub use command::{Command, Config};
pub use completion::Completion;
pub use crc::crc_16_kermit;
pub use fields::{Date, Field, FieldError, Fields, Time};
pub use frame::{FrameDecoder, FrameEvent, FrameFault, encode_frame};
pub use intermediate::IntermediateCode;
pub use link::{Link, LinkError, LinkEvent, LinkFault};
pub use meaning::TransactionKey;
pub use message::Message;
pub use password::{Password, PasswordError};
pub use print::{PrintedLine, ReceiptKind};
pub use result_code::{ResultClass, ResultCode};
pub use serial::{SerialLink, SerialTiming};
pub use tcp::{BANNER_BYTES_MAX, TcpLink};
pub use tlv::{Container, DEPTH_MAX, Tag, Tlv, Value};
