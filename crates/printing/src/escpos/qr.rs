//! QR codes as dots.

use fast_qr::{ECL, QRBuilder};

use super::bitmap::Bitmap;

/// White modules around a code, as ISO/IEC 18004 asks for.
const QUIET_MODULES: u32 = 4;

/// How much of a code may be damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum QrLevel {
    /// About 7 percent.
    L,
    /// About 15 percent; what the markets ask for.
    #[default]
    M,
    /// About 25 percent.
    Q,
    /// About 30 percent.
    H,
}

impl QrLevel {
    const fn level(self) -> ECL {
        match self {
            Self::L => ECL::L,
            Self::M => ECL::M,
            Self::Q => ECL::Q,
            Self::H => ECL::H,
        }
    }
}

/// The modules of a code with its quiet zone, one dot each; none when the payload is too long for any.
pub(super) fn modules(payload: &[u8], level: QrLevel) -> Option<Bitmap> {
    let code = QRBuilder::new(payload).ecl(level.level()).build().ok()?;
    let width = u32::try_from(code.size).ok()?;
    let mut bitmap = Bitmap::white(width + 2 * QUIET_MODULES, width + 2 * QUIET_MODULES);
    for (y, row) in (QUIET_MODULES..).zip(code.data.chunks(code.size.max(1)).take(code.size)) {
        for (x, module) in (QUIET_MODULES..).zip(row) {
            bitmap.set(x, y, module.value());
        }
    }
    Some(bitmap)
}
