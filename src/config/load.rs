//! Merges the sources and keeps where each value came from.

use std::collections::BTreeMap;

use super::sections::{SECTIONS, Section, Settings, Values};
use super::terminals::{self, ConfiguredTerminal};
use super::value::{ConfigError, ConfigProblem, Key, Origin, Shown};
use super::{check, render};

/// What an environment variable of ours begins with: `KASSETTE_LIMITS__BODY_BYTES_MAX` sets `limits.body_bytes_max`. A variable
/// with this prefix but without the double underscore is not a setting (`KASSETTE_URL` belongs to clients).
pub const ENVIRONMENT_PREFIX: &str = "KASSETTE_";

/// A flag of the command line that sets a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// As the user wrote it, for example `--listen`.
    pub name: String,
    /// `section.name`.
    pub key: String,
    /// The value as text.
    pub value: String,
}

/// Where the configuration comes from, in rising order of precedence.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// Path (for messages) and text of the file.
    pub file: Option<(String, String)>,
    /// Environment variables; others than ours are ignored.
    pub environment: Vec<(String, String)>,
    /// Flags.
    pub flags: Vec<Flag>,
}

impl Sources {
    /// The process environment and, when there is one, a file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn of_process(file: Option<&std::path::Path>) -> Result<Self, ConfigError> {
        let file = file
            .map(|path| {
                let name = path.display().to_string();
                std::fs::read_to_string(path).map(|text| (name.clone(), text)).map_err(|error| ConfigError {
                    problems: vec![ConfigProblem {
                        origin: Origin::File(name),
                        key: String::new(),
                        message: format!("cannot be read: {error}"),
                    }],
                })
            })
            .transpose()?;
        // A variable that is not Unicode cannot be one of ours.
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Ok(Self { file, environment, flags: Vec::new() })
    }
}

/// A merged configuration.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The values, typed.
    pub settings: Settings,
    /// Every key with its value and where it was set, in the order of the table.
    pub shown: Vec<Shown>,
}

impl Loaded {
    /// Where a key was set.
    #[must_use]
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        self.shown.iter().find(|shown| shown.key == key).map(|shown| &shown.origin)
    }
}

/// Merges the sources.
///
/// # Errors
/// Every unknown key, every value that does not fit, and every contradiction between values, each with its place.
pub fn load(sources: &Sources) -> Result<Loaded, ConfigError> {
    let mut merge = Merge::new();
    if let Some((path, text)) = &sources.file {
        merge.file(path, text);
    }
    for (name, value) in &sources.environment {
        merge.environment(name, value);
    }
    for flag in &sources.flags {
        merge.text(&Origin::Flag(flag.name.clone()), &flag.key, &flag.value);
    }
    let terminals = std::mem::take(&mut merge.terminals);
    let settings = Settings { terminals, ..Settings::read(&merge.values()) };
    let loaded = Loaded { settings, shown: merge.shown() };
    merge.problems.extend(check::contradictions(&loaded));
    if merge.problems.is_empty() { Ok(loaded) } else { Err(ConfigError { problems: merge.problems }) }
}

struct Merge {
    entries: BTreeMap<(&'static str, &'static str), (super::Value, Origin)>,
    terminals: Vec<ConfiguredTerminal>,
    problems: Vec<ConfigProblem>,
}

impl Merge {
    fn new() -> Self {
        let entries = SECTIONS
            .iter()
            .flat_map(|section| section.keys.iter().map(move |key| (section, key)))
            .map(|(section, key)| ((section.name, key.name), (section.default_of(key), Origin::Default)))
            .collect();
        Self { entries, terminals: Vec::new(), problems: Vec::new() }
    }

    fn refuse(&mut self, origin: &Origin, key: impl Into<String>, message: impl Into<String>) {
        self.problems.push(ConfigProblem { origin: origin.clone(), key: key.into(), message: message.into() });
    }

    fn file(&mut self, path: &str, text: &str) {
        let origin = Origin::File(path.to_owned());
        let table: toml::Table = match toml::from_str(text) {
            Ok(table) => table,
            Err(error) => return self.refuse(&origin, "", format!("is not TOML: {}", error.to_string().trim_end())),
        };
        for (section_name, value) in &table {
            if section_name == terminals::NAME {
                match terminals::read(value) {
                    Ok(found) => self.terminals = found,
                    Err(wrong) => wrong.into_iter().for_each(|(key, message)| self.refuse(&origin, key, message)),
                }
                continue;
            }
            let Some(section) = SECTIONS.iter().find(|section| section.name == section_name) else {
                let known = SECTIONS.iter().map(|section| section.name).chain([terminals::NAME]);
                let message = unknown(section_name, known);
                self.refuse(&origin, section_name, message);
                continue;
            };
            let Some(keys) = value.as_table() else {
                self.refuse(&origin, section_name, format!("must be a section: [{section_name}]"));
                continue;
            };
            for (name, value) in keys {
                match section.keys.iter().find(|key| key.name == name) {
                    Some(key) => self.set(&origin, section, key, key.of_toml(value)),
                    None => {
                        let message = unknown(name, section.keys.iter().map(|key| key.name));
                        self.refuse(&origin, format!("{section_name}.{name}"), message);
                    }
                }
            }
        }
    }

    fn environment(&mut self, name: &str, value: &str) {
        let Some((section, key)) = name.strip_prefix(ENVIRONMENT_PREFIX).and_then(|rest| rest.split_once("__")) else {
            return;
        };
        let path = format!("{}.{}", section.to_ascii_lowercase(), key.to_ascii_lowercase());
        self.text(&Origin::Environment(name.to_owned()), &path, value);
    }

    fn text(&mut self, origin: &Origin, path: &str, value: &str) {
        let found = path.split_once('.').and_then(|(section_name, name)| {
            let section = SECTIONS.iter().find(|section| section.name == section_name)?;
            Some((section, section.keys.iter().find(|key| key.name == name)?))
        });
        match found {
            Some((section, key)) => self.set(origin, section, key, key.of_text(value)),
            None => self.refuse(origin, path, "is not a setting"),
        }
    }

    fn set(&mut self, origin: &Origin, section: &Section, key: &Key, value: Result<super::Value, String>) {
        match value {
            Ok(value) => {
                self.entries.insert((section.name, key.name), (value, origin.clone()));
            }
            Err(message) => self.refuse(origin, format!("{}.{}", section.name, key.name), message),
        }
    }

    fn values(&self) -> BTreeMap<&'static str, Values> {
        let mut sections: BTreeMap<&'static str, Values> = BTreeMap::new();
        for ((section, name), (value, _)) in &self.entries {
            sections.entry(section).or_default().insert(name, value.clone());
        }
        sections
    }

    fn shown(&self) -> Vec<Shown> {
        render::rows()
            .filter_map(|(section, key)| {
                let (value, origin) = self.entries.get(&(section.name, key.name))?;
                Some(Shown {
                    key: format!("{}.{}", section.name, key.name),
                    value: value.clone(),
                    unit: key.unit,
                    origin: origin.clone(),
                })
            })
            .collect()
    }
}

/// "is not a setting", with the nearest one that is.
pub(super) fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let nearest = known.map(|one| (distance(name, one), one)).min();
    match nearest {
        Some((distance, one)) if distance <= 3 => format!("is not a setting; did you mean {one}?"),
        _ => "is not a setting".to_owned(),
    }
}

/// Edit distance of two short names.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (at, a) in left.chars().enumerate() {
        let mut diagonal = at;
        let mut before = at.saturating_add(1);
        if let Some(first) = row.first_mut() {
            *first = before;
        }
        for (slot, b) in row.iter_mut().skip(1).zip(right.chars()) {
            let substituted = diagonal.saturating_add(usize::from(a != b));
            diagonal = *slot;
            *slot = substituted.min(before.saturating_add(1)).min(diagonal.saturating_add(1));
            before = *slot;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]
mod tests {
    use super::*;
    use crate::config::Value;

    fn file(text: &str) -> Sources {
        Sources { file: Some(("kassette.toml".to_owned(), text.to_owned())), ..Sources::default() }
    }

    fn refused(sources: &Sources) -> Vec<String> {
        load(sources).unwrap_err().problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_later_source_wins_and_says_so() {
        let mut sources = file("[limits]\nbody_bytes_max = 2000\nuri_bytes_max = 1000\njson_depth_max = 32\n");
        sources.environment = vec![
            ("KASSETTE_LIMITS__BODY_BYTES_MAX".to_owned(), "3_000".to_owned()),
            ("KASSETTE_LIMITS__URI_BYTES_MAX".to_owned(), "2000".to_owned()),
            ("KASSETTE_URL".to_owned(), "http://localhost/v2".to_owned()),
            ("PATH".to_owned(), "/bin".to_owned()),
        ];
        sources.flags =
            vec![Flag { name: "--set".to_owned(), key: "limits.body_bytes_max".to_owned(), value: "4000".to_owned() }];
        let loaded = load(&sources).unwrap();
        assert_eq!(loaded.settings.limits.body_bytes_max, 4_000);
        assert_eq!(loaded.settings.limits.uri_bytes_max, 2_000);
        assert_eq!(loaded.settings.limits.json_depth_max, 32);
        assert_eq!(loaded.origin("limits.body_bytes_max"), Some(&Origin::Flag("--set".to_owned())));
        assert_eq!(
            loaded.origin("limits.uri_bytes_max"),
            Some(&Origin::Environment("KASSETTE_LIMITS__URI_BYTES_MAX".to_owned()))
        );
        assert_eq!(loaded.origin("limits.json_depth_max"), Some(&Origin::File("kassette.toml".to_owned())));
        assert_eq!(loaded.origin("limits.wait_max_ms"), Some(&Origin::Default));
    }

    #[test]
    fn what_is_not_in_the_table_is_refused_by_name() {
        assert_eq!(
            refused(&file("[limits]\nbody_byte_max = 1\nnonsense = 2\n[limit]\nx = 1\n")),
            [
                "file kassette.toml: limit: is not a setting; did you mean limits?",
                "file kassette.toml: limits.body_byte_max: is not a setting; did you mean body_bytes_max?",
                "file kassette.toml: limits.nonsense: is not a setting",
            ]
        );
        let sources = Sources {
            environment: vec![("KASSETTE_LIMITS__NONSENSE".to_owned(), "1".to_owned())],
            flags: vec![Flag { name: "--x".to_owned(), key: "nonsense".to_owned(), value: String::new() }],
            file: None,
        };
        assert_eq!(
            refused(&sources),
            [
                "environment KASSETTE_LIMITS__NONSENSE: limits.nonsense: is not a setting",
                "flag --x: nonsense: is not a setting",
            ]
        );
    }

    #[test]
    fn a_value_that_does_not_fit_is_refused_with_what_does() {
        for (text, message) in [
            ("[limits]\nbody_bytes_max = 5\n", "must be a whole number from 1_024 to 67_108_864"),
            ("[limits]\nbody_bytes_max = -5\n", "must be a whole number from 1_024 to 67_108_864"),
            ("[limits]\nbody_bytes_max = \"1 MiB\"\n", "must be a whole number from 1_024 to 67_108_864"),
            ("[journal]\nindex = \"rocks\"\n", "must be one of sled, memory"),
            ("[server]\ninsecure_public_http = 1\n", "must be true or false"),
            ("[server]\ntrusted_proxies = [1]\n", "must be a list of texts"),
            ("limits = 1\n", "must be a section: [limits]"),
            ("[limits", "is not TOML"),
        ] {
            let problems = refused(&file(text));
            assert_eq!(problems.len(), 1, "{text}");
            assert!(problems[0].contains(message), "{text}: {problems:?}");
        }
    }

    #[test]
    fn lists_and_flags_read_from_text() {
        let sources = Sources {
            environment: vec![
                ("KASSETTE_SERVER__TRUSTED_PROXIES".to_owned(), "10.0.0.1, ::1".to_owned()),
                ("KASSETTE_SANDBOX__POSSYSTEM_ID_REQUIRED".to_owned(), "yes".to_owned()),
            ],
            ..Sources::default()
        };
        let loaded = load(&sources).unwrap();
        assert_eq!(loaded.settings.server.trusted_proxies, ["10.0.0.1", "::1"]);
        assert!(loaded.settings.sandbox.possystem_id_required);
        let shown = loaded.shown.iter().find(|shown| shown.key == "server.trusted_proxies").unwrap();
        assert_eq!(shown.value, Value::List(vec!["10.0.0.1".to_owned(), "::1".to_owned()]));
    }
}
