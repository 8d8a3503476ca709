//! ESC/POS: what receipt printers speak.
//!
//! Purpose: make the bytes of a print job, print it once, and play the printer well enough to judge both.
//! Owns: [`profile`] (what a printer can do), [`CodePage`] (bytes and characters), [`render`](mod@render) (a receipt to a job), [`session`]
//!   (the dialogue that prints a job), [`status`] (the bytes in which a printer tells how it stands), [`interpreter`] (the printer's side:
//!   bytes to a tape, and the tape to text and a picture).
//! Invariants: no clock, no socket, no thread; no bytes make anything here panic or grow without a bound.
//! Not here: sockets, ports, clocks and spools (`actors`), what stands on a receipt (`receipt`).
//!
//! Command names are those of the makers' public command references (ESC/POS application programming guides).

mod bitmap;
mod code_page;
pub mod interpreter;
pub mod profile;
mod qr;
pub mod render;
pub mod session;
pub mod status;

pub use bitmap::Bitmap;
pub use code_page::{CodePage, code_page, code_pages};
pub use qr::QrLevel;
