//! The receipt of the demo, signed over HTTP like everybody's.

use std::io;

use kassette_model::{ReceiptRequest, ReceiptResponse};
use kassette_stdx::Clock;
use kassette_wire::Limits;

use super::credentials::Credentials;
use super::loopback;
use crate::startup::Served;

/// What the demo sells: two rates, several lines. `{reference}` and `{paid}`, the pay items of the payment, are put in.
const BODY: &str = r#"{
  "cbReceiptReference": "{reference}",
  "cbTerminalID": "demo",
  "cbUser": "Resi",
  "cbChargeItems": [
    {"Quantity": 2, "Description": "Melange", "Amount": 9.80, "VATRate": 20},
    {"Quantity": 1, "Description": "Apfelstrudel", "Amount": 5.90, "VATRate": 10},
    {"Quantity": 1, "Description": "Mineralwasser 0,33 l", "Amount": 3.60, "VATRate": 20}
  ],
  "cbPayItems": {paid},
  "ftReceiptCase": 4707422694881099777
}"#;

/// What the items of the receipt cost together.
pub(super) const TOTAL: &str = "19.30";

/// A body for `curl`, on one line; point-of-sale receipt, case 0x4154_2000_0000_0001.
pub(super) const CURL_BODY: &str = concat!(
    r#"{"cbReceiptReference":"curl-1","cbChargeItems":[{"Description":"Melange","Amount":4.90,"VATRate":20}],"#,
    r#""cbPayItems":[{"Description":"Bar","Amount":4.90}],"ftReceiptCase":"0x4154200000000001"}"#
);

/// A signed receipt: what was sent and what came back.
pub(super) struct Receipt {
    pub(super) request: ReceiptRequest,
    pub(super) answer: ReceiptResponse,
    /// The answer as it came.
    pub(super) response: Vec<u8>,
}

/// Why there is no receipt.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotSold {
    #[error("the demo's own listener does not answer: {0}")]
    Unreachable(#[from] io::Error),
    #[error("the demo's credentials are not accepted")]
    Unauthorized,
    #[error("the demo's call was answered with {status}: {body}")]
    Answered { status: u16, body: String },
    #[error("the answer is not a receipt: {0}")]
    NotAReceipt(String),
}

/// Sends an operation under a fresh id; gives the body of its answer.
pub(super) fn post(served: &Served, credentials: &Credentials, path: &str, body: &[u8]) -> Result<Vec<u8>, NotSold> {
    let headers = [
        ("x-cashbox-id", credentials.cash_box.to_string()),
        ("x-cashbox-accesstoken", credentials.access_token.clone()),
        ("x-operation-id", uuid::Uuid::new_v4().to_string()),
        ("content-type", "application/json".to_owned()),
    ];
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let path = format!("{}/v2/{path}", served.base_path);
    let answer = loopback::post(served.address, &path, &headers, body)?;
    match answer.status {
        201 => Ok(answer.body),
        401 => Err(NotSold::Unauthorized),
        status => Err(NotSold::Answered { status, body: String::from_utf8_lossy(&answer.body).into_owned() }),
    }
}

/// Signs one receipt with a fresh reference, paid with these pay items.
pub(super) fn sell(
    served: &Served,
    credentials: &Credentials,
    clock: &dyn Clock,
    paid: &str,
) -> Result<Receipt, NotSold> {
    let reference = format!("demo-{}", uuid::Uuid::now_v7().simple());
    let body = BODY.replace("{reference}", &reference).replace("{paid}", paid);
    let response = post(served, credentials, "sign", body.as_bytes())?;
    let not_a_receipt = |findings: kassette_wire::Findings| {
        NotSold::NotAReceipt(findings.findings.iter().map(|one| one.message.as_str()).collect::<Vec<_>>().join("; "))
    };
    let limits = Limits::default();
    let now = kassette_record::moment(clock.unix_ns());
    Ok(Receipt {
        request: kassette_wire::sign::parse_request(body.as_bytes(), &limits, now).map_err(not_a_receipt)?,
        answer: kassette_wire::sign::parse_response(&response, &limits).map_err(not_a_receipt)?,
        response,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use kassette_model::Moment;

    use super::*;

    #[test]
    fn the_bodies_are_point_of_sale_receipts_that_add_up() {
        let paid = format!(r#"[{{"Description":"Karte","Amount":{TOTAL}}}]"#);
        for body in [BODY.replace("{paid}", &paid), CURL_BODY.to_owned()] {
            let request =
                kassette_wire::sign::parse_request(body.as_bytes(), &Limits::default(), Moment::UNIX_EPOCH).unwrap();
            assert_eq!(request.case.0, 0x4154_2000_0000_0001);
            let paid = request.pay_items.iter().map(|item| item.amount).sum();
            assert_eq!(request.total(), paid);
        }
    }
}
