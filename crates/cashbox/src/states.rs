//! Changes of the state of an operation that a record makes, and the messages that are owed for them (contract 3.3).

use kassette_model::operation::{ImpossibleTransition, events_to, path};
use kassette_model::{OperationEvent, OperationId, OperationState, Progress};
use kassette_record::{BoxHead, Promise};

/// What a record changes about an operation.
pub(crate) struct Change {
    /// How it stood before; `None` when it did not exist.
    pub(crate) before: Option<Progress>,
    /// How it stands afterwards.
    pub(crate) after: Progress,
    /// One message for each state on the way, when it has a URL.
    pub(crate) promises: Vec<Promise>,
}

impl Change {
    /// The change that takes operation `id` from where `head` says that it stands through `event`.
    ///
    /// # Errors
    /// When the table of transitions has no such way.
    pub(crate) fn of(
        head: &BoxHead,
        id: OperationId,
        event: OperationEvent,
        url: Option<&str>,
    ) -> Result<Self, ImpossibleTransition> {
        let before = head.open.iter().find(|open| open.id == id).map(|open| open.progress);
        let states = match event {
            // Nothing is missing before these.
            OperationEvent::Accept | OperationEvent::Start | OperationEvent::Doubt => path(before, &[event])?,
            end => path(before, &events_to(before.map(|before| before.state), end))?,
        };
        let after = states.last().copied().unwrap_or(Progress { state: OperationState::Pending, sequence: 0 });
        let promises = match url {
            None => Vec::new(),
            Some(url) => states
                .iter()
                .map(|at| Promise { url: url.to_owned(), state: at.state, sequence: at.sequence })
                .collect(),
        };
        Ok(Self { before, after, promises })
    }
}
