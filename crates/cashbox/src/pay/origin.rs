//! Which payment a cancellation takes back (contract 4.4): the till sends the pay item that the answer had, or the id of the operation in
//! `MoneyBarcode`.

use kassette_model::payment::{PayAction, PayRequest};
use kassette_model::{OperationId, OperationKind, OperationState};
use kassette_record::{Erasable, SealedRecord};
use kassette_wire::pay::{PaymentOrigin, parse_response, payment_origin};
use kassette_wire::problem::{Code, Finding, Findings, Problem};

use super::route::Route;
use crate::operation::AskAnswer;
use crate::sign::STORED_LIMITS;

/// What is known of the payment that is taken back.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Original {
    /// Its number at the terminal; `None` when the till did not say, and for whatever is no cancellation.
    Number(Option<String>),
    /// The record of this operation says it.
    Ask(OperationId),
}

/// The number of the payment that is cancelled.
///
/// # Errors
/// When it was made elsewhere: under the same number this terminal knows the payment of somebody else. When the operation that the till
/// names made no payment here.
pub(super) fn original(pay: &PayRequest, route: &Route, answers: &[AskAnswer]) -> Result<Original, Box<Problem>> {
    if pay.action != PayAction::Cancel {
        return Ok(Original::Number(None));
    }
    if let Some(origin) = pay.item.case_data.as_ref().and_then(payment_origin) {
        return of_this_terminal(origin, route, "/cbPayItem/ftPayItemCaseData");
    }
    // Whatever else a till keeps there is no reference to a payment.
    let Some(named) = pay.item.money_barcode.as_deref().and_then(|text| OperationId::parse(text.trim())) else {
        return Ok(Original::Number(None));
    };
    let found = answers.iter().find_map(|answer| match answer {
        AskAnswer::Operation(found) => Some(found.as_deref()),
        _ => None,
    });
    let Some(found) = found else { return Ok(Original::Ask(named)) };
    match found.map_or(Err("has no such operation"), made) {
        Ok(Some(origin)) => of_this_terminal(origin, route, MONEY_BARCODE),
        Ok(None) => Ok(Original::Number(None)),
        Err(why) => Err(refuse(MONEY_BARCODE, format!("names operation {named}: this cash box {why}"))),
    }
}

/// Where the reference of a till that sends no pay item stands.
const MONEY_BARCODE: &str = "/cbPayItem/MoneyBarcode";

/// Where a payment was made; `None` when its provider has no numbers.
fn made(record: &SealedRecord) -> Result<Option<PaymentOrigin>, &'static str> {
    let (opened, bodies) = record.open().map_err(|_| "cannot read that operation")?;
    const OTHER: &str = "has an operation that is no payment under this id";
    let operation = opened.details.operation.filter(|operation| operation.kind == OperationKind::Pay).ok_or(OTHER)?;
    if opened.details.payment.is_some_and(|payment| payment.action != PayAction::Payment) {
        return Err(OTHER);
    }
    match operation.state {
        OperationState::Done => {}
        OperationState::Failed => return Err("has charged nothing in that operation"),
        _ => return Err("does not know the end of that operation yet"),
    }
    let Erasable::Kept(bodies) = bodies else { return Err("has erased what that payment was answered with") };
    let answer = parse_response(&bodies.response.unwrap_or_default(), &STORED_LIMITS);
    let answer = answer.map_err(|_| "cannot read the answer of that payment")?;
    Ok(answer.items.first().and_then(|item| item.case_data.as_ref()).and_then(payment_origin))
}

fn of_this_terminal(origin: PaymentOrigin, route: &Route, pointer: &'static str) -> Result<Original, Box<Problem>> {
    if origin.provider == route.provider && origin.terminal == route.terminal {
        return Ok(Original::Number(Some(origin.receipt_number)));
    }
    let message = format!(
        "this payment was made by {} at terminal {:?}, and the request goes to {} at terminal {:?}; only the terminal that made it can \
         cancel it",
        origin.provider, origin.terminal, route.provider, route.terminal
    );
    Err(refuse(pointer, message))
}

fn refuse(pointer: &'static str, message: String) -> Box<Problem> {
    Box::new(Findings::one(Code::BodyInvalid, Finding::new("value-mismatch", pointer, message)).into_problem())
}
