//! Pictures as bytes.

use super::job::{Job, PIECE_BYTES_MAX};
use crate::escpos::Bitmap;
use crate::escpos::profile::Profile;

/// Dots of a band in columns.
const BAND_DOTS: u32 = 24;
/// Bytes of a command before its dots.
const HEAD_BYTES: usize = 8;

/// Whether a printer can print a picture of this width.
pub(super) const fn fits(profile: &Profile, width_dots: u32) -> bool {
    (profile.features.raster || profile.features.columns) && width_dots <= profile.dots as u32
}

/// Writes a picture, band by band, each a piece of its own.
pub(super) fn write(job: &mut Job, profile: &Profile, dots: &Bitmap) {
    if profile.features.raster {
        rows(job, dots);
    } else {
        columns(job, dots);
    }
}

/// `GS v 0`.
fn rows(job: &mut Job, dots: &Bitmap) {
    let row_bytes = dots.row_bytes().max(1);
    let room = u32::try_from(PIECE_BYTES_MAX - HEAD_BYTES).unwrap_or(u32::MAX);
    let band_dots = (room / row_bytes).clamp(1, 255);
    for top in (0..dots.height_dots()).step_by(usize::try_from(band_dots).unwrap_or(1)) {
        let mut band = dots.band(top, top + band_dots).rows().to_vec();
        without_real_time(&mut band);
        job.end_piece();
        let height = dots.height_dots().saturating_sub(top).min(band_dots);
        job.out().extend(b"\x1Dv0\x00");
        job.out().extend(low_high(row_bytes));
        job.out().extend(low_high(height));
        job.out().extend(band);
        job.end_piece();
    }
}

/// `ESC *` with 24 dots, and a line feed of as many.
fn columns(job: &mut Job, dots: &Bitmap) {
    job.end_piece();
    job.out().extend(b"\x1B3\x18");
    for top in (0..dots.height_dots()).step_by(24) {
        let mut band = Vec::new();
        for x in 0..dots.width_dots() {
            for byte in 0..BAND_DOTS / 8 {
                let bits = (0..8).filter(|bit| dots.is_black(x, top + byte * 8 + bit));
                band.push(bits.fold(0_u8, |byte, bit| byte | 0x80 >> bit));
            }
        }
        without_real_time(&mut band);
        job.out().extend(b"\x1B*\x21");
        job.out().extend(low_high(dots.width_dots()));
        job.out().extend(band);
        job.out().push(b'\n');
        job.end_piece();
    }
    job.out().extend(b"\x1B2");
    job.end_piece();
}

fn low_high(number: u32) -> [u8; 2] {
    u16::try_from(number).unwrap_or(u16::MAX).to_le_bytes()
}

/// Some printers do real-time commands wherever they find their bytes, also among dots: a dot more beside a single one keeps them away.
/// Codes are not touched by it: none of their dots stands alone.
pub(super) fn without_real_time(dots: &mut [u8]) {
    for at in 1..dots.len() {
        if let Some([first, second]) = dots.get_mut(at - 1..=at)
            && *first == 0x10
            && matches!(second, 0x04 | 0x05 | 0x14)
        {
            *first = 0x30;
        }
    }
}
