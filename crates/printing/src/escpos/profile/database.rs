//! Profiles of known printers, made from escpos-printer-db (CC BY 4.0, see NOTICE).

use std::sync::OnceLock;

use super::features::Features;
use super::model::{CELL_DOTS, Confirmation, Profile};
use crate::escpos::code_page;

/// One line for each printer, made by `generate/printers.py`.
const TABLE: &str = include_str!("../data/printers.tsv");
/// The smallest receive buffer that makers write of; the database has no sizes.
pub(super) const BUFFER_BYTES: u32 = 4096;

/// All printers of the database, by their id. How a printer confirms a job is not in it: all are asked with `GS r`, but for `simple`,
/// which stands for printers that understand the least.
pub fn built_in() -> &'static [Profile] {
    static PROFILES: OnceLock<Vec<Profile>> = OnceLock::new();
    PROFILES.get_or_init(|| TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(parse).collect())
}

fn parse(line: &str) -> Option<Profile> {
    let cells: Vec<&str> = line.split('\t').collect();
    let [id, name, columns, dots, features, pages] = cells.as_slice() else { return None };
    let columns: u16 = columns.parse().ok()?;
    let dots = if dots.is_empty() { columns.saturating_mul(CELL_DOTS) } else { dots.parse().ok()? };
    let page = |page: &str| {
        let (number, name) = page.split_once('=')?;
        Some((number.parse().ok()?, code_page(name)?))
    };
    Some(Profile {
        id: (*id).to_owned(),
        name: (*name).to_owned(),
        columns,
        dots,
        features: Features::parse(features)?,
        code_pages: pages.split(' ').map(page).collect::<Option<_>>()?,
        confirmation: if *id == "simple" { Confirmation::Silent } else { Confirmation::Queued },
        buffer_bytes: BUFFER_BYTES,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::escpos::profile::REPLACEMENT_PROFILE;

    #[test]
    fn every_line_of_the_database_is_read() {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#')).count();
        assert!(lines > 40, "the lines are found");
        assert_eq!(built_in().len(), lines);
        assert!(built_in().iter().any(|profile| profile.id == REPLACEMENT_PROFILE));
        for profile in built_in() {
            assert!(profile.dots >= profile.columns * 8, "{}: {} dots", profile.id, profile.dots);
            assert!(profile.code_page(0).is_some() || profile.id == "mcPrint", "{}", profile.id);
        }
    }

    #[test]
    fn a_known_printer() {
        let found = built_in().iter().find(|profile| profile.id == "TM-T20III");
        let known = found.map(|profile| {
            let page = |number| profile.code_page(number).map(crate::escpos::CodePage::name);
            (profile.columns, profile.dots, profile.features.qr, profile.features.full_cut, page(16), page(19))
        });
        assert_eq!(known, Some((48, 576, true, true, Some("CP1252"), Some("CP858"))));
        assert!(built_in().iter().any(|profile| profile.id == "POS-5890" && !profile.features.qr));
    }
}
