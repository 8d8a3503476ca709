//! Asking the terminal what it did last: before the first payment of a connection, and about a payment in doubt.

use std::time::Duration;

use kassette_model::payment::RefusalKind;

use super::dialogue::{Phase, Session, SessionEvent};
use super::judge::{Verdict, judge, tip_cents};
use super::order::Order;
use super::outcome::{approved, refused};
use super::transaction::{Baseline, Transaction};
use crate::zvt::{Answer, Command, Message, ResultCode};

/// Pause before a terminal that is busy is asked again; it says so itself.
const BUSY_PAUSE: Duration = Duration::from_secs(2);

/// Why it is asked.
#[derive(Debug, Clone)]
pub(super) enum Purpose {
    /// To know it before a payment is sent.
    Beginning,
    /// To settle a payment.
    Settling {
        order: Order,
        /// What it had told before that was sent.
        baseline: Baseline,
        /// See [`Stage::told_cents`](super::Stage::told_cents).
        told_cents: Option<u64>,
        sent_at: Duration,
        /// What had passed before the zero of the clock.
        passed_before: Duration,
        /// The first answer that says that it is paid: the second one ends it.
        first: Option<Box<Transaction>>,
        /// It has said once, late enough, that it knows of nothing: the second time ends it, too.
        unseen: bool,
    },
}

/// A question on its way.
#[derive(Debug)]
pub(super) struct Asking {
    purpose: Purpose,
    accepted: bool,
    told: Option<Transaction>,
    /// It was asked before and told nothing.
    told_nothing: bool,
}

impl Session {
    pub(super) fn ask(&mut self, purpose: Purpose, now: Duration) {
        self.question(purpose, false, now);
    }

    fn question(&mut self, purpose: Purpose, told_nothing: bool, now: Duration) {
        if self.is_over() {
            return;
        }
        self.phase = Phase::Asking(Asking { purpose, accepted: false, told: None, told_nothing });
        self.command(Command::last_result(self.options.password), now);
    }

    pub(super) fn asked(&mut self, message: Message, now: Duration) {
        let Phase::Asking(asking) = &mut self.phase else { return };
        match message {
            Message::Answer(answer) if !asking.accepted => match answer {
                answer if answer.is_positive() => {
                    asking.accepted = true;
                    self.wait_for_end(now);
                }
                Answer::Refused { code: Answer::NOT_YET, .. } => {
                    let purpose = asking.purpose.clone();
                    self.pause(purpose, BUSY_PAUSE, now);
                }
                // Without an answer to this question no doubt could ever be settled.
                _ => self.line_lost("the terminal refuses to tell its last transaction"),
            },
            Message::Answer(_) => {}
            // Before it has taken the question, it speaks of something else.
            other if !asking.accepted => self.in_between(&other, now),
            Message::StatusInformation { fields } => {
                asking.told = Some(Transaction::of(&fields));
                self.answer(&Answer::accepted(), now);
            }
            Message::Completion(_) => {
                let told = asking.told.take();
                self.answer(&Answer::accepted(), now);
                self.answered(told, now);
            }
            Message::Abort { code, .. } => {
                let (told, told_nothing) = (asking.told.take(), asking.told_nothing);
                self.answer(&Answer::accepted(), now);
                match code {
                    Some(ResultCode(Answer::NOT_YET)) => self.line_lost("the terminal is busy"),
                    // It has none.
                    Some(ResultCode::NOT_POSSIBLE) => self.answered(told, now),
                    // Perhaps the end of something before.
                    _ if !told_nothing => self.answered(None, now),
                    code => {
                        let code = code.unwrap_or(ResultCode(0xFF));
                        self.line_lost(&format!("the terminal does not tell its last transaction: {}", code.english()));
                    }
                }
            }
            other => self.in_between(&other, now),
        }
    }

    fn pause(&mut self, purpose: Purpose, pause: Duration, now: Duration) {
        if self.is_over() {
            return;
        }
        self.phase = Phase::Pausing(purpose);
        self.deadline = Some(now.saturating_add(pause));
    }

    fn answered(&mut self, told: Option<Transaction>, now: Duration) {
        let Phase::Asking(asking) = &self.phase else { return };
        let purpose = asking.purpose.clone();
        if told.is_none() && !asking.told_nothing {
            // It may have been the end of what it said to a register before us. That it has no transaction counts when it says so twice.
            return self.question(purpose, true, now);
        }
        let numbered = told.as_ref().map(Transaction::baseline);
        // Terminals give what was declined no number: then it is not known what the next one will be.
        self.baseline = numbered.map_or(Baseline::Nothing, |numbered| numbered.unwrap_or(Baseline::Unknown));
        match purpose {
            Purpose::Beginning => {
                self.phase = Phase::Idle;
                self.deadline = None;
                self.events.push_back(SessionEvent::Ready(self.baseline));
            }
            Purpose::Settling { order, baseline, told_cents, sent_at, passed_before, first, unseen } => {
                let passed = now.saturating_sub(sent_at).saturating_add(passed_before);
                let verdict = judge(&order, baseline, told_cents, told.as_ref());
                let again = |first, unseen| Purpose::Settling {
                    order: order.clone(),
                    baseline,
                    told_cents,
                    sent_at,
                    passed_before,
                    first,
                    unseen,
                };
                match verdict {
                    Verdict::Paid(told) if first.as_deref() == Some(&told) => {
                        let tip = tip_cents(&order, &told);
                        self.end(approved(&told, tip, Vec::new()), Some(&told), true);
                    }
                    Verdict::Refused(told) if first.as_deref() == Some(&told) => {
                        let words = told.code.english().into_owned();
                        let title = told.text.clone().unwrap_or_else(|| words.clone());
                        self.end(refused(RefusalKind::Declined, title, words), Some(&told), true);
                    }
                    // The terminal may still take it back, or try once more: a second answer some seconds later must say the same.
                    Verdict::Paid(told) | Verdict::Refused(told) => {
                        let purpose = again(Some(Box::new(told)), false);
                        self.pause(purpose, self.options.confirm_pause, now);
                    }
                    Verdict::NotSeen if unseen && passed >= self.options.completion_timeout => {
                        let detail = format!("the terminal has nothing newer than {baseline}");
                        self.end(refused(RefusalKind::NotCharged, "NOT CHARGED".to_owned(), detail), None, true);
                    }
                    // The customer may still stand there with the card.
                    Verdict::NotSeen => {
                        let purpose = again(None, passed >= self.options.completion_timeout);
                        self.pause(purpose, self.options.confirm_pause, now);
                    }
                    Verdict::Contradiction(why) => {
                        self.phase = Phase::Idle;
                        self.deadline = None;
                        self.events.push_back(SessionEvent::Contradiction(why));
                    }
                }
            }
        }
    }
}
