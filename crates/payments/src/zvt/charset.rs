//! Texts of a terminal (PA00P015, chapter on TLV, tags `07` and `14`).

/// The upper half of code page 437.
const CP437: &str = "\
ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐\
└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";
/// ISO 8859-2 from `A0` on.
const LATIN_2: &str = "\
\u{a0}Ą˘Ł¤ĽŚ§¨ŠŞŤŹ\u{ad}ŽŻ°ą˛ł´ľśˇ¸šşťź˝žżŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢßŕáâăäĺćçčéęëěíîďđńňóôőö÷řůúűüýţ˙";
/// The umlauts and the sharp s in ISO 8859.
const LATIN_UMLAUTS: &[u8] = &[0xC4, 0xD6, 0xDC, 0xDF, 0xE4, 0xF6, 0xFC];

/// The character set of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Charset {
    /// Code page 437, the default.
    Cp437,
    /// ISO 8859-1.
    Latin1,
    /// ISO 8859-2.
    Latin2,
    /// ISO 8859-15.
    Latin9,
    /// UTF-8.
    Utf8,
}

impl Charset {
    /// What tag `14` announces; a code of no known set is read as the default.
    #[must_use]
    pub fn from_code(code: u8) -> Self {
        match code {
            0x01 => Self::Latin1,
            0x02 => Self::Latin2,
            0x0F => Self::Latin9,
            0xFE => Self::Utf8,
            _ => Self::Cp437,
        }
    }
}

/// The text that these bytes are. Control characters become spaces, unreadable ones U+FFFD.
///
/// Without an announcement it is code page 437, but for one observation: terminals send umlauts of ISO 8859 without
/// saying so. Where every upper byte is such an umlaut, it is read as one; a receipt has no use for a Σ among its words.
#[must_use]
pub fn decode_text(bytes: &[u8], announced: Option<Charset>) -> String {
    let charset = announced.unwrap_or_else(|| {
        let mut upper = bytes.iter().filter(|byte| !byte.is_ascii()).peekable();
        let is_latin = upper.peek().is_some() && upper.all(|byte| LATIN_UMLAUTS.contains(byte));
        if is_latin { Charset::Latin1 } else { Charset::Cp437 }
    });
    let read: String = match charset {
        Charset::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
        _ => bytes.iter().map(|byte| if byte.is_ascii() { char::from(*byte) } else { upper(*byte, charset) }).collect(),
    };
    read.chars().map(|read| if read.is_control() { ' ' } else { read }).collect()
}

fn upper(byte: u8, charset: Charset) -> char {
    let nth = |table: &str, from: u8| byte.checked_sub(from).and_then(|index| table.chars().nth(usize::from(index)));
    match charset {
        Charset::Cp437 => nth(CP437, 0x80).unwrap_or(char::REPLACEMENT_CHARACTER),
        Charset::Latin2 => nth(LATIN_2, 0xA0).unwrap_or(' '),
        Charset::Latin9 => match byte {
            0xA4 => '€',
            0xA6 => 'Š',
            0xA8 => 'š',
            0xB4 => 'Ž',
            0xB8 => 'ž',
            0xBC => 'Œ',
            0xBD => 'œ',
            0xBE => 'Ÿ',
            _ => char::from(byte),
        },
        Charset::Latin1 | Charset::Utf8 => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_complete() {
        assert_eq!((CP437.chars().count(), LATIN_2.chars().count()), (0x80, 0x60));
    }

    /// Texts that terminals sent: code page 437, ISO 8859-2 announced with `14 01 02`, and ISO 8859 unannounced.
    #[test]
    fn umlauts_of_three_terminals() {
        assert_eq!(decode_text(b"f\x81r H\x8eNDLER", None), "für HÄNDLER");
        assert_eq!(decode_text(b"\xdcberpr\xfcfung", Some(Charset::from_code(2))), "Überprüfung");
        assert_eq!(decode_text(b"** H\xc4NDLERBELEG **", None), "** HÄNDLERBELEG **");
    }

    #[test]
    fn an_announced_set_is_believed() {
        assert_eq!(decode_text(b"\xc4", Some(Charset::Cp437)), "─");
        assert_eq!(decode_text(b"\xa4 \xe4", Some(Charset::Latin9)), "€ ä");
        assert_eq!(decode_text("€ä".as_bytes(), Some(Charset::Utf8)), "€ä");
        assert_eq!(decode_text(b"\xe1\xe1", None), "ßß");
    }

    #[test]
    fn no_control_character_comes_through() {
        assert_eq!(decode_text(b"a\x1b[2J\nb\x7f", None), "a [2J b ");
        assert_eq!(decode_text(b"\x9b\xff", Some(Charset::Utf8)), "\u{fffd}\u{fffd}");
        assert_eq!(decode_text(b"\x9b", Some(Charset::Latin1)), " ");
    }
}
