//! National characters in place of ASCII (`ESC R n`).

/// The ASCII characters that are replaced.
const REPLACED: [char; 12] = ['#', '$', '@', '[', '\\', ']', '^', '`', '{', '|', '}', '~'];

/// The characters of each set, in the order of [`REPLACED`]: USA, France, Germany, United Kingdom, Denmark I, Sweden, Italy, Spain I,
/// Japan, Norway, Denmark II, Spain II, Latin America, Korea.
const SETS: [&str; 14] = [
    "#$@[\\]^`{|}~",
    "#$à°ç§^`éùè¨",
    "#$§ÄÖÜ^`äöüß",
    "£$@[\\]^`{|}~",
    "#$@ÆØÅ^`æøå~",
    "#¤ÉÄÖÅÜéäöåü",
    "#$@°\\é^ùàòèì",
    "₧$@¡Ñ¿^`¨ñ}~",
    "#$@[¥]^`{|}~",
    "#¤ÉÆØÅÜéæøåü",
    "#$ÉÆØÅÜéæøåü",
    "#$á¡Ñ¿é`íñóú",
    "#$á¡Ñ¿éüíñóú",
    "#$@[₩]^`{|}~",
];

/// An ASCII character in a set; sets that are not known are as the first one.
pub(super) fn national(set: u8, char: char) -> char {
    let place = REPLACED.iter().position(|replaced| *replaced == char);
    let set = SETS.get(usize::from(set)).or(SETS.first());
    place.zip(set).and_then(|(place, set)| set.chars().nth(place)).unwrap_or(char)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_characters() {
        assert!(SETS.iter().all(|set| set.chars().count() == REPLACED.len()));
        for (set, ascii, char) in
            [(0, '#', '#'), (2, '[', 'Ä'), (2, '~', 'ß'), (3, '#', '£'), (2, 'A', 'A'), (99, '[', '[')]
        {
            assert_eq!(national(set, ascii), char);
        }
    }
}
