//! A receipt as dots: what a thermal printer burns, at 8 dots/mm.
//!
//! Purpose: one picture for files and for printers that cannot draw a character or a code themselves.
//! Owns: [`Picture`] (the whole receipt, band by band), [`Band`] (dots of one row of it), [`Width`].
//! Invariants: a dot is black or not; memory is bounded by one band, whatever the length of the receipt; a picture is never higher than
//! [`HEIGHT_DOTS_MAX`].
//! Not here: files (`png`), commands of printers.

mod band;
mod picture;
mod width;

pub use band::Band;
pub use picture::{HEIGHT_DOTS_MAX, Picture, PictureError};
pub use width::Width;
