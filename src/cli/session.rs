//! What every command starts from: the global flags, the configuration, and the way to a data folder.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use kassette_model::Environment;

use super::console::Console;
use crate::admin::{self, Command, Context, Failure, FailureKind, Output, Reply};
use crate::config::{Flag, Loaded, Sources};
use crate::startup::{Host, JOURNAL_FOLDER, Purpose, section};

/// Flags that every command takes.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Global {
    /// Data folder of one environment: the sandbox, unless --production is given
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// The environment for real receipts
    #[arg(long, global = true)]
    pub(crate) production: bool,
    /// Configuration file (TOML)
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print results as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

impl Global {
    /// The environment that the flags name.
    pub(crate) const fn environment(&self) -> Environment {
        if self.production { Environment::Production } else { Environment::Sandbox }
    }
}

/// The flags and where to speak.
pub(crate) struct Session {
    pub(crate) global: Global,
    pub(crate) console: Console,
}

impl Session {
    pub(crate) fn new(global: Global) -> Self {
        let console = Console::new(global.json);
        Self { global, console }
    }

    /// Merges defaults, file, environment and flags. `--data-dir` names one environment, so that the other is not served then.
    pub(crate) fn configuration(&self, more: Vec<Flag>) -> Result<Loaded, Failure> {
        let mut sources =
            Sources::of_process(self.global.config.as_deref()).map_err(|error| Failure::usage(error.to_string()))?;
        if let Some(data_dir) = &self.global.data_dir {
            let text = data_dir.to_str().ok_or_else(|| Failure::usage("--data-dir is not Unicode text"))?;
            let (this, other) = match self.global.environment() {
                Environment::Sandbox => ("sandbox", "production"),
                Environment::Production => ("production", "sandbox"),
            };
            sources.flags.push(flag("--data-dir", format!("{this}.data_dir"), text));
            sources.flags.push(flag("--data-dir", format!("{other}.data_dir"), ""));
        }
        sources.flags.extend(more);
        crate::config::load(&sources).map_err(|error| Failure::usage(error.to_string()))
    }

    /// The data folder of the environment that the flags name.
    pub(crate) fn data_dir(&self, loaded: &Loaded) -> Result<PathBuf, Failure> {
        let environment = self.global.environment();
        let configured = &section(&loaded.settings, environment).data_dir;
        if configured.is_empty() {
            return Err(Failure::usage(format!(
                "which data folder? Give --data-dir, or a configuration with {}.data_dir",
                environment.name()
            )));
        }
        Ok(PathBuf::from(configured))
    }

    /// Does a command: through the socket when a server has the folder, else in this process. Only a command that makes
    /// something may make the folder.
    pub(crate) fn command(&self, command: Command, output: &mut dyn Output) -> Result<Reply, Failure> {
        let loaded = self.configuration(Vec::new())?;
        let data_dir = self.data_dir(&loaded)?;
        let makes = matches!(command, Command::CashBoxCreate(_));
        if !makes && !data_dir.join(JOURNAL_FOLDER).is_dir() {
            return Err(Failure::not_found(format!("there is no journal in {}", data_dir.display())));
        }
        match open(&data_dir, self.global.environment(), &loaded) {
            Ok(opened) => admin::execute(&opened.context, &opened.runtime, command, output),
            Err(failure) if failure.kind == FailureKind::Locked => {
                admin::client::call(&data_dir, self.global.environment(), &command, output)
            }
            Err(failure) => Err(failure),
        }
    }

    /// [`Session::command`] for one that has no output besides its reply.
    pub(crate) fn ask(&self, command: Command) -> Result<Reply, Failure> {
        self.command(command, &mut Silent)
    }
}

/// A flag of the command line as a setting.
pub(crate) fn flag(name: &str, key: impl Into<String>, value: &str) -> Flag {
    Flag { name: name.into(), key: key.into(), value: value.into() }
}

/// Takes no output.
pub(crate) struct Silent;

impl Output for Silent {
    fn bytes(&mut self, _bytes: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn progress(&mut self, _done: u64, _total: u64) -> io::Result<()> {
        Ok(())
    }
}

/// A folder opened for one command: the actor system runs on a thread of its own, so that this one may block.
struct Opened {
    context: Context,
    runtime: tokio::runtime::Handle,
    close: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

fn open(data_dir: &Path, environment: Environment, loaded: &Loaded) -> Result<Opened, Failure> {
    let mut settings = loaded.settings.clone();
    // One command at a time.
    settings.node.shards = 1;
    let data_dir = data_dir.to_owned();
    let (opened, wait) = mpsc::sync_channel(1);
    let (close, closing) = tokio::sync::oneshot::channel::<()>();
    let thread = std::thread::Builder::new()
        .name("kassette-command".into())
        .spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let host = match Host::open(&data_dir, environment, &settings, Purpose::Command).await {
                    Ok(host) => host,
                    Err(failure) => return drop(opened.send(Err(failure))),
                };
                let given = (host.context().clone(), tokio::runtime::Handle::current());
                if opened.send(Ok(given)).is_ok() {
                    // Either way it is time to close.
                    drop(closing.await);
                }
                host.close().await;
            });
        })
        .map_err(|error| Failure::fault(format!("no thread: {error}")))?;
    let (context, runtime) = wait.recv().map_err(|_| Failure::fault("the data folder could not be opened"))??;
    Ok(Opened { context, runtime, close: Some(close), thread: Some(thread) })
}

impl Drop for Opened {
    fn drop(&mut self) {
        // Dropping the sender is the signal.
        drop(self.close.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the data folder was not closed in order");
        }
    }
}
