//! `kassette simulate terminal`.

use std::io::IsTerminal;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use kassette_payments::zvt::simulator::Script;
use kassette_stdx::{Entropy, SystemEntropy};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::super::console::Console;
use super::super::session::Session;
use super::super::stopping::StopSignals;
use super::words::{self, Typed, Word};
use crate::admin::Failure;
use crate::simulate::{Event, Place, Settings, SimulateError, SimulatedTerminal, Watch};

/// Arguments of `simulate terminal`.
#[derive(Debug, clap::Args)]
#[command(
    group(clap::ArgGroup::new("place").required(true).args(["tcp", "pty"])),
    after_help = "The script is words with commas between, one for each payment in turn: approve, tip:200, partial:1000, decline:05, \
                  slow:3000, silent, charge-silent, drop-sent:12, drop-received:8, lose-answer, repeat, bad-crc, foreign, noise:00ff10, \
                  random. default:WORD is for all payments behind them. flavour:germany|austria and on-drop:goes-on|stops hold for all.\n\n\
                  Lines of standard input: pull (the line is gone), put (it is back), power (the power fails and comes again). \
                  SIGHUP pulls the line and puts it back at once."
)]
pub(in crate::cli) struct Terminal {
    /// Wait for a register on this address; :20007 is a port of this machine only, port 0 picks one
    #[arg(long, value_name = "ADDR:PORT", value_parser = address)]
    tcp: Option<SocketAddr>,
    /// Wait for a register on the device file of a pseudo terminal, as if it were a serial line
    #[arg(long)]
    pty: bool,
    /// Keep a link to the device file, which may be another one when the line was away
    #[arg(long, value_name = "PATH", requires = "pty", conflicts_with = "tcp")]
    link: Option<PathBuf>,
    /// What happens to the payments, one word each; all are approved without
    #[arg(long, value_name = "WORDS", default_value = "")]
    script: String,
    /// Number that decides what `random` does; one is drawn and shown without
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Write the ledger to this file, whole, after each change: what was really charged
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
    /// End when standard input ends
    #[arg(long)]
    until_stdin_closes: bool,
}

/// An address; without one in front of the port it is loopback.
fn address(text: &str) -> Result<SocketAddr, String> {
    let parsed = match text.strip_prefix(':') {
        Some(port) => port.parse().ok().map(|port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        None => text.parse().ok(),
    };
    parsed.ok_or_else(|| "an address and a port are expected, such as 127.0.0.1:20007, or :20007".to_owned())
}

impl Terminal {
    pub(super) fn run(self, session: &Session) -> Result<(), Failure> {
        let console = session.console;
        let seed = self.seed.unwrap_or_else(|| {
            let mut random = [0; 8];
            SystemEntropy.fill(&mut random);
            // Small enough for every reader of JSON.
            u64::from_le_bytes(random) >> 11
        });
        let script = Script::parse(&self.script, seed).map_err(|error| Failure::usage(format!("--script: {error}")))?;
        let place = match self.tcp {
            Some(address) => {
                if !address.ip().is_loopback() {
                    console.note("any machine that reaches this address can use the terminal");
                }
                Place::Tcp(address)
            }
            None => Place::Pty { link: self.link },
        };
        // With room for the one event that ends everything.
        let (failed, failures) = channel(1);
        let mut settings = Settings::new(place, script);
        settings.ledger_file = self.ledger;
        settings.watch = Some(shown(console, seed, failed));
        let until_stdin_closes = self.until_stdin_closes;
        actix_web::rt::System::new().block_on(async {
            // Before anything is opened: a signal meanwhile leaves no link behind.
            let signals = StopSignals::catch()?;
            let hang_ups = signal(SignalKind::hangup())
                .map_err(|error| Failure::fault(format!("signals cannot be caught: {error}")))?;
            let terminal = SimulatedTerminal::start(settings).map_err(failure)?;
            Playing { console, terminal, failures, until_stdin_closes }.run(signals, hang_ups).await
        })
    }
}

fn failure(error: SimulateError) -> Failure {
    Failure::fault(error.to_string())
}

/// Prints what happens, one line each; the first one has the seed.
fn shown(console: Console, seed: u64, failed: Sender<String>) -> Watch {
    let mut first = true;
    Box::new(move |event| {
        if let Event::Failed { reason } = event {
            drop(failed.try_send(reason.clone()));
            return;
        }
        let is_first = std::mem::take(&mut first);
        if console.is_json() {
            let mut line = serde_json::to_value(event).unwrap_or_default();
            if let Some(fields) = line.as_object_mut().filter(|_| is_first) {
                fields.insert("seed".to_owned(), seed.into());
            }
            console.text(&format!("{line}\n"));
        } else if is_first {
            console.text(&format!("{event}, seed {seed}\n"));
        } else {
            console.text(&format!("{event}\n"));
        }
    })
}

struct Playing {
    console: Console,
    terminal: SimulatedTerminal,
    failures: Receiver<String>,
    until_stdin_closes: bool,
}

impl Playing {
    async fn run(mut self, mut signals: StopSignals, mut hang_ups: Signal) -> Result<(), Failure> {
        let was_on_terminal = std::io::stdout().is_terminal();
        let mut typed = if words::is_someone_elses() {
            self.console.note("in the background: standard input is not read");
            None
        } else {
            Some(words::read()?)
        };
        loop {
            tokio::select! {
                () = signals.next() => return Ok(()),
                Some(reason) = self.failures.recv() => return Err(Failure::fault(reason)),
                _ = hang_ups.recv() => {
                    // The window was closed, and nobody sees the terminal any more.
                    if was_on_terminal && !std::io::stdout().is_terminal() {
                        return Ok(());
                    }
                    self.try_to(|terminal| terminal.pull().and_then(|()| terminal.put()));
                }
                line = next(&mut typed) => match line {
                    Typed::Line(Ok(Word::Pull)) => self.try_to(SimulatedTerminal::pull),
                    Typed::Line(Ok(Word::Put)) => self.try_to(SimulatedTerminal::put),
                    Typed::Line(Ok(Word::Power)) => self.try_to(SimulatedTerminal::power_cycle),
                    Typed::Line(Err(why)) => self.console.note(&why),
                    Typed::End if self.until_stdin_closes => return Ok(()),
                    Typed::End => typed = None,
                },
            }
        }
    }

    /// What does not work now may work later: it is only said.
    fn try_to(&self, act: impl Fn(&SimulatedTerminal) -> Result<(), SimulateError>) {
        if let Err(error) = act(&self.terminal) {
            self.console.note(&error.to_string());
        }
    }
}

/// The next line; never comes when there is no input.
async fn next(typed: &mut Option<Receiver<Typed>>) -> Typed {
    match typed {
        Some(lines) => lines.recv().await.unwrap_or(Typed::End),
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_a_port_of_this_machine() {
        let read = |text: &str| address(text).ok().map(|address| address.to_string());
        assert_eq!(read(":20007").as_deref(), Some("127.0.0.1:20007"));
        assert_eq!(read("0.0.0.0:20007").as_deref(), Some("0.0.0.0:20007"));
        assert_eq!(read("[::1]:0").as_deref(), Some("[::1]:0"));
        for wrong in ["20007", ":", ":99999", "localhost:1", ""] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
