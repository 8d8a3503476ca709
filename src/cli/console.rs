//! The terminal: the only code that writes to standard output and standard error.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::admin::Failure;

/// How often a progress bar is drawn.
const BAR_EVERY_MS: u64 = 100;

/// Where a command speaks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Console {
    json: bool,
    colour: bool,
    bars: bool,
}

impl Console {
    /// `json`: results as JSON for programs. Colours and bars only on a terminal, and no colours with `NO_COLOR`
    /// (<https://no-color.org>: present and not empty).
    pub(crate) fn new(json: bool) -> Self {
        Self {
            json,
            colour: !json && colours_are_wanted() && io::stdout().is_terminal(),
            bars: !json && io::stderr().is_terminal(),
        }
    }

    /// Whether results are JSON.
    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    /// Whether colours may be used.
    pub(crate) const fn has_colour(&self) -> bool {
        self.colour
    }

    /// Writes a result: as JSON, or as the text that `text` makes of it.
    pub(crate) fn result<T: Serialize>(&self, value: &T, text: impl FnOnce(&T) -> String) {
        if self.json {
            match serde_json::to_string_pretty(value) {
                Ok(json) => self.text(&format!("{json}\n")),
                Err(error) => self.note(&format!("the result cannot be written as JSON: {error}")),
            }
        } else {
            self.text(&text(value));
        }
    }

    /// Writes text to standard output as it is. A reader that went away (`| head`) is no failure.
    pub(crate) fn text(&self, text: &str) {
        let _is_read = self.is_read(text);
    }

    /// [`Console::text`] for a command that goes on until nobody reads any more: gives whether somebody does.
    pub(crate) fn is_read(&self, text: &str) -> bool {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_ok()
    }

    /// Writes a line for the operator to standard error.
    pub(crate) fn note(&self, text: &str) {
        drop(writeln!(io::stderr().lock(), "{text}"));
    }

    /// Says why a command was not done; with `--json` on standard output, where a program reads.
    pub(crate) fn failure(&self, failure: &Failure) {
        if self.json {
            self.text(&format!("{}\n", serde_json::json!({ "failure": failure })));
        } else {
            self.note(&format!("kassette: {}", failure.message));
        }
    }

    /// A progress bar on standard error; invisible when that is not a terminal.
    pub(crate) fn bar(&self, what: &'static str, unit: Unit) -> Bar {
        let target = if self.bars { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        let template = match unit {
            Unit::Records => "{msg} [{bar:30}] {human_pos}/{human_len} records {eta}",
            Unit::Bytes => "{msg} [{bar:30}] {bytes}/{total_bytes} {eta}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(what);
        bar.enable_steady_tick(Duration::from_millis(BAR_EVERY_MS));
        Bar(bar)
    }
}

fn colours_are_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Whether standard error takes colours.
pub(crate) fn colours_on_stderr() -> bool {
    colours_are_wanted() && io::stderr().is_terminal()
}

/// What a progress bar counts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unit {
    /// Records.
    Records,
    /// Bytes.
    Bytes,
}

/// A progress bar; cleared when it is dropped.
pub(crate) struct Bar(ProgressBar);

impl Bar {
    /// `done` of `total`.
    pub(crate) fn at(&self, done: u64, total: u64) {
        self.0.set_length(total);
        self.0.set_position(done);
    }

    /// What is being done now.
    pub(crate) fn doing(&self, what: &'static str) {
        self.0.set_message(what);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
