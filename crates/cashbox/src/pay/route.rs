//! Where a payment goes (contract 4.4, "terminal routing").

use kassette_model::Environment;
use kassette_model::payment::PayRequest;
use kassette_payments::{PROVIDERS, Provider, dummy, provider};
use kassette_wire::problem::{Code, Finding, Findings, Problem};

use crate::TerminalEntry;

/// Selectors that leave the choice to the server (contract 5.8).
const ANY: [&str; 2] = ["use_auto", "use_first"];

/// A provider, and which of its terminals.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) provider: &'static str,
    pub(super) terminal: String,
}

/// The provider of a payment, and its terminal: that of the request's terminal id, else the first one that takes the request. In a
/// sandbox what leaves the choice to the server goes to the dummy provider, unless the terminal id names a terminal.
///
/// # Errors
/// When no provider of this cash box has the protocol, or none of its terminals takes the request: a stored 400.
pub(super) fn route(
    environment: Environment,
    terminals: &[TerminalEntry],
    pay: &PayRequest,
) -> Result<Route, Box<Problem>> {
    let asked = pay.protocol.trim();
    let any = ANY.iter().any(|name| name.eq_ignore_ascii_case(asked));
    let usable = |known: &&Provider| !known.sandbox_only || environment == Environment::Sandbox;
    let named = provider(asked).filter(usable);
    if let Some(provider) = named.filter(|provider| !provider.has_terminals()) {
        return Ok(Route { provider: provider.name, terminal: String::new() });
    }
    let has_protocol = |terminal: &&TerminalEntry| any || named.is_some_and(|known| known.name == terminal.provider);
    let id = pay.terminal_id.as_deref();
    let mut candidates = terminals.iter().filter(has_protocol).filter(|terminal| terminal.takes(id));
    let exact = candidates.clone().find(|terminal| id.is_some() && terminal.terminal_id.as_deref() == id);
    let found = match (exact, environment) {
        (Some(exact), _) => Some(exact),
        (None, Environment::Sandbox) if any => {
            return Ok(Route { provider: dummy::NAME, terminal: String::new() });
        }
        (None, _) => candidates.next(),
    };
    let provider = found.and_then(|terminal| provider(&terminal.provider).map(|provider| (provider, terminal)));
    match provider {
        Some((provider, terminal)) => Ok(Route { provider: provider.name, terminal: terminal.name.clone() }),
        None => Err(nowhere(environment, terminals, asked, id, named.is_some() || any)),
    }
}

fn nowhere(
    environment: Environment,
    terminals: &[TerminalEntry],
    asked: &str,
    id: Option<&str>,
    known: bool,
) -> Box<Problem> {
    let (code, pointer, message) = if known && !terminals.is_empty() {
        let which = id.map_or_else(|| "without a terminal id".to_owned(), |id| format!("for terminal id {id:?}"));
        let has: Vec<String> = terminals
            .iter()
            .map(|terminal| {
                let id = terminal.terminal_id.as_ref().map_or_else(|| "no id".to_owned(), |id| format!("id {id:?}"));
                format!("{} ({}, {id})", terminal.name, terminal.provider)
            })
            .collect();
        let message = format!("no terminal of this cash box takes {asked:?} {which}; it has {}", has.join(", "));
        (Code::PaymentProviderUnknown, "/cbTerminalID", message)
    } else {
        let providers: Vec<&str> = PROVIDERS
            .iter()
            .filter(|provider| !provider.has_terminals() && environment == Environment::Sandbox)
            .map(|provider| provider.name)
            .chain(terminals.iter().map(|terminal| terminal.provider.as_str()))
            .collect();
        let there = if providers.is_empty() {
            "this cash box has none; an operator adds a terminal with kassette terminal add".to_owned()
        } else {
            format!("this cash box has {}, which {} also choose", providers.join(", "), ANY.join(" and "))
        };
        (Code::PaymentProviderUnknown, "/Protocol", format!("no payment provider for {asked:?}: {there}"))
    };
    let finding = Finding::new(code.code(), pointer, message);
    Box::new(Findings::one(code, finding).into_problem())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]
mod tests {
    use kassette_model::payment::{PayAction, TerminalAddress};
    use kassette_wire::pay::plain_item;

    use super::*;

    fn terminal(name: &str, id: Option<&str>) -> TerminalEntry {
        TerminalEntry {
            name: name.to_owned(),
            provider: "zvt".to_owned(),
            address: TerminalAddress::Tcp { host: name.to_owned(), port: 20_007 },
            terminal_id: id.map(str::to_owned),
            password: 0,
        }
    }

    /// `wanted`: provider and terminal with `/` between, or the pointer of the refusal.
    #[track_caller]
    fn check(environment: Environment, protocol: &str, id: Option<&str>, wanted: &str) {
        let terminals = [terminal("bar", Some("t-1")), terminal("hall", None), terminal("garden", Some("t-2"))];
        let pay = PayRequest {
            action: PayAction::Payment,
            protocol: protocol.to_owned(),
            item: plain_item("Card", kassette_model::Decimal::ONE),
            terminal_id: id.map(str::to_owned),
            unknown: Vec::new(),
        };
        let found = match route(environment, &terminals, &pay) {
            Ok(route) => format!("{}/{}", route.provider, route.terminal),
            Err(problem) => problem.findings[0].pointer.clone(),
        };
        assert_eq!(found, wanted, "{environment:?} {protocol} {id:?}");
    }

    #[test]
    fn an_app_is_a_terminal_like_any_other() {
        let app =
            TerminalEntry { provider: "http".to_owned(), address: TerminalAddress::App, ..terminal("phone", None) };
        let terminals = [terminal("bar", Some("t-1")), app];
        for (environment, protocol, wanted) in [
            (Environment::Production, "HTTP", "phone"),
            (Environment::Sandbox, "http", "phone"),
            (Environment::Production, "use_auto", "phone"),
        ] {
            let pay = PayRequest {
                action: PayAction::Payment,
                protocol: protocol.to_owned(),
                item: plain_item("Card", kassette_model::Decimal::ONE),
                terminal_id: None,
                unknown: Vec::new(),
            };
            let found = route(environment, &terminals, &pay).unwrap();
            assert_eq!((found.provider, found.terminal.as_str()), ("http", wanted), "{protocol}");
        }
    }

    #[test]
    fn the_terminal_id_and_the_protocol_lead_to_a_terminal() {
        use Environment::{Production, Sandbox};
        for environment in [Production, Sandbox] {
            check(environment, "zvt", Some("t-1"), "zvt/bar");
            check(environment, "ZVT", Some("t-2"), "zvt/garden");
            // One that names a terminal that is not there reaches those without an id, one that names none only those.
            check(environment, "zvt", Some("t-9"), "zvt/hall");
            check(environment, "zvt", None, "zvt/hall");
            check(environment, "use_first", Some("t-2"), "zvt/garden");
            check(environment, "hobexecr", Some("t-1"), "/Protocol");
            check(environment, "none", None, "/Protocol");
        }
        check(Production, "use_auto", None, "zvt/hall");
        check(Production, "Use_Auto", Some("t-9"), "zvt/hall");
        check(Production, "test", None, "/Protocol");
        // In a sandbox no card is asked for unless the till says at which terminal.
        check(Sandbox, "use_auto", None, "test/");
        check(Sandbox, "use_auto", Some("t-9"), "test/");
        check(Sandbox, "use_auto", Some("t-1"), "zvt/bar");
        check(Sandbox, "Test", Some("t-1"), "test/");
    }
}
