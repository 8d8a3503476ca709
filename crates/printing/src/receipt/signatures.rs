//! What was signed, as it is shown.

use kassette_model::SignatureItem;
use kassette_model::cases::{SignatureFlag, SignatureForm, SignaturePosition};

use super::{Code, Content, Shown, Signature, Symbology};
use crate::Printable;
use crate::printable::columns;

/// Caption and text stand in one line up to this many columns: what the narrowest paper has.
const ONE_LINE_COLUMNS_MAX: usize = 32;

/// The items that may be shown, in their order.
pub(super) fn signatures(items: &[SignatureItem]) -> Vec<Signature> {
    items.iter().filter(|item| !item.kind.has(SignatureFlag::DO_NOT_VISUALISE)).map(signature).collect()
}

fn signature(item: &SignatureItem) -> Signature {
    let caption = caption(item);
    let (above, content) = match (item.format.form(), item.format.form().and_then(Symbology::of)) {
        (_, Some(symbology)) => (caption, Content::Code(Code::new(symbology, item.data.as_str()))),
        (Some(SignatureForm::OcrA), _) => (caption, Content::Ocr(Printable::new(&item.data))),
        (Some(SignatureForm::Link), _) => (caption, Content::Link(Printable::new(&item.data))),
        _ => text(caption, Printable::lines(&item.data)),
    };
    Signature {
        kind: item.kind,
        place: item.format.position().unwrap_or(SignaturePosition::AfterPayItems),
        shown: shown(item),
        above,
        content,
        below: Vec::new(),
    }
}

/// A short caption stands before its text, a long one above it.
fn text(caption: Vec<Printable>, lines: Vec<Printable>) -> (Vec<Printable>, Content) {
    if let ([caption], [line]) = (caption.as_slice(), lines.as_slice()) {
        let joined = Printable::new(&format!("{caption}: {line}"));
        if columns(&joined) <= ONE_LINE_COLUMNS_MAX {
            return (Vec::new(), Content::Text(vec![joined]));
        }
    }
    (caption, Content::Text(lines))
}

/// The caption, unless it is for programs (in brackets) or says the same as the text.
fn caption(item: &SignatureItem) -> Vec<Printable> {
    let caption = item.caption.as_deref().unwrap_or_default().trim();
    let is_for_programs = caption.starts_with('[') && caption.ends_with(']');
    if is_for_programs || caption == item.data.trim() { Vec::new() } else { Printable::lines(caption) }
}

fn shown(item: &SignatureItem) -> Shown {
    let (printed, digital) = (item.kind.has(SignatureFlag::PRINTED_ONLY), item.kind.has(SignatureFlag::DIGITAL_ONLY));
    match (printed, digital) {
        (true, false) => Shown::PaperOnly,
        (false, true) => Shown::ScreenOnly,
        _ if item.kind.has(SignatureFlag::VISUALISATION_OPTIONAL) => Shown::Details,
        _ => Shown::Everywhere,
    }
}

#[cfg(test)]
mod tests {
    use kassette_model::cases::{SignatureAt, SignatureFormat, SignatureType};

    use super::*;

    fn item(form: SignatureForm, kind: SignatureType, caption: &str, data: &str) -> SignatureItem {
        let format = SignatureFormat::of(form, SignaturePosition::AfterTotal);
        SignatureItem { id: None, format, kind, caption: Some(caption.to_owned()), data: data.to_owned() }
    }

    #[track_caller]
    fn check(item: &SignatureItem, above: &[&str], content: &Content) {
        let shown = signatures(std::slice::from_ref(item));
        let [shown] = shown.as_slice() else { panic!("one is shown: {shown:?}") };
        let lines: Vec<&str> = shown.above.iter().map(Printable::as_str).collect();
        assert_eq!((lines.as_slice(), &shown.content, shown.place), (above, content, SignaturePosition::AfterTotal));
    }

    #[test]
    fn captions_for_programs_are_not_shown() {
        let kind = SignatureAt::Rksv.kind();
        let code = |payload: &str| Content::Code(Code::new(Symbology::Qr, payload));
        check(&item(SignatureForm::QrCode, kind, "[compliance]", "_R1\n"), &[], &code("_R1\n"));
        let outage = "Sicherheitseinrichtung ausgefallen";
        check(&item(SignatureForm::QrCode, kind, outage, "_R1"), &[outage], &code("_R1"));
    }

    #[test]
    fn a_short_caption_stands_before_its_text() {
        let kind = SignatureAt::DailyOperation.kind();
        let text = |lines: &[&str]| Content::Text(lines.iter().map(|line| Printable::new(line)).collect());
        check(&item(SignatureForm::Text, kind, "Startbeleg", "Startbeleg"), &[], &text(&["Startbeleg"]));
        check(&item(SignatureForm::Text, kind, "Monatsbeleg #3", "12.34"), &[], &text(&["Monatsbeleg #3: 12.34"]));
        let long = "Ausfall-Nacherfassung";
        check(&item(SignatureForm::Text, kind, long, "Von ft1#1 bis ft2#2"), &[long], &text(&["Von ft1#1 bis ft2#2"]));
        check(&item(SignatureForm::Base64, kind, "", "AA=="), &[], &text(&["AA=="]));
    }

    #[test]
    fn flags_say_where_it_is_shown() {
        let kind = SignatureAt::Notification.kind();
        let of = |kind: SignatureType| {
            signatures(&[item(SignatureForm::Text, kind, "", "x")]).first().map(|signature| signature.shown)
        };
        assert_eq!(of(kind), Some(Shown::Everywhere));
        assert_eq!(of(kind.with(SignatureFlag::DO_NOT_VISUALISE)), None);
        assert_eq!(of(kind.with(SignatureFlag::VISUALISATION_OPTIONAL)), Some(Shown::Details));
        assert_eq!(of(kind.with(SignatureFlag::PRINTED_ONLY)), Some(Shown::PaperOnly));
        assert_eq!(of(kind.with(SignatureFlag::DIGITAL_ONLY)), Some(Shown::ScreenOnly));
        assert_eq!(
            of(kind.with(SignatureFlag::DIGITAL_ONLY).with(SignatureFlag::PRINTED_ONLY)),
            Some(Shown::Everywhere)
        );
    }
}
