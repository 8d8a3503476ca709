//! `POST /sign`: receipts in, receipts out (contract 4.5).
//!
//! Purpose: the bodies of a sign operation, in both directions.
//! Owns: [`parse_request`], [`write_request`], [`parse_response`], [`write_response`].
//! Invariants: what is written can be read again with the same digits; members that this version does not know stay
//! with their object; a `DecimalPrecisionMultiplier` is resolved on reading and never written.
//! Not here: comparing ids with headers (the edge), completing the country and reading cases (`model`, `markets`).

mod request;
mod response;

pub use request::{parse_request, request_from_json, write_request};
pub use response::{parse_response, response_from_json, write_response};
