//! The password of the terminal.

use std::fmt;

use thiserror::Error;

use super::bcd;

/// The password is longer than six digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a terminal's password has at most six digits")]
pub struct PasswordError;

/// The six digits that the terminal wants before most commands (PA00P015, chapter 2). `Debug` does not show them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Password([u8; 3]);

impl Password {
    /// The password of these digits; `0` is `000000`, the setting of most terminals.
    ///
    /// # Errors
    /// [`PasswordError`] for a number of more than six digits.
    pub fn new(digits: u32) -> Result<Self, PasswordError> {
        let bytes = bcd::digits(u64::from(digits), 3).ok_or(PasswordError)?;
        bytes.try_into().map(Self).map_err(|_| PasswordError)
    }

    /// Takes the password from the front of a command's data.
    pub(super) fn take(data: &[u8]) -> Option<(Self, &[u8])> {
        data.split_first_chunk().map(|(bytes, rest)| (Self(*bytes), rest))
    }

    /// The three bytes in the command.
    #[must_use]
    pub fn bytes(self) -> [u8; 3] {
        self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password(******)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_six_digits_that_nobody_sees() {
        let password = Password::new(12_345);
        assert_eq!(password.map(Password::bytes), Ok([0x01, 0x23, 0x45]));
        assert_eq!(format!("{password:?}"), "Ok(Password(******))");
        assert_eq!(Password::new(1_000_000), Err(PasswordError));
    }
}
