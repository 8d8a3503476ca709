//! Bytes of messages in the sled store. All numbers are big-endian.
//!
//! | bytes | field |
//! |---|---|
//! | 1 | version = 1 |
//! | 16, 16 | cash box, operation |
//! | 8, 4, 4, 1 | target, segment, offset, index |
//! | 8, 4 | row, sequence |
//! | 8, 8, 8 | made, since, due: nanoseconds since the Unix epoch, signed |
//! | 4, 1 | attempts in all, attempts that follow |
//! | for each: 8, 4, 2, 1 + n, 2 + n | when, duration in ms, status (0: none), outcome, detail (length 65535: none) |
//! | 1, 8 | only of a settled message: ending (1 acknowledged, 2 gone, 3 dead letter), when |
//! | 4 | CRC-32C of the key and everything before |

use kassette_model::{CashBoxId, OperationId};

use super::{Attempt, Ending, MessagePlace, OpenMessage, SettledMessage};
use crate::Position;

const VERSION: u8 = 1;
const OPERATION_AT: usize = 17;
const PLACE_AT: usize = 41;
const NO_DETAIL: u16 = u16::MAX;

/// Takes fields off the front.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl Fields<'_> {
    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    pub(super) fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_be_bytes)
    }

    pub(super) fn position(&mut self) -> Option<Position> {
        Some(Position { segment: self.u32()?, offset: self.u32()? })
    }

    fn text(&mut self, length: usize) -> Option<String> {
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        String::from_utf8(text.to_vec()).ok()
    }
}

pub(super) fn put_position(position: Position, out: &mut Vec<u8>) {
    out.extend_from_slice(&position.segment.to_be_bytes());
    out.extend_from_slice(&position.offset.to_be_bytes());
}

/// Puts the checksum behind a value; the key is part of it, so that no value passes for that of another key.
pub(super) fn seal(key: &[u8], mut value: Vec<u8>) -> Vec<u8> {
    let crc = crc32c::crc32c_append(crc32c::crc32c(key), &value);
    value.extend_from_slice(&crc.to_be_bytes());
    value
}

/// The value before its checksum, if that fits.
pub(super) fn unseal<'a>(key: &[u8], value: &'a [u8]) -> Option<&'a [u8]> {
    let (value, crc) = value.split_last_chunk::<4>()?;
    (crc32c::crc32c_append(crc32c::crc32c(key), value) == u32::from_be_bytes(*crc)).then_some(value)
}

/// `message` must be within its limits.
fn put_message(message: &OpenMessage, out: &mut Vec<u8>) {
    out.push(VERSION);
    out.extend_from_slice(&message.cash_box.bytes());
    out.extend_from_slice(&message.operation.bytes());
    out.extend_from_slice(&message.target.to_be_bytes());
    put_position(message.place.position, out);
    out.push(message.place.index);
    out.extend_from_slice(&message.row.to_be_bytes());
    out.extend_from_slice(&message.sequence.to_be_bytes());
    out.extend_from_slice(&message.made_ns.to_be_bytes());
    out.extend_from_slice(&message.since_ns.to_be_bytes());
    out.extend_from_slice(&message.due_ns.to_be_bytes());
    out.extend_from_slice(&message.attempt_count.to_be_bytes());
    out.push(u8::try_from(message.attempts.len()).unwrap_or(u8::MAX));
    for attempt in &message.attempts {
        out.extend_from_slice(&attempt.at_ns.to_be_bytes());
        out.extend_from_slice(&attempt.duration_ms.to_be_bytes());
        out.extend_from_slice(&attempt.status.unwrap_or(0).to_be_bytes());
        out.push(u8::try_from(attempt.outcome.len()).unwrap_or(u8::MAX));
        out.extend_from_slice(attempt.outcome.as_bytes());
        let detail = attempt.detail.as_deref();
        let length = detail.map_or(NO_DETAIL, |detail| u16::try_from(detail.len()).unwrap_or(NO_DETAIL));
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(detail.unwrap_or_default().as_bytes());
    }
}

fn message(fields: &mut Fields<'_>) -> Option<OpenMessage> {
    if fields.u8()? != VERSION {
        return None;
    }
    let cash_box = CashBoxId::from_bytes(fields.array()?);
    let operation = OperationId::from_bytes(fields.array()?);
    let target = fields.u64()?;
    let place = MessagePlace { position: fields.position()?, index: fields.u8()? };
    let (row, sequence) = (fields.u64()?, fields.u32()?);
    let (made_ns, since_ns, due_ns) = (fields.i64()?, fields.i64()?, fields.i64()?);
    let attempt_count = fields.u32()?;
    let kept = fields.u8()?;
    let attempts = (0..kept).map(|_| attempt(fields)).collect::<Option<_>>()?;
    Some(OpenMessage {
        target,
        place,
        cash_box,
        operation,
        row,
        sequence,
        made_ns,
        since_ns,
        due_ns,
        attempts,
        attempt_count,
    })
}

fn attempt(fields: &mut Fields<'_>) -> Option<Attempt> {
    let (at_ns, duration_ms) = (fields.i64()?, fields.u32()?);
    let status = Some(fields.u16()?).filter(|status| *status != 0);
    let length = fields.u8()?;
    let outcome = fields.text(length.into())?;
    let detail = match fields.u16()? {
        NO_DETAIL => None,
        length => Some(fields.text(length.into())?),
    };
    Some(Attempt { at_ns, duration_ms, outcome, status, detail })
}

/// `o`, target, place: the order in which the messages of a target are delivered.
pub(super) fn open_key(target: u64, place: MessagePlace) -> Vec<u8> {
    let mut key = Vec::with_capacity(18);
    key.push(b'o');
    key.extend_from_slice(&target.to_be_bytes());
    put_position(place.position, &mut key);
    key.push(place.index);
    key
}

/// Reads [`open_key`].
pub(super) fn open_key_from(key: &[u8]) -> Option<(u64, MessagePlace)> {
    let mut fields = Fields(key.strip_prefix(b"o")?);
    let target = fields.u64()?;
    let place = MessagePlace { position: fields.position()?, index: fields.u8()? };
    fields.0.is_empty().then_some((target, place))
}

/// Cash box, row, index: in a day, messages of a cash box stand together, and new ones at the end of it.
pub(super) fn settled_key(message: &OpenMessage) -> Vec<u8> {
    let mut key = message.cash_box.bytes().to_vec();
    key.extend_from_slice(&message.row.to_be_bytes());
    key.push(message.place.index);
    key
}

pub(super) fn open_value(key: &[u8], message: &OpenMessage) -> Vec<u8> {
    let mut value = Vec::with_capacity(256);
    put_message(message, &mut value);
    seal(key, value)
}

pub(super) fn open_from(key: &[u8], value: &[u8]) -> Option<OpenMessage> {
    let mut fields = Fields(unseal(key, value)?);
    let read = message(&mut fields)?;
    fields.0.is_empty().then_some(read)
}

pub(super) fn settled_value(key: &[u8], settled: &SettledMessage) -> Vec<u8> {
    let mut value = Vec::with_capacity(256);
    put_message(&settled.message, &mut value);
    value.push(match settled.ending {
        Ending::Acknowledged => 1,
        Ending::Gone => 2,
        Ending::DeadLetter => 3,
    });
    value.extend_from_slice(&settled.settled_ns.to_be_bytes());
    seal(key, value)
}

pub(super) fn settled_from(key: &[u8], value: &[u8]) -> Option<SettledMessage> {
    let mut fields = Fields(unseal(key, value)?);
    let message = message(&mut fields)?;
    let ending = match fields.u8()? {
        1 => Ending::Acknowledged,
        2 => Ending::Gone,
        3 => Ending::DeadLetter,
        _ => return None,
    };
    let settled_ns = fields.i64()?;
    fields.0.is_empty().then_some(SettledMessage { message, ending, settled_ns })
}

/// Whether a value, open or settled, is of this operation; told without reading all of it.
pub(super) fn is_of(value: &[u8], operation: OperationId) -> bool {
    value.get(OPERATION_AT..).is_some_and(|rest| rest.starts_with(&operation.bytes()))
}

/// Whether a value, open or settled, is of this cash box; told without reading all of it.
pub(super) fn is_of_box(value: &[u8], cash_box: CashBoxId) -> bool {
    value.get(1..).is_some_and(|rest| rest.starts_with(&cash_box.bytes()))
}

/// Cash box of a value; told without reading all of it.
pub(super) fn box_of(value: &[u8]) -> Option<CashBoxId> {
    Some(CashBoxId::from_bytes(*value.get(1..)?.first_chunk()?))
}

/// Order in which settled messages are listed: when they were settled, then their places. Told without reading all of a value.
pub(super) fn settled_order(value: &[u8]) -> Option<(i64, MessagePlace)> {
    let mut place = Fields(value.get(PLACE_AT..)?);
    let place = MessagePlace { position: place.position()?, index: place.u8()? };
    let (rest, _crc) = value.split_last_chunk::<4>()?;
    Some((i64::from_be_bytes(*rest.last_chunk()?), place))
}
