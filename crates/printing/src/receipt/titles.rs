//! What kind of document it is, and what must be seen at first sight.

use kassette_model::Environment;
use kassette_model::cases::{ReceiptFlag, ReceiptKind, ReceiptName};

use super::compose::Context;
use super::{Copy, Mark, MarkLine};
use crate::Printable;

/// The title in the language of the receipt; a market may have its own.
pub(super) fn title(context: &Context<'_>) -> Printable {
    let words = context.language.words();
    let refund = context.has(ReceiptFlag::REFUND);
    let text = match context.name() {
        Some(ReceiptName::PaymentTransfer) => words.title_payment_transfer,
        Some(ReceiptName::DeliveryNote) => words.title_delivery_note,
        Some(ReceiptName::TableCheck) => words.title_interim_bill,
        Some(ReceiptName::ProFormaInvoice) => words.title_pro_forma,
        Some(ReceiptName::ZeroReceipt | ReceiptName::OneReceipt) => words.title_zero_receipt,
        Some(ReceiptName::ShiftClosing) => words.title_shift_closing,
        Some(ReceiptName::DailyClosing) => words.title_daily_closing,
        Some(ReceiptName::MonthlyClosing) => words.title_monthly_closing,
        Some(ReceiptName::YearlyClosing) => words.title_yearly_closing,
        Some(ReceiptName::InternalUsage) => words.title_internal_usage,
        Some(ReceiptName::Order) => words.title_order,
        Some(ReceiptName::QueueStart) => words.title_start,
        Some(ReceiptName::QueueStop) => words.title_stop,
        _ => match context.case.kind() {
            Some(ReceiptKind::Receipt | ReceiptKind::Invoice) if refund => words.title_refund,
            Some(ReceiptKind::Invoice) => words.title_invoice,
            Some(ReceiptKind::Log) => words.title_protocol,
            Some(ReceiptKind::Lifecycle) => words.title_lifecycle,
            _ => words.title_receipt,
        },
    };
    Printable::new(text)
}

/// The marks, in the order of their weight.
pub(super) fn marks(context: &Context<'_>) -> Vec<MarkLine> {
    let words = context.language.words();
    let state = context.source.response.state;
    let copy = match context.source.copy {
        Copy::Original if context.name() == Some(ReceiptName::Copy) => Some(words.mark_copy.to_owned()),
        Copy::Original => None,
        Copy::Copy => Some(words.mark_copy.to_owned()),
        Copy::Numbered(number) => Some(format!("{} {number}", words.mark_copy)),
    };
    let all = [
        (context.source.environment == Environment::Sandbox, Mark::Sandbox, words.mark_sandbox),
        (state.is_error() || state.is_fail(), Mark::Failed, words.mark_failed),
        (context.has(ReceiptFlag::TRAINING), Mark::Training, words.mark_training),
        (context.has(ReceiptFlag::VOID), Mark::Void, words.mark_void),
        (context.has(ReceiptFlag::REFUND), Mark::Refund, words.mark_refund),
        (copy.is_some(), Mark::Copy, copy.as_deref().unwrap_or_default()),
    ];
    let set = all.into_iter().filter(|(is_set, ..)| *is_set);
    set.map(|(_, mark, text)| MarkLine { mark, text: Printable::new(text) }).collect()
}
