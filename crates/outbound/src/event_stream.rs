//! Server-sent events as they come out of bytes (WHATWG HTML §9.2): no socket, no clock.

use std::collections::VecDeque;

/// One block of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamEvent {
    /// The last id that came, also with an earlier block; empty before the first.
    pub id: String,
    /// The field `event`; `message` when there was none.
    pub kind: String,
    /// The lines of `data` with a line feed between them; `None` for a block that only moves the id, which a browser would not show.
    pub data: Option<String>,
}

/// A block or a line is longer than is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is longer than {bytes_max} bytes")]
pub struct TooLarge {
    /// How much is held, in bytes.
    pub bytes_max: usize,
}

/// Reads a stream piece by piece, cut anywhere.
#[derive(Debug)]
pub struct EventReader {
    bytes_max: usize,
    /// The line that has not ended.
    line: Vec<u8>,
    /// The last byte was a carriage return, so that a line feed belongs to it.
    after_return: bool,
    /// No line has ended yet: a byte order mark may come.
    at_begin: bool,
    id: String,
    id_moved: bool,
    kind: String,
    data: Option<String>,
    retry_ms: Option<u64>,
    ready: VecDeque<StreamEvent>,
}

impl EventReader {
    /// A reader that holds at most `bytes_max` of one event.
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            line: Vec::new(),
            after_return: false,
            at_begin: true,
            id: String::new(),
            id_moved: false,
            kind: String::new(),
            data: None,
            retry_ms: None,
            ready: VecDeque::new(),
        }
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// [`TooLarge`]; what came before can still be taken, and the reader is then of no use any more.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), TooLarge> {
        for byte in piece {
            let belongs_to_return = std::mem::replace(&mut self.after_return, *byte == b'\r') && *byte == b'\n';
            if belongs_to_return {
                continue;
            }
            if matches!(byte, b'\n' | b'\r') {
                let line = std::mem::take(&mut self.line);
                self.line_ended(&line);
            } else {
                self.line.push(*byte);
            }
            let held = self.line.len().saturating_add(self.data.as_deref().map_or(0, str::len));
            if held > self.bytes_max {
                return Err(TooLarge { bytes_max: self.bytes_max });
            }
        }
        Ok(())
    }

    /// The next whole block.
    pub fn next_event(&mut self) -> Option<StreamEvent> {
        self.ready.pop_front()
    }

    /// How long to wait before coming back, when the sender said so, in milliseconds.
    #[must_use]
    pub const fn retry_ms(&self) -> Option<u64> {
        self.retry_ms
    }

    fn line_ended(&mut self, line: &[u8]) {
        let line =
            if std::mem::take(&mut self.at_begin) { line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line) } else { line };
        if line.is_empty() {
            return self.block_ended();
        }
        let text = String::from_utf8_lossy(line);
        let (name, value) = text.split_once(':').unwrap_or((&text, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            "event" => value.clone_into(&mut self.kind),
            "id" if !value.contains('\0') => {
                value.clone_into(&mut self.id);
                self.id_moved = true;
            }
            "retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.retry_ms = value.parse().ok().or(self.retry_ms);
            }
            // A comment has no name; other fields have no meaning.
            _ => {}
        }
    }

    fn block_ended(&mut self) {
        let kind = std::mem::take(&mut self.kind);
        let data = self.data.take();
        if std::mem::take(&mut self.id_moved) || data.is_some() {
            let kind = if kind.is_empty() { "message".to_owned() } else { kind };
            self.ready.push_back(StreamEvent { id: self.id.clone(), kind, data });
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]
mod tests {
    use super::*;

    fn read(pieces: &[&[u8]]) -> (Vec<StreamEvent>, Option<u64>) {
        let mut reader = EventReader::new(1_000);
        let mut events = Vec::new();
        for piece in pieces {
            reader.push(piece).unwrap();
            while let Some(event) = reader.next_event() {
                events.push(event);
            }
        }
        (events, reader.retry_ms())
    }

    fn event(id: &str, kind: &str, data: Option<&str>) -> StreamEvent {
        StreamEvent { id: id.to_owned(), kind: kind.to_owned(), data: data.map(str::to_owned) }
    }

    /// Read in one piece, byte by byte, and cut in two at every place, with each kind of line end.
    #[track_caller]
    fn check(text: &str, expected: &[StreamEvent], retry_ms: Option<u64>) {
        for end in ["\n", "\r", "\r\n"] {
            let bytes = text.replace('\n', end).into_bytes();
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            assert_eq!(read(&single), (expected.to_vec(), retry_ms), "{text:?} with {end:?}, byte by byte");
            for cut in 0..=bytes.len() {
                let pieces = [&bytes[..cut], &bytes[cut..]];
                assert_eq!(read(&pieces), (expected.to_vec(), retry_ms), "{text:?} with {end:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn blocks_are_read_however_they_are_cut() {
        check(
            ": hello\nretry: 2000\nid: 17.3\n\nid: 18.1\nevent: operation\ndata: {\"ä\":1}\n\n",
            &[event("17.3", "message", None), event("18.1", "operation", Some("{\"ä\":1}"))],
            Some(2_000),
        );
        check("data: a\ndata:b\ndata\ndata:  c\n\n", &[event("", "message", Some("a\nb\n\n c"))], None);
        check("\u{feff}data: marked\n\n\u{feff}data: not\n\n", &[event("", "message", Some("marked"))], None);
        check(
            "id: 1\ndata: x\n\ndata: y\n\nid\ndata: z\n\n",
            &[event("1", "message", Some("x")), event("1", "message", Some("y")), event("", "message", Some("z"))],
            None,
        );
        check("event: lost\n\ndata: x\n\n", &[event("", "message", Some("x"))], None);
        check("id: a\0b\nretry: 1x\nretry:\nother: 1\n\n:\n\n", &[], None);
        check("data: without an end\n", &[], None);
        check("data\n\n", &[event("", "message", Some(""))], None);
    }

    #[test]
    fn what_is_not_unicode_does_not_stop_the_reader() {
        let (events, _) = read(&[b"data: \xff\n\n"]);
        assert_eq!(events, [event("", "message", Some("\u{fffd}"))]);
    }

    #[test]
    fn memory_is_bounded() {
        let mut reader = EventReader::new(10);
        reader.push(b"data: 1234\n\n: 23456789\n").unwrap();
        assert_eq!(reader.next_event().unwrap().data.unwrap(), "1234");
        assert_eq!(reader.push(b"data: 123456"), Err(TooLarge { bytes_max: 10 }));
        let mut lines = EventReader::new(10);
        lines.push(b"data: 123\n").unwrap();
        lines.push(b"data: 1\n").unwrap();
        assert!(lines.push(b"data: 1\ndata: 1\n").is_err(), "lines of one event count together");
    }
}
