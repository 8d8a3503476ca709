//! Payments that have not ended: listed, and settled by hand when nobody knows whether money has moved.

use kassette_actors::Rejected;
use kassette_model::payment::{SettledAs, Settlement};
use kassette_model::{CashBoxId, Decimal, OperationId};
use kassette_record::{PaymentFacts, moment};
use kassette_wire::problem::Code;

use super::cash_boxes::{configuration, head};
use super::context::Context;
use super::failure::Failure;
use super::reply::{PaymentSummary, Reply, UnreadableCashBox};

pub(super) fn list(context: &Context, cash_box: Option<CashBoxId>) -> Result<Reply, Failure> {
    let (mut payments, mut unreadable) = (Vec::new(), Vec::new());
    match cash_box {
        Some(cash_box) => {
            configuration(context, cash_box)?;
            payments = of(context, cash_box)?;
        }
        None => {
            for cash_box in context.gateway.journal().unfinished()? {
                match of(context, cash_box) {
                    Ok(found) => payments.extend(found),
                    // The others must be seen as well.
                    Err(failure) => unreadable.push(UnreadableCashBox { cash_box, problem: failure.message }),
                }
            }
        }
    }
    Ok(Reply::Payments { payments, unreadable })
}

fn of(context: &Context, cash_box: CashBoxId) -> Result<Vec<PaymentSummary>, Failure> {
    let (head, _, _) = head(context, cash_box)?;
    let summary = |payment: &PaymentFacts| PaymentSummary {
        cash_box,
        operation: payment.operation,
        state: payment.state.name().to_owned(),
        provider: payment.provider.clone(),
        terminal: Some(payment.terminal.clone()).filter(|name| !name.is_empty()),
        action: payment.action.name().to_owned(),
        amount: payment.amount.clone(),
        currency: payment.currency.clone(),
        began: moment(payment.began_ns).to_string(),
        reason: payment.reason.clone(),
    };
    Ok(head.payments.as_slice().iter().map(summary).collect())
}

/// The word of an operator, out of a command.
pub(super) fn settlement(
    outcome: &str,
    paid_amount: Option<&str>,
    reason: String,
    by: String,
) -> Result<Settlement, Failure> {
    let outcome = match (SettledAs::parse(outcome), paid_amount) {
        (None, _) => {
            return Err(Failure::usage(format!("{outcome:?} is not one of {}", SettledAs::NAMES.join(", "))));
        }
        (Some(SettledAs::Paid { .. }), Some(text)) => {
            let amount: Decimal =
                text.parse().map_err(|_| Failure::usage(format!("{text:?} is not an amount such as 18.40")))?;
            SettledAs::Paid { amount: Some(amount) }
        }
        (Some(_), Some(_)) => return Err(Failure::usage("an amount belongs to a payment that was made")),
        (Some(outcome), None) => outcome,
    };
    Ok(Settlement { outcome, by, reason })
}

pub(super) async fn settle(
    context: &Context,
    cash_box: CashBoxId,
    operation: OperationId,
    settlement: Settlement,
) -> Result<Reply, Failure> {
    configuration(context, cash_box)?;
    let outcome = settlement.outcome;
    context.gateway.settle_payment(cash_box, operation, settlement).await.map_err(failure)?;
    let record = context.gateway.journal().operation(cash_box, operation)?;
    let details = record.and_then(|record| kassette_record::v1::read_details(&record.header).ok());
    let state = details
        .and_then(|details| details.operation)
        .ok_or_else(|| Failure::fault(format!("the record of operation {operation} cannot be read")))?
        .state;
    Ok(Reply::PaymentSettled {
        cash_box,
        operation,
        outcome: outcome.name().to_owned(),
        state: state.name().to_owned(),
    })
}

fn failure(rejected: Rejected) -> Failure {
    match rejected {
        Rejected::Refused(problem) if problem.code == Code::NotFound => Failure::not_found(problem.detail),
        Rejected::Refused(problem) if problem.code == Code::BodyInvalid => Failure::usage(problem.detail),
        other => other.into(),
    }
}
