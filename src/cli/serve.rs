//! `kassette serve`.

use super::logging;
use super::session::{Session, flag};
use super::stopping::{StopSignals, serve_until_stopped};
use crate::admin::Failure;
use crate::startup::Running;

/// Arguments of `serve`.
#[derive(Debug, clap::Args)]
pub(super) struct Serve {
    /// Address and port of the environment; port 0 picks one
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<String>,
    /// What stands before /v2 in every path
    #[arg(long, value_name = "PATH")]
    base_path: Option<String>,
}

impl Serve {
    pub(super) fn run(self, session: &Session) -> Result<(), Failure> {
        let section = session.global.environment().name();
        let more = [("--listen", "listen", &self.listen), ("--base-path", "base_path", &self.base_path)]
            .into_iter()
            .filter_map(|(name, key, value)| Some(flag(name, format!("{section}.{key}"), value.as_deref()?)))
            .collect();
        let loaded = session.configuration(more)?;
        logging::start(&loaded.settings.log)?;
        actix_web::rt::System::new().block_on(async {
            // Before anything is opened: a signal during a long start is not lost.
            let signals = StopSignals::catch()?;
            let running = Running::start(&loaded.settings).await?;
            for served in running.served() {
                let name = served.environment.name();
                let line = serde_json::json!({
                    "environment": name,
                    "url": served.url(),
                    "data_dir": served.data_dir.display().to_string(),
                });
                // One line each, also as JSON: a program that starts a server reads until it has its address.
                if session.console.is_json() {
                    session.console.text(&format!("{line}\n"));
                } else {
                    session.console.text(&format!("{name} on {}\n", served.url()));
                }
            }
            serve_until_stopped(running, signals).await
        })
    }
}
