//! How a payment changes: one table, used while it runs and when it is restored.

use std::fmt;

/// Where a payment stands; each is durable before what it allows is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PaymentState {
    /// Decided and routed; not a byte of it has gone to the terminal.
    Intent,
    /// Its first byte may have gone out: from here on the terminal may have charged.
    Sent,
    /// The terminal has told a result, which is not acknowledged yet.
    Result,
    /// Nobody knows whether the terminal has charged; it is being asked.
    Unknown,
    /// What the terminal tells contradicts what is known: somebody has to look at its slips.
    NeedsOperator,
    /// Ended; the answer of the operation says how.
    Ended,
}

impl PaymentState {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Intent, Self::Sent, Self::Result, Self::Unknown, Self::NeedsOperator, Self::Ended];

    /// Lower-case, as in records and in the diagram of the documentation.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Sent => "sent",
            Self::Result => "result",
            Self::Unknown => "unknown",
            Self::NeedsOperator => "needs-operator",
            Self::Ended => "ended",
        }
    }

    /// Reads [`PaymentState::name`].
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether its record is made before something is done that cannot be undone.
    #[must_use]
    pub const fn is_before_act(self) -> bool {
        matches!(self, Self::Intent | Self::Sent)
    }

    /// Whether money may have moved without anybody knowing it: the terminal takes no other payment meanwhile.
    #[must_use]
    pub const fn is_unsettled(self) -> bool {
        matches!(self, Self::Unknown | Self::NeedsOperator)
    }
}

impl fmt::Display for PaymentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What happens to a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PaymentStep {
    /// It is decided and routed to a terminal.
    Begin,
    /// Its first byte is about to go out.
    Send,
    /// The terminal tells a result.
    Tell,
    /// The line, the terminal or this server failed in the middle.
    Doubt,
    /// What the terminal tells contradicts what is known.
    Contradict,
    /// The terminal is asked again.
    Ask,
    /// It is certain how it ended: the terminal or an operator has said so.
    End,
}

impl PaymentStep {
    /// Lower-case, as in the diagram of the documentation.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Begin => "begin",
            Self::Send => "send",
            Self::Tell => "tell",
            Self::Doubt => "doubt",
            Self::Contradict => "contradict",
            Self::Ask => "ask",
            Self::End => "end",
        }
    }
}

/// Every change that there is: from (nothing before the first), by, to. Whatever does not stand here is a bug.
pub const STEPS: &[(Option<PaymentState>, PaymentStep, PaymentState)] = &[
    (None, PaymentStep::Begin, PaymentState::Intent),
    (Some(PaymentState::Intent), PaymentStep::Send, PaymentState::Sent),
    (Some(PaymentState::Intent), PaymentStep::End, PaymentState::Ended),
    (Some(PaymentState::Sent), PaymentStep::Tell, PaymentState::Result),
    (Some(PaymentState::Sent), PaymentStep::End, PaymentState::Ended),
    (Some(PaymentState::Sent), PaymentStep::Doubt, PaymentState::Unknown),
    (Some(PaymentState::Result), PaymentStep::End, PaymentState::Ended),
    (Some(PaymentState::Result), PaymentStep::Doubt, PaymentState::Unknown),
    (Some(PaymentState::Unknown), PaymentStep::End, PaymentState::Ended),
    (Some(PaymentState::Unknown), PaymentStep::Contradict, PaymentState::NeedsOperator),
    (Some(PaymentState::NeedsOperator), PaymentStep::Ask, PaymentState::Unknown),
    (Some(PaymentState::NeedsOperator), PaymentStep::End, PaymentState::Ended),
];

/// A step that cannot be taken in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a payment that is {} cannot {}", .state.map_or("not known", PaymentState::name), .step.name())]
pub struct ImpossibleStep {
    /// The state; `None` before the first.
    pub state: Option<PaymentState>,
    /// The step.
    pub step: PaymentStep,
}

/// The state after `step`.
///
/// # Errors
/// [`ImpossibleStep`] when the table has no such line.
pub fn step(state: Option<PaymentState>, step: PaymentStep) -> Result<PaymentState, ImpossibleStep> {
    STEPS
        .iter()
        .find(|(from, by, _)| *from == state && *by == step)
        .map(|(_, _, to)| *to)
        .ok_or(ImpossibleStep { state, step })
}

/// The table as a Mermaid state diagram, for the documentation.
#[must_use]
pub fn diagram() -> String {
    let mut text = "stateDiagram-v2\n".to_owned();
    for (from, by, to) in STEPS {
        let from = from.map_or("[*]", PaymentState::name).replace('-', "_");
        text.push_str(&format!("    {from} --> {}: {}\n", to.name().replace('-', "_"), by.name()));
    }
    text.push_str("    ended --> [*]\n");
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn doubt_ends_only_by_an_answer() {
        for state in PaymentState::ALL {
            assert_eq!(PaymentState::parse(state.name()), Some(state));
            // Nothing is ever sent twice: there is one way to `sent`, and it begins where nothing was sent.
            let sends = step(Some(state), PaymentStep::Send);
            assert_eq!(sends.is_ok(), state == PaymentState::Intent, "{state}");
            if state.is_unsettled() {
                assert!(step(Some(state), PaymentStep::Doubt).is_err() && step(Some(state), PaymentStep::End).is_ok());
            }
        }
        assert!(STEPS.iter().all(|(from, _, _)| *from != Some(PaymentState::Ended)), "an end never changes");
        let error = step(Some(PaymentState::Unknown), PaymentStep::Send).unwrap_err();
        assert_eq!(error.to_string(), "a payment that is unknown cannot send");
    }

    #[test]
    fn the_diagram_in_the_documentation_is_this_table() {
        let page = include_str!("../../../../docs/api/payments.md");
        let block = page.split("```mermaid\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        assert_eq!(block, diagram(), "put this into docs/api/payments.md:\n{}", diagram());
    }
}
