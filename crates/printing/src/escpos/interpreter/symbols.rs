//! Codes that the printer draws itself: `GS k` and `GS ( k`.

use super::tape::{Align, Item, Symbology};
use crate::escpos::qr::QrLevel;

/// The symbology of `GS k m` and its data, whichever way its end is told.
pub(super) fn bar_code(kind: u8, data: &[u8]) -> Option<(Symbology, Vec<u8>)> {
    let (number, data) = match kind {
        // Function A ends with a zero.
        0..=6 => (kind, data.strip_suffix(&[0]).unwrap_or(data)),
        // Function B begins with a length.
        65..=79 => (kind - 65, data.get(1..).unwrap_or(&[])),
        _ => return None,
    };
    let symbology = match number {
        0 => Symbology::UpcA,
        1 => Symbology::UpcE,
        2 => Symbology::Ean13,
        3 => Symbology::Ean8,
        4 => Symbology::Code39,
        5 => Symbology::Itf,
        6 => Symbology::Codabar,
        7 => Symbology::Code93,
        8 => Symbology::Code128,
        other => Symbology::Other(other),
    };
    Some((symbology, data.to_vec()))
}

/// What `GS ( k` keeps until a code is printed.
#[derive(Debug)]
pub(super) struct Symbols {
    qr_module_dots: u8,
    qr_level: QrLevel,
    /// Data of each kind, by its number less 48.
    stored: [Vec<u8>; 7],
    module_dots: u8,
}

impl Default for Symbols {
    fn default() -> Self {
        Self { qr_module_dots: 3, qr_level: QrLevel::L, stored: Default::default(), module_dots: 3 }
    }
}

impl Symbols {
    /// Does a function; tells the code that it prints.
    pub(super) fn function(&mut self, data: &[u8], align: Align) -> Option<Item> {
        let [kind, function, rest @ ..] = data else { return None };
        match (*kind, *function, rest) {
            (49, 67, [dots]) => self.qr_module_dots = (*dots).clamp(1, 16),
            (49, 69, [level]) => {
                self.qr_level = match level {
                    49 => QrLevel::M,
                    50 => QrLevel::Q,
                    51 => QrLevel::H,
                    _ => QrLevel::L,
                };
            }
            (48, 67, [dots]) => self.module_dots = (*dots).clamp(1, 8),
            (_, 80, [48, payload @ ..]) => payload.clone_into(self.store(*kind)?),
            (_, 81, [48]) => return self.print(*kind, align),
            _ => {}
        }
        None
    }

    fn store(&mut self, kind: u8) -> Option<&mut Vec<u8>> {
        self.stored.get_mut(usize::from(kind.checked_sub(48)?))
    }

    fn print(&mut self, kind: u8, align: Align) -> Option<Item> {
        let data = self.store(kind).cloned().filter(|data| !data.is_empty())?;
        let symbology = match kind {
            48 => Symbology::Pdf417,
            49 => {
                let (module_dots, level) = (self.qr_module_dots, self.qr_level);
                return Some(Item::Qr { align, payload: data, module_dots, level });
            }
            50 => Symbology::MaxiCode,
            53 => Symbology::Aztec,
            54 => Symbology::DataMatrix,
            other => Symbology::Other(other),
        };
        Some(Item::Code { align, symbology, data, height_dots: 96, module_dots: self.module_dots, text: false })
    }
}
