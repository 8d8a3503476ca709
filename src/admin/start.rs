//! The start receipt of a sandbox cash box, so that a till can sell with it at once (contract 6.3).

use std::time::Duration;

use kassette_cashbox::Request;
use kassette_model::cases::Country;
use kassette_model::{CashBoxId, OperationId, OperationKind};
use kassette_wire::Limits;

use super::context::Context;
use super::failure::Failure;

/// Receipt case 4001, initial operation, in version 2 of the cases.
const INITIAL_OPERATION: u64 = 0x2000_0000_4001;
/// A fresh operation has no first call to wait for.
const NO_WAIT: Duration = Duration::ZERO;

/// Signs the start receipt; gives its `ftReceiptIdentification`.
pub(super) async fn start(context: &Context, cash_box: CashBoxId, market: Country) -> Result<String, Failure> {
    let case = (u64::from(market.bits()) << 48) | INITIAL_OPERATION;
    let body = serde_json::json!({
        "cbReceiptReference": format!("start-{}", uuid::Uuid::new_v4().simple()),
        "cbReceiptMoment": kassette_record::moment(context.clock.unix_ns()).to_string(),
        "cbChargeItems": [],
        "cbPayItems": [],
        "ftReceiptCase": case,
    });
    let request = Request {
        id: OperationId::from_uuid(uuid::Uuid::new_v4()),
        kind: OperationKind::Sign,
        method: "POST".into(),
        path: "/v2/sign".into(),
        headers: Vec::new(),
        pos_system: None,
        terminal: None,
        lifetime_ms: None,
        callback: None,
        body: body.to_string().into_bytes(),
    };
    let executed = context.gateway.execute(cash_box, request, NO_WAIT).await?;
    let text = || String::from_utf8_lossy(&executed.answer.body).into_owned();
    let response = kassette_wire::sign::parse_response(&executed.answer.body, &Limits::default())
        .map_err(|_| Failure::fault(format!("the start receipt was answered with {}", text())))?;
    // The whole low word: 0 is ready, anything else says that the queue did not start.
    if executed.answer.status != 201 || response.state.low32() != 0 {
        let reason = response.signatures.iter().map(|item| item.data.as_str()).collect::<Vec<_>>().join("; ");
        return Err(Failure::refused(format!("the start receipt ended in state {}: {reason}", response.state)));
    }
    Ok(response.receipt_identification)
}
