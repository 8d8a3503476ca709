//! How large a symbol is drawn.

use super::Symbol;
use crate::receipt::Code;

/// Dots of a millimetre: what receipt printers have.
pub const DOTS_PER_MM: u32 = 8;
/// Height of bars in millimetres.
pub const LINEAR_HEIGHT_MM: u32 = 12;
/// Fewest dots of a module: a quarter of a millimetre, below which a telephone reads no thermal print.
pub const MODULE_DOTS_MIN: u32 = 2;
/// Dots of a module when there is room and no rule: half a millimetre for squares, three eighths for bars.
const MODULE_DOTS_WANTED: u32 = 4;
const BAR_DOTS_WANTED: u32 = 3;
/// Dots of a module that nothing goes beyond.
const MODULE_DOTS_MAX: u32 = 16;

/// Dots of a module, so that the symbol with its quiet zone fits `width_dots` and, where a rule says so, is as wide as the rule says;
/// `None` when it does not fit.
#[must_use]
pub fn module_dots(code: &Code, symbol: &Symbol, width_dots: u32) -> Option<u32> {
    let (bare, whole) = (symbol.width(), symbol.width() + 2 * symbol.quiet());
    let fits = (width_dots / whole.max(1)).min(MODULE_DOTS_MAX);
    if fits < MODULE_DOTS_MIN {
        return None;
    }
    let wanted = if symbol.is_linear() { BAR_DOTS_WANTED } else { MODULE_DOTS_WANTED };
    // The least that makes it wide enough; the largest that keeps it narrow enough.
    let least = (u32::from(code.width_mm_min) * DOTS_PER_MM).div_ceil(bare.max(1));
    let most = match u32::from(code.width_mm_max) * DOTS_PER_MM / bare.max(1) {
        0 => MODULE_DOTS_MAX,
        most => most,
    };
    Some(wanted.max(least).min(most.max(MODULE_DOTS_MIN)).min(fits))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::super::symbol;
    use super::*;
    use crate::receipt::Symbology;

    #[track_caller]
    fn check(payload: &str, (min, max): (u16, u16), width_dots: u32, dots: Option<u32>) {
        let mut code = Code::new(Symbology::Qr, payload);
        (code.width_mm_min, code.width_mm_max) = (min, max);
        assert_eq!(module_dots(&code, &symbol(&code).unwrap(), width_dots), dots);
    }

    #[test]
    fn a_rule_on_the_width_is_kept() {
        // Version 1: 21 modules. 30 mm are 240 dots: 12 for a module give 252.
        check("A", (30, 40), 576, Some(12));
        check("A", (0, 0), 576, Some(4));
        // Narrow paper wins over everything: 29 modules with the quiet zone.
        check("A", (30, 40), 300, Some(10));
        check("A", (0, 0), 57, None);
        // 117 modules of three dots are 43.9 mm: two keep it below 40.
        check(&"x".repeat(900), (30, 40), 576, Some(2));
    }
}
