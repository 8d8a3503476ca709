//! What each command of the register begins.

use super::super::{Apdu, Command, Fields, IntermediateCode, ResultCode};
use super::ledger::{EntryState, cents};
use super::process::{Deed, Process, Step};
use super::script::Behaviour;
use super::session::{CONFIG_AT_FIRST, Session, done};
use super::words::{self, Receipts};

/// A quick customer.
const CARD_MS: u64 = 100;
/// A quick host.
const HOST_MS: u64 = 100;
/// Wrong currency.
const WRONG_CURRENCY: ResultCode = ResultCode(0x6F);
/// Amount too small.
const AMOUNT_TOO_SMALL: ResultCode = ResultCode(0xC8);

impl Session {
    pub(super) fn begin(&mut self, command: Command, apdu: &Apdu) {
        let steps = match command {
            Command::Registration { currency, .. } if !words::registers_euro(currency) => {
                vec![Step::Tell(words::abort(WRONG_CURRENCY))]
            }
            Command::Registration { config, fields, .. } => {
                self.config = config;
                self.receipts = Receipts::of(config, &fields);
                vec![Step::Tell(words::registered())]
            }
            Command::LogOff => {
                self.config = CONFIG_AT_FIRST;
                self.receipts = Receipts::Lines;
                Vec::new()
            }
            Command::Authorisation { fields } => return self.begin_payment(&fields, apdu),
            Command::Refund { fields, .. } => match priced(&fields) {
                Ok(amount_cents) => to_the_host(0, Deed::Refund { amount_cents }),
                Err(code) => return self.say(&words::refused(code)),
            },
            Command::Reversal { fields, .. } => match self.reversible(&fields) {
                Ok(place) => to_the_host(0, Deed::Reverse { place }),
                Err(code) => vec![Step::Tell(words::only_result(code)), Step::Tell(words::abort(code))],
            },
            Command::RepeatReceipt { fields, .. } => self.repetition(&fields),
            Command::StatusEnquiry { .. } => vec![Step::Tell(words::status())],
            Command::Diagnosis { .. } => vec![Step::Hint(words::intermediate(IntermediateCode::PLEASE_WAIT)), done()],
            Command::EndOfDay { .. } => {
                let totals = words::totals(&self.ledger, self.day_begin);
                self.day_begin = self.ledger.entries().len();
                vec![Step::Tell(totals), done()]
            }
            Command::Abort { .. } | Command::Answer(_) | Command::Other(_) => {
                return self.say(&words::refused(ResultCode::NOT_POSSIBLE));
            }
        };
        self.say(&words::accepted());
        self.process = Some(Process::new(apdu.clone(), steps));
    }

    fn begin_payment(&mut self, fields: &Fields, apdu: &Apdu) {
        let amount_cents = match priced(fields) {
            Ok(amount_cents) => amount_cents,
            Err(code) => return self.say(&words::refused(code)),
        };
        let behaviour = self.script.advance();
        let (more_ms, deed) = match behaviour {
            Behaviour::Silent => return,
            Behaviour::Slow(ms) => (ms, Deed::Pay { amount_cents }),
            Behaviour::Decline(code) => (0, Deed::Decline { amount_cents, code: ResultCode(code) }),
            _ => (0, Deed::Pay { amount_cents }),
        };
        self.say(&words::accepted());
        self.display = format!("EUR {}: please insert card", cents(amount_cents));
        let mut process = Process::new(apdu.clone(), to_the_host(more_ms, deed));
        process.behaviour = behaviour;
        if let Some([seconds @ 1..=u8::MAX]) = fields.get(0x01) {
            process.decision_ms = u64::from(*seconds) * 1_000;
        }
        self.process = Some(process);
    }

    fn repetition(&self, fields: &Fields) -> Vec<Step> {
        let Some(entry) = self.ledger.entries().last() else {
            return vec![Step::Tell(words::abort(ResultCode::NOT_POSSIBLE))];
        };
        let mut steps = vec![Step::Tell(words::result_of(entry))];
        if fields.service().is_none_or(|service| service == 0) {
            steps.extend(words::receipts(self.receipts, entry).into_iter().map(Step::Tell));
        }
        steps.push(done());
        steps
    }

    /// The place of the payment that a reversal is about.
    fn reversible(&self, fields: &Fields) -> Result<usize, ResultCode> {
        let impossible = ResultCode::REVERSAL_NOT_POSSIBLE;
        let number = fields.receipt_number().ok_or(impossible)?;
        let place = self.ledger.payment(number, self.day_begin).ok_or(impossible)?;
        let entry = self.ledger.entry(place).ok_or(impossible)?;
        let is_amount = fields.amount_cents().is_none_or(|cents| cents == entry.amount_cents);
        match entry.state {
            EntryState::Reversed => Err(ResultCode::ALREADY_REVERSED),
            EntryState::Charged if is_amount => Ok(place),
            EntryState::Charged | EntryState::Declined => Err(impossible),
        }
    }
}

/// From the card to the host: what every command does that moves money.
fn to_the_host(more_ms: u64, deed: Deed) -> Vec<Step> {
    vec![
        Step::Hint(words::intermediate(IntermediateCode::INSERT_CARD)),
        Step::Pause(CARD_MS.saturating_add(more_ms)),
        Step::AskHost,
        Step::Hint(words::intermediate(IntermediateCode::WAITING_FOR_HOST)),
        Step::Pause(HOST_MS),
        Step::Do(deed),
    ]
}

/// The amount of a command; the code to refuse it with when there is none, or one of another currency.
fn priced(fields: &Fields) -> Result<u64, ResultCode> {
    if !words::is_euro(fields) {
        return Err(WRONG_CURRENCY);
    }
    fields.amount_cents().filter(|cents| *cents > 0).ok_or(AMOUNT_TOO_SMALL)
}
