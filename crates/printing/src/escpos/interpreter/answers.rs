//! What the printer says back.

/// Most bytes that wait to be fetched; more are lost, as when nobody reads a line.
pub const ANSWER_BYTES_MAX: usize = 4096;

/// Answers that wait.
#[derive(Debug, Default)]
pub(super) struct Answers {
    bytes: Vec<u8>,
}

impl Answers {
    pub(super) fn push(&mut self, answer: &[u8]) {
        if self.bytes.len() + answer.len() <= ANSWER_BYTES_MAX {
            self.bytes.extend(answer);
        }
    }

    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }
}
