//! A page per error code, served at `/docs/errors/{code}` and printed by `kassette explain CODE`.

use std::fmt::Write as _;

use kassette_wire::problem::Code;

macro_rules! pages {
    ($($variant:ident $code:literal;)*) => {
        /// The page of a code. A code without a page does not compile.
        const fn page(code: Code) -> &'static str {
            match code {
                $(Code::$variant => include_str!(concat!("../../docs/errors/", $code, ".md")),)*
            }
        }
    };
}

pages! {
    HeaderMissing "header-missing";
    HeaderInvalid "header-invalid";
    HeaderConflict "header-conflict";
    CallbackUrlInvalid "callback-url-invalid";
    VersionUnsupported "version-unsupported";
    Unauthorized "unauthorized";
    CashBoxDisabled "cash-box-disabled";
    NotFound "not-found";
    MethodNotAllowed "method-not-allowed";
    NotAcceptable "not-acceptable";
    JsonMalformed "json-malformed";
    JsonDuplicateName "json-duplicate-name";
    JsonTooDeep "json-too-deep";
    JsonTooManyItems "json-too-many-items";
    NumberOutOfRange "number-out-of-range";
    BodyInvalid "body-invalid";
    CashBoxMismatch "cash-box-mismatch";
    PosSystemMismatch "pos-system-mismatch";
    TerminalMismatch "terminal-mismatch";
    QueueMismatch "queue-mismatch";
    JournalTypeUnknown "journal-type-unknown";
    PaymentProviderUnknown "payment-provider-unknown";
    TerminalUnsettled "terminal-unsettled";
    TerminalBusy "terminal-busy";
    PaymentDeclined "payment-declined";
    PaymentCancelled "payment-cancelled";
    PaymentTimedOut "payment-timed-out";
    TerminalUnreachable "terminal-unreachable";
    PaymentNotCharged "payment-not-charged";
    OperationExpired "operation-expired";
    OperationAbandoned "operation-abandoned";
    OperationConflict "operation-conflict";
    OperationKindConflict "operation-kind-conflict";
    PaymentStateConflict "payment-state-conflict";
    PaymentConflict "payment-conflict";
    OperationErased "operation-erased";
    BodyTooLarge "body-too-large";
    UriTooLong "uri-too-long";
    OperationRunning "operation-running";
    RateLimited "rate-limited";
    HeadersTooLarge "headers-too-large";
    Internal "internal";
    CashBoxQuarantined "cash-box-quarantined";
    MailboxFull "mailbox-full";
    ShuttingDown "shutting-down";
    JournalPoisoned "journal-poisoned";
    JournalDamaged "journal-damaged";
    StorageFull "storage-full";
}

/// The page of a code, Markdown; `None` when there is no such code.
#[must_use]
pub fn explain(code: &str) -> Option<&'static str> {
    Code::parse(code).map(page)
}

/// Every code with its page, in the order of the table.
pub fn pages() -> impl Iterator<Item = (Code, &'static str)> {
    Code::ALL.iter().map(|code| (*code, page(*code)))
}

/// All codes, one line each, Markdown.
pub(crate) fn list() -> String {
    let mut out = String::from("# Errors\n\n");
    for code in Code::ALL {
        let written = writeln!(out, "- [`{code}`](errors/{code}) ({}): {}", code.status(), code.title());
        debug_assert!(written.is_ok(), "a String takes every write");
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn every_page_has_its_parts_and_says_what_the_code_says() {
        for (code, page) in pages() {
            assert!(page.starts_with(&format!("# {code}\n")), "{code}: heading");
            let facts = format!(
                "Status {} · {} · retry: {} · stored: {}",
                code.status(),
                code.title(),
                code.retry().name(),
                if code.stored() { "yes" } else { "no" }
            );
            assert!(page.contains(&facts), "{code}: {facts}");
            for part in ["## Cause", "## What the cashier sees", "## What the developer does"] {
                let text = page.split(part).nth(1).unwrap_or_else(|| unreachable!("{code}: {part} is missing"));
                assert!(text.split("## ").next().unwrap_or_default().trim().len() > 40, "{code}: {part} is empty");
            }
            assert_eq!(explain(code.code()), Some(page));
        }
        assert_eq!(explain("nonsense"), None);
        assert_eq!(list().lines().count(), Code::ALL.len() + 2);
    }

    #[test]
    fn no_page_is_left_over() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors");
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let code = name.strip_suffix(".md").unwrap_or(&name);
            assert!(Code::parse(code).is_some(), "docs/errors/{name} belongs to no code");
        }
    }
}
