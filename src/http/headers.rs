//! Request headers: read once, in the order of contract 1.5 — presence, then syntax.

use std::time::Duration;

use actix_web::http::header::{HeaderMap, HeaderValue};
use kassette_model::{CashBoxId, OperationId, PosSystemId};
use kassette_outbound::{Policy, Target};
use kassette_wire::Finding;
use kassette_wire::problem::{Code, Problem};

/// What a request says about itself. Values borrow from the request.
#[derive(Debug, Default)]
pub(crate) struct Headers<'h> {
    cash_box: Found<'h>,
    token: Found<'h>,
    operation: Found<'h>,
    idempotency_key: Found<'h>,
    pos_system: Found<'h>,
    terminal: Found<'h>,
    lifetime: Found<'h>,
    callback: Found<'h>,
    prefer: Vec<&'h str>,
    content_encoding: Option<&'h [u8]>,
}

/// A header that may stand once; twice the same value counts as once. An empty value counts as absent.
#[derive(Debug, Default, Clone, Copy)]
enum Found<'h> {
    #[default]
    Absent,
    Once(&'h HeaderValue),
    Contradicting,
}

impl<'h> Found<'h> {
    fn add(&mut self, value: &'h HeaderValue) {
        if value.as_bytes().trim_ascii().is_empty() {
            return;
        }
        *self = match *self {
            Self::Absent => Self::Once(value),
            Self::Once(before) if before.as_bytes() == value.as_bytes() => Self::Once(before),
            Self::Once(_) | Self::Contradicting => Self::Contradicting,
        };
    }

    fn is_absent(self) -> bool {
        matches!(self, Self::Absent)
    }

    /// The value, when there is one.
    fn value(self, name: &str) -> Result<Option<&'h HeaderValue>, Box<Problem>> {
        match self {
            Self::Absent => Ok(None),
            Self::Once(value) => Ok(Some(value)),
            Self::Contradicting => Err(Box::new(one(
                Code::HeaderConflict,
                name,
                format!("header {name} was sent more than once with different values"),
            ))),
        }
    }

    /// The value as text, when it is.
    fn text(self, name: &str) -> Result<Option<&'h str>, Box<Problem>> {
        self.value(name)?
            .map(|value| value.to_str().map(str::trim).map_err(|_| invalid(name, "must be visible ASCII")))
            .transpose()
    }

    /// The value as text, when it is; for names that people give. HTTP lets such bytes through without saying what they mean
    /// (RFC 9110 §5.5, `obs-text`); the body is UTF-8, and so is this.
    fn unicode(self, name: &str) -> Result<Option<&'h str>, Box<Problem>> {
        self.value(name)?
            .map(|value| {
                std::str::from_utf8(value.as_bytes()).map(str::trim).map_err(|_| invalid(name, "must be UTF-8"))
            })
            .transpose()
    }
}

/// Who calls: what authentication needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Credentials<'h> {
    /// `x-cashbox-id`.
    pub(crate) cash_box: CashBoxId,
    /// `x-cashbox-accesstoken`; a missing one fails like a wrong one.
    pub(crate) token: Option<&'h [u8]>,
}

/// What an operation says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OperationHeaders<'h> {
    /// `x-operation-id` or `Idempotency-Key`.
    pub(crate) id: OperationId,
    /// `x-possystem-id`, when it can be read and is not nil.
    pub(crate) pos_system: Option<PosSystemId>,
    /// `x-terminal-id`.
    pub(crate) terminal: Option<&'h str>,
    /// `x-operation-lifetime`, ms.
    pub(crate) lifetime_ms: Option<u64>,
    /// `x-operation-callback-state`.
    pub(crate) callback: Option<Callback<'h>>,
    /// `Prefer: wait=…`: how long a repeat would wait, or an asynchronous call before it is answered.
    pub(crate) wait: Option<Duration>,
    /// `Prefer: respond-async` (RFC 7240 §4.1).
    pub(crate) respond_async: bool,
}

/// Where each change of state is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Callback<'h> {
    /// As it was sent.
    pub(crate) url: &'h str,
    target: Target,
}

impl Callback<'_> {
    /// Checks that the host, when it is an address and not a name, may be called. After authentication: a stranger could find out
    /// with it which networks an operator has opened.
    ///
    /// # Errors
    /// The problem that names the header.
    pub(crate) fn check_address(&self, policy: &Policy) -> Result<(), Box<Problem>> {
        policy.check_literal(&self.target).map_err(|refusal| {
            callback_refused(&format!("the address in the URL is not called from here: {}", refusal.reason))
        })
    }
}

const CALLBACK: &str = "x-operation-callback-state";

/// Characters of `x-terminal-id`; as for most texts of the contract (4.0).
const TERMINAL_CHARS_MAX: usize = 1023;

impl<'h> Headers<'h> {
    /// Reads all headers in one pass.
    pub(crate) fn of(map: &'h HeaderMap) -> Self {
        let mut headers = Self::default();
        for (name, value) in map {
            match name.as_str() {
                "x-cashbox-id" | "cashboxid" => headers.cash_box.add(value),
                "x-cashbox-accesstoken" | "accesstoken" => headers.token.add(value),
                "x-operation-id" => headers.operation.add(value),
                "idempotency-key" => headers.idempotency_key.add(value),
                "x-possystem-id" => headers.pos_system.add(value),
                "x-terminal-id" => headers.terminal.add(value),
                "x-operation-lifetime" => headers.lifetime.add(value),
                "x-operation-callback-state" => headers.callback.add(value),
                "prefer" => headers.prefer.extend(value.to_str()),
                "content-encoding" => headers.content_encoding = Some(value.as_bytes()),
                _ => {}
            }
        }
        headers
    }

    /// For reads: credentials only.
    ///
    /// # Errors
    /// The problem that names the header.
    pub(crate) fn credentials(&self) -> Result<Credentials<'h>, Box<Problem>> {
        self.present(false)?;
        self.read_credentials()
    }

    /// For operations: presence of all, then syntax of all. `callbacks` says which schemes and ports are called.
    ///
    /// # Errors
    /// The problem that names the header.
    pub(crate) fn operation(
        &self,
        possystem_id_required: bool,
        callbacks: &Policy,
    ) -> Result<(Credentials<'h>, OperationHeaders<'h>), Box<Problem>> {
        self.present(true)?;
        if possystem_id_required && self.pos_system.is_absent() {
            return Err(Box::new(missing(&["x-possystem-id"])));
        }
        let credentials = self.read_credentials()?;
        let id = self.known_operation_id()?.ok_or_else(|| Box::new(missing(&["x-operation-id"])))?;
        let pos_system = self.pos_system(possystem_id_required)?;
        let terminal = self.terminal.unicode("x-terminal-id")?;
        if terminal.is_some_and(|text| text.chars().count() > TERMINAL_CHARS_MAX) {
            return Err(invalid("x-terminal-id", &format!("must have at most {TERMINAL_CHARS_MAX} characters")));
        }
        let lifetime_ms = self
            .lifetime
            .text("x-operation-lifetime")?
            .map(|text| {
                text.parse().map_err(|_| invalid("x-operation-lifetime", "must be a whole number of milliseconds"))
            })
            .transpose()?;
        let callback = self.callback(callbacks)?;
        self.plain_body()?;
        // Several lines count as one (RFC 7240 §2).
        let wait = self.preferred_wait();
        let respond_async = self.prefer.iter().copied().any(respond_async);
        let operation = OperationHeaders { id, pos_system, terminal, lifetime_ms, callback, wait, respond_async };
        Ok((credentials, operation))
    }

    /// `Prefer: wait=…`, the first that can be read.
    pub(crate) fn preferred_wait(&self) -> Option<Duration> {
        self.prefer.iter().copied().find_map(wait)
    }

    /// Checks that the body is not compressed: no endpoint takes one.
    ///
    /// # Errors
    /// The problem that names the header.
    pub(crate) fn plain_body(&self) -> Result<(), Box<Problem>> {
        match self.content_encoding {
            Some(encoding) if !encoding.trim_ascii().eq_ignore_ascii_case(b"identity") => {
                Err(invalid("content-encoding", "is not supported on requests; send the body as it is"))
            }
            _ => Ok(()),
        }
    }

    fn present(&self, operation: bool) -> Result<(), Box<Problem>> {
        let mut names = Vec::new();
        if self.cash_box.is_absent() {
            names.push("x-cashbox-id");
            // With an id but without a token the answer is 401, as for a wrong token.
            if self.token.is_absent() {
                names.push("x-cashbox-accesstoken");
            }
        }
        if operation && self.operation.is_absent() && self.idempotency_key.is_absent() {
            names.push("x-operation-id");
        }
        if names.is_empty() { Ok(()) } else { Err(Box::new(missing(&names))) }
    }

    fn read_credentials(&self) -> Result<Credentials<'h>, Box<Problem>> {
        let text = self.cash_box.text("x-cashbox-id")?.unwrap_or_default();
        let cash_box = CashBoxId::parse(text).ok_or_else(|| invalid("x-cashbox-id", "must be a GUID"))?;
        let token = self.token.value("x-cashbox-accesstoken")?.map(|value| value.as_bytes().trim_ascii());
        Ok(Credentials { cash_box, token })
    }

    /// The operation id, when one was sent.
    ///
    /// # Errors
    /// The problem that names the header.
    pub(crate) fn known_operation_id(&self) -> Result<Option<OperationId>, Box<Problem>> {
        let read = |found: Found<'h>, name: &str| match found.text(name)? {
            None => Ok(None),
            Some(text) => {
                // The draft for Idempotency-Key makes it a string in quotes; clients send it with and without.
                let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
                OperationId::parse(bare).map(Some).ok_or_else(|| invalid(name, "must be a GUID"))
            }
        };
        let own = read(self.operation, "x-operation-id")?;
        let alias = read(self.idempotency_key, "idempotency-key")?;
        match (own, alias) {
            (Some(own), Some(alias)) if own != alias => Err(Box::new(one(
                Code::HeaderConflict,
                "idempotency-key",
                "headers x-operation-id and idempotency-key name different operations".to_owned(),
            ))),
            (own, alias) => Ok(own.or(alias)),
        }
    }

    fn pos_system(&self, required: bool) -> Result<Option<PosSystemId>, Box<Problem>> {
        let name = "x-possystem-id";
        let id = match self.pos_system.text(name) {
            Ok(text) => text.and_then(PosSystemId::parse).filter(|id| !id.is_nil()),
            Err(problem) if required => return Err(problem),
            Err(_) => None,
        };
        if required && id.is_none() {
            return Err(invalid(name, "must be a GUID other than the nil GUID"));
        }
        Ok(id)
    }

    /// Contract 3.3: what cannot be called is refused before the operation is created.
    fn callback(&self, policy: &Policy) -> Result<Option<Callback<'h>>, Box<Problem>> {
        let Some(value) = self.callback.value(CALLBACK)? else { return Ok(None) };
        let url =
            value.to_str().map(str::trim).map_err(|_| callback_refused("the URL holds more than visible ASCII"))?;
        match Target::parse(url, policy) {
            Ok(target) => Ok(Some(Callback { url, target })),
            Err(error) => Err(callback_refused(&error.to_string())),
        }
    }
}

fn callback_refused(reason: &str) -> Box<Problem> {
    Box::new(one(Code::CallbackUrlInvalid, CALLBACK, format!("header {CALLBACK}: {reason}")))
}

/// `wait=…` of a `Prefer` header (RFC 7240), in seconds. What cannot be read is no preference.
fn wait(prefer: &str) -> Option<Duration> {
    prefer.split(',').find_map(|preference| {
        let (name, value) = preference.split(';').next()?.split_once('=')?;
        name.trim().eq_ignore_ascii_case("wait").then_some(())?;
        value.trim().trim_matches('"').parse().ok().map(Duration::from_secs)
    })
}

/// Whether `respond-async` is among the preferences.
fn respond_async(prefer: &str) -> bool {
    let name = |preference: &str| preference.split([';', '=']).next().map(str::trim).map(str::to_ascii_lowercase);
    prefer.split(',').any(|preference| name(preference).as_deref() == Some("respond-async"))
}

/// The headers that are kept with an operation (contract 2.3): what tells about the call, nothing that lets one in and nothing
/// that tells where somebody sits.
pub(crate) fn kept(map: &HeaderMap) -> Vec<(String, String)> {
    map.iter()
        .filter(|(name, _)| is_kept(name.as_str()))
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}

fn is_kept(name: &str) -> bool {
    const PLAIN: [&str; 5] = ["content-type", "accept", "prefer", "user-agent", "idempotency-key"];
    const SECRET: [&str; 7] = ["token", "secret", "auth", "cookie", "password", "api-key", "apikey"];
    const ADDRESS: [&str; 4] = ["forwarded", "-ip", "addr", "x-cashbox-id"];
    match name.strip_prefix("x-") {
        Some(_) => !SECRET.iter().chain(&ADDRESS).any(|part| name.contains(part)),
        None => PLAIN.contains(&name),
    }
}

fn missing(names: &[&str]) -> Problem {
    let list = names.join(", ");
    let detail = match names {
        [name] => format!("required header {name} was not sent"),
        _ => format!("required headers {list} were not sent"),
    };
    let findings =
        names.iter().map(|name| Finding::new(Code::HeaderMissing.code(), format!("/{name}"), "was not sent")).collect();
    Problem::new(Code::HeaderMissing, detail).with_findings(findings)
}

fn invalid(name: &str, message: &str) -> Box<Problem> {
    Box::new(Problem::new(Code::HeaderInvalid, format!("header {name} {message}")).with_findings(vec![Finding::new(
        Code::HeaderInvalid.code(),
        format!("/{name}"),
        message,
    )]))
}

fn one(code: Code, name: &str, detail: String) -> Problem {
    let finding = Finding::new(code.code(), format!("/{name}"), detail.clone());
    Problem::new(code, detail).with_findings(vec![finding])
}

#[cfg(test)]
#[path = "headers_tests.rs"]
mod tests;
