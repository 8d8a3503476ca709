//! Echo: health check, and reset without a message (contract 4.1).

use kassette_model::OperationState;
use kassette_wire::echo::{EchoResponse, parse_request, write_response};

use crate::CashBox;
use crate::cash_box::Told;
use crate::operation::{Answer, Effect, Facts, Request, Step};

/// Names of the parts that this server has, for `Capabilities`.
const CAPABILITIES: [&str; 4] = ["echo", "pay", "sign", "journal"];

pub(crate) fn step(cash_box: &mut CashBox, request: &Request, facts: &Facts) -> Step {
    let echo = match parse_request(&request.body, &cash_box.limits) {
        Ok(echo) => echo,
        Err(findings) => return cash_box.fail(request, facts, findings.into_problem()),
    };
    let effects = if echo.is_reset() { vec![Effect::Reset] } else { Vec::new() };
    let response = EchoResponse {
        message: echo.message,
        version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        capabilities: CAPABILITIES.map(str::to_owned).to_vec(),
    };
    let mut body = Vec::with_capacity(request.body.len().saturating_add(96));
    write_response(&response, &mut body);
    let answer = Answer { status: 201, state: OperationState::Done, body };
    cash_box.commit(request, facts, answer, Told { effects, ..Told::default() }, None)
}
