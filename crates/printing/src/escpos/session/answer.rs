//! What a printer says, out of a stream that may be cut anywhere and hold noise.

use crate::escpos::status::{
    Condition, Paper, answers_enquiry, begins_automatic, continues_automatic, of_automatic, of_sensors,
};

/// Most bytes of a text about itself (`GS I`).
const TEXT_BYTES_MAX: usize = 82;

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// To `DLE EOT`; which question it was is for the asker to know.
    Enquiry(u8),
    /// An automatic status, asked for or not.
    Automatic(Condition),
    /// To `GS r 1`.
    Sensors(Paper),
    /// To `GS ( H`: all before it is printed.
    Processed([u8; 4]),
    /// Something that nobody asked for and that means nothing here: flow control, a text about itself.
    Other,
    /// A byte that no printer says.
    Noise(u8),
}

/// Reads answers byte by byte.
#[derive(Debug, Default)]
pub struct AnswerReader {
    begun: Vec<u8>,
}

enum Reading {
    Whole(Answer, usize),
    More,
    Noise,
}

impl AnswerReader {
    /// Takes bytes that arrived.
    pub fn receive(&mut self, bytes: &[u8]) -> Vec<Answer> {
        let mut found = Vec::new();
        for byte in bytes {
            self.begun.push(*byte);
            loop {
                match read(&self.begun) {
                    Reading::More => break,
                    Reading::Whole(answer, length) => {
                        found.push(answer);
                        self.begun.drain(..length);
                    }
                    Reading::Noise => {
                        found.push(Answer::Noise(self.begun.remove(0)));
                    }
                }
            }
        }
        found
    }

    /// Gives up an answer whose end does not come; tells how many bytes it had.
    pub fn give_up(&mut self) -> usize {
        std::mem::take(&mut self.begun).len()
    }
}

fn read(bytes: &[u8]) -> Reading {
    match bytes {
        [] => Reading::More,
        [0x37, rest @ ..] => match rest {
            [] | [0x22 | 0x25] => Reading::More,
            [0x25, 0, ..] => Reading::Whole(Answer::Other, 3),
            [0x22, id @ ..] => {
                if !id.iter().take(4).all(|byte| matches!(byte, 0x20..=0x7E)) {
                    return Reading::Noise;
                }
                match id {
                    [a, b, c, d, 0, ..] => Reading::Whole(Answer::Processed([*a, *b, *c, *d]), 7),
                    [_, _, _, _, _, ..] => Reading::Noise,
                    _ => Reading::More,
                }
            }
            _ => Reading::Noise,
        },
        [0x5F, rest @ ..] => match rest.iter().position(|byte| !matches!(byte, 0x20..=0x7E)) {
            Some(end) if rest.get(end) == Some(&0) => Reading::Whole(Answer::Other, end + 2),
            Some(_) => Reading::Noise,
            None if rest.len() > TEXT_BYTES_MAX => Reading::Noise,
            None => Reading::More,
        },
        [first, rest @ ..] if begins_automatic(*first) => {
            if !rest.iter().take(3).all(|byte| continues_automatic(*byte)) {
                return Reading::Noise;
            }
            match rest {
                [second, third, fourth, ..] => {
                    Reading::Whole(Answer::Automatic(of_automatic([*first, *second, *third, *fourth])), 4)
                }
                _ => Reading::More,
            }
        }
        [first, ..] if answers_enquiry(*first) => Reading::Whole(Answer::Enquiry(*first), 1),
        [0x11 | 0x13, ..] => Reading::Whole(Answer::Other, 1),
        [first, ..] => match of_sensors(*first) {
            Some(paper) => Reading::Whole(Answer::Sensors(paper), 1),
            None => Reading::Noise,
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(bytes: &[u8], answers: &[Answer]) {
        assert_eq!(AnswerReader::default().receive(bytes), answers, "{bytes:02X?}");
    }

    #[test]
    fn known_answers() {
        check(&[0x12], &[Answer::Enquiry(0x12)]);
        check(
            &[0x00, 0x03, 0x0F],
            &[Answer::Sensors(Paper::Present), Answer::Sensors(Paper::NearEnd), Answer::Noise(0x0F)],
        );
        check(b"\x37\x22AB12\0", &[Answer::Processed(*b"AB12")]);
        check(b"\x37\x25\0\x11_TM-T20\0", &[Answer::Other, Answer::Other, Answer::Other]);
        check(&[0x10, 0, 0, 0x0F], &[Answer::Automatic(Condition::default())]);
        // Noise before and inside an answer does not hide the next one.
        check(
            &[0xFF, 0x37, 0x41, 0x12],
            &[Answer::Noise(0xFF), Answer::Noise(0x37), Answer::Noise(0x41), Answer::Enquiry(0x12)],
        );
        check(&[0x10, 0x12], &[Answer::Noise(0x10), Answer::Enquiry(0x12)]);
        check(
            b"\x37\x22AB\x12",
            &[
                Answer::Noise(0x37),
                Answer::Noise(0x22),
                Answer::Noise(0x41),
                Answer::Noise(0x42),
                Answer::Enquiry(0x12),
            ],
        );
    }

    proptest! {
        #[test]
        fn any_cut_is_the_same_and_nothing_is_kept_for_ever(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut reader = AnswerReader::default();
            let whole = reader.receive(&bytes);
            prop_assert!(reader.give_up() <= TEXT_BYTES_MAX + 2);
            let mut reader = AnswerReader::default();
            let cut: Vec<Answer> = bytes.iter().flat_map(|byte| reader.receive(&[*byte])).collect();
            prop_assert_eq!(cut, whole);
        }
    }
}
