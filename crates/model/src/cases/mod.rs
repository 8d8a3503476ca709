//! Cases and states: 64-bit words `0xCCCC_vlll_gggg_xxxx` whose parts have names (contract 5.1).
//!
//! Purpose: give every bit of the contract's case tables a name, once.
//! Owns: the words [`ReceiptCase`], [`ChargeItemCase`], [`PayItemCase`], [`SignatureFormat`], [`SignatureType`],
//! [`State`], [`JournalType`] and their tables; the maps between version nibble 0 and 2 ([`v0`]).
//! Invariants: a word is never changed by reading it; an unknown number stays what it is and has no name.
//! Not here: what a case means for tax (`markets`), how it is spelt in JSON (`wire`).

#[macro_use]
mod named;
mod charge_item;
mod journal;
mod nature;
mod pay_item;
mod receipt;
mod signature;
mod signature_tables;
mod state;
pub mod v0;

pub use charge_item::{ChargeFlag, ChargeService, VatCategory, VatNature};
pub use journal::JournalName;
pub use nature::{MydataExemption, NatureEs, NatureIt};
pub use pay_item::{PayFlag, PayMeans};
pub use receipt::{ReceiptFlag, ReceiptKind, ReceiptName};
pub use signature::{SignatureCategory, SignatureFlag, SignatureForm, SignaturePosition};
pub use signature_tables::{
    SignatureAt, SignatureBe, SignatureDe, SignatureEs, SignatureEu, SignatureFr, SignatureGeneric, SignatureGr,
    SignatureIt, SignatureMe, SignaturePt,
};
pub use state::{StateFlag, StateFlagAt};

use std::fmt;

/// Two upper-case ASCII letters of ISO 3166-1, as the top 16 bits of a case.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Country(pub [u8; 2]);

impl Country {
    /// Austria.
    pub const AT: Self = Self(*b"AT");
    /// Belgium.
    pub const BE: Self = Self(*b"BE");
    /// Germany.
    pub const DE: Self = Self(*b"DE");
    /// Denmark.
    pub const DK: Self = Self(*b"DK");
    /// Spain.
    pub const ES: Self = Self(*b"ES");
    /// The European Union, for markets without a code of their own.
    pub const EU: Self = Self(*b"EU");
    /// France.
    pub const FR: Self = Self(*b"FR");
    /// Greece.
    pub const GR: Self = Self(*b"GR");
    /// Italy.
    pub const IT: Self = Self(*b"IT");
    /// Montenegro.
    pub const ME: Self = Self(*b"ME");
    /// Portugal.
    pub const PT: Self = Self(*b"PT");

    /// From the top 16 bits of a case; `None` for 0.
    #[must_use]
    pub const fn from_bits(bits: u16) -> Option<Self> {
        if bits == 0 { None } else { Some(Self(bits.to_be_bytes())) }
    }

    /// The top 16 bits of a case.
    #[must_use]
    pub const fn bits(self) -> u16 {
        u16::from_be_bytes(self.0)
    }

    /// Two letters in either case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.as_bytes() {
            [a, b] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() => {
                Some(Self([a.to_ascii_uppercase(), b.to_ascii_uppercase()]))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0 {
            if byte.is_ascii_graphic() { write!(f, "{}", byte as char)? } else { write!(f, "\\x{byte:02x}")? }
        }
        Ok(())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Country({self})")
    }
}

macro_rules! case_word {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
        pub struct $name(pub u64);

        impl $name {
            /// The country in bits 48–63, or `None` when they are 0.
            #[must_use]
            pub const fn country(self) -> Option<Country> {
                Country::from_bits((self.0 >> 48) as u16)
            }

            /// The version nibble, bits 44–47.
            #[must_use]
            pub const fn version(self) -> u8 {
                ((self.0 >> 44) & 0xF) as u8
            }

            /// The country's own flags, bits 32–43.
            #[must_use]
            pub const fn local_flags(self) -> u16 {
                ((self.0 >> 32) & 0xFFF) as u16
            }

            /// The low 32 bits: global flags and case.
            #[must_use]
            pub const fn low32(self) -> u32 {
                (self.0 & 0xFFFF_FFFF) as u32
            }

            /// The same word with another country.
            #[must_use]
            pub const fn with_country(self, country: Country) -> Self {
                Self((self.0 & 0x0000_FFFF_FFFF_FFFF) | ((country.bits() as u64) << 48))
            }

            /// The low 16 bits.
            #[must_use]
            pub const fn low16(self) -> u16 {
                (self.0 & 0xFFFF) as u16
            }

            /// The global flags, bits 16–31.
            #[must_use]
            pub const fn global_flags(self) -> u16 {
                ((self.0 >> 16) & 0xFFFF) as u16
            }

            /// The same word with `country` put in where it had none (contract 4.5).
            #[must_use]
            pub const fn completed(self, country: Country) -> Self {
                if self.country().is_none() { self.with_country(country) } else { self }
            }

            /// The word of this country with version nibble 2 and nothing else.
            #[must_use]
            pub const fn v2(country: Country) -> Self {
                Self(0).with_country(country).with_version(2)
            }

            /// The same word with other low 16 bits.
            #[must_use]
            pub const fn with_low16(self, low: u16) -> Self {
                Self((self.0 & !0xFFFF) | low as u64)
            }

            /// The same word with other global flags.
            #[must_use]
            pub const fn with_global_flags(self, flags: u16) -> Self {
                Self((self.0 & !0xFFFF_0000) | ((flags as u64) << 16))
            }

            /// The same word with other flags of the country (twelve bits).
            #[must_use]
            pub const fn with_local_flags(self, flags: u16) -> Self {
                Self((self.0 & 0xFFFF_F000_FFFF_FFFF) | (((flags & 0xFFF) as u64) << 32))
            }

            /// The same word with another version nibble.
            #[must_use]
            pub const fn with_version(self, version: u8) -> Self {
                Self((self.0 & 0xFFFF_0FFF_FFFF_FFFF) | (((version & 0xF) as u64) << 44))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "0x{:016x}", self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "(0x{:016x})"), self.0)
            }
        }
    };
}

case_word!(
    /// `ftReceiptCase`: what kind of receipt this is (contract 5.2).
    ReceiptCase
);
case_word!(
    /// `ftChargeItemCase`: VAT category, kind of service, nature of VAT (contract 5.3).
    ChargeItemCase
);
case_word!(
    /// `ftPayItemCase`: how it was paid (contract 5.4).
    PayItemCase
);
case_word!(
    /// `ftSignatureFormat`: how a signature item is shown, and where (contract 5.5).
    SignatureFormat
);
case_word!(
    /// `ftSignatureType`: what a signature item means (contract 5.6).
    SignatureType
);
case_word!(
    /// `ftState`: how the queue stands after this receipt (contract 5.7).
    State
);
case_word!(
    /// `ftJournalType`: which journal is asked for (contract 7.2).
    JournalType
);
