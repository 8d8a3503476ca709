//! From promises to messages: those that the writer hands over, and those that stand in the log.

use kassette_journal::callbacks::{MessagePlace, OpenMessage};
use kassette_journal::{Journal, JournalError, Position};
use kassette_outbound::{Policy, Target};
use kassette_record::Hash;

use super::intake::Owed;

/// The number of a target: what shares a queue and a cap. A URL that may not be called has a queue too: its attempts say so.
pub(super) fn target_of(url: &str, policy: &Policy) -> u64 {
    let name = match Target::parse(url, policy) {
        Ok(target) => format!("{:?} {} {}", target.scheme(), target.host(), target.port()),
        Err(error) => format!("refused: {error}"),
    };
    let [a, b, c, d, e, f, g, h, ..] = Hash::of(name.as_bytes()).0;
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

/// The messages of a record, due at once.
pub(super) fn messages(position: Position, owed: &Owed, policy: &Policy) -> Vec<OpenMessage> {
    let message = |(index, promise): (u8, &kassette_record::Promise)| OpenMessage {
        target: target_of(&promise.url, policy),
        place: MessagePlace { position, index },
        cash_box: owed.cash_box,
        operation: owed.operation,
        row: owed.row,
        sequence: promise.sequence,
        made_ns: owed.made_ns,
        since_ns: owed.made_ns,
        due_ns: owed.made_ns,
        attempts: Vec::new(),
        attempt_count: 0,
    };
    (0..).zip(&owed.promises).map(message).collect()
}

/// A part of the log that was read.
pub(super) struct Part {
    pub(super) messages: Vec<OpenMessage>,
    /// Everything before it was read.
    pub(super) to: Position,
    /// Whether that is the end of the log as it was when the reading began.
    pub(super) ended: bool,
}

/// Reads promises from the log, at most `records_max` records. A damaged place is left behind: what it may have owed cannot be told.
///
/// # Errors
/// When the log cannot be read now.
pub(super) fn read_part(
    journal: &dyn Journal,
    from: Option<Position>,
    records_max: usize,
    policy: &Policy,
) -> Result<Part, JournalError> {
    let end = journal.end();
    let mut part = Part { messages: Vec::new(), to: end, ended: true };
    let mut records = 0_usize;
    let mut last = None;
    for item in journal.log(from)? {
        match item {
            Ok((position, record)) => {
                if let Some(owed) = Owed::of(&record) {
                    part.messages.extend(messages(position, &owed, policy));
                }
                last = Some(position);
            }
            Err(JournalError::Damaged(damage)) => tracing::warn!(%damage, "promises of callbacks may be missing here"),
            Err(error) => return Err(error),
        }
        records = records.saturating_add(1);
        if let Some(last) = last.filter(|_| records >= records_max) {
            part.to = last.behind();
            part.ended = part.to >= end;
            break;
        }
    }
    // What was appended meanwhile may have been read as well.
    part.to = part.to.max(last.map_or(part.to, Position::behind));
    Ok(part)
}
