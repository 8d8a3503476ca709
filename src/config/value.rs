//! One configuration value: what it may be, where it came from, why it was refused.

use std::fmt;

/// What a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A whole number within a range.
    Integer {
        /// Least value.
        min: u64,
        /// Largest value.
        max: u64,
    },
    /// `true` or `false`.
    Bool,
    /// Text.
    Text,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of texts; in the environment and in flags separated by commas.
    List,
}

/// A value of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// For [`Kind::Integer`].
    Integer(u64),
    /// For [`Kind::Bool`].
    Bool(bool),
    /// For [`Kind::Text`] and [`Kind::Choice`].
    Text(String),
    /// For [`Kind::List`].
    List(Vec<String>),
}

impl fmt::Display for Value {
    /// As it stands in a TOML file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => write!(f, "{}", grouped(*number)),
            Self::Bool(flag) => write!(f, "{flag}"),
            Self::Text(text) => write!(f, "{}", toml::Value::String(text.clone())),
            Self::List(items) => {
                f.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    let separator = if at == 0 { "" } else { ", " };
                    write!(f, "{separator}{}", toml::Value::String(item.clone()))?;
                }
                f.write_str("]")
            }
        }
    }
}

/// Digits in groups of three, as TOML allows: `67_108_864`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('_');
        }
        out.push(digit);
    }
    out
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Name within its section.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// The value when nothing sets it.
    pub default: fn() -> Value,
    /// Unit, empty when there is none.
    pub unit: &'static str,
    /// What it is, line by line.
    pub doc: &'static [&'static str],
}

impl Key {
    /// Reads a TOML value.
    ///
    /// # Errors
    /// What is expected, when it is of another type or out of range.
    pub fn of_toml(&self, value: &toml::Value) -> Result<Value, String> {
        match (self.kind, value) {
            (Kind::Integer { .. }, toml::Value::Integer(number)) => {
                u64::try_from(*number).map_err(|_| self.expected()).and_then(|number| self.in_range(number))
            }
            (Kind::Bool, toml::Value::Boolean(flag)) => Ok(Value::Bool(*flag)),
            (Kind::Text | Kind::Choice(_), toml::Value::String(text)) => self.word(text),
            (Kind::List, toml::Value::Array(items)) => items
                .iter()
                .map(|item| item.as_str().map(str::to_owned).ok_or_else(|| self.expected()))
                .collect::<Result<_, _>>()
                .map(Value::List),
            _ => Err(self.expected()),
        }
    }

    /// Reads the text of an environment variable or a flag.
    ///
    /// # Errors
    /// What is expected, when it cannot be read or is out of range.
    pub fn of_text(&self, text: &str) -> Result<Value, String> {
        match self.kind {
            Kind::Integer { .. } => {
                let digits = text.trim().replace('_', "");
                digits.parse().map_err(|_| self.expected()).and_then(|number| self.in_range(number))
            }
            Kind::Bool => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" | "on" => Ok(Value::Bool(true)),
                "false" | "0" | "no" | "off" => Ok(Value::Bool(false)),
                _ => Err(self.expected()),
            },
            Kind::Text | Kind::Choice(_) => self.word(text),
            Kind::List => Ok(Value::List(
                text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect(),
            )),
        }
    }

    fn word(&self, text: &str) -> Result<Value, String> {
        match self.kind {
            Kind::Choice(words) if !words.contains(&text) => Err(self.expected()),
            _ => Ok(Value::Text(text.to_owned())),
        }
    }

    fn in_range(&self, number: u64) -> Result<Value, String> {
        match self.kind {
            Kind::Integer { min, max } if number < min || number > max => Err(self.expected()),
            _ => Ok(Value::Integer(number)),
        }
    }

    /// What the key takes, for messages and for the reference page.
    #[must_use]
    pub fn expected(&self) -> String {
        match self.kind {
            Kind::Integer { min, max } => format!("must be a whole number from {} to {}", grouped(min), grouped(max)),
            Kind::Bool => "must be true or false".to_owned(),
            Kind::Text => "must be a text".to_owned(),
            Kind::Choice(words) => format!("must be one of {}", words.join(", ")),
            Kind::List => "must be a list of texts".to_owned(),
        }
    }
}

/// Where a value was set. A later kind wins over an earlier one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The table.
    Default,
    /// A file.
    File(String),
    /// An environment variable.
    Environment(String),
    /// A flag of the command line.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {path}"),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// One thing that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigProblem {
    /// Where it was set.
    pub origin: Origin,
    /// The key, `section.name`; empty when the whole source cannot be read.
    pub key: String,
    /// What is wrong and what is accepted.
    pub message: String,
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() {
            write!(f, "{}: {}", self.origin, self.message)
        } else {
            write!(f, "{}: {}: {}", self.origin, self.key, self.message)
        }
    }
}

/// Everything that is wrong with a configuration; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ConfigError {
    /// In the order in which they were found.
    pub problems: Vec<ConfigProblem>,
}

/// A value as `kassette config show` prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// `section.name`.
    pub key: String,
    /// The value in force.
    pub value: Value,
    /// Unit, empty when there is none.
    pub unit: &'static str,
    /// Where it was set.
    pub origin: Origin,
}
