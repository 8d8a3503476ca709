//! A printer that is not one: bytes in, a tape out.
//!
//! Purpose: judge print jobs and sessions, and show at a desk what paper would show.
//! Owns: [`Interpreter`] (the printer: its buffer, its state, its answers); [`split`] (bytes to commands); [`Tape`] and its [`Item`]s (what
//!   is on the paper); [`plain_text`] and [`png_of`] (the tape to read and to look at).
//! Invariants: the tape is the same wherever the bytes are cut; no bytes make it panic; memory is bounded by [`TAPE_BYTES_MAX`],
//!   [`COMMAND_BYTES_MAX`], [`ANSWER_BYTES_MAX`] and the profile's buffer; while the printer is not online only real-time commands work.
//! Not here: sockets and pseudo terminals (`kassette simulate printer`), when which fault happens.

mod answers;
mod charset;
mod execute;
mod extent;
mod framer;
mod graphics;
mod line;
mod paint;
mod picture;
mod printer;
mod real_time;
mod symbols;
mod tape;
mod text;

pub use answers::ANSWER_BYTES_MAX;
pub use extent::{COMMAND_BYTES_MAX, Part, split};
pub use picture::{PICTURE_ROWS_MAX, PictureError, paint, png_of};
pub use printer::{Interpreter, PaperRoll};
pub use tape::{Align, Font, Fragment, Item, Line, Style, Symbology, TAPE_BYTES_MAX, Tape};
pub use text::plain_text;

#[cfg(test)]
mod tests;
