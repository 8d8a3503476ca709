//! House rules as tests: layers, file heads, words and lengths.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "a test may stop")]

mod layers;
mod sources;
