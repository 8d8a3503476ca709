//! What the edge asks for an app: to wait for a payment, to accept one, to tell of one.

use std::time::Duration;

use kassette_cashbox::refusal_problem;
use kassette_model::payment::PaymentOutcome;
use kassette_model::{CashBoxId, OperationId};
use kassette_payments::http::{Acceptance, AppRequest, AppResult, Done, NAME};
use kassette_record::Erasable;
use kassette_wire::Limits;
use kassette_wire::json;
use kassette_wire::problem::{Code, Problem};
use tokio::sync::oneshot;

use super::payment::{Accept, TellResult, busy, conflict};
use crate::cash_box::Reply;
use crate::gateway::Gateway;
use crate::outcome::Rejected;

/// How a payment ended.
struct End {
    status: u16,
    body: Vec<u8>,
}

impl Gateway {
    /// Waits at most `wait` for what the app of a terminal is to do, with the time that it has to accept it, in milliseconds.
    ///
    /// # Errors
    /// [`Rejected`]: 404 when the cash box has no such terminal of an app; [`Rejected::TooManySubscribers`].
    pub async fn next_app_request(
        &self,
        cash_box: CashBoxId,
        terminal: &str,
        wait: Duration,
    ) -> Result<Option<(AppRequest, u64)>, Rejected> {
        self.check_app_terminal(cash_box, terminal)?;
        let clock = self.shared.clock.as_ref();
        let mut waiting = self.shared.apps.wait((cash_box, terminal.to_owned()))?;
        let Ok(offer) = tokio::time::timeout(wait, waiting.offered(clock)).await else { return Ok(None) };
        let left = offer.until.unwrap_or_default().saturating_sub(clock.monotonic());
        Ok(Some((offer.request, u64::try_from(left.as_millis()).unwrap_or(u64::MAX))))
    }

    /// An app takes a payment. Gives the time for its result in milliseconds: from now on, and not before, it may charge.
    ///
    /// # Errors
    /// [`Rejected`]: 404 when there is no such payment at this terminal, 409 when it cannot be accepted; then nothing may be charged.
    pub async fn accept_app_payment(
        &self,
        cash_box: CashBoxId,
        terminal: &str,
        operation: OperationId,
        acceptance: Acceptance,
    ) -> Result<u64, Rejected> {
        self.check_app_terminal(cash_box, terminal)?;
        if let Some(payment) = self.shared.apps.find((cash_box, operation), terminal) {
            let accepted = hear(|reply| payment.do_send(Accept { acceptance, reply })).await;
            if let Some(accepted) = accepted {
                return accepted;
            }
        }
        match self.app_end(cash_box, terminal, operation)? {
            Some(_) => Err(conflict(operation, "it has ended")),
            None => Err(busy()),
        }
    }

    /// An app tells what became of a payment; durable when this returns. Told again, it is the same.
    ///
    /// # Errors
    /// [`Rejected`]: 404 when there is no such payment at this terminal, 400 when the result contradicts it, 409 when it stands so that it
    /// cannot have this result.
    pub async fn tell_app_result(
        &self,
        cash_box: CashBoxId,
        terminal: &str,
        operation: OperationId,
        result: AppResult,
    ) -> Result<(), Rejected> {
        self.check_app_terminal(cash_box, terminal)?;
        if let Some(payment) = self.shared.apps.find((cash_box, operation), terminal) {
            let again = result.clone();
            let taken = hear(|reply| payment.do_send(TellResult { result: again, reply })).await;
            if let Some(taken) = taken {
                return taken;
            }
        }
        match self.app_end(cash_box, terminal, operation)? {
            Some(end) if is_that_of(&result, operation, &end) => Ok(()),
            Some(_) => Err(conflict(operation, "it has ended in another way")),
            None => Err(busy()),
        }
    }

    fn check_app_terminal(&self, cash_box: CashBoxId, terminal: &str) -> Result<(), Rejected> {
        if self.shared.is_stopping() {
            return Err(Rejected::Stopping);
        }
        let configuration = self.configuration(cash_box)?.ok_or(Rejected::UnknownCashBox)?;
        let known = configuration.terminals.iter().any(|known| known.name == terminal && known.provider == NAME);
        if known { Ok(()) } else { Err(not_found("this cash box has no payment app of this name")) }
    }

    /// How a payment of this terminal ended; `None` when it has not.
    fn app_end(&self, cash_box: CashBoxId, terminal: &str, operation: OperationId) -> Result<Option<End>, Rejected> {
        let unknown = || not_found("no payment of this terminal is known under this id");
        let record = self.shared.journal.operation(cash_box, operation)?.ok_or_else(unknown)?;
        let (opened, bodies) = record.open().map_err(|error| Rejected::Damaged(error.to_string()))?;
        let details = opened.details;
        let here = |payment: &kassette_record::PaymentFacts| payment.provider == NAME && payment.terminal == terminal;
        details.payment.filter(here).ok_or_else(unknown)?;
        let ended = details.operation.filter(|operation| operation.state.is_final());
        let body = match bodies {
            Erasable::Kept(bodies) => bodies.response.unwrap_or_default(),
            Erasable::Erased => Vec::new(),
        };
        Ok(ended.map(|operation| End { status: operation.status, body }))
    }
}

/// Sends something to the actor of a payment and waits for its answer; `None` when it has gone without one.
async fn hear<T>(send: impl FnOnce(Reply<T>)) -> Option<Result<T, Rejected>> {
    let (reply, answer) = oneshot::channel();
    send(reply);
    answer.await.ok()
}

fn not_found(detail: &str) -> Rejected {
    Rejected::Refused(Box::new(Problem::new(Code::NotFound, detail)))
}

/// Whether a payment ended by this result.
fn is_that_of(result: &AppResult, operation: OperationId, end: &End) -> bool {
    match (result, result.outcome()) {
        (AppResult::Done(done), _) => end.status < 400 && Done::of_answer(&end.body).as_ref() == Some(done),
        (_, Some(PaymentOutcome::Refused(refusal))) => {
            let problem = refusal_problem(refusal, operation);
            let Ok(stored) = json::parse(&end.body, &Limits::default()) else { return false };
            let says = |name: &str, text: &str| stored.get(name).and_then(json::Json::as_str) == Some(text);
            says("code", problem.code.code()) && says("title", &problem.title) && says("detail", &problem.detail)
        }
        _ => false,
    }
}
