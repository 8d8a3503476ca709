//! The problems that endpoints can give, by status.

use std::collections::BTreeMap;

use kassette_wire::problem::{Code, Problem as Document};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, PartialSchema, ToSchema};

use super::schemas::Problem;

type Responses = BTreeMap<String, RefOr<Response>>;

/// Codes that any endpoint with credentials can answer.
const CREDENTIALS: &[Code] = &[
    Code::HeaderMissing,
    Code::HeaderInvalid,
    Code::HeaderConflict,
    Code::Unauthorized,
    Code::CashBoxDisabled,
    Code::UriTooLong,
    Code::RateLimited,
    Code::HeadersTooLarge,
    Code::Internal,
    Code::JournalDamaged,
    Code::MailboxFull,
    Code::ShuttingDown,
];

/// Codes of a read, besides [`CREDENTIALS`].
const READ: &[Code] = &[
    Code::NotFound,
    Code::BodyTooLarge,
    Code::JsonMalformed,
    Code::JsonDuplicateName,
    Code::JsonTooDeep,
    Code::JsonTooManyItems,
    Code::BodyInvalid,
    Code::JournalTypeUnknown,
];

/// Codes of an operation, besides [`CREDENTIALS`].
const OPERATION: &[Code] = &[
    Code::CallbackUrlInvalid,
    Code::JsonMalformed,
    Code::JsonDuplicateName,
    Code::JsonTooDeep,
    Code::JsonTooManyItems,
    Code::NumberOutOfRange,
    Code::BodyInvalid,
    Code::CashBoxMismatch,
    Code::PosSystemMismatch,
    Code::TerminalMismatch,
    Code::QueueMismatch,
    Code::OperationConflict,
    Code::OperationKindConflict,
    Code::BodyTooLarge,
    Code::OperationRunning,
    Code::OperationExpired,
    Code::OperationAbandoned,
    Code::CashBoxQuarantined,
    Code::JournalPoisoned,
    Code::StorageFull,
];

/// Codes of a payment, besides those of an operation.
const PAYMENT: &[Code] = &[
    Code::PaymentProviderUnknown,
    Code::TerminalUnsettled,
    Code::TerminalBusy,
    Code::PaymentDeclined,
    Code::PaymentCancelled,
    Code::PaymentTimedOut,
    Code::TerminalUnreachable,
    Code::PaymentNotCharged,
];

/// Codes of a settlement by hand, besides [`CREDENTIALS`].
const SETTLEMENT: &[Code] = &[
    Code::NotFound,
    Code::BodyTooLarge,
    Code::JsonMalformed,
    Code::JsonDuplicateName,
    Code::JsonTooDeep,
    Code::JsonTooManyItems,
    Code::NumberOutOfRange,
    Code::BodyInvalid,
    Code::PaymentStateConflict,
    Code::CashBoxQuarantined,
    Code::JournalPoisoned,
    Code::StorageFull,
];

/// Codes of what a payment app tells, besides [`CREDENTIALS`].
const APP: &[Code] = &[
    Code::JsonMalformed,
    Code::JsonDuplicateName,
    Code::JsonTooDeep,
    Code::JsonTooManyItems,
    Code::NumberOutOfRange,
    Code::BodyInvalid,
    Code::NotFound,
    Code::PaymentConflict,
    Code::BodyTooLarge,
    Code::CashBoxQuarantined,
    Code::JournalPoisoned,
    Code::StorageFull,
];

/// Codes of the acceptance of an operation, besides [`CREDENTIALS`].
const ACCEPTANCE: &[Code] = &[
    Code::CallbackUrlInvalid,
    Code::OperationConflict,
    Code::OperationKindConflict,
    Code::OperationErased,
    Code::BodyTooLarge,
    Code::CashBoxQuarantined,
    Code::JournalPoisoned,
    Code::StorageFull,
];

/// Of an operation.
pub(crate) struct OperationProblems;
/// Of a payment.
pub(crate) struct PaymentProblems;
/// Of an operation that is accepted without waiting for its end: what it ends with is told elsewhere.
pub(crate) struct AsyncOperationProblems;
/// Of a settlement by hand.
pub(crate) struct SettleProblems;
/// Of the stream of events.
pub(crate) struct EventsProblems;
/// Of an app that waits for a payment.
pub(crate) struct AppWaitProblems;
/// Of an app that tells something of a payment.
pub(crate) struct AppProblems;
/// Of a read.
pub(crate) struct ReadProblems;
/// Of an open read.
pub(crate) struct NotFoundProblem;
/// Of `/readyz`.
pub(crate) struct NotReady;

impl IntoResponses for OperationProblems {
    fn responses() -> Responses {
        by_status(&[CREDENTIALS, OPERATION])
    }
}

impl IntoResponses for PaymentProblems {
    fn responses() -> Responses {
        by_status(&[CREDENTIALS, OPERATION, PAYMENT])
    }
}

impl IntoResponses for AsyncOperationProblems {
    fn responses() -> Responses {
        by_status(&[CREDENTIALS, ACCEPTANCE])
    }
}

impl IntoResponses for EventsProblems {
    fn responses() -> Responses {
        by_status(&[CREDENTIALS, &[Code::BodyInvalid]])
    }
}

impl IntoResponses for SettleProblems {
    fn responses() -> Responses {
        by_status(&[CREDENTIALS, SETTLEMENT])
    }
}

impl IntoResponses for AppWaitProblems {
    fn responses() -> Responses {
        by_status(&[CREDENTIALS, &[Code::NotFound]])
    }
}

impl IntoResponses for AppProblems {
    fn responses() -> Responses {
        by_status(&[CREDENTIALS, APP])
    }
}

impl IntoResponses for ReadProblems {
    fn responses() -> Responses {
        by_status(&[CREDENTIALS, READ])
    }
}

impl IntoResponses for NotFoundProblem {
    fn responses() -> Responses {
        by_status(&[&[Code::NotFound]])
    }
}

impl IntoResponses for NotReady {
    fn responses() -> Responses {
        by_status(&[&[Code::ShuttingDown, Code::JournalPoisoned]])
    }
}

/// One response per status: all codes in its description, the first as its example.
fn by_status(lists: &[&[Code]]) -> Responses {
    let mut statuses: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in lists.iter().flat_map(|list| list.iter()) {
        statuses.entry(code.status()).or_default().push(*code);
    }
    statuses
        .into_iter()
        .map(|(status, codes)| {
            let lines: Vec<String> = codes.iter().map(|code| format!("`{code}`: {}", code.title())).collect();
            let example = codes.first().map(|code| {
                let bytes = Document::new(*code, code.title()).to_bytes();
                serde_json::from_slice::<serde_json::Value>(&bytes).unwrap_or_default()
            });
            let content =
                ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).example(example).build();
            let response =
                ResponseBuilder::new().description(lines.join("; ")).content(Document::CONTENT_TYPE, content).build();
            (status.to_string(), RefOr::T(response))
        })
        .collect()
}

/// The codes as a schema.
pub(crate) struct ProblemCode;

impl PartialSchema for ProblemCode {
    fn schema() -> RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::SchemaType::new(utoipa::openapi::Type::String))
            .description(Some("Which problem; a page about each is at `/docs/errors/{code}`."))
            .enum_values(Some(Code::ALL.iter().map(|code| code.code())))
            .into()
    }
}

impl ToSchema for ProblemCode {}
