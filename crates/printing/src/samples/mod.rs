//! One sample receipt for each market, for test pages, documentation and golden files.
//!
//! Purpose: let everybody see what a receipt of a country looks like before there is one.
//! Owns: [`SAMPLES`], one line each; the pairs of request and answer as JSON beside this file.
//! Invariants: all are of a sandbox and say so; names, numbers and signatures are made up and can be taken for no real business.
//! Not here: receipts that a rule of a country made (`markets`).

use kassette_model::cases::Country;
use kassette_model::{Environment, Moment, ReceiptRequest, ReceiptResponse};
use kassette_wire::json::{self, Json};
use kassette_wire::{Limits, sign};

use crate::receipt::{ComposeError, Copy, Logo, Merchant, Receipt, Source, compose};
use crate::{Language, Printable};

/// A sample.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// Whose law it follows.
    pub market: Country,
    /// Two letters in lower case, for names of files.
    pub name: &'static str,
    json: &'static str,
    merchant: &'static str,
    address: [&'static str; 2],
    tax_id: (&'static str, &'static str),
}

/// All samples.
pub const SAMPLES: &[Sample] = &[
    Sample {
        market: Country::AT,
        name: "at",
        json: include_str!("at.json"),
        merchant: "Café Kassette",
        address: ["Musterplatz 1", "1010 Wien"],
        tax_id: ("UID", "ATU00000000"),
    },
    Sample {
        market: Country::DE,
        name: "de",
        json: include_str!("de.json"),
        merchant: "Bäckerei Kassette GmbH",
        address: ["Musterstraße 1", "10115 Berlin"],
        tax_id: ("St.-Nr.", "00/000/00000"),
    },
    Sample {
        market: Country::ES,
        name: "es",
        json: include_str!("es.json"),
        merchant: "Cafetería Kassette S.L.",
        address: ["Calle de Ejemplo 1", "28001 Madrid"],
        tax_id: ("NIF", "B99999997"),
    },
    Sample {
        market: Country::FR,
        name: "fr",
        json: include_str!("fr.json"),
        merchant: "Bistrot Kassette SARL",
        address: ["1, rue de l'Exemple", "75001 Paris"],
        tax_id: ("SIRET", "000 000 000 00000"),
    },
    Sample {
        market: Country::PT,
        name: "pt",
        json: include_str!("pt.json"),
        merchant: "Pastelaria Kassette Lda.",
        address: ["Rua do Exemplo 1", "1100-001 Lisboa"],
        tax_id: ("NIF", "999999990"),
    },
];

impl Sample {
    /// Request and answer.
    ///
    /// # Panics
    /// Never: the samples are part of the program, and a test reads each.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the text is a constant of this folder")]
    pub fn pair(&self) -> (ReceiptRequest, ReceiptResponse) {
        let limits = Limits::default();
        let pair = json::parse(self.json.as_bytes(), &limits).expect("the sample is JSON");
        let part = |name| pair.get(name).unwrap_or(&Json::Null);
        let request = sign::request_from_json(part("ReceiptRequest"), &limits, Moment::UNIX_EPOCH);
        let response = sign::response_from_json(part("ReceiptResponse"), &limits);
        (request.expect("the sample has a request"), response.expect("the sample has an answer"))
    }

    /// Who issued it.
    #[must_use]
    pub fn merchant(&self) -> Merchant {
        let (label, number) = self.tax_id;
        Merchant {
            name: Printable::new(self.merchant),
            address: self.address.iter().map(|line| Printable::new(line)).collect(),
            tax_ids: vec![(Printable::new(label), Printable::new(number))],
            contact: vec![Printable::new("www.example.com")],
            logo: logo(),
        }
    }

    /// The receipt as it is shown, as original or copy, in a language or that of its country.
    ///
    /// # Errors
    /// Never for a sample; the type is that of [`compose`].
    pub fn receipt(&self, copy: Copy, language: Option<Language>) -> Result<Receipt, ComposeError> {
        let (request, response) = self.pair();
        compose(&Source {
            request: &request,
            response: &response,
            market: self.market,
            environment: Environment::Sandbox,
            merchant: &self.merchant(),
            language,
            time_zone: None,
            copy,
            document_url: None,
        })
    }
}

/// Dots of the logo across and down.
const LOGO_DOTS: (u16, u16) = (96, 60);

/// A cassette, drawn by rule: a frame, a label, two reels.
fn logo() -> Option<Logo> {
    let (width, height) = LOGO_DOTS;
    let is_black = |x: u16, y: u16| {
        let is_frame = x < 4 || y < 4 || x >= width - 4 || y >= height - 4;
        let square = |center_x: u16| u32::from(x.abs_diff(center_x)).pow(2) + u32::from(y.abs_diff(30)).pow(2);
        let distance = square(30).min(square(66));
        let is_reel = (30..=100).contains(&distance);
        let is_label = (14..18).contains(&y) && (14..82).contains(&x);
        let is_foot = (44..48).contains(&y) && (26..70).contains(&x);
        is_frame || is_reel || is_label || is_foot
    };
    let row_bytes = width.div_ceil(8);
    let byte = |index: u16| {
        let (y, first) = (index / row_bytes, index % row_bytes * 8);
        (0..8).fold(0_u8, |byte, bit| byte | u8::from(is_black(first + bit, y)) << (7 - bit))
    };
    let bits = (0..row_bytes * height).map(byte).collect();
    Logo::new(width, height, bits, "Kassette").ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_can_be_composed_in_every_language() {
        for sample in SAMPLES {
            for language in Language::ALL {
                let receipt = sample.receipt(Copy::Original, Some(*language));
                let receipt = receipt.map_err(|error| format!("{}: {error}", sample.name));
                assert!(receipt.is_ok_and(|receipt| receipt.merchant.logo.is_some() && !receipt.signatures.is_empty()));
            }
        }
    }
}
