//! Bar codes that the printer draws (`GS k`).

use super::job::Job;
use crate::escpos::profile::Profile;
use crate::receipt::{Code, Symbology};

/// Height of the bars.
const HEIGHT_DOTS: u8 = 80;
/// Dots of a module that are tried, the widest first.
const MODULE_DOTS: [u32; 2] = [3, 2];
/// Modules of white at both sides.
const QUIET_MODULES: u32 = 20;
/// Most characters: the length is one byte, and code 128 needs two for a brace.
const CHARS_MAX: usize = 100;

/// The numbers of a kind for functions A and B, its data, and its modules; none when it cannot say the payload.
struct Bars {
    number: u8,
    data: Vec<u8>,
    modules: u32,
}

/// Bytes of one command, and dots of a module; none when the printer cannot print it.
fn command(code: &Code, profile: &Profile) -> Option<(Vec<u8>, u8)> {
    let bars = bars(code)?;
    let paper_dots = u32::from(profile.dots.min(profile.text_dots()));
    let dots = MODULE_DOTS.into_iter().find(|dots| (bars.modules + QUIET_MODULES) * dots <= paper_dots)?;
    let command = if profile.features.barcode_a && bars.number <= 6 {
        [&[0x1D, b'k', bars.number], bars.data.as_slice(), &[0]].concat()
    } else if profile.features.barcode_b {
        [&[0x1D, b'k', bars.number + 65, u8::try_from(bars.data.len()).ok()?], bars.data.as_slice()].concat()
    } else {
        return None;
    };
    Some((command, u8::try_from(dots).ok()?))
}

fn bars(code: &Code) -> Option<Bars> {
    let payload = code.payload.as_bytes();
    let count = u32::try_from(payload.len()).ok()?;
    let digits = |lengths: &[usize]| lengths.contains(&payload.len()) && payload.iter().all(u8::is_ascii_digit);
    let plain = |number, modules| Bars { number, data: payload.to_vec(), modules };
    match code.symbology {
        Symbology::UpcA if digits(&[11, 12]) => Some(plain(0, 95)),
        Symbology::Ean13 if digits(&[12, 13]) => Some(plain(2, 95)),
        Symbology::Ean8 if digits(&[7, 8]) => Some(plain(3, 67)),
        Symbology::Code39 => {
            let has = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b" $%+-./".contains(byte);
            (count > 0 && payload.len() <= CHARS_MAX && payload.iter().all(has)).then(|| plain(4, (count + 2) * 16))
        }
        Symbology::Code128 => {
            let has = |byte: &u8| matches!(byte, b' '..=b'~');
            if count == 0 || payload.len() > CHARS_MAX || !payload.iter().all(has) {
                return None;
            }
            // Set B; a brace is written twice.
            let mut data = b"{B".to_vec();
            for byte in payload {
                data.push(*byte);
                if *byte == b'{' {
                    data.push(b'{');
                }
            }
            Some(Bars { number: 8, data, modules: 11 * (count + 2) + 13 })
        }
        _ => None,
    }
}

/// Whether a printer draws this code itself.
pub(super) fn can(code: &Code, profile: &Profile) -> bool {
    command(code, profile).is_some()
}

/// Writes a bar code with its text below.
pub(super) fn write(job: &mut Job, code: &Code, profile: &Profile) {
    if let Some((command, dots)) = command(code, profile) {
        job.end_piece();
        job.out().extend([0x1D, b'H', 2, 0x1D, b'h', HEIGHT_DOTS, 0x1D, b'w', dots]);
        job.out().extend(command);
        job.end_piece();
    }
}
