//! Problem documents as HTTP responses, and failures below as problem documents.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use kassette_actors::Rejected;
use kassette_journal::JournalError;
use kassette_wire::problem::{Code, Problem};

/// `x-operation-id` on answers.
pub(crate) const OPERATION_ID: HeaderName = HeaderName::from_static("x-operation-id");
/// `x-operation-state` on answers.
pub(crate) const OPERATION_STATE: HeaderName = HeaderName::from_static("x-operation-state");

/// When a client that was told to come back should do so, in seconds.
const RETRY_AFTER_S: u32 = 1;

/// The response for a problem.
pub(crate) fn response(problem: &Problem) -> HttpResponse {
    let status = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    response.insert_header((CONTENT_TYPE, HeaderValue::from_static(Problem::CONTENT_TYPE)));
    if matches!(status.as_u16(), 422 | 503) {
        response.insert_header((RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S)));
    }
    response.body(problem.to_bytes())
}

/// The response for a problem, with another `Retry-After`.
pub(crate) fn response_after(problem: &Problem, retry_after_s: u64) -> HttpResponse {
    let mut response = response(problem);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(retry_after_s));
    response
}

/// What is told when something that should be impossible happened; the log knows more.
pub(crate) fn internal() -> Problem {
    Problem::new(Code::Internal, "the server failed; nothing was stored, and its log says why")
}

/// A journal that could not be read, told without its files.
pub(crate) fn journal_problem(error: &JournalError) -> Problem {
    tracing::error!(%error, "the journal cannot be read");
    match error {
        JournalError::Damaged(_) => Problem::new(
            Code::JournalDamaged,
            "the stored journal of this cash box is damaged; the operator must decide",
        ),
        JournalError::IndexBusy(_) => Problem::new(Code::MailboxFull, "the index of the journal is being rebuilt"),
        JournalError::Closed => stopping(),
        JournalError::Io { .. } | JournalError::Locked(_) | JournalError::Format(_) => internal(),
    }
}

/// What is told while the server stops.
pub(crate) fn stopping() -> Problem {
    Problem::new(Code::ShuttingDown, "the server is shutting down; send the same request again")
}

/// What is told of a call that was not executed. `None` for an unknown cash box, which is told like wrong credentials.
pub(crate) fn rejected(rejected: Rejected) -> (Problem, Option<u32>) {
    let problem = match rejected {
        Rejected::Conflict(problem) | Rejected::Refused(problem) => *problem,
        Rejected::StillRunning => Problem::new(
            Code::OperationRunning,
            "the first call under this operation id is still running; send the same request again",
        ),
        Rejected::Busy { retry_after_s } => {
            let problem = Problem::new(Code::MailboxFull, "too much is waiting already; send the same request again");
            return (problem, Some(retry_after_s));
        }
        Rejected::TooManySubscribers { retry_after_s } => {
            let detail = "as many as allowed wait already; end another wait of this cash box, or come back later";
            return (Problem::new(Code::RateLimited, detail), Some(retry_after_s));
        }
        Rejected::Quarantined { reason } => {
            tracing::warn!(reason, "a call for a quarantined cash box");
            Problem::new(Code::CashBoxQuarantined, "this cash box failed repeatedly and waits for the operator")
        }
        Rejected::Damaged(reason) => {
            tracing::error!(reason, "a call for a cash box whose journal is damaged");
            Problem::new(
                Code::JournalDamaged,
                "the stored journal of this cash box is damaged; the operator must decide",
            )
        }
        Rejected::NoSpace(reason) => {
            tracing::error!(reason, "no space for the journal");
            Problem::new(
                Code::StorageFull,
                "there is no space left for the journal; nothing was signed and no number was used",
            )
        }
        Rejected::Poisoned(reason) => {
            tracing::error!(reason, "the journal is stopped");
            Problem::new(
                Code::JournalPoisoned,
                "the journal stopped after a failed write; the operator must restart the server",
            )
        }
        Rejected::Stopping => stopping(),
        Rejected::UnknownCashBox => Problem::new(Code::Unauthorized, "the cash box is unknown"),
        Rejected::Fault(reason) => {
            tracing::error!(reason, "an operation failed");
            internal()
        }
    };
    (problem, None)
}
