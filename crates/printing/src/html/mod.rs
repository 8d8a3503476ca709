//! The receipt as a page of the web.
//!
//! Purpose: a page that everybody can read, on a telephone, by ear, in the dark and on paper.
//! Owns: [`FORMAT`], [`render`] (our page), [`template`] (pages that a merchant writes), the policies under which they are shown.
//! Invariants: no script, no picture or font from elsewhere, no attribute `style`; every text is escaped; the payload of every code is
//! there as text, too; nothing in it asks search engines in.
//! Not here: who may see it, its address, other headers (edge).

mod page;
mod parts;
mod policy;
pub mod template;

pub use page::render;
pub use policy::{content_security_policy, content_security_policy_with_nonce, style_hash};

use crate::format::{Format, Options, RenderError};
use crate::receipt::Receipt;

/// Its registration.
pub const FORMAT: Format =
    Format { name: "html", media_type: "text/html", extension: "html", has_width: false, render: rendered };

/// The style of our page; it stands in the page, and the policy has its hash.
pub(crate) const STYLE: &str = include_str!("style.css");

fn rendered(receipt: &Receipt, _: &Options) -> Result<Vec<u8>, RenderError> {
    Ok(render(receipt).into_bytes())
}

#[cfg(test)]
#[path = "html_tests.rs"]
mod tests;
