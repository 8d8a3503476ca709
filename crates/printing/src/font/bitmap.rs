//! A font of dots, read from the compiled form of the X window system (PCF).

use std::io::Read;
use std::sync::LazyLock;

use flate2::read::GzDecoder;

/// Dots across a cell.
pub const CELL_WIDTH_DOTS: u16 = 12;
/// Dots down a cell.
pub const CELL_HEIGHT_DOTS: u16 = 24;
/// Rows of a cell.
const ROWS: usize = CELL_HEIGHT_DOTS as usize;
/// Largest font file, unpacked, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The rows of a cell from the top; the leftmost dot is the highest of the low twelve bits.
pub type Glyph = [u16; ROWS];

/// Why a font file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FontError {
    /// It cannot be unpacked.
    #[error("the file cannot be unpacked: {0}")]
    Unpack(#[from] std::io::Error),
    /// It ends inside something.
    #[error("the file ends inside {0}")]
    Short(&'static str),
    /// It is something else than a font of these cells.
    #[error("the file is not a font of {CELL_WIDTH_DOTS} x {CELL_HEIGHT_DOTS} dots: {0}")]
    Form(&'static str),
}

/// A font of dots.
///
/// Invariant: sorted by character, and it has U+0020 and U+FFFD or else `?`.
#[derive(Debug)]
pub struct Bitmap {
    glyphs: Vec<(char, Glyph)>,
    missing: Glyph,
}

/// The file is the bold weight of the family: its strokes are two dots, a quarter of a millimetre, which is what thermal paper needs.
const FILE: &[u8] = include_bytes!("../../fonts/ter-u24b_unicode.pcf.gz");

#[expect(clippy::expect_used, reason = "the file is part of the program, and a test reads it")]
static REGULAR: LazyLock<Bitmap> = LazyLock::new(|| Bitmap::read(FILE).expect("the embedded font can be read"));
static BOLD: LazyLock<Bitmap> = LazyLock::new(|| REGULAR.emboldened());

impl Bitmap {
    /// The weight for text: strokes of two dots.
    #[must_use]
    pub fn regular() -> &'static Self {
        &REGULAR
    }

    /// The same glyphs with strokes of three dots, as printers embolden: each dot burnt once more to its right.
    #[must_use]
    pub fn bold() -> &'static Self {
        &BOLD
    }

    /// The glyph of a character, if the font has one.
    #[must_use]
    pub fn get(&self, character: char) -> Option<&Glyph> {
        let index = self.glyphs.binary_search_by_key(&character, |(own, _)| *own).ok()?;
        self.glyphs.get(index).map(|(_, glyph)| glyph)
    }

    /// The glyph of a character, or the one for characters that are missing.
    #[must_use]
    pub fn glyph(&self, character: char) -> &Glyph {
        match character {
            // A no-break space is a space that breaks no line.
            '\u{a0}' | '\u{202f}' | '\u{2007}' => self.get(' '),
            _ => self.get(character),
        }
        .unwrap_or(&self.missing)
    }

    fn emboldened(&self) -> Self {
        let bold = |glyph: &Glyph| glyph.map(|row| row | row >> 1);
        let glyphs = self.glyphs.iter().map(|(character, glyph)| (*character, bold(glyph)));
        Self { glyphs: glyphs.collect(), missing: bold(&self.missing) }
    }

    /// Reads a gzip-packed PCF file.
    ///
    /// # Errors
    /// When it cannot be unpacked, ends early, or has other cells.
    pub fn read(file: &[u8]) -> Result<Self, FontError> {
        let mut bytes = Vec::new();
        GzDecoder::new(file).take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
        let tables = Tables::read(&bytes)?;
        let cells = tables.cells()?;
        let mut glyphs = tables.characters(&cells)?;
        glyphs.sort_unstable_by_key(|(character, _)| *character);
        let find = |character| glyphs.iter().find(|(own, _)| *own == character).map(|(_, glyph)| *glyph);
        let missing = find(char::REPLACEMENT_CHARACTER).or_else(|| find('?')).ok_or(FontError::Form("it lacks ?"))?;
        find(' ').ok_or(FontError::Form("it lacks the space"))?;
        Ok(Self { glyphs, missing })
    }
}

/// Numbers of the tables of a file.
const METRICS: u32 = 1 << 2;
const BITMAPS: u32 = 1 << 3;
const ENCODINGS: u32 = 1 << 5;
/// Format of a table: bytes and bits most significant first, rows padded to four bytes.
const FORMAT: u32 = 0xE;
/// Metrics in one byte each, with 0x80 as zero.
const COMPRESSED_METRICS: u32 = 0x100;
/// No glyph.
const NO_GLYPH: u16 = 0xFFFF;
/// Metrics of a cell: left and right bearing, width, ascent, descent, each with 0x80 as zero.
const CELL_METRICS: [u8; 5] = [0x80, 0x80 + 12, 0x80 + 12, 0x80 + 19, 0x80 + 5];
/// Bytes of a cell: rows padded to four bytes.
const CELL_BYTES: usize = ROWS * 4;

/// The tables of a file that are needed.
struct Tables<'a> {
    metrics: &'a [u8],
    bitmaps: &'a [u8],
    encodings: &'a [u8],
}

impl<'a> Tables<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, FontError> {
        if bytes.get(..4) != Some(b"\x01fcp") {
            return Err(FontError::Form("its first bytes"));
        }
        let little = |at: usize| -> Result<u32, FontError> {
            let four = bytes.get(at..).and_then(|rest| rest.first_chunk()).ok_or(FontError::Short("its head"))?;
            Ok(u32::from_le_bytes(*four))
        };
        let find = |wanted: u32, format: u32, name: &'static str| {
            let count = little(4)?.min(64);
            for index in 0..count {
                let entry = 8 + 16 * index as usize;
                if little(entry)? != wanted {
                    continue;
                }
                if little(entry + 4)? != format {
                    return Err(FontError::Form("the format of a table"));
                }
                // The table repeats its format in its first four bytes.
                let (size, offset) = (little(entry + 8)? as usize, little(entry + 12)? as usize);
                let end = offset.checked_add(size).ok_or(FontError::Short(name))?;
                return bytes.get(offset + 4..end).ok_or(FontError::Short(name));
            }
            Err(FontError::Short(name))
        };
        Ok(Self {
            metrics: find(METRICS, FORMAT | COMPRESSED_METRICS, "its metrics")?,
            bitmaps: find(BITMAPS, FORMAT, "its bitmaps")?,
            encodings: find(ENCODINGS, FORMAT, "its encodings")?,
        })
    }

    /// The cells in the order of the file.
    fn cells(&self) -> Result<Vec<Glyph>, FontError> {
        const SHORT: FontError = FontError::Short("its bitmaps");
        let count = usize::from(big_u16(self.metrics, 0).ok_or(FontError::Short("its metrics"))?);
        let metrics = self.metrics.get(2..2 + count * 5).ok_or(FontError::Short("its metrics"))?;
        if metrics.chunks_exact(5).any(|metrics| metrics != CELL_METRICS) {
            return Err(FontError::Form("the metrics of a glyph"));
        }
        // Count, an offset for each glyph, four sizes for four paddings, then the rows.
        let rows_at = 4 + 4 * count + 16;
        let rows = self.bitmaps.get(rows_at..).ok_or(SHORT)?;
        let mut cells = Vec::with_capacity(count);
        for index in 0..count {
            let offset = big_u32(self.bitmaps, 4 + 4 * index).ok_or(SHORT)? as usize;
            let bytes = offset.checked_add(CELL_BYTES).and_then(|end| rows.get(offset..end)).ok_or(SHORT)?;
            let mut glyph = [0; ROWS];
            for (row, four) in glyph.iter_mut().zip(bytes.chunks_exact(4)) {
                *row = big_u16(four, 0).unwrap_or(0) >> 4;
            }
            cells.push(glyph);
        }
        Ok(cells)
    }

    /// Which character has which cell.
    fn characters(&self, cells: &[Glyph]) -> Result<Vec<(char, Glyph)>, FontError> {
        const SHORT: FontError = FontError::Short("its encodings");
        let bound = |index: usize| big_u16(self.encodings, 2 * index).ok_or(SHORT);
        let (low_min, low_max, high_min, high_max) = (bound(0)?, bound(1)?, bound(2)?, bound(3)?);
        let mut characters = Vec::with_capacity(cells.len());
        let mut at = 10;
        for high in high_min..=high_max.min(0xFF) {
            for low in low_min..=low_max.min(0xFF) {
                let index = big_u16(self.encodings, at).ok_or(SHORT)?;
                at += 2;
                if index == NO_GLYPH {
                    continue;
                }
                let glyph = cells.get(usize::from(index)).ok_or(FontError::Form("the number of a glyph"))?;
                if let Some(character) = char::from_u32(u32::from(high) << 8 | u32::from(low)) {
                    characters.push((character, *glyph));
                }
            }
        }
        Ok(characters)
    }
}

fn big_u16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|two| u16::from_be_bytes(*two))
}

fn big_u32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|four| u32::from_be_bytes(*four))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]
mod tests {
    use super::*;
    use crate::Language;

    fn picture(glyph: &Glyph) -> Vec<String> {
        let row = |row: &u16| (0..12).map(|bit| if row & (0x800 >> bit) != 0 { '#' } else { '.' }).collect();
        glyph.iter().map(row).collect()
    }

    #[test]
    fn a_letter_has_its_dots() {
        // The letter L: a stem and a foot.
        let rows = picture(Bitmap::regular().glyph('L'));
        let count = |wanted: &str| rows.iter().filter(|row| *row == wanted).count();
        assert_eq!((count(".##........."), count(".##########."), count("............")), (14, 1, 9), "{rows:#?}");
    }

    #[test]
    fn every_word_of_every_language_can_be_drawn() {
        for font in [Bitmap::regular(), Bitmap::bold()] {
            for language in Language::ALL {
                for (name, text) in language.words().all() {
                    assert!(text.chars().all(|character| font.get(character).is_some()), "{language:?} {name}: {text}");
                }
            }
            assert_eq!(font.glyph('牛'), font.glyph('\u{fffd}'));
            assert_eq!(font.glyph('\u{a0}'), font.glyph(' '));
            assert!(font.get('€').is_some() && font.get('Ω').is_some() && font.get('Ж').is_some());
        }
    }

    #[test]
    fn a_damaged_file_is_refused() {
        let mut bytes = Vec::new();
        GzDecoder::new(FILE).read_to_end(&mut bytes).unwrap();
        for cut in [0, 4, 8, 100, 5000, 100_000, 200_000] {
            let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            std::io::Write::write_all(&mut packed, &bytes[..cut]).unwrap();
            assert!(Bitmap::read(&packed.finish().unwrap()).is_err(), "{cut}");
        }
        assert!(matches!(Bitmap::read(b"nonsense"), Err(FontError::Unpack(_))));
    }
}
