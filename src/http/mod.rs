//! The HTTP edge: from bytes of a request to one call of a cash box, and back.
//!
//! Purpose: the public interface of contract 1, 2, 4 and 7 over HTTP/1.1 and HTTP/2.
//! Owns: [`serve`], [`Edge`], [`Pepper`], the table [`ROUTES`], the error pages ([`explain`]), the OpenAPI document ([`document`]).
//! Invariants: headers are checked before credentials, credentials before the body (contract 1.5); a cash box is reached only
//! through `auth::Caller`, which only authentication makes; every 4xx and 5xx is a problem document; a panic in a handler is
//! answered with 500 and `stored: false`; tokens are never logged or kept.
//! Not here: rules of a country, numbering, idempotency (below), the command line, folders of keys.

mod address;
mod answer;
mod asynchronous;
mod auth;
mod body;
mod connections;
mod cors;
mod edge;
mod entry;
mod errors;
mod events;
mod export;
mod headers;
pub mod market;
mod openapi;
mod path;
mod problem;
pub mod routes;
mod server;
mod throttle;

pub use auth::{Pepper, token_mac};
pub use edge::{Edge, EdgeParts, Readiness};
pub use errors::{explain, pages};
pub use market::{MarketContext, MarketContextError, with_signed};
pub use openapi::{document, document_json};
pub use routes::{ROUTES, Route};
pub use server::{Running, serve};
