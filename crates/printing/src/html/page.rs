//! The page from the top to the bottom.

use kassette_model::cases::SignaturePosition;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{STYLE, parts};
use crate::receipt::Receipt;

/// Writes the page.
#[must_use]
pub fn render(receipt: &Receipt) -> String {
    page(receipt).into_string()
}

fn page(receipt: &Receipt) -> Markup {
    let number = receipt.facts.first().map(|fact| fact.value.as_str()).unwrap_or_default();
    html! {
        (DOCTYPE)
        html lang=(receipt.language.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex, nofollow, noarchive";
                meta name="referrer" content="no-referrer";
                title { (receipt.title.as_str()) " " (number) " - " (receipt.merchant.name.as_str()) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    (parts::place(receipt, SignaturePosition::BeforeHeader))
                    (parts::marks(receipt))
                    (parts::merchant(receipt))
                    (parts::facts(receipt))
                    (parts::place(receipt, SignaturePosition::AfterHeader))
                    (parts::items(receipt))
                    (parts::place(receipt, SignaturePosition::AfterChargeItems))
                    (parts::vat(receipt))
                    (parts::place(receipt, SignaturePosition::AfterTotal))
                    (parts::payments(receipt))
                    (parts::place(receipt, SignaturePosition::AfterPayItems))
                    (parts::footer(receipt))
                    (parts::place(receipt, SignaturePosition::AfterFooter))
                    (parts::marks(receipt))
                }
            }
        }
    }
}
