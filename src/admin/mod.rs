//! What an operator may do to an environment, once, whichever way it is asked for.
//!
//! Purpose: create and change cash boxes, units, payment terminals and callback secrets, look at operations, payments and
//! callbacks, settle payments, send callbacks again, export, and say how things stand.
//! Owns: [`Command`] and [`Reply`] (the words), [`execute`] (the one implementation), the socket [`server`] and [`client`].
//! Invariants: a command behaves the same through the socket of a running server and in a process of its own; a token in clear
//! leaves in the reply to the command that made it and nowhere else, a callback secret only in the replies about it; an export or a
//! list reads the journal and never waits for, or delays, a cash box.
//! Not here: how a reply looks in a terminal (`cli`), the HTTP interface (`http`), rules of a country (`markets`).

mod callback_secrets;
mod callbacks;
mod cash_boxes;
pub mod client;
mod command;
mod context;
mod devices;
mod execute;
mod export;
mod failure;
pub mod frame;
mod operations;
mod payments;
mod reply;
pub mod server;
mod start;
mod terminals;
mod units;

pub use callbacks::CALLBACK_STATES;
pub use command::{Asked, Command, CreateCashBox, ExportRange, NewTerminal, Passphrase, TerminalPassword, UnitSource};
pub use context::Context;
pub use execute::{Output, execute};
pub use failure::{Failure, FailureKind};
pub use operations::{LIST_MAX, WAIT_MAX_MS};
pub use reply::{
    AttemptShown, CallbackDetails, CallbackSecretShown, CallbackStanding, CallbackSummary, CashBoxDetails,
    CashBoxSummary, Created, DeviceDetails, Exported, OperationDetails, OperationSummary, PaymentSummary, Quarantine,
    Reply, Shown, Status, TerminalDetails, TokenSummary, UnitDetails, UnitOutage, UnreadableCashBox,
};
pub use terminals::bring_terminals;
