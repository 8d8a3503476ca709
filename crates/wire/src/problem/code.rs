//! Every error code of the product: its status, its title, whether it is stored, and what to do about it.

/// What a client may do after a failure (contract 2.2.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Retry {
    /// Send the same body again under the same operation id.
    SameId,
    /// Correct the request and send it under a new operation id.
    NewId,
    /// Sending it again cannot help.
    Never,
}

impl Retry {
    /// As in the problem's member `retry`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SameId => "same-id",
            Self::NewId => "new-id",
            Self::Never => "never",
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $status:literal, $title:literal, $stored:literal, $retry:ident;)*) => {
        /// An error code: stable, lower-case with hyphens, one documentation page each.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $variant,)*
        }

        impl Code {
            /// Every code, in the order of this table.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The code as it stands in a problem document, for example `header-missing`.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),* }
            }

            /// The HTTP status it is answered with.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status),* }
            }

            /// The short text for people, the same for every occurrence.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),* }
            }

            /// Whether an operation that ends so is stored and replayed (contract 2.2.8).
            #[must_use]
            pub const fn stored(self) -> bool {
                match self { $(Self::$variant => $stored),* }
            }

            /// What the client may do about it (contract 2.2.8).
            #[must_use]
            pub const fn retry(self) -> Retry {
                match self { $(Self::$variant => Retry::$retry),* }
            }

            /// The problem's `type`: a reference, relative to the server, to the page about the code.
            #[must_use]
            pub const fn type_uri(self) -> &'static str {
                match self { $(Self::$variant => concat!("/docs/errors/", $code)),* }
            }
        }
    };
}

codes! {
    /// A required header was not sent.
    HeaderMissing = "header-missing", 400, "A required header is missing", false, Never;
    /// A header has a value that cannot be read.
    HeaderInvalid = "header-invalid", 400, "A header has an invalid value", false, Never;
    /// Two headers that mean the same have different values.
    HeaderConflict = "header-conflict", 400, "Two headers contradict each other", false, Never;
    /// The callback URL is not an absolute http or https URL, or one that is not called from here.
    CallbackUrlInvalid = "callback-url-invalid", 400, "The callback URL is invalid", false, Never;
    /// The path names a version of the interface that is not served.
    VersionUnsupported = "version-unsupported", 400, "This version of the interface is not served", false, Never;
    /// The cash box is unknown or the access token is wrong; which of the two is not told.
    Unauthorized = "unauthorized", 401, "The credentials are not accepted", false, Never;
    /// The operator has disabled the cash box.
    CashBoxDisabled = "cash-box-disabled", 403, "The cash box is disabled", false, Never;
    /// Nothing is known under this path or id.
    NotFound = "not-found", 404, "Not found", false, Never;
    /// The path exists, but not with this method.
    MethodNotAllowed = "method-not-allowed", 405, "The method is not allowed here", false, Never;
    /// No representation fits the `Accept` header.
    NotAcceptable = "not-acceptable", 406, "No acceptable representation", false, Never;
    /// The body is not JSON (RFC 8259) in UTF-8.
    JsonMalformed = "json-malformed", 400, "The body is not valid JSON", true, NewId;
    /// An object has two members of the same name.
    JsonDuplicateName = "json-duplicate-name", 400, "The body has a duplicate member", true, NewId;
    /// The body nests deeper than allowed.
    JsonTooDeep = "json-too-deep", 400, "The body is nested too deeply", true, NewId;
    /// An array of the body has more items than allowed.
    JsonTooManyItems = "json-too-many-items", 400, "An array of the body is too long", true, NewId;
    /// A number has more digits than can be kept, or lies outside its range.
    NumberOutOfRange = "number-out-of-range", 400, "A number is out of range", true, NewId;
    /// A member is missing, null, of the wrong type or of the wrong form.
    BodyInvalid = "body-invalid", 400, "Validation error", true, NewId;
    /// `ftCashBoxID` of the body is not the cash box of the header.
    CashBoxMismatch = "cash-box-mismatch", 400, "Body and header name different cash boxes", true, NewId;
    /// `ftPosSystemId` of the body is not the POS system of the header.
    PosSystemMismatch = "pos-system-mismatch", 400, "Body and header name different POS systems", true, NewId;
    /// `cbTerminalID` of the body is not the terminal of the header.
    TerminalMismatch = "terminal-mismatch", 400, "Body and header name different terminals", true, NewId;
    /// `ftQueueID` of the body is not the queue of the cash box.
    QueueMismatch = "queue-mismatch", 400, "The queue does not belong to the cash box", true, NewId;
    /// The journal type is not one that this cash box has.
    JournalTypeUnknown = "journal-type-unknown", 400, "The journal type is unknown", false, Never;
    /// No payment provider of the cash box speaks the protocol that was asked for.
    PaymentProviderUnknown = "payment-provider-unknown", 400, "There is no such payment provider", true, NewId;
    /// The terminal has a payment of which nobody knows yet whether it was charged.
    TerminalUnsettled = "terminal-unsettled", 400, "The terminal has an unsettled payment", true, NewId;
    /// The terminal makes another payment at the moment.
    TerminalBusy = "terminal-busy", 400, "The terminal is busy", true, NewId;
    /// The provider, the card or its issuer refused the payment; no money has moved.
    PaymentDeclined = "payment-declined", 400, "The payment was declined", true, NewId;
    /// The payment was cancelled at the terminal or by the till; no money has moved.
    PaymentCancelled = "payment-cancelled", 400, "The payment was cancelled", true, NewId;
    /// Nobody paid in time; no money has moved.
    PaymentTimedOut = "payment-timed-out", 400, "The payment timed out", true, NewId;
    /// The terminal cannot be reached, and nothing was sent to it.
    TerminalUnreachable = "terminal-unreachable", 502, "The terminal cannot be reached", true, NewId;
    /// The line or the terminal failed in the middle, and the terminal has said that nothing was charged.
    PaymentNotCharged = "payment-not-charged", 502, "The payment failed and was not charged", true, NewId;
    /// The lifetime of the operation ended before it was started.
    OperationExpired = "operation-expired", 408, "The operation expired before it was started", true, NewId;
    /// An accepted operation could not be executed: each attempt ended its cash box.
    OperationAbandoned = "operation-abandoned", 408, "The operation could not be executed", true, NewId;
    /// The operation id was used before with another body.
    OperationConflict = "operation-conflict", 409, "The operation id was used with another body", false, NewId;
    /// The operation id was used before for another kind of operation.
    OperationKindConflict = "operation-kind-conflict", 409, "The operation id was used for another kind of operation", false, NewId;
    /// The payment has ended, or stands otherwise than what is asked of it needs.
    PaymentStateConflict = "payment-state-conflict", 409, "The payment cannot be settled so", false, Never;
    /// What a payment app tells of a payment does not go with how the payment stands.
    PaymentConflict = "payment-conflict", 409, "The payment does not stand so", false, NewId;
    /// The operation is finished, but its answer was erased at the end of its retention.
    OperationErased = "operation-erased", 410, "The stored answer was erased", false, Never;
    /// The body is larger than allowed.
    BodyTooLarge = "body-too-large", 413, "The body is too large", false, Never;
    /// The request target is longer than allowed.
    UriTooLong = "uri-too-long", 414, "The URI is too long", false, Never;
    /// The operation is still running, or its end is not known yet.
    OperationRunning = "operation-running", 422, "The operation is still in progress", false, SameId;
    /// Too many requests in a short time.
    RateLimited = "rate-limited", 429, "Too many requests", false, SameId;
    /// The headers are larger than allowed.
    HeadersTooLarge = "headers-too-large", 431, "The headers are too large", false, Never;
    /// A bug of the server; nothing was stored.
    Internal = "internal", 500, "Internal error", false, SameId;
    /// The cash box failed repeatedly and waits for the operator.
    CashBoxQuarantined = "cash-box-quarantined", 503, "The cash box is out of service", false, SameId;
    /// The cash box has as many waiting operations as allowed.
    MailboxFull = "mailbox-full", 503, "The cash box is busy", false, SameId;
    /// The server is stopping.
    ShuttingDown = "shutting-down", 503, "The server is shutting down", false, SameId;
    /// The disk failed while the journal was written; the server must be restarted.
    JournalPoisoned = "journal-poisoned", 503, "The journal cannot be written", false, SameId;
    /// The stored journal of this cash box is damaged.
    JournalDamaged = "journal-damaged", 503, "The journal is damaged", false, SameId;
    /// There is no space left for the journal.
    StorageFull = "storage-full", 507, "The storage is full", false, SameId;
}

impl Code {
    /// Reads [`Code::code`].
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|one| one.code() == code)
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}
