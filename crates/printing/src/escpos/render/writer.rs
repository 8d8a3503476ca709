//! A sheet that writes ESC/POS.

use super::bar_code;
use super::job::{JOB_BYTES_MAX, Job, PIECE_BYTES_MAX};
use super::picture;
use super::sheet::{Look, Sheet, Size};
use super::symbol::{self, Way};
use crate::code::Symbol;
use crate::escpos::Bitmap;
use crate::escpos::profile::{Profile, Repertoire, TextEncoder};
use crate::receipt::Code;

/// Reset; characters of one byte (`FS .`: some printers begin with those of two); ASCII as it is (`ESC R 0`).
const BEGIN: &[u8] = b"\x1B@\x1C.\x1BR\x00";
/// Lines that carry the last one to a cutter that does not feed by itself, or to the edge where it is torn off.
const TEAR_LINES: u8 = 5;
/// Half a line.
const GAP_DOTS: u8 = 15;
/// Where codes and pictures stand.
const MIDDLE: Look = Look { centred: true, ..Look::PLAIN };

/// Writes a job.
#[derive(Debug)]
pub struct JobWriter<'a> {
    profile: &'a Profile,
    repertoire: Repertoire<'a>,
    encoder: TextEncoder,
    look: Look,
    job: Job,
    is_full: bool,
}

impl<'a> JobWriter<'a> {
    /// Begins a job.
    #[must_use]
    pub fn new(profile: &'a Profile) -> Self {
        let mut job = Job::default();
        job.out().extend(BEGIN);
        Self {
            profile,
            repertoire: Repertoire::of(profile),
            encoder: TextEncoder::new(profile),
            look: Look::PLAIN,
            job,
            is_full: false,
        }
    }

    /// Opens the drawer at pin 2 with a pulse of 50 ms, if the printer can.
    pub fn open_drawer(&mut self) {
        if self.profile.features.drawer {
            self.job.end_piece();
            self.job.out().extend(b"\x1Bp\x00\x19\xFA");
            self.job.end_piece();
        }
    }

    /// Cuts the paper behind what was printed, or carries it to where it is torn off.
    pub fn cut(&mut self) {
        self.look(Look::PLAIN);
        self.job.end_piece();
        let features = self.profile.features;
        let command: &[u8] = match (features.part_cut, features.full_cut) {
            (true, _) => b"\x1DVB\x00",
            (false, true) => b"\x1DVA\x00",
            (false, false) => &[0x1B, b'd', TEAR_LINES],
        };
        self.job.out().extend(command);
        self.job.end_piece();
    }

    /// The job; none when it has more than [`JOB_BYTES_MAX`] bytes.
    #[must_use]
    pub fn finish(mut self) -> Option<Job> {
        self.job.end_piece();
        (!self.is_full).then_some(self.job)
    }

    /// What differs from the look of the line before.
    fn look(&mut self, look: Look) {
        let out = self.job.out();
        if look.centred != self.look.centred {
            out.extend([0x1B, b'a', u8::from(look.centred)]);
        }
        if look.bold != self.look.bold {
            out.extend([0x1B, b'E', u8::from(look.bold)]);
        }
        if look.size != self.look.size {
            let n = match look.size {
                Size::Normal => 0x00,
                Size::Large => 0x11,
            };
            out.extend([0x1D, b'!', n]);
        }
        self.look = look;
    }

    /// Whether there is room for more.
    fn has_room(&mut self) -> bool {
        self.is_full |= self.job.bytes().len() > JOB_BYTES_MAX;
        !self.is_full
    }

    /// Ends a piece when another line might make it too long.
    fn end_long_piece(&mut self) {
        if self.job.begun_bytes() > PIECE_BYTES_MAX / 2 {
            self.job.end_piece();
        }
    }

    fn print_dots(&mut self, dots: &Bitmap) {
        self.look(MIDDLE);
        picture::write(&mut self.job, self.profile, dots);
    }
}

impl Sheet for JobWriter<'_> {
    fn columns(&self) -> usize {
        usize::from(self.profile.columns)
    }

    fn dots(&self) -> u32 {
        symbol::room_dots(self.profile)
    }

    fn printable(&self, text: &str) -> String {
        self.repertoire.printable(text)
    }

    fn line(&mut self, look: Look, text: &str) {
        if !self.has_room() {
            return;
        }
        self.look(look);
        self.encoder.write(text, self.job.out());
        self.job.out().push(b'\n');
        self.end_long_piece();
    }

    fn code(&mut self, code: &Code, symbol: &Symbol) -> bool {
        if !self.has_room() {
            return true;
        }
        if symbol.is_linear() && bar_code::can(code, self.profile) {
            self.look(MIDDLE);
            bar_code::write(&mut self.job, code, self.profile);
            return true;
        }
        match symbol::way(code, symbol, self.profile) {
            Some(Way::Qr { module_dots }) => {
                self.look(MIDDLE);
                symbol::write_qr(&mut self.job, &code.payload, module_dots);
                true
            }
            Some(Way::Pdf417) => {
                self.look(MIDDLE);
                symbol::write_pdf417(&mut self.job, &code.payload, self.profile);
                true
            }
            Some(Way::Picture(dots)) if picture::fits(self.profile, dots.width_dots()) => {
                self.print_dots(&dots);
                true
            }
            _ => false,
        }
    }

    fn picture(&mut self, dots: &Bitmap) {
        if self.has_room() && picture::fits(self.profile, dots.width_dots()) {
            self.print_dots(dots);
        }
    }

    fn gap(&mut self) {
        if self.has_room() {
            self.job.out().extend([0x1B, b'J', GAP_DOTS]);
        }
    }
}
