//! The outgoing HTTP client and its address guard (contract 3.3).
//!
//! Purpose: post a body to a URL that somebody else chose, without being led to an address they must not reach; follow a stream of
//!   events.
//! Owns: [`forbidden`], [`Network`], [`Policy`], [`Target`], [`Resolver`] and [`Connector`] with their system forms,
//!   [`Client`], [`Streaming`], [`EventReader`].
//! Invariants: no socket is opened to an address that the policy refuses; all answers for a name are checked, one bad answer drops the
//!   name, and the connection goes to the very address that was checked; every call looks the name up anew, and takes a kept connection
//!   only when it goes to an address that was checked for this call; no redirect is followed, no proxy variable is read; every call ends
//!   within `call_timeout_ms`, a stream when nothing comes for its idle time, and each holds bounded memory.
//! Not here: what is posted and when it is tried again (webhooks), queues and caps per host (actors), configuration (edge).

mod answer;
mod client;
mod dial;
mod event_stream;
mod exchange;
mod guard;
mod kept;
mod network;
mod policy;
mod streaming;
mod target;
mod tls;

pub use answer::{Answer, BodyEnd, CallFailure, Phase, RETRY_AFTER_BYTES_MAX};
pub use client::Client;
pub use dial::{
    ADDRESSES_DIALLED_MAX, Connector, Pending, RESOLVES_MAX, RESOLVES_PER_ZONE_MAX, Resolver, Stream, SystemConnector,
    SystemResolver,
};
pub use event_stream::{EventReader, StreamEvent, TooLarge};
pub use guard::{Refusal, forbidden};
pub use kept::{KEPT_AGE_MS, KEPT_IDLE_MS, KEPT_MAX, KEPT_PER_RECEIVER_MAX};
pub use network::{Network, NetworkError};
pub use policy::{HEADER_BYTES_MIN, Limits, Policy, Ports};
pub use streaming::{StreamFailure, Streaming};
pub use target::{Host, Scheme, Target, TargetError, URL_BYTES_MAX};
pub use tls::{RootError, Roots};
