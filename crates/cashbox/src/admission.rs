//! The idempotency contract (contract 2.2): what an operation id means when it comes.

use kassette_model::OperationKind;
use kassette_record::{Erasable, SealedRecord};
use kassette_wire::problem::{Code, Problem};

use kassette_record::Hash;

use crate::CashBox;
use crate::operation::{Admission, Answer, Request};

impl CashBox {
    /// Says what is to be done with `request`; `stored` is the journal's record of this operation id in this cash box.
    ///
    /// Compared are the kind of operation and the raw body, nothing else; an empty body on a repeat is not compared
    /// (contract 2.1).
    #[must_use]
    pub fn admit(&self, request: &Request, stored: Option<&SealedRecord>) -> Admission {
        if let Some(draft) = self.draft.as_ref().filter(|draft| draft.id == request.id) {
            return match compare(request, draft.kind, &draft.body) {
                Some(conflict) => conflict,
                None => Admission::Running,
            };
        }
        if let Some(running) = self.in_flight(request.id) {
            return match first_request(&running.record) {
                Some(body) => compare(request, running.kind, &body).unwrap_or(Admission::Running),
                None => Admission::Running,
            };
        }
        match stored {
            Some(record) => replay(request, record),
            None => Admission::Fresh,
        }
    }
}

fn first_request(record: &SealedRecord) -> Option<Vec<u8>> {
    match record.open() {
        Ok((_, Erasable::Kept(bodies))) => bodies.request,
        _ => None,
    }
}

/// A conflict, if kind or body differ from the first ones.
fn compare(request: &Request, first_kind: OperationKind, first_body: &[u8]) -> Option<Admission> {
    if request.kind != first_kind {
        let detail = format!(
            "operation {} was used for an operation of kind {first_kind}, this one is of kind {}; use a new id",
            request.id, request.kind
        );
        return Some(conflict(Code::OperationKindConflict, detail));
    }
    if !request.body.is_empty() && request.body != first_body {
        let detail = format!(
            "operation {} was first sent with a body of {} bytes with SHA-256 {}; this one has {} bytes with SHA-256 {}; a \
             repeat must carry the same bytes, another request a new id",
            request.id,
            first_body.len(),
            Hash::of(first_body),
            request.body.len(),
            Hash::of(&request.body)
        );
        return Some(conflict(Code::OperationConflict, detail));
    }
    None
}

fn replay(request: &Request, record: &SealedRecord) -> Admission {
    let (opened, bodies) = match record.open() {
        Ok(opened) => opened,
        Err(error) => return conflict(Code::JournalDamaged, format!("row {}: {error}", record.row)),
    };
    let Some(answered) = opened.details.operation else {
        let detail = format!("row {} answers no operation", record.row);
        return conflict(Code::JournalDamaged, detail);
    };
    if !answered.state.is_final() {
        // An intent record: its body is the one to compare with.
        let body = match &bodies {
            Erasable::Kept(bodies) => bodies.request.as_deref().unwrap_or_default(),
            Erasable::Erased => &request.body,
        };
        return compare(request, answered.kind, body).unwrap_or(Admission::Accepted);
    }
    match bodies {
        Erasable::Kept(bodies) => {
            if let Some(conflict) = compare(request, answered.kind, bodies.request.as_deref().unwrap_or_default()) {
                return conflict;
            }
            Admission::Done(Answer {
                status: answered.status,
                state: answered.state,
                body: bodies.response.unwrap_or_default(),
            })
        }
        Erasable::Erased => compare(request, answered.kind, &request.body).unwrap_or_else(|| {
            let detail = format!(
                "operation {} ended with status {}, but its bodies were erased at the end of their retention",
                request.id, answered.status
            );
            conflict(Code::OperationErased, detail)
        }),
    }
}

fn conflict(code: Code, detail: String) -> Admission {
    Admission::Conflict(Box::new(Problem::new(code, detail)))
}
