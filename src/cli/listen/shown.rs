//! An event on the terminal.

use kassette_outbound::StreamEvent;
use kassette_wire::event::EventKind;
use serde_json::Value;

/// One line of NDJSON: id, kind, and the data as it came.
pub(super) fn json(event: &StreamEvent, data: &str) -> String {
    let text = |text: &str| Value::from(text).to_string();
    // What is no JSON in one line is shown as text.
    let is_json = !data.contains('\n') && serde_json::from_str::<serde::de::IgnoredAny>(data).is_ok();
    let data = if is_json { data.to_owned() } else { text(data) };
    format!("{{\"id\":{},\"kind\":{},\"data\":{data}}}\n", text(&event.id), text(&event.kind))
}

/// One line for people: when, what kind, which, and what happened.
pub(super) fn line(event: &StreamEvent, data: &str) -> String {
    let body: Value = serde_json::from_str(data).unwrap_or_default();
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
    let (time, what) = match EventKind::parse(&event.kind) {
        Some(EventKind::Operation) => {
            let message =
                body.get("StateMessage").and_then(Value::as_str).map_or(String::new(), |text| format!(": {text}"));
            (text("TimeStamp"), format!("{} {}{message}", text("OperationID"), text("State")))
        }
        Some(EventKind::Receipt) => {
            let state = body.get("ftState").and_then(Value::as_u64).unwrap_or_default();
            let row = body.get("ftQueueRow").and_then(Value::as_u64).unwrap_or_default();
            let what = format!(
                "{} {} row {row} state {state:#018x}",
                text("ftReceiptIdentification"),
                text("cbReceiptReference")
            );
            (text("ftReceiptMoment"), what)
        }
        Some(EventKind::Device) => {
            // A terminal that works has nothing more to say.
            let part = |name: &str, before: &str| {
                body.get(name).and_then(Value::as_str).map_or(String::new(), |text| format!("{before}{text}"))
            };
            let what = format!("{}{} {}{}", text("Device"), part("Name", " "), text("State"), part("Message", ": "));
            (text("TimeStamp"), what)
        }
        None => ("-".to_owned(), data.to_owned()),
    };
    // What came over the network must not steer the terminal.
    let what: String = what.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
    format!("{time:<28} {:<9} {:>7}  {what}\n", event.kind, event.id)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: &str, data: &str, expected: &str) {
        let event = StreamEvent { id: "17.2".to_owned(), kind: kind.to_owned(), data: None };
        assert_eq!(line(&event, data).split_whitespace().collect::<Vec<_>>().join(" "), expected);
        let read: Value = serde_json::from_str(&json(&event, data)).unwrap();
        assert_eq!((&read["id"], &read["kind"]), (&"17.2".into(), &kind.into()));
        assert_eq!(read["data"], serde_json::from_str::<Value>(data).unwrap());
    }

    #[test]
    fn each_kind_has_its_line() {
        check(
            "operation",
            r#"{"OperationID":"7b","State":"failed","StateMessage":"no\u001b[2J","TimeStamp":"2026-03-04T10:15:30Z"}"#,
            "2026-03-04T10:15:30Z operation 17.2 7b failed: no [2J",
        );
        check(
            "receipt",
            r#"{"ftQueueRow":3,"ftReceiptIdentification":"ft2#3","ftReceiptMoment":"m","cbReceiptReference":"R","ftState":4707422694881099776}"#,
            "m receipt 17.2 ft2#3 R row 3 state 0x4154200000000000",
        );
        check(
            "device",
            r#"{"Device":"scu","State":"down","Message":"gone","TimeStamp":"t"}"#,
            "t device 17.2 scu down: gone",
        );
        check(
            "device",
            r#"{"Device":"terminal","Name":"bar","State":"ready","Message":null,"TimeStamp":"t"}"#,
            "t device 17.2 terminal bar ready",
        );
        check("later", r#"{"a":1}"#, r#"- later 17.2 {"a":1}"#);
    }
}
