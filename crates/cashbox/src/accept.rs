//! Accepting an operation before it is executed (contract 2.2.5, 3.2): the intent record behind every 202.

use kassette_model::payment::PaymentState;
use kassette_model::{OperationEvent, OperationState};
use kassette_record::{Bodies, Details, Erasable, OpenOperation, Record, RecordKind, SealedRecord, unix_ns};

use kassette_wire::problem::{Code, Problem};

use crate::CashBox;
use crate::cash_box::{answered, bug, halves};
use crate::operation::{Accepted, Answer, Facts, Request, Step};
use crate::seed::derive;
use crate::states::Change;

/// Status of the answer to an accepted operation.
const ACCEPTED: u16 = 202;

impl CashBox {
    /// Accepts an operation that [`CashBox::admit`] found fresh: makes its intent record. It is to be stepped right afterwards; one
    /// that is not, because the process ended, is among [`CashBox::unfinished`] of the restored cash box.
    ///
    /// # Errors
    /// The refusal, when the record cannot be made; nothing has changed then.
    pub fn accept(&mut self, request: &Request, facts: &Facts) -> Result<Accepted, Box<Step>> {
        let salts = derive(&facts.seed, "accept-salts");
        let [request_salt, response_salt] = halves(&salts);
        let answer = Answer { status: ACCEPTED, state: OperationState::Pending, body: Vec::new() };
        let change = Change::of(&self.head, request.id, OperationEvent::Accept, request.callback.as_deref())
            .map_err(|error| Box::new(bug(&error.to_string())))?;
        let mut head = self.head.clone();
        head.open.push(OpenOperation { id: request.id, row: self.row.saturating_add(1), progress: change.after });
        let details = Details {
            time_ns: unix_ns(facts.now),
            operation: Some(answered(request, facts, &answer, &change)),
            sign: None,
            configured: None,
            market: None,
            actions: Vec::new(),
            promises: change.promises,
            payment: None,
            head: self.full_head(&head, &self.state),
        };
        let bodies = Bodies { request: Some(request.body.clone()), response: None, request_salt, response_salt };
        let record = Record { cash_box: self.identity.cash_box, kind: RecordKind::Intent, details, bodies };
        let record = record.seal(self.row, self.link().1).map_err(|error| Box::new(bug(&error.to_string())))?;
        self.follow(&record, head);
        self.put_in_flight(request.id, request.kind, record.clone());
        Ok(Accepted { record })
    }

    /// Ends an accepted operation that cannot be executed: it fails, and is stored. A payment that was sent is refused: what became of
    /// its money is not known, whatever this cash box does.
    pub fn give_up(&mut self, request: &Request, facts: &Facts) -> Step {
        if self.payment(request.id).is_some_and(|payment| payment.state != PaymentState::Intent) {
            return bug("a payment that was sent ends by what its terminal tells only");
        }
        let detail =
            "the operation was accepted, but each attempt to execute it ended its cash box; it was not executed";
        self.fail_by(OperationEvent::Abandon, request, facts, Problem::new(Code::OperationAbandoned, detail))
    }

    /// Operations that were accepted and have not ended, oldest first.
    #[must_use]
    pub fn unfinished(&self) -> &[OpenOperation] {
        &self.head.open
    }
}

/// The request that an intent record keeps, to be executed after a restart, and when it was admitted, in nanoseconds since the Unix
/// epoch: a receipt without a moment has that one. `None` when the record is none, or its body is gone.
#[must_use]
pub fn accepted_request(record: &SealedRecord) -> Option<(Request, i64)> {
    let (opened, bodies) = record.open().ok()?;
    let (RecordKind::Intent, Some(operation), Erasable::Kept(bodies)) = (opened.kind, opened.details.operation, bodies)
    else {
        return None;
    };
    let request = Request {
        id: operation.id,
        kind: operation.kind,
        method: operation.method,
        path: operation.path,
        headers: operation.headers,
        pos_system: operation.pos_system,
        terminal: operation.terminal,
        lifetime_ms: operation.lifetime_ms,
        // Its first message is that it was accepted.
        callback: opened.details.promises.into_iter().next().map(|promise| promise.url),
        body: bodies.request.unwrap_or_default(),
    };
    Some((request, operation.admitted_ns))
}
