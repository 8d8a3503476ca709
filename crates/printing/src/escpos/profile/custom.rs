//! Profiles of the operator's own, by name.

use std::collections::BTreeMap;

use thiserror::Error;

use super::database::built_in;
use super::features::Features;
use super::model::{Confirmation, Profile};
use crate::escpos::code_page;

/// Fewest characters of a line in which a receipt can be laid out.
pub const COLUMNS_MIN: u16 = 24;
/// Most characters of a line: paper of 112 mm.
pub const COLUMNS_MAX: u16 = 80;
/// Most dots across the paper.
pub const DOTS_MAX: u16 = 2048;
/// Smallest receive buffer: one piece of a job must fit into half of it.
const BUFFER_BYTES_MIN: u32 = 512;

/// A profile as another one with changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CustomProfile {
    /// The id of the profile that it is made from; `default` when nothing is said.
    pub base: Option<String>,
    /// Characters of font A in a line, 24 to 80.
    pub columns: Option<u16>,
    /// Dots across the paper, at most 2048.
    pub dots: Option<u16>,
    /// Commands that the printer has.
    pub features: Option<Features>,
    /// Numbers for `ESC t` with names of code pages.
    pub code_pages: Option<Vec<(u8, String)>>,
    /// How it confirms a job.
    pub confirmation: Option<Confirmation>,
    /// Bytes that it takes before it has printed any of them, at least 512.
    pub buffer_bytes: Option<u32>,
}

/// What is wrong with a profile of the operator's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProfileError {
    /// There is no such profile to begin with.
    #[error("printer profile `{0}` is not known")]
    Base(String),
    /// Too few or too many.
    #[error("a line has {COLUMNS_MIN} to {COLUMNS_MAX} columns, not {0}")]
    Columns(u16),
    /// Too few for the line, or too many.
    #[error("{dots} dots do not hold {columns} columns, or are more than {DOTS_MAX}")]
    Dots {
        /// Dots across the paper.
        dots: u16,
        /// Characters of a line.
        columns: u16,
    },
    /// A name that is not in the table.
    #[error("code page `{0}` is not known")]
    CodePage(String),
    /// A printer without any cannot print text.
    #[error("a printer has at least one code page")]
    NoCodePage,
    /// Too small.
    #[error("a receive buffer has at least {BUFFER_BYTES_MIN} bytes, not {0}")]
    Buffer(u32),
}

impl CustomProfile {
    fn profile(&self, id: &str, profiles: &Profiles) -> Result<Profile, ProfileError> {
        let base = self.base.as_deref().unwrap_or(super::REPLACEMENT_PROFILE);
        let mut profile = profiles.get(base).ok_or_else(|| ProfileError::Base(base.to_owned()))?.clone();
        id.clone_into(&mut profile.id);
        if let Some(columns) = self.columns {
            (profile.columns, profile.dots) = (columns, columns.saturating_mul(super::model::CELL_DOTS));
        }
        profile.dots = self.dots.unwrap_or(profile.dots);
        profile.features = self.features.unwrap_or(profile.features);
        profile.confirmation = self.confirmation.unwrap_or(profile.confirmation);
        profile.buffer_bytes = self.buffer_bytes.unwrap_or(profile.buffer_bytes);
        if let Some(pages) = &self.code_pages {
            let page =
                |(number, name): &(u8, String)| code_page(name).map(|page| (*number, page)).ok_or_else(|| name.clone());
            profile.code_pages = pages.iter().map(page).collect::<Result<_, _>>().map_err(ProfileError::CodePage)?;
        }
        if !(COLUMNS_MIN..=COLUMNS_MAX).contains(&profile.columns) {
            return Err(ProfileError::Columns(profile.columns));
        }
        // Fonts of less than eight dots are not read.
        if profile.dots > DOTS_MAX || profile.dots < profile.columns.saturating_mul(8) {
            return Err(ProfileError::Dots { dots: profile.dots, columns: profile.columns });
        }
        if profile.code_pages.is_empty() {
            return Err(ProfileError::NoCodePage);
        }
        if profile.buffer_bytes < BUFFER_BYTES_MIN {
            return Err(ProfileError::Buffer(profile.buffer_bytes));
        }
        Ok(profile)
    }
}

/// All profiles by their id: those of the database, and the operator's own, which go first.
#[derive(Debug, Clone, Default)]
pub struct Profiles {
    custom: BTreeMap<String, Profile>,
}

impl Profiles {
    /// Adds a profile, or replaces one of the same id.
    ///
    /// # Errors
    /// [`ProfileError`] says what is wrong with it; nothing is added then.
    pub fn add(&mut self, id: &str, custom: &CustomProfile) -> Result<(), ProfileError> {
        let profile = custom.profile(id, self)?;
        self.custom.insert(id.to_owned(), profile);
        Ok(())
    }

    /// A profile by its id; upper and lower case are the same.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Profile> {
        let own = self.custom.values().find(|profile| profile.id.eq_ignore_ascii_case(id));
        own.or_else(|| built_in().iter().find(|profile| profile.id.eq_ignore_ascii_case(id)))
    }

    /// All, the operator's own first.
    pub fn iter(&self) -> impl Iterator<Item = &Profile> {
        self.custom.values().chain(built_in())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(custom: &CustomProfile) -> Result<Profile, ProfileError> {
        let mut profiles = Profiles::default();
        profiles.add("bar", custom)?;
        Ok(profiles.get("BAR").cloned().into_iter().next().unwrap_or_else(|| unreachable!("it was added")))
    }

    #[test]
    fn a_profile_of_ones_own() {
        let custom = CustomProfile {
            base: Some("tm-t20iii".to_owned()),
            columns: Some(32),
            code_pages: Some(vec![(16, "CP1252".to_owned())]),
            confirmation: Some(Confirmation::ProcessId),
            ..CustomProfile::default()
        };
        let found = check(&custom).map(|profile| (profile.id, profile.columns, profile.dots, profile.code_pages.len()));
        assert_eq!(found, Ok(("bar".to_owned(), 32, 384, 1)));
    }

    #[test]
    fn what_cannot_be_printed_with_is_refused() {
        let none = CustomProfile::default;
        for (custom, error) in [
            (CustomProfile { base: Some("x".to_owned()), ..none() }, ProfileError::Base("x".to_owned())),
            (CustomProfile { columns: Some(8), ..none() }, ProfileError::Columns(8)),
            (CustomProfile { columns: Some(200), ..none() }, ProfileError::Columns(200)),
            (CustomProfile { dots: Some(100), ..none() }, ProfileError::Dots { dots: 100, columns: 42 }),
            (
                CustomProfile { code_pages: Some(vec![(0, "CP0".to_owned())]), ..none() },
                ProfileError::CodePage("CP0".to_owned()),
            ),
            (CustomProfile { code_pages: Some(vec![]), ..none() }, ProfileError::NoCodePage),
            (CustomProfile { buffer_bytes: Some(10), ..none() }, ProfileError::Buffer(10)),
        ] {
            assert_eq!(check(&custom), Err(error));
        }
    }
}
