//! The payment terminals of a cash box, as they stand in its configuration.

use std::fmt;

use kassette_model::payment::TerminalAddress;

use crate::configuration::{ConfigurationError, refuse};

/// A terminal.
#[derive(Clone, PartialEq, Eq)]
pub struct TerminalEntry {
    /// Name within the cash box, for operators and records; never used again for another terminal while a payment at it is not settled.
    pub name: String,
    /// Which provider speaks with it.
    pub provider: String,
    /// Its line.
    pub address: TerminalAddress,
    /// `cbTerminalID` of the requests that are meant for it; without one it takes those that name none.
    pub terminal_id: Option<String>,
    /// What the terminal wants from a register before a command, up to six digits. No secret that protects money: it is printed in
    /// handbooks, and in the journal because a payment in doubt must be asked for after any restart.
    pub password: u32,
}

impl fmt::Debug for TerminalEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, provider, address, terminal_id, .. } = self;
        write!(f, "TerminalEntry({name}, {provider}, {address}, {terminal_id:?})")
    }
}

impl TerminalEntry {
    /// Most terminals of one cash box.
    pub const COUNT_MAX: usize = 16;
    /// Most characters of a name.
    pub const NAME_CHARS_MAX: usize = 32;
    /// Most characters of a terminal id.
    pub const ID_CHARS_MAX: usize = 64;
    /// Highest password.
    pub const PASSWORD_MAX: u32 = 999_999;
    /// Most digits of a password as text.
    const PASSWORD_DIGITS_MAX: usize = 6;
    /// Provider of a terminal whose configuration names none.
    pub const PROVIDER_DEFAULT: &str = kassette_payments::zvt::PROVIDER.name;

    /// Reads a password as it stands in the handbook of a terminal: one to six digits, leading zeros do not matter.
    #[must_use]
    pub fn parse_password(text: &str) -> Option<u32> {
        let digits = (1..=Self::PASSWORD_DIGITS_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse().ok()).flatten()
    }

    /// Whether requests with this `cbTerminalID` (empty counts as none) are meant for it: one that names a terminal also reaches those
    /// without an id, one that names none reaches only those (contract 4.4, terminal routing).
    #[must_use]
    pub fn takes(&self, terminal_id: Option<&str>) -> bool {
        match &self.terminal_id {
            None => true,
            Some(own) => terminal_id == Some(own),
        }
    }
}

impl TerminalEntry {
    /// Checks the terminals of one cash box, each by itself and against the others.
    ///
    /// # Errors
    /// With the place of the first one that cannot be used, as in a configuration: `/terminals/0/address`.
    pub fn check_all(all: &[Self]) -> Result<(), ConfigurationError> {
        if all.len() > TerminalEntry::COUNT_MAX {
            let max = TerminalEntry::COUNT_MAX;
            return Err(refuse("/terminals", format!("{} terminals, at most {max} are accepted", all.len())));
        }
        for (index, terminal) in all.iter().enumerate() {
            let at = |member: &str| format!("/terminals/{index}/{member}");
            let name = &terminal.name;
            let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
            if name.is_empty() || name.len() > TerminalEntry::NAME_CHARS_MAX || !name.chars().all(plain) {
                let max = TerminalEntry::NAME_CHARS_MAX;
                let message = format!("{name:?}: 1 to {max} of the letters a to z, digits and - are accepted");
                return Err(refuse(at("name"), message));
            }
            if all.iter().take(index).any(|other| other.name == *name) {
                return Err(refuse(at("name"), format!("terminal {name:?} is listed twice")));
            }
            let provider = kassette_payments::provider(&terminal.provider).filter(|known| known.has_terminals());
            let Some(provider) = provider else {
                let known: Vec<&str> = kassette_payments::PROVIDERS
                    .iter()
                    .filter(|known| known.has_terminals())
                    .map(|known| known.name)
                    .collect();
                let message = format!("{:?} is not one of {}", terminal.provider, known.join(", "));
                return Err(refuse(at("provider"), message));
            };
            provider.check_address(&terminal.address).map_err(|message| refuse(at("address"), message))?;
            if terminal.address != TerminalAddress::App
                && all.iter().take(index).any(|other| other.address == terminal.address)
            {
                let message = format!("{} is the line of another terminal", terminal.address);
                return Err(refuse(at("address"), message));
            }
            if let Some(id) = &terminal.terminal_id
                && (id.is_empty()
                    || id.chars().count() > TerminalEntry::ID_CHARS_MAX
                    || id.chars().any(char::is_control))
            {
                let max = TerminalEntry::ID_CHARS_MAX;
                return Err(refuse(
                    at("terminal_id"),
                    format!("1 to {max} characters without control characters are accepted"),
                ));
            }
            if terminal.password > TerminalEntry::PASSWORD_MAX {
                return Err(refuse(at("password"), "at most six digits are accepted"));
            }
        }
        Ok(())
    }
}
