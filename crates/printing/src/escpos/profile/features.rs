//! Commands that not every printer has.

/// Commands that a printer has beyond text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Features {
    /// QR codes (`GS ( k`); without them a QR code is printed as a picture.
    pub qr: bool,
    /// PDF417 codes (`GS ( k`).
    pub pdf417: bool,
    /// Bar codes that end with a zero (`GS k`, function A).
    pub barcode_a: bool,
    /// Bar codes with a length (`GS k`, function B): code 128 needs it.
    pub barcode_b: bool,
    /// Pictures in rows (`GS v 0`).
    pub raster: bool,
    /// Pictures in columns (`ESC *`).
    pub columns: bool,
    /// The cutter cuts the paper off (`GS V 65`).
    pub full_cut: bool,
    /// The cutter leaves a bridge (`GS V 66`).
    pub part_cut: bool,
    /// A pulse opens a drawer (`ESC p`).
    pub drawer: bool,
}

impl Features {
    /// The words of the data file.
    pub(super) fn parse(words: &str) -> Option<Self> {
        let mut features = Self::default();
        for word in words.split(' ').filter(|word| !word.is_empty()) {
            match word {
                "qr" => features.qr = true,
                "pdf417" => features.pdf417 = true,
                "barcode-a" => features.barcode_a = true,
                "barcode-b" => features.barcode_b = true,
                "raster" => features.raster = true,
                "columns" => features.columns = true,
                "full-cut" => features.full_cut = true,
                "part-cut" => features.part_cut = true,
                "drawer" => features.drawer = true,
                _ => return None,
            }
        }
        Some(features)
    }
}
