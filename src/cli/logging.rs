//! The log of the process: to standard error, so that standard output holds results only.

use tracing_subscriber::EnvFilter;

use super::console;
use crate::admin::Failure;
use crate::config::LogSection;

/// Starts the log, and writes panics to it. Tokens never come here: headers are not logged, and secrets hide themselves.
///
/// # Errors
/// When the filter cannot be read.
pub(crate) fn start(section: &LogSection) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&section.filter).map_err(|error| Failure::usage(format!("log.filter: {error}")))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(console::colours_on_stderr());
    let started = match section.format.as_str() {
        "json" => builder.json().try_init(),
        _ => builder.try_init(),
    };
    if let Err(error) = started {
        // A second start in one process (a test) keeps the first log.
        tracing::debug!(%error, "the log was started before");
        return Ok(());
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let text = panic.payload_as_str().unwrap_or("a panic without text");
        tracing::error!(place, panic = text, "panic");
    }));
    // In front of it: a panic of an actor is logged with its path.
    kassette_actors::supervision::install_panic_hook();
    Ok(())
}
