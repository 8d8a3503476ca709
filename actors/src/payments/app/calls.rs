//! What the edge asks for an app: to wait for a payment, to accept one, to tell of one.

use std::time::Duration;

use kassette_cashbox::refusal_problem;
use kassette_model::payment::PaymentOutcome;
use kassette_model::{CashBoxId, OperationId};
use kassette_payments::http::{Acceptance, AppRequest, AppResult, AppTold, Done, NAME};
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

/// A terminal of a cash box at which an app is: proof that there is one.
pub struct AppTerminal {
    gateway: Gateway,
    cash_box: CashBoxId,
    name: String,
}

impl Gateway {
    /// The terminal of this name, at which an app is.
    ///
    /// # Errors
    /// [`Rejected`]: 404 when the cash box has none.
    pub fn app_terminal(&self, cash_box: CashBoxId, name: &str) -> Result<AppTerminal, Rejected> {
        if self.shared.is_stopping() {
            return Err(Rejected::Stopping);
        }
        let configuration = self.configuration(cash_box)?.ok_or(Rejected::UnknownCashBox)?;
        if !configuration.terminals.iter().any(|known| known.name == name && known.provider == NAME) {
            return Err(not_found());
        }
        Ok(AppTerminal { gateway: self.clone(), cash_box, name: name.to_owned() })
    }
}

impl AppTerminal {
    /// Waits at most `wait` for what the app is to do, with the time that it has to accept it, in milliseconds.
    ///
    /// # Errors
    /// [`Rejected::TooManySubscribers`].
    pub async fn next(&self, wait: Duration) -> Result<Option<(AppRequest, u64)>, Rejected> {
        let shared = &self.gateway.shared;
        let clock = shared.clock.as_ref();
        let mut waiting = shared.apps.wait((self.cash_box, self.name.clone()))?;
        let Ok(offer) = tokio::time::timeout(wait, waiting.offered(clock)).await else { return Ok(None) };
        let left = offer.until.unwrap_or_default().saturating_sub(clock.monotonic());
        Ok(Some((offer.request, u64::try_from(left.as_millis()).unwrap_or(u64::MAX))))
    }

    /// An app takes a payment. Gives the time for its result in milliseconds: from now on, and not before, it may charge.
    ///
    /// # Errors
    /// [`Rejected`]: 404 when there is no such payment at this terminal, 409 when it cannot be accepted; then nothing may be charged.
    pub async fn accept(&self, operation: OperationId, acceptance: Acceptance) -> Result<u64, Rejected> {
        if let Some(payment) = self.gateway.shared.apps.find((self.cash_box, operation), &self.name)
            && let Some(accepted) = hear(|reply| payment.do_send(Accept { acceptance, reply })).await
        {
            return accepted;
        }
        match self.end(operation)? {
            Some(_) => Err(conflict(operation, "it has ended")),
            None => Err(busy()),
        }
    }

    /// An app tells what became of a payment; durable when this returns. Told again, it is the same.
    ///
    /// # Errors
    /// [`Rejected`]: 404 when there is no such payment at this terminal, 400 when the result contradicts it, 409 when it stands so that it
    /// cannot have this result.
    pub async fn tell(&self, operation: OperationId, told: AppTold) -> Result<(), Rejected> {
        let AppTold { app, result } = told;
        if let Some(payment) = self.gateway.shared.apps.find((self.cash_box, operation), &self.name) {
            let again = result.clone();
            if let Some(taken) = hear(|reply| payment.do_send(TellResult { app, result: again, reply })).await {
                return taken;
            }
        }
        match self.end(operation)? {
            Some(end) if is_that_of(&result, operation, &end) => Ok(()),
            Some(_) => Err(conflict(operation, "it has ended in another way")),
            None => Err(busy()),
        }
    }

    /// How a payment of this terminal ended; `None` when it has not.
    fn end(&self, operation: OperationId) -> Result<Option<End>, Rejected> {
        let record = self.gateway.shared.journal.operation(self.cash_box, operation)?.ok_or_else(not_found)?;
        let (opened, bodies) = record.open().map_err(|error| Rejected::Damaged(error.to_string()))?;
        let details = opened.details;
        let here = |payment: &kassette_record::PaymentFacts| payment.provider == NAME && payment.terminal == self.name;
        details.payment.filter(here).ok_or_else(not_found)?;
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

/// The same for what is absent and for what belongs to another terminal or cash box.
fn not_found() -> Rejected {
    Rejected::Refused(Box::new(Problem::new(Code::NotFound, "nothing is known under this id")))
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
