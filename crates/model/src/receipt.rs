//! A receipt as the till sent it: parsed, with decimals resolved, before any rule was applied.

use crate::cases::{ChargeItemCase, Country, PayItemCase, ReceiptCase};
use crate::{CashBoxId, Decimal, Moment, PosSystemId, QueueId};

/// Any JSON value, kept as the text that was received.
///
/// Invariant: the text is valid JSON without duplicate names; only `wire` makes one from outside text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreeJson(pub String);

/// `cbPreviousReceiptReference`: nothing, one reference, or a group (a one-element group stays a group).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PreviousReceipts {
    /// Absent, null or the empty string.
    #[default]
    None,
    /// One reference as a string.
    One(String),
    /// A list of references.
    Group(Vec<String>),
}

/// One line of goods or services (`cbChargeItems`).
#[derive(Debug, Clone, PartialEq)]
pub struct ChargeItem {
    /// `ftChargeItemId`, as sent.
    pub id: Option<uuid::Uuid>,
    /// Quantity; 1 when absent.
    pub quantity: Decimal,
    /// Text of the line.
    pub description: String,
    /// Gross total of the line.
    pub amount: Decimal,
    /// VAT rate in percent.
    pub vat_rate: Decimal,
    /// `ftChargeItemCase`; 0 when absent.
    pub case: ChargeItemCase,
    /// `ftChargeItemCaseData`.
    pub case_data: Option<FreeJson>,
    /// `VATAmount`.
    pub vat_amount: Option<Decimal>,
    /// `Moment` of the line.
    pub moment: Option<Moment>,
    /// `Position`; 0 when absent.
    pub position: Decimal,
    /// `AccountNumber`.
    pub account_number: Option<String>,
    /// `CostCenter`.
    pub cost_center: Option<String>,
    /// `ProductGroup`.
    pub product_group: Option<String>,
    /// `ProductNumber`.
    pub product_number: Option<String>,
    /// `ProductBarcode`.
    pub product_barcode: Option<String>,
    /// `Unit`.
    pub unit: Option<String>,
    /// `UnitQuantity`.
    pub unit_quantity: Option<Decimal>,
    /// `UnitPrice`.
    pub unit_price: Option<Decimal>,
    /// `Currency` as an upper-case code; `EUR` when absent.
    pub currency: String,
    /// Members this version does not know, name and value, in their order.
    pub unknown: Vec<(String, FreeJson)>,
}

/// One payment (`cbPayItems`).
#[derive(Debug, Clone, PartialEq)]
pub struct PayItem {
    /// `ftPayItemId`, as sent; an empty string counts as absent.
    pub id: Option<uuid::Uuid>,
    /// Quantity; 1 when absent.
    pub quantity: Decimal,
    /// Text of the payment.
    pub description: String,
    /// Amount paid.
    pub amount: Decimal,
    /// `ftPayItemCase`; 0 when absent.
    pub case: PayItemCase,
    /// `ftPayItemCaseData`.
    pub case_data: Option<FreeJson>,
    /// `Moment` of the payment.
    pub moment: Option<Moment>,
    /// `Position`; 0 when absent.
    pub position: Decimal,
    /// `AccountNumber`.
    pub account_number: Option<String>,
    /// `CostCenter`.
    pub cost_center: Option<String>,
    /// `MoneyGroup`.
    pub money_group: Option<String>,
    /// `MoneyNumber`.
    pub money_number: Option<String>,
    /// `MoneyBarcode`.
    pub money_barcode: Option<String>,
    /// `Currency` as an upper-case code; `EUR` when absent.
    pub currency: String,
    /// Members this version does not know, name and value, in their order.
    pub unknown: Vec<(String, FreeJson)>,
}

/// The body of `POST /sign` (contract 4.5).
#[derive(Debug, Clone, PartialEq)]
pub struct ReceiptRequest {
    /// `cbReceiptReference`: the till's own number of the receipt.
    pub reference: String,
    /// `cbReceiptMoment`; the moment of arrival when absent.
    pub moment: Moment,
    /// `cbChargeItems`.
    pub charge_items: Vec<ChargeItem>,
    /// `cbPayItems`.
    pub pay_items: Vec<PayItem>,
    /// `ftReceiptCase`; 0 when absent.
    pub case: ReceiptCase,
    /// `cbTerminalID`.
    pub terminal_id: Option<String>,
    /// `ftCashBoxID`; nil counts as absent.
    pub cash_box_id: Option<CashBoxId>,
    /// `ftPosSystemId`; nil counts as absent.
    pub pos_system_id: Option<PosSystemId>,
    /// `ftQueueID`; nil counts as absent.
    pub queue_id: Option<QueueId>,
    /// `cbPreviousReceiptReference`.
    pub previous: PreviousReceipts,
    /// `cbReceiptAmount`.
    pub receipt_amount: Option<Decimal>,
    /// `cbUser`.
    pub user: Option<FreeJson>,
    /// `cbArea`.
    pub area: Option<FreeJson>,
    /// `cbCustomer`.
    pub customer: Option<FreeJson>,
    /// `cbSettlement`.
    pub settlement: Option<FreeJson>,
    /// `ftReceiptCaseData`.
    pub case_data: Option<FreeJson>,
    /// `Currency` as an upper-case code; `EUR` when absent.
    pub currency: String,
    /// Members this version does not know, name and value, in their order.
    pub unknown: Vec<(String, FreeJson)>,
}

impl ReceiptRequest {
    /// Puts the queue's country into the receipt case and every item case that has none (contract 4.5).
    pub fn complete_country(&mut self, country: Country) {
        self.case = self.case.completed(country);
        for item in &mut self.charge_items {
            item.case = item.case.completed(country);
        }
        for item in &mut self.pay_items {
            item.case = item.case.completed(country);
        }
    }

    /// `cbReceiptAmount`, else the sum of the charge items (contract 6.2).
    #[must_use]
    pub fn total(&self) -> Decimal {
        self.receipt_amount.unwrap_or_else(|| {
            self.charge_items.iter().fold(Decimal::ZERO, |sum, item| sum.checked_add(item.amount).unwrap_or(sum))
        })
    }
}
