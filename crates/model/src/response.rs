//! The answer to a signed receipt.

use crate::cases::{SignatureFormat, SignatureType, State};
use crate::{CashBoxId, ChargeItem, FreeJson, Moment, PayItem, QueueId, QueueItemId};

/// One item of `ftSignatures`: what must stand on the receipt or be archived with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureItem {
    /// `ftSignatureItemId`.
    pub id: Option<uuid::Uuid>,
    /// How to show it, and where.
    pub format: SignatureFormat,
    /// What it means.
    pub kind: SignatureType,
    /// Heading, if any.
    pub caption: Option<String>,
    /// The content.
    pub data: String,
}

/// The body of the answer to `POST /sign` (contract 4.5).
#[derive(Debug, Clone, PartialEq)]
pub struct ReceiptResponse {
    /// `ftQueueID`.
    pub queue_id: QueueId,
    /// `ftQueueItemID`.
    pub queue_item_id: QueueItemId,
    /// `ftQueueRow`, from 1, dense over accepted sign requests; 0 when nothing was stored.
    pub queue_row: u64,
    /// `ftCashBoxIdentification`: the queue's name for people and law.
    pub cash_box_identification: String,
    /// `ftCashBoxID`.
    pub cash_box_id: CashBoxId,
    /// `cbTerminalID`.
    pub terminal_id: Option<String>,
    /// `cbReceiptReference`.
    pub receipt_reference: String,
    /// `ftReceiptIdentification`: `ft<HEX>#<market part>`.
    pub receipt_identification: String,
    /// `ftReceiptMoment`: the server's moment of signing.
    pub receipt_moment: Moment,
    /// `ftReceiptHeader`.
    pub header: Vec<String>,
    /// `ftChargeItems` added by the market.
    pub charge_items: Vec<ChargeItem>,
    /// `ftChargeLines`.
    pub charge_lines: Vec<String>,
    /// `ftPayItems` added by the market.
    pub pay_items: Vec<PayItem>,
    /// `ftPayLines`.
    pub pay_lines: Vec<String>,
    /// `ftSignatures`.
    pub signatures: Vec<SignatureItem>,
    /// `ftReceiptFooter`.
    pub footer: Vec<String>,
    /// `ftState`.
    pub state: State,
    /// `ftStateData`.
    pub state_data: Option<FreeJson>,
}
