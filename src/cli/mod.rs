//! The command line.
//!
//! Purpose: from arguments to one command, its output and its exit code.
//! Owns: the arguments (one file per command), the terminal (`console`), the exit codes ([`exit`]).
//! Invariants: standard output holds results and nothing else; `--json` changes the form of results, never what is done; a
//! command acts through [`crate::admin`], whether the server runs or not; only `listen` is a client of the HTTP interface, of any server.
//! Not here: what commands do to an environment (`admin`), settings (`config`).

mod callback;
mod cashbox;
mod completions;
mod config;
mod console;
mod demo;
mod devices;
pub mod exit;
mod explain;
mod export;
mod listen;
mod logging;
mod operation;
mod payment;
mod reindex;
mod scu;
mod serve;
mod session;
mod simulate;
mod status;
mod stopping;
mod table;
mod terminal;
mod user;
mod verify;

use std::ffi::OsString;

use clap::{Parser, Subcommand};
use session::{Global, Session};

use crate::admin::Failure;

/// Self-hosted fiscal middleware: signed, chained, durable receipts behind one HTTP API.
#[derive(Debug, Parser)]
#[command(name = "kassette", version, propagate_version = true)]
struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Serve one environment, or those of the configuration
    Serve(serve::Serve),
    /// Make a sandbox, sign a first receipt, show it, and go on serving
    Demo(demo::Demo),
    /// Cash boxes
    #[command(subcommand)]
    Cashbox(cashbox::Cashbox),
    /// Operations of a cash box
    #[command(subcommand)]
    Operation(operation::Operation),
    /// Callbacks: what is told to the URL of x-operation-callback-state
    #[command(subcommand)]
    Callback(callback::Callback),
    /// Signature creation units of a cash box
    #[command(subcommand)]
    Scu(scu::Scu),
    /// Payment terminals of a cash box
    #[command(subcommand)]
    Terminal(terminal::Terminal),
    /// How the payment terminals of this server stand: state, restarts, last error
    Devices(devices::Devices),
    /// Payments that have not ended
    #[command(subcommand)]
    Payment(payment::Payment),
    /// Write the journal of a cash box, or the export of its market, to a file
    Export(export::Export),
    /// Check frames, chains, numbers and signatures of a folder or an export; only reads
    Verify(verify::Verify),
    /// Make the index again from the log
    Reindex(reindex::Reindex),
    /// How an environment stands
    Status(status::Status),
    /// Follow the events of a cash box, or post them on to a URL as callbacks
    Listen(listen::Listen),
    /// Play a device to try with
    #[command(subcommand)]
    Simulate(simulate::Simulate),
    /// The configuration
    #[command(subcommand)]
    Config(config::Config),
    /// What an error code means and what to do about it
    Explain(explain::Explain),
    /// Completions for a shell
    Completions(completions::Completions),
}

/// Runs the program with these arguments; gives its exit code.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are asked for, the rest is usage; clap knows where each goes.
            drop(error.print());
            return if error.use_stderr() { exit::USAGE } else { exit::DONE };
        }
    };
    let session = Session::new(arguments.global);
    match run_verb(arguments.command, &session) {
        Ok(code) => code,
        Err(failure) => {
            session.console.failure(&failure);
            exit::code(failure.kind)
        }
    }
}

fn run_verb(verb: Verb, session: &Session) -> Result<u8, Failure> {
    match verb {
        // Finding something wrong is a result and not a failure of the command.
        Verb::Verify(verify) => {
            return verify.run(session).map(|good| if good { exit::DONE } else { exit::CHECK_FAILED });
        }
        // Nor is an operation that goes on.
        Verb::Operation(operation) => return operation.run(session),
        Verb::Callback(callback) => callback.run(session),
        Verb::Serve(serve) => serve.run(session),
        Verb::Demo(demo) => demo.run(session),
        Verb::Cashbox(cashbox) => cashbox.run(session),
        Verb::Scu(scu) => scu.run(session),
        Verb::Terminal(terminal) => terminal.run(session),
        Verb::Devices(devices) => devices.run(session),
        Verb::Payment(payment) => payment.run(session),
        Verb::Export(export) => export.run(session),
        Verb::Reindex(reindex) => reindex.run(session),
        Verb::Status(status) => status.run(session),
        Verb::Listen(listen) => listen.run(session),
        Verb::Simulate(simulate) => simulate.run(session),
        Verb::Config(config) => config.run(session),
        Verb::Explain(explain) => explain.run(session),
        Verb::Completions(completions) => completions.run(session),
    }?;
    Ok(exit::DONE)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_fit_together() {
        super::Arguments::command().debug_assert();
    }
}
