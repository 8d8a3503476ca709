//! Pages that a merchant writes: templates in the language of Jinja.
//!
//! Purpose: let a shop have its own receipt page without a line of ours.
//! Owns: [`Template`], its limits, the names that a template can use (`view`), the template to begin with ([`EXAMPLE`]).
//! Invariants: every value is escaped and a template cannot turn that off; it sees the receipt and nothing else, no file and no other
//! template; a name that does not exist is an error with its line, not an empty place; instructions, source and output are limited.
//! Not here: where templates are kept (edge), the texts that a law demands: they are values like all others, and who leaves them out is
//! responsible for it.

mod view;

use std::io::{self, Write};

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, Value};

use crate::receipt::Receipt;
use view::View;

/// Longest template in bytes.
pub const SOURCE_BYTES_MAX: usize = 64 * 1024;
/// Most instructions of one rendering: a receipt of ten thousand items takes about a tenth of them.
pub const FUEL_INSTRUCTIONS_MAX: u64 = 5_000_000;
/// Longest page in bytes.
pub const OUTPUT_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Most calls inside each other.
const CALLS_DEPTH_MAX: usize = 32;
/// Name of the template, which errors show.
const NAME: &str = "receipt.html";
/// A template to begin with, which uses every name there is.
pub const EXAMPLE: &str = include_str!("example.html");

/// Why a template cannot be used, or gave no page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// It is longer than [`SOURCE_BYTES_MAX`].
    #[error("the template has {bytes} bytes, more than {SOURCE_BYTES_MAX}")]
    SourceTooLong {
        /// Its length.
        bytes: usize,
    },
    /// It turns escaping off, by `autoescape` or `safe`.
    #[error("line {line}: a template cannot turn escaping off")]
    Unescaped {
        /// Line, from 1.
        line: usize,
    },
    /// It is wrong at a line: when it is read, or when it meets a receipt.
    #[error("line {line}: {reason}")]
    Wrong {
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// It took more than [`FUEL_INSTRUCTIONS_MAX`] instructions.
    #[error("line {line}: the template takes more than {FUEL_INSTRUCTIONS_MAX} instructions")]
    OutOfFuel {
        /// Line at which it was stopped, from 1.
        line: usize,
    },
    /// The page is longer than [`OUTPUT_BYTES_MAX`].
    #[error("the page has more than {OUTPUT_BYTES_MAX} bytes")]
    OutputTooLong,
}

/// A template that was read.
#[derive(Debug)]
pub struct Template {
    environment: Environment<'static>,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// When it is too long, turns escaping off, or is not in the language.
    pub fn compile(source: &str) -> Result<Self, TemplateError> {
        if source.len() > SOURCE_BYTES_MAX {
            return Err(TemplateError::SourceTooLong { bytes: source.len() });
        }
        if let Some(line) = source.lines().position(|line| line.contains("autoescape")) {
            return Err(TemplateError::Unescaped { line: line + 1 });
        }
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL_INSTRUCTIONS_MAX));
        environment.set_recursion_limit(CALLS_DEPTH_MAX);
        environment.remove_filter("safe");
        // They show what is in the environment, which is nobody's business on a page.
        environment.remove_global("debug");
        environment.add_template_owned(NAME, source.to_owned()).map_err(|error| wrong(&error))?;
        Ok(Self { environment })
    }

    /// Writes the page of a receipt. `nonce` is what the styles of the template carry, see
    /// [`super::content_security_policy_with_nonce`].
    ///
    /// # Errors
    /// When the template uses a name that does not exist, or takes more than its limits.
    pub fn render(&self, receipt: &Receipt, nonce: &str) -> Result<String, TemplateError> {
        let context = Value::from(Serde(View::of(receipt, nonce)));
        let template = self.environment.get_template(NAME).map_err(|error| wrong(&error))?;
        let mut page = Bounded(Vec::new());
        match template.render_captured_to(context, &mut page) {
            Ok(_) => Ok(String::from_utf8_lossy(&page.0).into_owned()),
            Err(error) if error.kind() == ErrorKind::WriteFailure => Err(TemplateError::OutputTooLong),
            Err(error) if error.kind() == ErrorKind::OutOfFuel => {
                Err(TemplateError::OutOfFuel { line: error.line().unwrap_or(1) })
            }
            Err(error) => Err(wrong(&error)),
        }
    }
}

fn wrong(error: &minijinja::Error) -> TemplateError {
    let line = error.line().unwrap_or(1);
    if error.kind() == ErrorKind::UnknownFilter && error.detail().is_some_and(|detail| detail.contains("safe")) {
        return TemplateError::Unescaped { line };
    }
    let reason = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    TemplateError::Wrong { line, reason }
}

/// A page under way, which ends at its limit.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > OUTPUT_BYTES_MAX {
            return Err(io::Error::other("the page is too long"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[path = "template_tests.rs"]
mod tests;
