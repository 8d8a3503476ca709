//! How long a command is: found from its first bytes, so that bytes may be cut anywhere.

/// Most bytes of a command that are kept; a longer one is skipped to its end. A picture of the widest paper in it is a metre high.
pub const COMMAND_BYTES_MAX: usize = 1 << 21;
/// Most bytes of a list that ends with a zero: bar codes of function A, tab stops.
const LIST_BYTES_MAX: usize = 255;

const DLE: u8 = 0x10;
const ESC: u8 = 0x1B;
const FS: u8 = 0x1C;
const GS: u8 = 0x1D;

/// What is known of the length of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// So many bytes must be there before more is known; more than there are now.
    Need(usize),
    /// The command has so many bytes in all.
    Whole(u64),
}

/// Whether a byte begins a command of more than one byte.
pub(super) const fn opens(byte: u8) -> bool {
    matches!(byte, DLE | ESC | FS | GS)
}

/// The length of the command that begins with these bytes, of which there is at least one.
pub(super) fn extent(bytes: &[u8]) -> Extent {
    let Some(first) = bytes.first() else { return Extent::Need(1) };
    if !opens(*first) {
        return Extent::Whole(1);
    }
    let Some(second) = bytes.get(1) else { return Extent::Need(2) };
    match *first {
        DLE => real_time(*second, bytes),
        ESC => escape(*second, bytes),
        FS => file_separator(*second, bytes),
        _ => group_separator(*second, bytes),
    }
}

fn real_time(second: u8, bytes: &[u8]) -> Extent {
    match (second, bytes.get(2)) {
        (0x04 | 0x05 | 0x14, None) => Extent::Need(3),
        (0x04, Some(7 | 8)) | (0x14, Some(7)) => Extent::Whole(4),
        (0x14, Some(1 | 2)) => Extent::Whole(5),
        (0x14, Some(3)) => Extent::Whole(8),
        (0x14, Some(8)) => Extent::Whole(10),
        (0x04 | 0x05 | 0x14, Some(_)) => Extent::Whole(3),
        _ => Extent::Whole(2),
    }
}

fn escape(second: u8, bytes: &[u8]) -> Extent {
    match second {
        b'@' | b'2' | b'<' | b'L' | b'S' | b'i' | b'm' | b'v' | 0x0C => Extent::Whole(2),
        b' ' | b'!' | b'%' | b'-' | b'3' | b'=' | b'?' | b'E' | b'G' | b'J' | b'K' | b'M' | b'R' | b'T' | b'U'
        | b'V' | b'a' | b'd' | b'e' | b'r' | b't' | b'u' | b'{' => Extent::Whole(3),
        b'$' | b'\\' | b'B' | b'c' => Extent::Whole(4),
        b'p' => Extent::Whole(5),
        b'W' => Extent::Whole(10),
        b'(' => counted(bytes, 3),
        b'D' => ended(bytes, 2),
        b'*' => match bytes {
            [_, _, mode, low, high, ..] => {
                let column = if matches!(mode, 32 | 33) { 3 } else { 1 };
                Extent::Whole(5 + number(*low, *high) * column)
            }
            _ => Extent::Need(5),
        },
        b'&' => user_characters(bytes),
        _ => Extent::Whole(2),
    }
}

fn file_separator(second: u8, bytes: &[u8]) -> Extent {
    match second {
        b'!' | b'-' | b'C' | b'W' => Extent::Whole(3),
        b'S' | b'?' | b'p' => Extent::Whole(4),
        b'2' => Extent::Whole(4 + 72),
        b'(' => counted(bytes, 3),
        b'q' => stored_pictures(bytes),
        b'g' => match bytes {
            [_, _, b'1', _, _, _, _, _, low, high, ..] => Extent::Whole(10 + number(*low, *high)),
            [_, _, b'1', ..] => Extent::Need(10),
            [_, _, _, ..] => Extent::Whole(10),
            _ => Extent::Need(3),
        },
        _ => Extent::Whole(2),
    }
}

fn group_separator(second: u8, bytes: &[u8]) -> Extent {
    match second {
        b':' | b'c' => Extent::Whole(2),
        b'!' | b'/' | b'B' | b'E' | b'H' | b'I' | b'T' | b'a' | b'b' | b'f' | b'h' | b'r' | b'w' => Extent::Whole(3),
        b'$' | b'L' | b'P' | b'W' | b'\\' => Extent::Whole(4),
        b'^' | b'z' => Extent::Whole(5),
        b'g' => Extent::Whole(6),
        b'(' => counted(bytes, 3),
        b'8' => match bytes {
            [_, _, _, a, b, c, d, ..] => Extent::Whole(7 + u64::from(u32::from_le_bytes([*a, *b, *c, *d]))),
            _ => Extent::Need(7),
        },
        b'*' => match bytes {
            [_, _, x, y, ..] => Extent::Whole(4 + u64::from(*x) * u64::from(*y) * 8),
            _ => Extent::Need(4),
        },
        b'V' => match bytes.get(2) {
            None => Extent::Need(3),
            Some(0 | 1 | 48 | 49) => Extent::Whole(3),
            Some(_) => Extent::Whole(4),
        },
        b'C' => match bytes.get(2) {
            None => Extent::Need(3),
            Some(b'0' | b'2') => Extent::Whole(5),
            Some(b'1') => Extent::Whole(9),
            Some(_) => ended(bytes, 2),
        },
        b'k' => match (bytes.get(2), bytes.get(3)) {
            (None, _) => Extent::Need(3),
            (Some(65..=79), None) => Extent::Need(4),
            (Some(65..=79), Some(length)) => Extent::Whole(4 + u64::from(*length)),
            (Some(0..=6), _) => ended(bytes, 3),
            (Some(_), _) => Extent::Whole(3),
        },
        b'v' | b'Q' => match bytes {
            [_, _, b'0', _, x_low, x_high, y_low, y_high, ..] => {
                // `GS Q 0` counts columns of dots in x and bytes in y, `GS v 0` bytes in x and rows in y: both the product.
                Extent::Whole(8 + number(*x_low, *x_high) * number(*y_low, *y_high))
            }
            [_, _, b'0', ..] => Extent::Need(8),
            [_, _, _, ..] => Extent::Whole(3),
            _ => Extent::Need(3),
        },
        _ => Extent::Whole(2),
    }
}

fn number(low: u8, high: u8) -> u64 {
    u64::from(u16::from_le_bytes([low, high]))
}

/// `( x pL pH` and so many bytes.
fn counted(bytes: &[u8], at: usize) -> Extent {
    match (bytes.get(at), bytes.get(at + 1)) {
        (Some(low), Some(high)) => Extent::Whole(5 + number(*low, *high)),
        _ => Extent::Need(at + 2),
    }
}

/// A list that ends with a zero.
fn ended(bytes: &[u8], at: usize) -> Extent {
    let list = bytes.get(at..).unwrap_or(&[]);
    match list.iter().position(|byte| *byte == 0) {
        Some(length) => whole(at + length + 1),
        None if list.len() >= LIST_BYTES_MAX => whole(bytes.len()),
        None => Extent::Need(bytes.len() + 1),
    }
}

fn whole(bytes: usize) -> Extent {
    Extent::Whole(u64::try_from(bytes).unwrap_or(u64::MAX))
}

/// `ESC & y c1 c2`, then for each character its width and its dots.
fn user_characters(bytes: &[u8]) -> Extent {
    let [_, _, height, from, to, ..] = bytes else { return Extent::Need(5) };
    let mut at = 5;
    for _ in *from..=*to {
        let Some(width) = bytes.get(at) else { return Extent::Need(at + 1) };
        at += 1 + usize::from(*height) * usize::from(*width);
    }
    whole(at)
}

/// `FS q n`, then for each picture its size and its dots.
fn stored_pictures(bytes: &[u8]) -> Extent {
    let Some(count) = bytes.get(2) else { return Extent::Need(3) };
    let mut at = 3_usize;
    for _ in 0..*count {
        let Some([a, b, c, d]) = bytes.get(at..at.saturating_add(4)) else { return Extent::Need(at.saturating_add(4)) };
        let dots = number(*a, *b).saturating_mul(number(*c, *d)).saturating_mul(8);
        at = at.saturating_add(4).saturating_add(usize::try_from(dots).unwrap_or(usize::MAX));
        if at > COMMAND_BYTES_MAX {
            // The other pictures are not looked for: no printer has so much room.
            return whole(at);
        }
    }
    whole(at)
}

/// A part of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// Characters, without control bytes.
    Text(&'a [u8]),
    /// A command, or a control byte.
    Command(&'a [u8]),
    /// A command whose end is missing.
    Cut(&'a [u8]),
}

/// Cuts a job into text and commands.
pub fn split(job: &[u8]) -> impl Iterator<Item = Part<'_>> {
    let mut rest = job;
    std::iter::from_fn(move || {
        let first = rest.first()?;
        if *first >= 0x20 {
            let length = rest.iter().position(|byte| *byte < 0x20).unwrap_or(rest.len());
            let (text, later) = rest.split_at_checked(length)?;
            rest = later;
            return Some(Part::Text(text));
        }
        if let Extent::Whole(length) = extent(rest)
            && let Some((command, later)) =
                usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length))
        {
            rest = later;
            return Some(Part::Command(command));
        }
        Some(Part::Cut(std::mem::take(&mut rest)))
    })
}
