//! The receipt request: a till asks for the stored answer of a receipt it lost (contract 6.7, 10.4, 10.19).

use kassette_model::cases::ReceiptCase;
use kassette_model::{FreeJson, ReceiptRequest};
use kassette_record::{Erasable, SealedRecord, moment};
use kassette_wire::Limits;
use kassette_wire::json::{Json, parse};
use kassette_wire::sign::parse_request;

use super::complete::{Sender, fill};
use super::{Decided, Halt, Lookup, STORED_LIMITS};
use crate::CashBox;

/// The flag in a case of version 2.
const FLAG: u64 = 0x8000_0000;
/// The version nibble that is the flag in a case of the version before.
const FLAG_NIBBLE: u8 = 8;
/// The zero receipt, where the flag may mean direct communication with the signature creation unit.
const ZERO_RECEIPT: u64 = 0x2000;
/// A key of `ftReceiptCaseData` with this beginning means direct communication (contract 10.19).
const SCU_KEY_PREFIX: &str = "eu.fiskaltrust.Middleware.SCU.";

/// Whether the receipt asks for a stored one.
pub(super) fn is_asked(receipt: &ReceiptRequest, limits: &Limits) -> bool {
    if receipt.case.version() == FLAG_NIBBLE {
        return true;
    }
    receipt.case.0 & FLAG != 0 && !is_direct(receipt, limits)
}

fn is_direct(receipt: &ReceiptRequest, limits: &Limits) -> bool {
    let Some(FreeJson(text)) = receipt.case_data.as_ref().filter(|_| receipt.case.0 & 0xFFFF == ZERO_RECEIPT) else {
        return false;
    };
    let has_key = |json: &Json<'_>| match json {
        Json::Object(members) => members.iter().any(|member| member.name.starts_with(SCU_KEY_PREFIX)),
        _ => false,
    };
    match parse(text.as_bytes(), limits) {
        // The object may also come as a string that contains it (contract 4.0).
        Ok(Json::String(inner)) => parse(inner.as_bytes(), limits).is_ok_and(|json| has_key(&json)),
        Ok(json) => has_key(&json),
        Err(_) => false,
    }
}

/// The case of the receipt when it is processed as a new one.
pub(super) fn without_flag(receipt: &ReceiptRequest, limits: &Limits) -> ReceiptCase {
    if !is_asked(receipt, limits) {
        return receipt.case;
    }
    let case = ReceiptCase(receipt.case.0 & !FLAG);
    if case.version() == FLAG_NIBBLE { case.with_version(0) } else { case }
}

/// The newest stored answer to a receipt like this one.
pub(super) fn find(receipt: &ReceiptRequest, lookup: &mut Lookup<'_>) -> Result<Option<Decided>, Halt> {
    for record in lookup.receipts(&receipt.reference)? {
        // Erased or unreadable ones cannot be compared.
        let Some(stored) = Stored::open(lookup.cash_box, record) else { continue };
        // A till of the version before takes an error state for "not stored".
        if receipt.case.version() != 2 && stored.is_error() {
            continue;
        }
        if stored.is_like(receipt) {
            return Ok(Some(Decided::Replayed { body: stored.response, row: record.row }));
        }
    }
    Ok(None)
}

/// A stored receipt, read and completed as when it was signed.
pub(super) struct Stored {
    pub(super) receipt: ReceiptRequest,
    pub(super) response: Vec<u8>,
    pub(super) state: u64,
}

impl Stored {
    /// `None` when its bodies were erased or it is no receipt.
    pub(super) fn open(cash_box: &CashBox, record: &SealedRecord) -> Option<Self> {
        let (opened, bodies) = record.open().ok()?;
        let Erasable::Kept(bodies) = bodies else { return None };
        let sign = opened.details.sign?;
        let operation = opened.details.operation?;
        let mut receipt = parse_request(&bodies.request?, &STORED_LIMITS, moment(operation.admitted_ns)).ok()?;
        let sender = Sender {
            pos_system: operation.pos_system.filter(|id| !id.is_nil()),
            terminal: operation.terminal.as_deref().filter(|terminal| !terminal.is_empty()),
        };
        fill(&mut receipt, &cash_box.identity, sender).ok()?;
        Some(Self { receipt, response: bodies.response?, state: sign.state })
    }

    /// Whether it ended in an error state.
    pub(super) const fn is_error(&self) -> bool {
        is_error_state(self.state)
    }

    /// Same reference, same terminal if one is given, and item by item the same amount, case and moment.
    fn is_like(&self, asked: &ReceiptRequest) -> bool {
        let stored = &self.receipt;
        let charge = stored.charge_items.len() == asked.charge_items.len()
            && stored
                .charge_items
                .iter()
                .zip(&asked.charge_items)
                .all(|(a, b)| a.amount == b.amount && a.case == b.case && a.moment == b.moment);
        let pay = stored.pay_items.len() == asked.pay_items.len()
            && stored
                .pay_items
                .iter()
                .zip(&asked.pay_items)
                .all(|(a, b)| a.amount == b.amount && a.case == b.case && a.moment == b.moment);
        stored.reference == asked.reference
            && (asked.terminal_id.is_none() || asked.terminal_id == stored.terminal_id)
            && charge
            && pay
    }
}

/// Error and fail replace the low 32 bits of a state (contract 5.7).
pub(super) const fn is_error_state(state: u64) -> bool {
    matches!(state & 0xFFFF_FFFF, super::answer::ERROR | super::answer::FAIL)
}
