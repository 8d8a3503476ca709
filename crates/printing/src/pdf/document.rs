//! Pages, and what the document says of itself.

use jiff::tz::TimeZone;
use kassette_model::Moment;
use kassette_model::cases::{Country, SignaturePosition};
use krilla::configure::{Archival, ConfigurationBuilder};
use krilla::geom::Transform;
use krilla::metadata::{DateTime, Metadata};
use krilla::page::PageSettings;
use krilla::{Document, SerializeSettings};

use super::sheet::{Fonts, Sheet, row_height_dots};
use crate::code::MODULE_DOTS_MIN;
use crate::format::RenderError;
use crate::layout::{Paper, Row, lay_out};
use crate::raster::Width;
use crate::receipt::{Content, Medium, Receipt};

/// Longest page in dots: a metre. What is longer is no scroll any more.
pub const PAGE_HEIGHT_DOTS_MAX: u32 = 8_000;
/// Points of a dot: 72 points are 25.4 mm, 8 dots are one.
const POINTS_PER_DOT: f32 = 0.354_330_7;
/// Dots above the first row and below the last one.
const EDGE_DOTS: u32 = 32;
/// Dots of a line at the foot of a page.
const FOOT_LINE_DOTS: u32 = 28;

/// Writes a receipt.
///
/// # Errors
/// When the encoder refuses what it was given, which is a bug.
pub fn render(receipt: &Receipt, width: Width) -> Result<Vec<u8>, RenderError> {
    let error = |text: String| RenderError::Pdf(text);
    let configuration = ConfigurationBuilder::new()
        .with_archival_validator(Archival::A2_U)
        .finish()
        .map_err(|reason| error(format!("{reason:?}")))?;
    let settings = SerializeSettings { configuration, compress_content_streams: true, ..SerializeSettings::default() };
    let mut document = Document::new_with(settings);
    document.set_metadata(metadata(receipt));
    let fonts = Fonts::get().ok_or_else(|| error("the embedded fonts cannot be read".to_owned()))?;
    let rows = lay_out(receipt, Paper::new(width.columns(), Medium::Paper, width.dots() / MODULE_DOTS_MIN));
    let pages = pages(&rows, width);
    let foot = foot(receipt);
    for (index, rows) in pages.iter().enumerate() {
        let foot: Vec<String> = if pages.len() > 1 {
            let number = format!("{} {}/{}", receipt.language.words().page, index + 1, pages.len());
            foot.iter().cloned().chain([number]).collect()
        } else {
            Vec::new()
        };
        page(&mut document, rows, &foot, width, fonts).ok_or_else(|| error("the size of a page".to_owned()))?;
    }
    document.finish().map_err(|reason| error(format!("{reason:?}")))
}

/// Divides rows into pages; a row is never cut.
fn pages<'r, 'a>(rows: &'r [Row<'a>], width: Width) -> Vec<&'r [Row<'a>]> {
    let mut pages = Vec::new();
    let (mut begin, mut height) = (0, 0);
    for (index, row) in rows.iter().enumerate() {
        let own = row_height_dots(row, width);
        if index > begin && height + own > PAGE_HEIGHT_DOTS_MAX {
            pages.extend(rows.get(begin..index));
            (begin, height) = (index, 0);
        }
        height += own;
    }
    pages.extend(rows.get(begin..));
    pages
}

/// What every page says when there are several: the number of the receipt; in Portugal the ATCUD, too (Portaria 195/2020, article 7).
fn foot(receipt: &Receipt) -> Vec<String> {
    let number = receipt.facts.first().map(|fact| format!("{} {}", fact.label, fact.value));
    let codes = receipt.signatures_at(SignaturePosition::AfterPayItems, Medium::Paper);
    let atcud =
        codes.filter(|signature| receipt.market == Country::PT && matches!(signature.content, Content::Code(_)));
    let atcud = atcud.flat_map(|signature| &signature.above).filter(|line| line.starts_with("ATCUD:"));
    number.into_iter().chain(atcud.map(ToString::to_string)).collect()
}

#[expect(clippy::float_arithmetic, reason = "the size of a page is no money")]
#[expect(clippy::cast_precision_loss, reason = "dots of a page are far below 2^24")]
fn page(document: &mut Document, rows: &[Row<'_>], foot: &[String], width: Width, fonts: &Fonts) -> Option<()> {
    let scale = width.scale();
    let height: u32 = rows.iter().map(|row| row_height_dots(row, width)).sum();
    let foot_dots = u32::try_from(foot.len()).ok()? * FOOT_LINE_DOTS * scale;
    let height = height + foot_dots + 2 * EDGE_DOTS * scale;
    let settings = PageSettings::from_wh(width.dots() as f32 * POINTS_PER_DOT, height as f32 * POINTS_PER_DOT)?;
    let mut page = document.start_page_with(settings);
    let mut surface = page.surface();
    surface.push_transform(&Transform::from_scale(POINTS_PER_DOT, POINTS_PER_DOT));
    let mut sheet = Sheet::new(&mut surface, fonts, width, EDGE_DOTS * scale);
    for row in rows {
        sheet.row(row);
    }
    for line in foot {
        sheet.foot(line);
    }
    surface.pop();
    surface.finish();
    page.finish();
    Some(())
}

fn metadata(receipt: &Receipt) -> Metadata {
    let title = match receipt.facts.first() {
        Some(number) => format!("{} {}", receipt.title, number.value),
        None => receipt.title.to_string(),
    };
    Metadata::new()
        .title(title)
        .language(receipt.language.tag().to_owned())
        .creator("Kassette".to_owned())
        .producer("Kassette".to_owned())
        .authors(vec![receipt.merchant.name.to_string()])
        .creation_date(date(receipt.moment))
        .document_id(receipt.queue_item_id.to_string())
}

fn date(moment: Moment) -> DateTime {
    let utc = moment.to_zoned(TimeZone::UTC);
    let small = |number: i8| u8::try_from(number).unwrap_or(0);
    DateTime::new(u16::try_from(utc.year()).unwrap_or(0))
        .month(small(utc.month()))
        .day(small(utc.day()))
        .hour(small(utc.hour()))
        .minute(small(utc.minute()))
        .second(small(utc.second()))
        .utc_offset_hour(0)
        .utc_offset_minute(0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::receipt::Copy;
    use crate::samples::SAMPLES;
    use crate::testing;

    fn count(file: &[u8], token: &[u8]) -> usize {
        file.windows(token.len()).filter(|window| *window == token).count()
    }

    #[test]
    fn every_sample_is_one_page_with_its_fonts() {
        for sample in SAMPLES {
            let receipt = sample.receipt(Copy::Original, None).unwrap();
            let file = render(&receipt, Width::USUAL).unwrap();
            assert!(file.starts_with(b"%PDF-1.7"), "{}", sample.name);
            assert_eq!(
                (count(&file, b"/Type/Page\n"), count(&file, b"/FontFile2")),
                (count(&file, b"/Type/Page\n"), 2)
            );
            assert!(file.len() < 80_000, "{} bytes", file.len());
            assert_eq!(render(&receipt, Width::USUAL).unwrap(), file, "the same bytes again");
        }
    }

    #[test]
    fn a_long_receipt_has_pages_and_every_page_its_number() {
        let receipt = testing::receipt(|request, _| {
            let item = request.charge_items.first().unwrap().clone();
            request.charge_items = vec![item; 1000];
        });
        let rows = lay_out(&receipt, Paper::new(48, Medium::Paper, 320));
        let pages = pages(&rows, Width::USUAL);
        assert_eq!(pages.iter().map(|page| page.len()).sum::<usize>(), rows.len());
        assert_eq!(pages.len(), 7);
        assert!(render(&receipt, Width::USUAL).unwrap().len() < 400_000);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn hostile_receipts_are_documents(receipt in testing::hostile_receipt(), mm in 0_u16..220) {
            let file = render(&receipt, Width::from_mm(mm));
            prop_assert!(file.is_ok(), "{file:?}");
        }
    }
}
