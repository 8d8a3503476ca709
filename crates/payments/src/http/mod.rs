//! The protocol of payment apps: an app, on a phone or a card reader with a browser, fetches its payment request and posts its result.
//!
//! Purpose: read and write the bodies of `/payment-apps`, and judge what an app tells; `docs/api/payment-app.md` is the page of it.
//! Owns: [`AppRequest`] (what an app fetches), [`Acceptance`], [`AppTold`] with its [`AppResult`].
//! Invariants: an amount is a decimal with two places and is never more than what was asked for, the tip taken out; a result that
//! contradicts itself or the request is refused whole; members that are not known are neither kept nor printed.
//! Not here: HTTP and who may ask (the edge), time, waiting and the steps of a payment (`actors`).

mod request;
mod result;

pub use request::{Acceptance, AppRequest, write_accepted};
pub use result::{AppResult, AppTold, Done, Failed};

/// Its name, as protocol and as provider.
pub const NAME: &str = "http";
/// Its registration.
pub const PROVIDER: crate::Provider = crate::Provider { name: NAME, sandbox_only: false, lines: &[crate::Line::App] };
/// Version of the protocol.
pub const VERSION: &str = "1.0.0";
