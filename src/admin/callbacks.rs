//! Callback messages: listed, shown with their attempts, sent again.
//!
//! A running server's dispatcher has the store. Without a server it is opened here for the one command: then it tells what the last server
//! knew, and a message that is opened again is sent by the next one.

use std::sync::Arc;

use kassette_actors::callbacks::{Callbacks, Resent};
use kassette_journal::callbacks::{
    Attempt, CallbackError, CallbackStore, Change, Ending, ListFilter, ListKind, MessageState, OpenMessage,
};
use kassette_model::{CashBoxId, OperationId};
use kassette_record::moment;

use super::cash_boxes::configuration;
use super::context::Context;
use super::failure::Failure;
use super::operations::LIST_MAX;
use super::reply::{AttemptShown, CallbackDetails, CallbackStanding, CallbackSummary, Reply};

/// States that a list of messages can be cut down to.
pub const CALLBACK_STATES: [&str; 3] = ["open", "dead", "all"];

/// Where messages are looked at.
enum Desk<'a> {
    /// A server sends them.
    Served(&'a Callbacks),
    /// No server has the folder.
    Unserved(Arc<dyn CallbackStore>),
    /// No server ever had it.
    Never,
}

fn failed(error: &CallbackError) -> Failure {
    Failure::fault(error.to_string())
}

fn lost(reason: &str) -> Failure {
    Failure::fault(format!("{reason}; the next server takes the promises again from the journal"))
}

impl<'a> Desk<'a> {
    fn open(context: &'a Context) -> Result<Self, Failure> {
        if let Some(callbacks) = context.gateway.callbacks() {
            return Ok(Self::Served(callbacks));
        }
        let Some(open) = &context.callback_store else { return Ok(Self::Never) };
        let store = open(false).map_err(|error| lost(&error.to_string()))?;
        // The first thing that a dispatcher does is to note a place.
        match store.taken() {
            Ok(Some(_)) => Ok(Self::Unserved(store)),
            Ok(None) => Err(lost("callbacks: how far they have come was lost")),
            Err(error) => Err(failed(&error)),
        }
    }

    fn list(&self, filter: &ListFilter, limit: usize) -> Result<Vec<MessageState>, CallbackError> {
        match self {
            Self::Served(callbacks) => callbacks.list(filter, limit),
            Self::Unserved(store) => store.list(filter, limit),
            Self::Never => Ok(Vec::new()),
        }
    }

    fn of_operation(&self, cash_box: CashBoxId, operation: OperationId) -> Result<Vec<MessageState>, CallbackError> {
        match self {
            Self::Served(callbacks) => callbacks.of_operation(cash_box, operation),
            Self::Unserved(store) => store.of_operation(cash_box, operation),
            Self::Never => Ok(Vec::new()),
        }
    }

    fn standing(&self) -> Result<CallbackStanding, CallbackError> {
        match self {
            Self::Served(callbacks) => {
                let status = callbacks.status();
                Ok(CallbackStanding {
                    open: status.open,
                    dead_letters: status.dead_letters,
                    sending: status.sending,
                    problem: status.problem,
                })
            }
            Self::Unserved(store) => store.counts().map(|counts| CallbackStanding {
                open: counts.open,
                dead_letters: counts.dead_letters,
                sending: 0,
                problem: None,
            }),
            Self::Never => Ok(CallbackStanding::default()),
        }
    }

    /// Without an orderly end the next server would check all of the store.
    fn close(self) -> Result<(), Failure> {
        match self {
            Self::Unserved(store) => store.close().map_err(|error| failed(&error)),
            Self::Served(_) | Self::Never => Ok(()),
        }
    }
}

/// How callbacks stand; that this cannot be told is an answer too.
pub(super) fn standing(context: &Context) -> CallbackStanding {
    let told = Desk::open(context).and_then(|desk| {
        let standing = desk.standing().map_err(|error| failed(&error));
        desk.close().and(standing)
    });
    told.unwrap_or_else(|failure| CallbackStanding { problem: Some(failure.message), ..CallbackStanding::default() })
}

pub(super) fn list(context: &Context, cash_box: Option<CashBoxId>, state: &str, limit: u64) -> Result<Reply, Failure> {
    if let Some(cash_box) = cash_box {
        configuration(context, cash_box)?;
    }
    let kind = match state {
        "open" => ListKind::Open,
        "dead" => ListKind::DeadLetters,
        "all" => ListKind::All,
        other => return Err(Failure::usage(format!("{other:?} is not one of {}", CALLBACK_STATES.join(", ")))),
    };
    if limit > LIST_MAX {
        return Err(Failure::usage(format!("at most {LIST_MAX} callbacks are listed")));
    }
    let desk = Desk::open(context)?;
    let found = desk.list(&ListFilter { cash_box, kind }, usize::try_from(limit).unwrap_or(usize::MAX));
    let callbacks = found.map_err(|error| failed(&error))?.iter().map(summary).collect();
    desk.close()?;
    Ok(Reply::Callbacks { callbacks })
}

pub(super) fn attempts(
    context: &Context,
    cash_box: CashBoxId,
    operation: OperationId,
    whole_url: bool,
) -> Result<Reply, Failure> {
    configuration(context, cash_box)?;
    let desk = Desk::open(context)?;
    let found = desk.of_operation(cash_box, operation).map_err(|error| failed(&error))?;
    desk.close()?;
    if found.is_empty() {
        return Err(none(context, cash_box, operation)?);
    }
    let callbacks = found.iter().map(|state| details(context, state, whole_url)).collect();
    Ok(Reply::CallbackAttempts { cash_box, operation, callbacks })
}

pub(super) fn resend(
    context: &Context,
    cash_box: CashBoxId,
    operation: OperationId,
    sequence: Option<u32>,
) -> Result<Reply, Failure> {
    configuration(context, cash_box)?;
    let now_ns = context.clock.unix_ns();
    let desk = Desk::open(context)?;
    let is_served = matches!(desk, Desk::Served(_));
    let resent = match &desk {
        Desk::Served(callbacks) => callbacks.resend(cash_box, operation, sequence, now_ns),
        Desk::Unserved(store) => reopen(store.as_ref(), cash_box, operation, sequence, now_ns),
        Desk::Never => Ok(Resent::default()),
    };
    let resent = resent.map_err(|error| failed(&error))?;
    desk.close()?;
    if resent == Resent::default() {
        let failure = none(context, cash_box, operation)?;
        return Err(match sequence {
            Some(sequence) => Failure::not_found(format!("no message {sequence} to send again: {failure}")),
            None => failure,
        });
    }
    tracing::info!(cash_box = %cash_box, operation = %operation, reopened = resent.reopened, hurried = resent.hurried,
        "callbacks are sent again for the operator");
    Ok(Reply::CallbackResent { reopened: resent.reopened, hurried: resent.hurried, is_served })
}

/// What [`Callbacks::resend`] does, without anybody who sends.
fn reopen(
    store: &dyn CallbackStore,
    cash_box: CashBoxId,
    operation: OperationId,
    sequence: Option<u32>,
    now_ns: i64,
) -> Result<Resent, CallbackError> {
    let mut resent = Resent::default();
    let known = store.of_operation(cash_box, operation)?;
    for state in known.into_iter().filter(|one| sequence.is_none_or(|wanted| one.message().sequence == wanted)) {
        match state {
            MessageState::Open(message) => {
                store.tried(&[Change::Open(OpenMessage { due_ns: now_ns, ..message })])?;
                resent.hurried = resent.hurried.saturating_add(1);
            }
            MessageState::Settled(settled) => {
                if store.reopen(&settled, now_ns)? {
                    resent.reopened = resent.reopened.saturating_add(1);
                }
            }
        }
    }
    Ok(resent)
}

/// Why there is no message.
fn none(context: &Context, cash_box: CashBoxId, operation: OperationId) -> Result<Failure, Failure> {
    Ok(Failure::not_found(match context.gateway.journal().operation(cash_box, operation)? {
        None => format!("cash box {cash_box} has no operation {operation}"),
        Some(_) => format!(
            "operation {operation} has no such callback: none was asked for, or it ended longer ago than callbacks.history_keep_ms"
        ),
    }))
}

fn text(ns: i64) -> String {
    moment(ns).to_string()
}

fn summary(state: &MessageState) -> CallbackSummary {
    let message = state.message();
    let (name, ended_ns) = match state {
        MessageState::Open(_) => ("open", None),
        MessageState::Settled(settled) => {
            let name = match settled.ending {
                Ending::Acknowledged => "acknowledged",
                Ending::Gone => "gone",
                Ending::DeadLetter => "dead",
            };
            (name, Some(settled.settled_ns))
        }
    };
    let last = message.attempts.last();
    CallbackSummary {
        cash_box: message.cash_box,
        operation: message.operation,
        sequence: message.sequence,
        state: name.to_owned(),
        attempt_count: message.attempt_count,
        made: text(message.made_ns),
        next_try: ended_ns.is_none().then(|| text(message.due_ns)),
        ended: ended_ns.map(text),
        last_outcome: last.map(|attempt| attempt.outcome.clone()),
        last_status: last.and_then(|attempt| attempt.status),
    }
}

fn details(context: &Context, state: &MessageState, whole_url: bool) -> CallbackDetails {
    let message = state.message();
    let record = context.gateway.journal().at(message.cash_box, message.row, message.place.position);
    let (promise, problem) = match record {
        Ok(record) => (record.promises.into_iter().find(|one| one.sequence == message.sequence), None),
        Err(error) => (None, Some(format!("its record cannot be read: {error}"))),
    };
    let shown = |attempt: &Attempt| AttemptShown {
        at: text(attempt.at_ns),
        duration_ms: attempt.duration_ms,
        outcome: attempt.outcome.clone(),
        status: attempt.status,
        detail: attempt.detail.clone(),
    };
    CallbackDetails {
        summary: summary(state),
        tells: promise.as_ref().map(|promise| promise.state.name().to_owned()),
        url: promise.map(|promise| if whole_url { promise.url } else { without_query(&promise.url) }),
        journal_row: message.row,
        attempts: message.attempts.iter().map(shown).collect(),
        problem,
    }
}

/// A query often holds the receiver's password.
fn without_query(url: &str) -> String {
    match url.split_once('?') {
        Some((before, _)) => format!("{before}?…"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_not_shown() {
        for (url, shown) in [
            ("https://till.example/state", "https://till.example/state"),
            ("https://till.example/state?key=hunter2", "https://till.example/state?…"),
            ("https://till.example?a?b", "https://till.example?…"),
            ("https://till.example/#a?b", "https://till.example/#a?…"),
        ] {
            assert_eq!(without_query(url), shown);
        }
    }
}
