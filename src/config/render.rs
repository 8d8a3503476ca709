//! The table as a default file, as a reference page, and as the output of `kassette config show`.

use std::fmt::Write as _;

use kassette_cashbox::TerminalEntry;

use super::load::{ENVIRONMENT_PREFIX, Loaded};
use super::sections::{SECTIONS, Section};
use super::terminals;
use super::value::{Key, Shown, Value};

/// Every row with its section, in the order of the table.
pub(super) fn rows() -> impl Iterator<Item = (&'static Section, &'static Key)> {
    SECTIONS.iter().flat_map(|section| section.keys.iter().map(move |key| (section, key)))
}

/// What `[[terminal]]` is.
const TERMINALS: &str = "A payment terminal of a cash box, one table each. Set in the file only.";
/// What the reference says of it besides.
const TERMINALS_MORE: &str = "When the server starts it brings these terminals into the configuration of their cash boxes: a new name is \
added, one that is there is changed when it differs. Terminals of other names stay, also those that stood in an earlier file; `kassette \
terminal remove` takes them away. A wrong table stops the start. A cash box that is not there, or does not take the terminal, is a \
warning or an error in the log, and the server starts.";

/// The text of `config.default.toml`.
#[must_use]
pub fn default_file() -> String {
    let mut out = String::from(
        "# Every setting with its default. Copy what you change into a file of your own and pass it with --config.\n\
         # A later source wins: this table, the file, the environment (KASSETTE_SECTION__NAME), flags.\n",
    );
    for section in SECTIONS {
        append(&mut out, format_args!("\n# {}\n[{}]\n", section.doc, section.name));
        for key in section.keys {
            for line in key.doc {
                append(&mut out, format_args!("#{line}\n"));
            }
            let unit = if key.unit.is_empty() { String::new() } else { format!(" # {}", key.unit) };
            append(&mut out, format_args!("{} = {}{unit}\n", key.name, section.default_of(key)));
        }
    }
    append(&mut out, format_args!("\n# {TERMINALS}\n# [[{}]]\n", terminals::NAME));
    for member in &terminals::MEMBERS {
        append(&mut out, format_args!("# {}\n# {} = \"{}\"\n", member.doc, member.name, member.default.unwrap_or("…")));
    }
    out
}

/// The text of `docs/configuration.md`.
#[must_use]
pub fn reference() -> String {
    let mut out = format!(
        "# Configuration\n\n\
         Made from the table in `src/config/sections.rs`; a test compares the two.\n\n\
         A later source wins: the defaults below, a TOML file (`--config FILE`), the environment, flags. In the environment\n\
         `{ENVIRONMENT_PREFIX}SECTION__NAME` sets `section.name`: `{ENVIRONMENT_PREFIX}LIMITS__BODY_BYTES_MAX=2097152`; a list is separated by\n\
         commas. A variable with the prefix but without the double underscore is not a setting. A key that is not listed here is\n\
         refused, with its place; so is a value out of range.\n\n\
         `kassette config show` prints every value with where it was set, `kassette config check` only what is wrong. The\n\
         defaults as a file: `src/config/config.default.toml`.\n"
    );
    for section in SECTIONS {
        append(&mut out, format_args!("\n## `[{}]`\n\n{}\n\n", section.name, section.doc));
        out.push_str("| key | default | unit | accepted | what it is |\n|---|---|---|---|---|\n");
        for key in section.keys {
            let doc: Vec<&str> = key.doc.iter().map(|line| line.trim()).collect();
            append(
                &mut out,
                format_args!(
                    "| `{}` | `{}` | {} | {} | {} |\n",
                    key.name,
                    section.default_of(key),
                    key.unit,
                    key.expected().trim_start_matches("must be "),
                    doc.join(" ")
                ),
            );
        }
    }
    append(&mut out, format_args!("\n## `[[{}]]`\n\n{TERMINALS}\n\n{TERMINALS_MORE}\n\n", terminals::NAME));
    out.push_str("| key | default | accepted | what it is |\n|---|---|---|---|\n");
    for member in &terminals::MEMBERS {
        let default = member.default.map_or_else(|| "needed".to_owned(), |text| format!("`\"{text}\"`"));
        append(&mut out, format_args!("| `{}` | {default} | {} | {} |\n", member.name, member.accepted, member.doc));
    }
    out
}

/// The text of `kassette config show`: TOML, with the origin of every value behind it.
#[must_use]
pub fn shown(loaded: &Loaded) -> String {
    let mut out = String::new();
    let mut section = "";
    for Shown { key, value, unit, origin } in &loaded.shown {
        let (in_section, name) = key.split_once('.').unwrap_or(("", key));
        if in_section != section {
            let gap = if section.is_empty() { "" } else { "\n" };
            append(&mut out, format_args!("{gap}[{in_section}]\n"));
            section = in_section;
        }
        let unit = if unit.is_empty() { String::new() } else { format!("{unit}, ") };
        append(&mut out, format_args!("{name} = {value} # {unit}{origin}\n"));
    }
    for terminal in &loaded.settings.terminals {
        append(&mut out, format_args!("\n[[{}]] # the password is not shown\n", terminals::NAME));
        let TerminalEntry { name, provider, address, terminal_id, .. } = &terminal.entry;
        let members = [
            ("cash_box", Some(terminal.cash_box.to_string())),
            ("name", Some(name.clone())),
            ("address", Some(address.to_string())),
            ("provider", Some(provider.clone())),
            ("terminal_id", terminal_id.clone()),
        ];
        for (member, value) in members.into_iter().filter_map(|(member, value)| Some((member, value?))) {
            append(&mut out, format_args!("{member} = {}\n", Value::Text(value)));
        }
    }
    out
}

fn append(out: &mut String, text: std::fmt::Arguments<'_>) {
    let written = out.write_fmt(text);
    debug_assert!(written.is_ok(), "a String takes every write");
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{DEFAULT_FILE, Origin, Settings, Sources, load};

    /// Compares a file of the repository with what it is made from; `UPDATE_GOLDEN=1` writes it anew.
    fn check_golden(path: &str, expected: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, expected).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(found, expected, "{} has drifted; run with UPDATE_GOLDEN=1", path.display());
    }

    #[test]
    fn the_default_file_is_the_table() {
        check_golden("src/config/config.default.toml", &default_file());
        let sources = Sources { file: Some(("default".to_owned(), DEFAULT_FILE.to_owned())), ..Sources::default() };
        assert_eq!(load(&sources).unwrap().settings, Settings::default());
    }

    #[test]
    fn the_reference_page_is_the_table() {
        check_golden("docs/configuration.md", &reference());
    }

    #[test]
    fn what_is_shown_reads_back_as_the_same_settings() {
        let environment = vec![("KASSETTE_SANDBOX__DATA_DIR".to_owned(), "C:\\\"x\"".to_owned())];
        let loaded = load(&Sources { environment, ..Sources::default() }).unwrap();
        let text = shown(&loaded);
        assert!(text.contains(" # environment KASSETTE_SANDBOX__DATA_DIR"), "{text}");
        let again = load(&Sources { file: Some(("shown".to_owned(), text)), ..Sources::default() }).unwrap();
        assert_eq!(again.settings, loaded.settings);
        assert_eq!(again.origin("log.filter"), Some(&Origin::File("shown".to_owned())));
    }

    #[test]
    fn every_key_has_words_and_a_default_that_fits() {
        for (section, key) in rows() {
            assert!(!key.doc.is_empty(), "{}.{}", section.name, key.name);
            let text = match section.default_of(key) {
                crate::config::Value::List(items) => items.join(","),
                crate::config::Value::Text(text) => text,
                other => other.to_string(),
            };
            assert_eq!(key.of_text(&text), Ok(section.default_of(key)), "{}.{}", section.name, key.name);
            let suffix = key.name.rsplit('_').next().unwrap_or_default();
            assert!(suffix != "ms" || key.unit == "ms", "{}", key.name);
        }
    }
}
