//! What can be shown of the members whose form the contract leaves free (`cbUser`, `cbCustomer`, `ft…CaseData`).

use kassette_model::{Decimal, FreeJson};
use kassette_wire::Limits;
use kassette_wire::json::{self, Json};

use crate::{Language, Printable};

/// Names under which tills send who served.
const PERSON: &[&str] = &["name", "username", "user", "displayname", "userid", "id"];
/// Names under which tills send table or room.
const AREA: &[&str] = &["name", "area", "table", "tablenumber", "id"];

/// Reads free JSON; a string that holds JSON again is read, too (contract 4.0).
fn read<T>(free: &FreeJson, take: impl Fn(&Json<'_>) -> Option<T>) -> Option<T> {
    let limits = Limits::default();
    let outer = json::parse(free.0.as_bytes(), &limits).ok()?;
    if let Json::String(text) = &outer
        && text.trim_start().starts_with(['{', '['])
        && let Ok(inner) = json::parse(text.as_bytes(), &limits)
    {
        return take(&inner);
    }
    take(&outer)
}

/// The member of one of these names in any case; earlier names come first.
fn member<'j, 'a>(value: &'j Json<'a>, names: &[&str]) -> Option<&'j Json<'a>> {
    let Json::Object(members) = value else { return None };
    names.iter().find_map(|name| {
        members.iter().find(|member| member.name.eq_ignore_ascii_case(name)).map(|member| &member.value)
    })
}

/// A string or a number as text.
fn text(value: &Json<'_>) -> Option<Printable> {
    let text = match value {
        Json::String(text) => Printable::new(text),
        Json::Number(number) => Printable::new(number),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

fn named(free: &FreeJson, names: &[&str]) -> Option<Printable> {
    read(free, |value| text(value).or_else(|| member(value, names).and_then(text)))
}

/// Who served.
pub(super) fn person(free: &FreeJson) -> Option<Printable> {
    named(free, PERSON)
}

/// Table or room.
pub(super) fn area(free: &FreeJson) -> Option<Printable> {
    named(free, AREA)
}

/// The tax number of the buyer.
pub(super) fn customer_tax_id(free: &FreeJson) -> Option<Printable> {
    read(free, |value| member(value, &["customervatid", "vatid", "customertaxid", "taxid", "nif"]).and_then(text))
}

/// The buyer, line by line: name, street, place, country, tax number.
pub(super) fn customer(free: &FreeJson, language: Language) -> Vec<Printable> {
    let lines = read(free, |value| {
        if let Some(name) = text(value) {
            return Some(vec![name]);
        }
        let part = |names: &[&str]| member(value, names).and_then(text);
        let place = match (part(&["customerzip", "zip"]), part(&["customercity", "city"])) {
            (Some(zip), Some(city)) => Some(Printable::new(&format!("{zip} {city}"))),
            (zip, city) => zip.or(city),
        };
        let parts = [
            part(&["customername", "name"]),
            part(&["customerstreet", "street"]),
            place,
            part(&["customercountry", "country"]),
        ];
        Some(parts.into_iter().flatten().collect())
    });
    let mut lines = lines.unwrap_or_default();
    if let Some(tax_id) = customer_tax_id(free) {
        lines.push(Printable::new(&format!("{}: {tax_id}", language.words().customer_tax_id)));
    }
    lines
}

fn lines(value: &Json<'_>) -> Vec<Printable> {
    match value {
        Json::String(text) => Printable::lines(text),
        Json::Array(items) => items
            .iter()
            .flat_map(|item| match item {
                // An empty line is a gap that the till wants.
                Json::String(text) if text.is_empty() => vec![Printable::default()],
                other => lines(other),
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// `cbReceiptLines` of `ftReceiptCaseData`: what the till wants printed.
pub(super) fn receipt_lines(free: &FreeJson) -> Vec<Printable> {
    read(free, |value| member(value, &["cbreceiptlines"]).map(lines)).unwrap_or_default()
}

/// `Receipt` of `ftPayItemCaseData`: the slip of the terminal.
pub(super) fn slip(free: &FreeJson) -> Vec<Printable> {
    read(free, |value| member(value, &["receipt"]).map(lines)).unwrap_or_default()
}

/// Symbol and amount of a payment in another currency.
pub(super) fn foreign(free: &FreeJson) -> Option<(Printable, Decimal)> {
    read(free, |value| {
        let symbol = member(value, &["foreigncurrencysymbol"]).and_then(text)?;
        let amount = match member(value, &["foreigncurrencyamount"])? {
            Json::Number(number) => number.parse().ok()?,
            Json::String(number) => number.trim().parse().ok()?,
            _ => return None,
        };
        Some((symbol, amount))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn free(json: &str) -> FreeJson {
        FreeJson(json.to_owned())
    }

    #[track_caller]
    fn check(shown: Option<Printable>, expected: &str) {
        assert_eq!(shown.as_ref().map(Printable::as_str), Some(expected));
    }

    #[test]
    fn people_come_in_many_forms() {
        for json in [r#""Ada""#, r#"{"Name":"Ada","id":7}"#, r#""{\"userName\":\"Ada\"}""#] {
            check(person(&free(json)), "Ada");
        }
        check(person(&free("7")), "7");
        for json in ["null", "{}", "[1]", "true", r#""""#, r#"{"name":{}}"#] {
            assert_eq!(person(&free(json)), None, "{json}");
        }
        check(area(&free(r#"{"TableNumber":12}"#)), "12");
    }

    #[test]
    fn a_buyer_has_lines() {
        let json = r#"{"CustomerName":"ACME\u001b[2J","CustomerStreet":"Ring 1","CustomerZip":"1010","CustomerCity":"Wien","CustomerVATId":"ATU1"}"#;
        let lines: Vec<String> = customer(&free(json), Language::De).iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["ACME[2J", "Ring 1", "1010 Wien", "UID des Kunden: ATU1"]);
        assert_eq!(customer(&free("[]"), Language::De), []);
    }

    #[test]
    fn lines_of_the_till_keep_their_gaps() {
        let shown = |json: &str| receipt_lines(&free(json)).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(shown(r#"{"cbReceiptLines":["a","","b\nc",1]}"#), ["a", "", "b", "c"]);
        assert_eq!(shown(r#""{\"cbReceiptLines\":[\"a\"]}""#), ["a"]);
        assert!(shown(r#"{"AT":"x"}"#).is_empty());
        let slip = slip(&free(r#"{"Provider":{},"Receipt":["TID 1","TIP 2,00"]}"#));
        assert_eq!(slip.len(), 2);
    }

    #[test]
    fn another_currency_has_symbol_and_amount() {
        let json = r#"{"foreignCurrencySymbol":"CHF","foreignCurrencyAmount":12.50}"#;
        assert_eq!(foreign(&free(json)), Some(("CHF".into(), Decimal::new(1250, 2))));
        assert_eq!(foreign(&free(r#"{"foreignCurrencySymbol":"CHF"}"#)), None);
    }
}
