//! Codes as modules: dark and light squares, or bars.
//!
//! Purpose: make the symbol that a reader reads back to the payload.
//! Owns: [`Symbol`], [`symbol`], the sizes at which it is drawn.
//! Invariants: the payload is encoded byte for byte; what does not fit is an error and never a damaged symbol; no payload makes an encoder
//! panic or run away.
//! Not here: what is in a code (`markets`), dots and points (the renderings).

mod size;
mod symbol;

pub use size::{DOTS_PER_MM, LINEAR_HEIGHT_MM, MODULE_DOTS_MIN, module_dots};
pub use symbol::{CodeError, PAYLOAD_BYTES_MAX, Symbol, symbol};
