//! Configuration: every limit of the server by name, with its unit, in one table.
//!
//! Purpose: defaults, then a TOML file, then the environment, then flags, merged into typed settings.
//! Owns: [`Settings`] and its sections, the table [`SECTIONS`], the terminals of the file, [`Loaded`] with the origin of every value.
//! Invariants: a key that is not in the table is refused with its place; a value out of range is refused, never clamped; what
//! `config.default.toml` and `docs/configuration.md` say is made from the table and compared in tests.
//! Not here: folders and keys on disk (only certificates that a setting names are read, to see that they can be), the settings of
//! one cash box (they stand in its journal).

mod callbacks;
mod check;
mod convert;
mod load;
mod render;
mod sections;
mod terminals;
mod value;

pub use load::{ENVIRONMENT_PREFIX, Flag, Loaded, Sources, load};
pub use render::{default_file, reference, shown};
pub use sections::{
    CallbacksSection, DevicesSection, EnvironmentSection, EventsSection, JournalSection, LimitsSection, LogSection,
    NodeSection, SECTIONS, Section, ServerSection, Settings,
};
pub use terminals::ConfiguredTerminal;
pub use value::{ConfigError, ConfigProblem, Key, Kind, Origin, Shown, Value};

/// The documented default file, as `kassette config default` prints it.
pub const DEFAULT_FILE: &str = include_str!("config.default.toml");
