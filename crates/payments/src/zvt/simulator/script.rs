//! What happens to the next payments.

use std::collections::VecDeque;
use std::str::FromStr;

use thiserror::Error;

/// What happens to one payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behaviour {
    /// `approve`: it is paid.
    Approve,
    /// `tip:200`: it is paid, with a tip of so many cents on top.
    ApproveWithTip(u64),
    /// `partial:1000`: at most so many cents are paid.
    ApprovePartly(u64),
    /// `decline:05`: it is declined with this result code (hexadecimal).
    Decline(u8),
    /// `slow:3000`: the customer takes so many milliseconds before the host is asked; then it is paid.
    Slow(u64),
    /// `silent`: the command is not answered, and nothing is charged.
    Silent,
    /// `charge-silent`: it is paid, and the terminal says nothing more about it.
    SilentAfterCharge,
    /// `drop-sent:12`: the line breaks when the terminal has sent so many bytes since the command.
    DropAfterSentBytes(usize),
    /// `drop-received:8`: the line breaks when the terminal has received so many bytes from the command on. It knows the
    /// command by its first two bytes (four of a frame) and does not drop before.
    DropAfterReceivedBytes(usize),
    /// `lose-answer`: it is paid, and the register's answer to the result is lost on its way.
    LoseAnswerAfterCharge,
    /// `repeat`: it is paid, and the result is sent twice.
    RepeatStatus,
    /// `bad-crc`: it is paid; on a serial line the frame of the result is damaged once.
    WrongCrc,
    /// `foreign`: it is paid, but the result tells another amount and receipt number.
    ForeignTransaction,
    /// `noise:00ff10`: it is paid, with these bytes before every message.
    NoiseBetweenFrames(Vec<u8>),
}

/// What a terminal does with a charge whose result nobody acknowledges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Flavour {
    /// `flavour:germany`: it reverses.
    #[default]
    Germany,
    /// `flavour:austria`: it sets the transaction to declined.
    Austria,
}

/// What a terminal does with a payment under way when the line breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LineLoss {
    /// `on-drop:goes-on`: the customer pays all the same.
    #[default]
    GoesOn,
    /// `on-drop:stops`: what is not charged is not going to be; what is charged and not acknowledged is taken back.
    Stops,
}

/// Why a text is no script.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ScriptError {
    /// Nothing has this name.
    #[error("`{0}` is nothing that a terminal can do")]
    Unknown(String),
    /// The number or the bytes behind the colon are missing, not readable, or too much.
    #[error("`{word}` wants {wants} behind its colon")]
    Argument {
        /// The word.
        word: String,
        /// What it wants.
        wants: &'static str,
    },
    /// There is something behind a colon that should not be there.
    #[error("`{0}` takes nothing behind a colon")]
    NoArgument(String),
}

/// A behaviour, or one that is drawn when its turn comes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Choice {
    Fixed(Behaviour),
    Random,
}

/// The behaviours of the next payments, then one for all others.
///
/// As a text: words with commas between, for example `decline:05,tip:200,random`; `default:..` is for all payments
/// behind the list (`approve` when it is missing), `flavour:..` and `on-drop:..` hold for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    next: Behaviour,
    list: VecDeque<Choice>,
    default: Choice,
    flavour: Flavour,
    line_loss: LineLoss,
    random: u64,
}

impl Script {
    /// All payments are paid.
    #[must_use]
    pub fn approving() -> Self {
        Self::of([])
    }

    /// These behaviours, then approvals.
    #[must_use]
    pub fn of(behaviours: impl IntoIterator<Item = Behaviour>) -> Self {
        let list = behaviours.into_iter().map(Choice::Fixed).collect();
        Self::build(list, Choice::Fixed(Behaviour::Approve), 0)
    }

    /// The script that a text tells; `seed` decides what `random` does.
    ///
    /// # Errors
    /// [`ScriptError`] with the word that is not understood.
    pub fn parse(text: &str, seed: u64) -> Result<Self, ScriptError> {
        let (mut list, mut default) = (VecDeque::new(), Choice::Fixed(Behaviour::Approve));
        let (mut flavour, mut line_loss) = (Flavour::default(), LineLoss::default());
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            match word.split_once(':') {
                Some(("default", rest)) => default = choice(rest)?,
                Some(("flavour", "germany")) => flavour = Flavour::Germany,
                Some(("flavour", "austria")) => flavour = Flavour::Austria,
                Some(("flavour", _)) => return Err(argument(word, "`germany` or `austria`")),
                Some(("on-drop", "goes-on")) => line_loss = LineLoss::GoesOn,
                Some(("on-drop", "stops")) => line_loss = LineLoss::Stops,
                Some(("on-drop", _)) => return Err(argument(word, "`goes-on` or `stops`")),
                _ => list.push_back(choice(word)?),
            }
        }
        Ok(Self::build(list, default, seed).with_flavour(flavour).with_line_loss(line_loss))
    }

    /// The same with this flavour.
    #[must_use]
    pub fn with_flavour(self, flavour: Flavour) -> Self {
        Self { flavour, ..self }
    }

    /// The same with this conduct when the line breaks.
    #[must_use]
    pub fn with_line_loss(self, line_loss: LineLoss) -> Self {
        Self { line_loss, ..self }
    }

    /// What the terminal does with a charge that nobody acknowledges.
    #[must_use]
    pub fn flavour(&self) -> Flavour {
        self.flavour
    }

    /// What the terminal does when the line breaks.
    #[must_use]
    pub fn line_loss(&self) -> LineLoss {
        self.line_loss
    }

    /// What happens to the next payment.
    #[must_use]
    pub fn next(&self) -> &Behaviour {
        &self.next
    }

    /// Takes what happens to the next payment, and draws the one behind it.
    pub(super) fn advance(&mut self) -> Behaviour {
        let next = self.draw();
        std::mem::replace(&mut self.next, next)
    }

    fn build(list: VecDeque<Choice>, default: Choice, random: u64) -> Self {
        let (flavour, line_loss) = (Flavour::default(), LineLoss::default());
        let mut script = Self { next: Behaviour::Approve, list, default, flavour, line_loss, random };
        script.next = script.draw();
        script
    }

    fn draw(&mut self) -> Behaviour {
        match self.list.pop_front().unwrap_or_else(|| self.default.clone()) {
            Choice::Fixed(behaviour) => behaviour,
            Choice::Random => self.any_behaviour(),
        }
    }

    fn any_behaviour(&mut self) -> Behaviour {
        match self.below(14) {
            0 => Behaviour::ApproveWithTip(1 + self.below(500)),
            1 => Behaviour::ApprovePartly(1 + self.below(5_000)),
            2 => Behaviour::Decline(u8::try_from(1 + self.below(0x63)).unwrap_or(5)),
            3 => Behaviour::Slow(self.below(20_000)),
            4 => Behaviour::Silent,
            5 => Behaviour::SilentAfterCharge,
            6 => Behaviour::DropAfterSentBytes(usize::try_from(self.below(300)).unwrap_or(0)),
            7 => Behaviour::DropAfterReceivedBytes(usize::try_from(self.below(40)).unwrap_or(0)),
            8 => Behaviour::LoseAnswerAfterCharge,
            9 => Behaviour::RepeatStatus,
            10 => Behaviour::WrongCrc,
            11 => Behaviour::ForeignTransaction,
            _ => Behaviour::Approve,
        }
    }

    /// A number below `limit`: SplitMix64, which is small and the same everywhere.
    fn below(&mut self, limit: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)).checked_rem(limit).unwrap_or(0)
    }
}

impl FromStr for Script {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Self, ScriptError> {
        Self::parse(text, 0)
    }
}

fn choice(word: &str) -> Result<Choice, ScriptError> {
    let (name, told) = word.split_once(':').map_or((word, None), |(name, told)| (name, Some(told)));
    let behaviour = match name {
        "tip" => Behaviour::ApproveWithTip(number(word, told, "cents")?),
        "partial" => Behaviour::ApprovePartly(number(word, told, "cents")?),
        "slow" => Behaviour::Slow(number(word, told, "milliseconds")?),
        "drop-sent" => Behaviour::DropAfterSentBytes(number(word, told, "a number of bytes")?),
        "drop-received" => Behaviour::DropAfterReceivedBytes(number(word, told, "a number of bytes")?),
        "decline" => match hex(told).as_deref() {
            Some([code @ 1..=u8::MAX]) => Behaviour::Decline(*code),
            _ => return Err(argument(word, "a result code but 00 in two hexadecimal digits")),
        },
        "noise" => match hex(told) {
            Some(bytes) => Behaviour::NoiseBetweenFrames(bytes),
            None => return Err(argument(word, "bytes in hexadecimal digits")),
        },
        _ => {
            let plain = plain(name).ok_or_else(|| ScriptError::Unknown(word.to_owned()))?;
            return if told.is_some() { Err(ScriptError::NoArgument(word.to_owned())) } else { Ok(plain) };
        }
    };
    Ok(Choice::Fixed(behaviour))
}

fn plain(name: &str) -> Option<Choice> {
    Some(Choice::Fixed(match name {
        "approve" => Behaviour::Approve,
        "silent" => Behaviour::Silent,
        "charge-silent" => Behaviour::SilentAfterCharge,
        "lose-answer" => Behaviour::LoseAnswerAfterCharge,
        "repeat" => Behaviour::RepeatStatus,
        "bad-crc" => Behaviour::WrongCrc,
        "foreign" => Behaviour::ForeignTransaction,
        "random" => return Some(Choice::Random),
        _ => return None,
    }))
}

fn argument(word: &str, wants: &'static str) -> ScriptError {
    ScriptError::Argument { word: word.to_owned(), wants }
}

fn number<N: FromStr>(word: &str, told: Option<&str>, wants: &'static str) -> Result<N, ScriptError> {
    told.and_then(|told| told.parse().ok()).ok_or_else(|| argument(word, wants))
}

/// One byte or more in pairs of digits.
fn hex(told: Option<&str>) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        told?.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits?;
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some((high << 4) | low),
        _ => None,
    };
    (!digits.is_empty()).then(|| digits.chunks(2).map(pair).collect())?
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_a_script() {
        let text = "approve,decline:05, tip:200,partial:1000,slow:3000,silent,charge-silent,drop-sent:12,drop-received:8,\
                    lose-answer,repeat,bad-crc,foreign,noise:00ff10,default:decline:6c,flavour:austria,on-drop:stops";
        let mut script = Script::parse(text, 1).unwrap();
        let told: Vec<_> = (0..16).map(|_| script.advance()).collect();
        assert_eq!(
            told,
            [
                Behaviour::Approve,
                Behaviour::Decline(5),
                Behaviour::ApproveWithTip(200),
                Behaviour::ApprovePartly(1_000),
                Behaviour::Slow(3_000),
                Behaviour::Silent,
                Behaviour::SilentAfterCharge,
                Behaviour::DropAfterSentBytes(12),
                Behaviour::DropAfterReceivedBytes(8),
                Behaviour::LoseAnswerAfterCharge,
                Behaviour::RepeatStatus,
                Behaviour::WrongCrc,
                Behaviour::ForeignTransaction,
                Behaviour::NoiseBetweenFrames(vec![0, 0xFF, 0x10]),
                Behaviour::Decline(0x6C),
                Behaviour::Decline(0x6C),
            ]
        );
        assert_eq!((script.flavour(), script.line_loss()), (Flavour::Austria, LineLoss::Stops));
        assert_eq!(*Script::parse("", 0).unwrap().next(), Behaviour::Approve);
    }

    #[test]
    fn the_seed_draws() {
        let draw = |seed| {
            let mut script = Script::parse("default:random", seed).unwrap();
            (0..50).map(|_| script.advance()).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn what_is_no_script_is_told() {
        for (text, why) in [
            ("approve,explode", "`explode` is nothing that a terminal can do"),
            ("tip", "`tip` wants cents behind its colon"),
            ("tip:-1", "`tip:-1` wants cents behind its colon"),
            ("decline:00", "`decline:00` wants a result code but 00 in two hexadecimal digits behind its colon"),
            ("noise:0", "`noise:0` wants bytes in hexadecimal digits behind its colon"),
            ("silent:1", "`silent:1` takes nothing behind a colon"),
            ("flavour:sour", "`flavour:sour` wants `germany` or `austria` behind its colon"),
            ("default:", "`` is nothing that a terminal can do"),
        ] {
            assert_eq!(Script::parse(text, 0).unwrap_err().to_string(), why, "{text}");
        }
    }
}
