//! Real-time commands: a printer does them as their bytes arrive, whatever they stand in.

/// A real-time command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RealTime {
    /// `DLE EOT n`.
    Status(u8),
    /// `DLE ENQ n`: recover from an error; 2 clears the buffers too.
    Recover { clear: bool },
    /// `DLE DC4 1 m t`: open a drawer.
    Drawer { pin: u8 },
    /// `DLE DC4 8 1 3 20 1 6 2 8`: clear the buffers.
    Clear,
}

/// The longest of them.
const BYTES_MAX: usize = 10;
const CLEAR: [u8; BYTES_MAX] = [0x10, 0x14, 8, 1, 3, 20, 1, 6, 2, 8];

/// Finds real-time commands in a stream.
#[derive(Debug, Default)]
pub(super) struct RealTimeScanner {
    seen: Vec<u8>,
}

impl RealTimeScanner {
    /// Takes a byte; tells the command that it ends.
    pub(super) fn push(&mut self, byte: u8) -> Option<RealTime> {
        if self.seen.is_empty() && byte != 0x10 {
            return None;
        }
        self.seen.push(byte);
        let found = match self.seen.as_slice() {
            [0x10] | [0x10, 0x04 | 0x05 | 0x14] | [0x10, 0x14, 1] | [0x10, 0x14, 1, _] => return None,
            [0x10, 0x04, n] => Some(RealTime::Status(*n)),
            [0x10, 0x05, n @ (1 | 2)] => Some(RealTime::Recover { clear: *n == 2 }),
            [0x10, 0x14, 1, m, _] => Some(RealTime::Drawer { pin: if *m == 0 { 2 } else { 5 } }),
            seen if *seen == CLEAR => Some(RealTime::Clear),
            seen if CLEAR.starts_with(seen) => return None,
            _ => None,
        };
        self.seen.clear();
        // A command that broke off may be the beginning of another one.
        if found.is_none() && byte == 0x10 {
            self.seen.push(byte);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], found: &[RealTime]) {
        let mut scanner = RealTimeScanner::default();
        let got: Vec<RealTime> = bytes.iter().filter_map(|byte| scanner.push(*byte)).collect();
        assert_eq!(got, found, "{bytes:02X?}");
    }

    #[test]
    fn known_commands() {
        check(&[0x10, 4, 1], &[RealTime::Status(1)]);
        check(&[0x10, 0x10, 4, 4, 0x10, 5, 2], &[RealTime::Status(4), RealTime::Recover { clear: true }]);
        check(&[0x10, 0x14, 1, 0, 1], &[RealTime::Drawer { pin: 2 }]);
        check(&CLEAR, &[RealTime::Clear]);
        check(&[0x10, 0x14, 8, 1, 3, 20, 1, 6, 2, 9, 0x10, 4, 2], &[RealTime::Status(2)]);
        check(b"A\x10B\x04\x01", &[]);
    }
}
