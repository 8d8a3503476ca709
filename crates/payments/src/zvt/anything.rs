//! One door for hostile bytes: everything that reads, on the same input.

use std::time::Duration;

use super::apdu::{Apdu, ApduError};
use super::command::Command;
use super::fields::Fields;
use super::link::{Link, LinkEvent};
use super::message::Message;
use super::serial::{SerialLink, SerialTiming};
use super::tcp::TcpLink;
use super::tlv::Container;

/// Reads the bytes in every way there is, shows and encodes again what was read, and returns the APDUs that were found.
///
/// For tests that throw random and damaged bytes at the decoders: it must return, whatever they are.
///
/// # Errors
/// [`ApduError`] when something that was read cannot be encoded again, which would be a mistake of this module.
pub fn decode_anything(bytes: &[u8]) -> Result<Vec<Apdu>, ApduError> {
    let mut found: Vec<Apdu> = Apdu::decode(bytes).into_iter().collect();
    for mut link in [Link::Serial(SerialLink::new(SerialTiming::default())), Link::Tcp(TcpLink::new())] {
        let events = link.receive(bytes, Duration::ZERO);
        found.extend(events.into_iter().filter_map(|event| match event {
            LinkEvent::Received(apdu) => Some(apdu),
            _ => None,
        }));
        if let Some(deadline) = link.next_deadline() {
            link.tick(deadline);
        }
    }
    for apdu in &found {
        let command = Command::decode(apdu);
        let message = Message::decode(apdu);
        command.to_apdu()?;
        message.to_apdu()?;
        let _shown = format!("{command:?} {message:?}");
        let _printed = (message.printed_lines(), message.receipt_kind(), message.ends_receipt());
        let _displayed = (message.display_texts(), message.timeout_min());
        mean(&Fields::decode(apdu.data()));
    }
    mean(&Fields::decode(bytes));
    let _shown = format!("{:?}", Container::decode(bytes));
    Ok(found)
}

/// Asks bitmaps for everything they can mean.
fn mean(fields: &Fields) {
    let _key = fields.transaction_key();
    let _texts = (fields.card_name(), fields.additional_text(), fields.merchant_number(), fields.pan_masked());
    let _numbers = (fields.original_trace(), fields.turnover_number(), fields.currency(), fields.terminal_id());
    let _codes = fields.result().map(|result| (result.class(), result.english(), result.german()));
    let _shown = format!("{fields:?} {:?}", fields.tlv());
}
