//! The shape of every table: an enum whose variants have a number and a name.

macro_rules! named {
    ($(#[$doc:meta])* $name:ident: $repr:ty { $($variant:ident = $number:literal, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr($repr)]
        pub enum $name {
            $(#[doc = $text] $variant = $number,)*
        }

        impl $name {
            /// The whole table.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The entry with this number.
            #[must_use]
            pub const fn from_bits(bits: $repr) -> Option<Self> {
                match bits { $($number => Some(Self::$variant),)* _ => None }
            }

            /// The number.
            #[must_use]
            pub const fn bits(self) -> $repr {
                self as $repr
            }

            /// The name, in words.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
        }
    };
}
