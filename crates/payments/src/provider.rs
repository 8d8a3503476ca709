//! Which providers there are.

use kassette_model::payment::TerminalAddress;

/// A provider of payments, as far as configuration and routing have to know it. Who drives it is registered in `actors::payments`.
#[derive(Debug, Clone, Copy)]
pub struct Provider {
    /// Its name: the protocol of a request that asks for it, and the provider of a record.
    pub name: &'static str,
    /// Whether it makes payments that cost nobody anything: it is there in every sandbox and in no production.
    pub sandbox_only: bool,
    /// The kinds of line on which its terminals are; none for a provider without terminals.
    pub lines: &'static [Line],
}

/// A kind of line; see [`TerminalAddress`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// `tcp:…`
    Tcp,
    /// `serial:…`
    Serial,
    /// `app`
    App,
}

impl Line {
    const fn of(address: &TerminalAddress) -> Self {
        match address {
            TerminalAddress::Tcp { .. } => Self::Tcp,
            TerminalAddress::Serial { .. } => Self::Serial,
            TerminalAddress::App => Self::App,
        }
    }

    const fn form(self) -> &'static str {
        match self {
            Self::Tcp => "tcp:host[:port]",
            Self::Serial => "serial:path[:baud]",
            Self::App => "app",
        }
    }
}

impl Provider {
    /// Whether terminals of it are configured.
    #[must_use]
    pub const fn has_terminals(&self) -> bool {
        !self.lines.is_empty()
    }

    /// Whether a terminal of it can be at this line.
    ///
    /// # Errors
    /// With what it accepts.
    pub fn check_address(&self, address: &TerminalAddress) -> Result<(), String> {
        if self.lines.contains(&Line::of(address)) {
            return Ok(());
        }
        let forms: Vec<&str> = self.lines.iter().map(|line| line.form()).collect();
        Err(format!("{address}: a terminal of {} is at {}", self.name, forms.join(" or ")))
    }
}

/// All of them.
pub const PROVIDERS: &[Provider] = &[crate::dummy::PROVIDER, crate::zvt::PROVIDER, crate::http::PROVIDER];

/// The one of this name, in any case of letters.
#[must_use]
pub fn provider(name: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|provider| provider.name.eq_ignore_ascii_case(name))
}
