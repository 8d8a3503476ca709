//! Codes as commands, and as pictures where the printer has no command for them.

use super::job::Job;
use crate::code::{DOTS_PER_MM, LINEAR_HEIGHT_MM, Symbol, module_dots};
use crate::escpos::Bitmap;
use crate::escpos::profile::Profile;
use crate::receipt::{Code, Symbology};

/// Most bytes of a payload that printers take for a QR code.
const QR_BYTES_MAX: usize = 1800;
/// Most bytes of a payload that printers take for a PDF417 code.
const PDF417_BYTES_MAX: usize = 600;

/// Dots that a code may be wide.
pub(super) fn room_dots(profile: &Profile) -> u32 {
    u32::from(profile.dots.min(profile.text_dots()))
}

/// Whether a payload is written as it is into a command: with control bytes it could hold a real-time command.
fn is_plain(payload: &str, bytes_max: usize) -> bool {
    payload.len() <= bytes_max && !payload.is_empty() && payload.bytes().all(|byte| byte >= 0x20 && byte != 0x7F)
}

/// How a code is printed.
pub(super) enum Way {
    /// A QR code by the printer.
    Qr { module_dots: u8 },
    /// A PDF417 code by the printer.
    Pdf417,
    /// As a picture.
    Picture(Bitmap),
}

/// The way to print a code on a printer; none when it has no room.
pub(super) fn way(code: &Code, symbol: &Symbol, profile: &Profile) -> Option<Way> {
    if code.payload.is_empty() {
        return None;
    }
    let dots = module_dots(code, symbol, room_dots(profile))?;
    match code.symbology {
        Symbology::Qr if profile.features.qr && is_plain(&code.payload, QR_BYTES_MAX) => {
            Some(Way::Qr { module_dots: u8::try_from(dots).ok()? })
        }
        Symbology::Pdf417 if profile.features.pdf417 && is_plain(&code.payload, PDF417_BYTES_MAX) => Some(Way::Pdf417),
        _ => Some(Way::Picture(drawn(symbol, dots))),
    }
}

/// A symbol in dots, with its quiet zone.
pub(in crate::escpos) fn drawn(symbol: &Symbol, dots: u32) -> Bitmap {
    let quiet = symbol.quiet();
    let down = if symbol.is_linear() { LINEAR_HEIGHT_MM * DOTS_PER_MM } else { dots };
    let above = if symbol.is_linear() { 0 } else { quiet };
    let width = (symbol.width() + 2 * quiet) * dots;
    let mut picture = Bitmap::white(width, symbol.height() * down + 2 * above * dots);
    for y in 0..symbol.height() {
        for (x, length) in symbol.runs(y) {
            picture.fill((quiet + x) * dots, above * dots + y * down, length * dots, down, true);
        }
    }
    picture
}

/// `GS ( k` for a QR code: model 2, size of a module, level M, payload, print.
pub(super) fn write_qr(job: &mut Job, payload: &str, module_dots: u8) {
    job.end_piece();
    function(job, &[49, 65, 50, 0]);
    function(job, &[49, 67, module_dots]);
    function(job, &[49, 69, 49]);
    store(job, 49, payload);
    function(job, &[49, 81, 48]);
    job.end_piece();
}

/// `GS ( k` for a PDF417 code: columns and rows as the printer likes, width of a module 2 or 3, height of a row 3, level 2.
pub(super) fn write_pdf417(job: &mut Job, payload: &str, profile: &Profile) {
    job.end_piece();
    function(job, &[48, 65, 0]);
    function(job, &[48, 66, 0]);
    function(job, &[48, 67, if profile.columns >= 42 { 3 } else { 2 }]);
    function(job, &[48, 68, 3]);
    function(job, &[48, 69, 48, 50]);
    store(job, 48, payload);
    function(job, &[48, 81, 48]);
    job.end_piece();
}

fn store(job: &mut Job, kind: u8, payload: &str) {
    let data = [&[kind, 80, 48], payload.as_bytes()].concat();
    function(job, &data);
}

fn function(job: &mut Job, data: &[u8]) {
    job.out().extend(b"\x1D(k");
    job.out().extend(u16::try_from(data.len()).unwrap_or(u16::MAX).to_le_bytes());
    job.out().extend(data);
}
