//! Where a payment goes (contract 4.4, "terminal routing").

use kassette_model::Environment;
use kassette_model::payment::PayRequest;
use kassette_wire::problem::{Code, Finding, Findings, Problem};

/// The dummy provider of the sandbox (contract 5.10).
const TEST: &str = "test";
/// Selectors that leave the choice to the server (contract 5.8).
const ANY: [&str; 2] = ["use_auto", "use_first"];

/// A provider, and which of its terminals.
pub(super) struct Route {
    pub(super) provider: &'static str,
    pub(super) terminal: String,
}

/// The provider of a payment.
///
/// # Errors
/// When no provider of this cash box has the protocol: a stored 400.
pub(super) fn route(environment: Environment, pay: &PayRequest) -> Result<Route, Box<Problem>> {
    let asked = pay.protocol.trim();
    let any = ANY.iter().any(|name| name.eq_ignore_ascii_case(asked));
    if environment == Environment::Sandbox && (any || TEST.eq_ignore_ascii_case(asked)) {
        return Ok(Route { provider: TEST, terminal: String::new() });
    }
    let there = match environment {
        Environment::Sandbox => format!("this sandbox has {TEST}, which {} also choose", ANY.join(" and ")),
        Environment::Production => "this cash box has none".to_owned(),
    };
    let message = format!("no payment provider for {asked:?}: {there}");
    let finding = Finding::new(Code::PaymentProviderUnknown.code(), "/Protocol", message);
    Err(Box::new(Findings::one(Code::PaymentProviderUnknown, finding).into_problem()))
}
