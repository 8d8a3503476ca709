//! Bodies as a reader of the document sees them (contract 1.9, 2.3, 4.1, 4.5, 7.1).
//!
//! What is accepted beyond this (names in any case, numbers as text, other forms of dates) is told in the descriptions.
#![allow(dead_code, reason = "the fields are read by the derive only")]

use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::problems::ProblemCode;

/// A problem document (RFC 9457).
#[derive(ToSchema)]
pub(crate) struct Problem {
    /// Page about the code, relative to the server.
    #[schema(rename = "type", example = "/docs/errors/body-invalid")]
    kind: String,
    /// The same for every occurrence of the code.
    #[schema(example = "Validation error")]
    title: String,
    /// The HTTP status.
    status: u16,
    /// This occurrence.
    detail: String,
    /// Messages by field.
    #[schema(required = false)]
    errors: Option<std::collections::BTreeMap<String, Vec<String>>>,
    code: ProblemCode,
    /// Path of the operation.
    #[schema(required = false)]
    instance: Option<String>,
    /// Whether this answer is kept and will be replayed under the same operation id.
    stored: bool,
    /// `same-id`: send it again; `new-id`: correct it and use a new operation id; `never`: sending it again cannot help.
    retry: Retry,
    /// What was found, with its place.
    #[schema(required = false)]
    findings: Option<Vec<Finding>>,
}

#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
enum Retry {
    SameId,
    NewId,
    Never,
}

/// One thing that is wrong.
#[derive(ToSchema)]
struct Finding {
    /// Which rule.
    code: String,
    /// JSON pointer into the body (RFC 6901), or a slash and the name of a header.
    #[schema(example = "/cbChargeItems/0/Amount")]
    pointer: String,
    message: String,
    /// The law or rule behind it.
    #[schema(required = false)]
    source: Option<String>,
}

/// Names in any letter case.
#[derive(ToSchema)]
pub(crate) struct EchoRequest {
    /// Null or absent: reset of the cash box.
    #[schema(rename = "Message", required = false)]
    message: Option<String>,
}

#[derive(ToSchema)]
pub(crate) struct EchoResponse {
    /// As it was sent.
    #[schema(rename = "Message")]
    message: Option<String>,
}

/// Names in any letter case.
#[derive(ToSchema)]
pub(crate) struct PayRequest {
    /// `payment`, `refund` or `cancel`, in any letter case, or its number from 0 in the order payment, cancel, refund; `payment` when it
    /// is missing.
    #[schema(rename = "Action", required = false)]
    action: Option<String>,
    /// The provider, or `use_auto` or `use_first` for whichever there is; also as a number.
    #[schema(rename = "Protocol", required = false)]
    protocol: Option<String>,
    /// What is to be paid: `Description` and `Amount`. For money back the item of the payment; the sign of its amount does not matter.
    #[schema(rename = "cbPayItem")]
    pay_item: PayItem,
    /// The terminal; that of `x-terminal-id` when it is missing.
    #[schema(rename = "cbTerminalID", required = false)]
    terminal_id: Option<String>,
}

#[derive(ToSchema)]
pub(crate) struct PayResponse {
    /// As it was asked for.
    #[schema(rename = "Protocol")]
    protocol: String,
    /// `payment`, `refund` or `cancel`.
    #[schema(rename = "Action")]
    action: String,
    #[schema(rename = "ftQueueID")]
    queue_id: Uuid,
    /// What was paid; a tip is a second item with a negative amount. To be put into `cbPayItems` of a receipt as they are.
    #[schema(rename = "ftPayItems")]
    pay_items: Vec<PayItem>,
}

/// The word of an operator. Members that are not listed are refused.
#[derive(ToSchema)]
pub(crate) struct Settlement {
    /// `paid`, `not-paid` or `ask-again`.
    outcome: String,
    /// What was charged in all, when that is not what was asked for; what is above it is a tip.
    #[schema(rename = "paidAmount", value_type = Option<f64>, required = false)]
    paid_amount: Option<()>,
    /// Why: what was looked at. At most 500 characters, kept in the action journal.
    reason: String,
    /// Who says so. At most 100 characters, kept in the action journal.
    by: String,
}

/// Names in any letter case; decimals as numbers or text with up to 28 digits; cases as numbers, decimal text or hexadecimal text
/// behind `0x`; a case without country takes that of the queue. Members that are not listed are kept.
#[derive(ToSchema)]
pub(crate) struct ReceiptRequest {
    #[schema(rename = "cbReceiptReference")]
    receipt_reference: String,
    /// UTC unless it has an offset; now when it is missing.
    #[schema(rename = "cbReceiptMoment", format = DateTime, required = false)]
    receipt_moment: String,
    #[schema(rename = "cbChargeItems")]
    charge_items: Vec<ChargeItem>,
    #[schema(rename = "cbPayItems")]
    pay_items: Vec<PayItem>,
    #[schema(rename = "ftReceiptCase", required = false)]
    receipt_case: u64,
    #[schema(rename = "cbTerminalID", required = false)]
    terminal_id: Option<String>,
    /// When it is there, it must be that of the header.
    #[schema(rename = "ftCashBoxID", required = false)]
    cash_box_id: Option<Uuid>,
    /// When it is there, it must be that of the header.
    #[schema(rename = "ftPosSystemId", required = false)]
    pos_system_id: Option<Uuid>,
    /// When it is there, it must be the queue of the cash box.
    #[schema(rename = "ftQueueID", required = false)]
    queue_id: Option<Uuid>,
    /// A reference or a list of references.
    #[schema(rename = "cbPreviousReceiptReference", required = false)]
    previous_receipt_reference: Value,
    /// Sum of the charge items when it is missing.
    #[schema(rename = "cbReceiptAmount", value_type = Option<f64>, required = false)]
    receipt_amount: Option<()>,
    /// Any JSON.
    #[schema(rename = "cbUser", required = false)]
    user: Value,
    /// Any JSON.
    #[schema(rename = "cbArea", required = false)]
    area: Value,
    /// Any JSON.
    #[schema(rename = "cbCustomer", required = false)]
    customer: Value,
    /// Any JSON.
    #[schema(rename = "cbSettlement", required = false)]
    settlement: Value,
    /// Any JSON.
    #[schema(rename = "ftReceiptCaseData", required = false)]
    receipt_case_data: Value,
    /// EUR when it is missing.
    #[schema(rename = "Currency", required = false)]
    currency: Option<String>,
    /// 1, 100, 10000, 1000000 or 100000000: decimals are whole numbers to be divided by it.
    #[schema(rename = "DecimalPrecisionMultiplier", required = false)]
    decimal_precision_multiplier: Option<u32>,
}

#[derive(ToSchema)]
struct ChargeItem {
    #[schema(rename = "ftChargeItemId", required = false)]
    id: Option<Uuid>,
    /// 1 when it is missing.
    #[schema(rename = "Quantity", value_type = f64, required = false)]
    quantity: (),
    #[schema(rename = "Description")]
    description: String,
    /// Gross amount of the line; 0 when it is missing.
    #[schema(rename = "Amount", value_type = f64, required = false)]
    amount: (),
    /// Per cent; 0 when it is missing.
    #[schema(rename = "VATRate", value_type = f64, required = false)]
    vat_rate: (),
    #[schema(rename = "ftChargeItemCase", required = false)]
    case: u64,
    /// Any JSON.
    #[schema(rename = "ftChargeItemCaseData", required = false)]
    case_data: Value,
    #[schema(rename = "VATAmount", value_type = Option<f64>, required = false)]
    vat_amount: Option<()>,
    #[schema(rename = "Moment", format = DateTime, required = false)]
    moment: Option<String>,
    #[schema(rename = "Position", value_type = f64, required = false)]
    position: (),
    #[schema(rename = "AccountNumber", required = false)]
    account_number: Option<String>,
    #[schema(rename = "CostCenter", required = false)]
    cost_center: Option<String>,
    #[schema(rename = "ProductGroup", required = false)]
    product_group: Option<String>,
    #[schema(rename = "ProductNumber", required = false)]
    product_number: Option<String>,
    #[schema(rename = "ProductBarcode", required = false)]
    product_barcode: Option<String>,
    #[schema(rename = "Unit", required = false)]
    unit: Option<String>,
    #[schema(rename = "UnitQuantity", value_type = Option<f64>, required = false)]
    unit_quantity: Option<()>,
    #[schema(rename = "UnitPrice", value_type = Option<f64>, required = false)]
    unit_price: Option<()>,
    #[schema(rename = "Currency", required = false)]
    currency: Option<String>,
    #[schema(rename = "DecimalPrecisionMultiplier", required = false)]
    decimal_precision_multiplier: Option<u32>,
}

#[derive(ToSchema)]
struct PayItem {
    #[schema(rename = "ftPayItemId", required = false)]
    id: Option<Uuid>,
    /// 1 when it is missing.
    #[schema(rename = "Quantity", value_type = f64, required = false)]
    quantity: (),
    #[schema(rename = "Description")]
    description: String,
    /// 0 when it is missing.
    #[schema(rename = "Amount", value_type = f64, required = false)]
    amount: (),
    #[schema(rename = "ftPayItemCase", required = false)]
    case: u64,
    /// Any JSON.
    #[schema(rename = "ftPayItemCaseData", required = false)]
    case_data: Value,
    #[schema(rename = "Moment", format = DateTime, required = false)]
    moment: Option<String>,
    #[schema(rename = "Position", value_type = f64, required = false)]
    position: (),
    #[schema(rename = "AccountNumber", required = false)]
    account_number: Option<String>,
    #[schema(rename = "CostCenter", required = false)]
    cost_center: Option<String>,
    #[schema(rename = "MoneyGroup", required = false)]
    money_group: Option<String>,
    #[schema(rename = "MoneyNumber", required = false)]
    money_number: Option<String>,
    #[schema(rename = "MoneyBarcode", required = false)]
    money_barcode: Option<String>,
    #[schema(rename = "Currency", required = false)]
    currency: Option<String>,
    #[schema(rename = "DecimalPrecisionMultiplier", required = false)]
    decimal_precision_multiplier: Option<u32>,
}

#[derive(ToSchema)]
pub(crate) struct ReceiptResponse {
    #[schema(rename = "ftQueueID")]
    queue_id: Uuid,
    #[schema(rename = "ftQueueItemID")]
    queue_item_id: Uuid,
    /// From 1, dense over the accepted receipts of the queue.
    #[schema(rename = "ftQueueRow")]
    queue_row: u64,
    #[schema(rename = "ftCashBoxIdentification")]
    cash_box_identification: String,
    #[schema(rename = "ftCashBoxID")]
    cash_box_id: Uuid,
    #[schema(rename = "cbTerminalID", required = false)]
    terminal_id: Option<String>,
    #[schema(rename = "cbReceiptReference")]
    receipt_reference: String,
    /// `ft`, the numerator in hexadecimal, `#`, and the number of the market.
    #[schema(rename = "ftReceiptIdentification")]
    receipt_identification: String,
    #[schema(rename = "ftReceiptMoment", format = DateTime)]
    receipt_moment: String,
    #[schema(rename = "ftReceiptHeader", required = false)]
    receipt_header: Option<Vec<String>>,
    #[schema(rename = "ftReceiptFooter", required = false)]
    receipt_footer: Option<Vec<String>>,
    /// What must stand on the receipt.
    #[schema(rename = "ftSignatures")]
    signatures: Vec<SignatureItem>,
    /// Low 32 bits: 0 fine, `EEEE_EEEE` refused by a rule, `FFFF_FFFF` no such receipt.
    #[schema(rename = "ftState")]
    state: u64,
    /// Any JSON.
    #[schema(rename = "ftStateData", required = false)]
    state_data: Value,
}

#[derive(ToSchema)]
struct SignatureItem {
    #[schema(rename = "ftSignatureItemId", required = false)]
    id: Option<Uuid>,
    /// 1 text, 3 QR code.
    #[schema(rename = "ftSignatureFormat")]
    format: u64,
    #[schema(rename = "ftSignatureType")]
    kind: u64,
    #[schema(rename = "Caption", required = false)]
    caption: Option<String>,
    #[schema(rename = "Data")]
    data: String,
}

/// Names in any letter case.
#[derive(ToSchema)]
pub(crate) struct JournalRequest {
    /// Number, decimal text, or hexadecimal text behind `0x`.
    #[schema(rename = "ftJournalType", required = false)]
    journal_type: u64,
    /// .NET ticks, or an ISO 8601 date as text.
    #[schema(rename = "From", required = false)]
    from: i64,
    /// .NET ticks, or an ISO 8601 date as text; 0 for everything; below 0 for a count.
    #[schema(rename = "To", required = false)]
    to: i64,
}

/// What is kept of an operation.
#[derive(ToSchema)]
pub(crate) struct OperationItem {
    #[schema(rename = "cbOperationItemID")]
    operation_id: Uuid,
    #[schema(rename = "ftQueueID")]
    queue_id: Uuid,
    #[schema(rename = "ftPosSystemID", required = false)]
    pos_system_id: Option<Uuid>,
    #[schema(rename = "cbTerminalID", required = false)]
    terminal_id: Option<String>,
    #[schema(rename = "Method")]
    method: String,
    #[schema(rename = "Path")]
    path: String,
    /// Without credentials.
    #[schema(rename = "RequestHeaders")]
    request_headers: std::collections::BTreeMap<String, Vec<String>>,
    /// The raw body.
    #[schema(rename = "Request")]
    request: String,
    /// The raw answer.
    #[schema(rename = "Response", required = false)]
    response: Option<String>,
    #[schema(rename = "ResponseCode", required = false)]
    response_code: Option<u16>,
    #[schema(rename = "LastState")]
    last_state: OperationState,
    #[schema(rename = "TimeStamp", format = DateTime)]
    time_stamp: String,
    #[schema(rename = "ftOperationItemMoment", format = DateTime)]
    moment: String,
}

/// How an operation stands.
#[derive(ToSchema)]
pub(crate) struct StateObject {
    #[schema(rename = "OperationID")]
    operation_id: Uuid,
    #[schema(rename = "QueueID")]
    queue_id: Uuid,
    /// The queue item, once a receipt stands behind the operation.
    #[schema(rename = "QueueItemID")]
    queue_item_id: Option<Uuid>,
    #[schema(rename = "State")]
    state: OperationState,
    /// For people: why it failed.
    #[schema(rename = "StateMessage")]
    state_message: Option<String>,
    /// For programs.
    #[schema(rename = "StateData")]
    state_data: Option<serde_json::Value>,
    /// When it came to stand so.
    #[schema(rename = "TimeStamp", format = DateTime)]
    time_stamp: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum OperationState {
    Pending,
    Processing,
    Done,
    Failed,
    Unknown,
}

/// What a payment app is to do.
#[derive(ToSchema)]
pub(crate) struct AppRequest {
    /// The operation of the payment; every further call names it.
    #[schema(rename = "operationId")]
    operation_id: Uuid,
    #[schema(rename = "queueId")]
    queue_id: Uuid,
    /// `true`: nothing may be charged any more; only tell what became of it.
    ask: bool,
    /// `payment`, `refund` or `cancel`.
    action: String,
    /// What is asked for, never negative, at most two places.
    #[schema(value_type = f64)]
    amount: (),
    /// Three letters.
    currency: String,
    /// What the till calls it.
    description: String,
    /// What the till asked for.
    protocol: String,
    /// Version of this protocol.
    #[schema(rename = "protocolVersion")]
    protocol_version: String,
    /// `cbTerminalID` of the till.
    #[schema(rename = "terminalId", required = false)]
    terminal_id: Option<String>,
    /// For a cancellation: `reference` of the payment that is taken back.
    #[schema(required = false)]
    reference: Option<String>,
    /// How long it may still be accepted, in ms; not there when it is only asked about.
    #[schema(rename = "remainingMs", required = false)]
    remaining_ms: Option<u64>,
    /// Which app had accepted it; only there when it is asked about.
    #[schema(rename = "acceptedBy", required = false)]
    accepted_by: Option<String>,
}

/// A payment app takes a payment for itself. Names in any letter case.
#[derive(ToSchema)]
pub(crate) struct AppAcceptance {
    /// A name that the app chose once and keeps, 1 to 64 characters.
    app: String,
}

/// The app may charge.
#[derive(ToSchema)]
pub(crate) struct AppAccepted {
    #[schema(rename = "operationId")]
    operation_id: Uuid,
    #[schema(rename = "queueId")]
    queue_id: Uuid,
    /// `accepted`.
    state: String,
    /// How long a result is waited for before the payment is in doubt, in ms.
    #[schema(rename = "remainingMs")]
    remaining_ms: u64,
}

/// What became of a payment. Names and words in any letter case; decimals as numbers or text.
#[derive(ToSchema)]
pub(crate) struct AppResult {
    /// `done`, `failed` or `unknown`.
    state: String,
    /// Which app says it, as in its acceptance: then no other app of the terminal can tell of its payment.
    #[schema(required = false)]
    app: Option<String>,
    /// Done: what was paid in all, the tip included; more than 0 and, without the tip, at most what was asked for.
    #[schema(value_type = Option<f64>, required = false)]
    paid: Option<()>,
    /// Done: the part of it that is a tip; 0 when it is missing.
    #[schema(value_type = Option<f64>, required = false)]
    tip: Option<()>,
    /// Done: `non-cash`, `debit-card`, `credit-card`, `voucher`, `online`, `loyalty-card`, `sepa-transfer`, `other-bank-transfer` or
    /// `ticket-restaurant`; another word counts as missing.
    #[schema(required = false)]
    means: Option<String>,
    /// Done: lines for the customer's receipt, at most 200.
    #[schema(required = false)]
    receipt: Option<Vec<String>>,
    /// Done: what the payment is called where it was made, at most 64 characters; a cancellation gives it back.
    #[schema(required = false)]
    reference: Option<String>,
    /// Failed: `declined` (also when it is missing or another word), `cancelled` or `timed-out`.
    #[schema(required = false)]
    reason: Option<String>,
    /// Failed: `title` of the till's problem.
    #[schema(required = false)]
    error: Option<String>,
    /// Failed: `detail` of the till's problem.
    #[schema(rename = "errorDetails", required = false)]
    error_details: Option<String>,
}

/// A result was taken down.
#[derive(ToSchema)]
pub(crate) struct AppTaken {
    #[schema(rename = "operationId")]
    operation_id: Uuid,
    #[schema(rename = "queueId")]
    queue_id: Uuid,
    /// As it was told.
    state: String,
}

#[derive(ToSchema)]
pub(crate) struct Health {
    /// `ok`.
    status: String,
    /// `sandbox` or `production`.
    environment: String,
}

#[derive(ToSchema)]
pub(crate) struct Readiness {
    /// `true`; otherwise the answer is 503.
    ready: bool,
    /// `sandbox` or `production`.
    environment: String,
    /// What an operator should know.
    warnings: Vec<String>,
}
