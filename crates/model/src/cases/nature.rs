//! The second digit of a charge item's nature of VAT, by country (contract 5.3).

named!(
    /// Italy: the byte `NN` and the code "natura" of the fiscal authority.
    NatureIt: u8 {
        N31 = 0x10, "N3.1";
        N32 = 0x11, "N3.2";
        N33 = 0x12, "N3.3";
        N34 = 0x13, "N3.4";
        N35 = 0x14, "N3.5";
        N36 = 0x15, "N3.6";
        N21 = 0x20, "N2.1";
        N22 = 0x21, "N2.2";
        N4 = 0x30, "N4";
        N5 = 0x40, "N5";
        N61 = 0x50, "N6.1";
        N62 = 0x51, "N6.2";
        N63 = 0x52, "N6.3";
        N64 = 0x53, "N6.4";
        N65 = 0x54, "N6.5";
        N66 = 0x55, "N6.6";
        N67 = 0x56, "N6.7";
        N68 = 0x57, "N6.8";
        N69 = 0x58, "N6.9";
        N7 = 0x60, "N7";
        Vi = 0x70, "VI";
        N1 = 0x80, "N1";
    }
);

named!(
    /// Spain: the byte `NN` and the article of the VAT law.
    NatureEs: u8 {
        NotSubjectArticles7And14 = 0x20, "not subject, articles 7 and 14";
        NotSubjectLocation = 0x21, "not subject, rules of location";
        ExemptArticle20 = 0x30, "exempt, article 20";
        ExemptArticle21 = 0x31, "exempt, article 21";
        ExemptArticle22 = 0x32, "exempt, article 22";
        ExemptArticles23And24 = 0x33, "exempt, articles 23 and 24";
        ExemptArticle25 = 0x34, "exempt, article 25";
        ExemptOther = 0x35, "exempt, other";
        ReverseCharge = 0x50, "reverse charge";
    }
);

/// Greece: the myDATA exemption category behind a byte `NN`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MydataExemption {
    /// The byte `NN`.
    pub nature: u8,
    /// The number of the exemption category.
    pub category: u8,
}

impl MydataExemption {
    /// The whole table.
    pub const ALL: &'static [Self] = &[
        Self { nature: 0x11, category: 14 },
        Self { nature: 0x12, category: 8 },
        Self { nature: 0x13, category: 28 },
        Self { nature: 0x14, category: 16 },
        Self { nature: 0x15, category: 6 },
        Self { nature: 0x16, category: 7 },
        Self { nature: 0x31, category: 20 },
        Self { nature: 0x32, category: 9 },
        Self { nature: 0x33, category: 15 },
        Self { nature: 0x41, category: 22 },
        Self { nature: 0x51, category: 19 },
        Self { nature: 0x61, category: 3 },
        Self { nature: 0x62, category: 4 },
        Self { nature: 0x81, category: 1 },
        Self { nature: 0x82, category: 2 },
        Self { nature: 0x83, category: 10 },
        Self { nature: 0x84, category: 11 },
        Self { nature: 0x85, category: 12 },
        Self { nature: 0x86, category: 13 },
        Self { nature: 0x88, category: 26 },
    ];

    /// The exemption category of a byte `NN`.
    #[must_use]
    pub fn of(nature: u8) -> Option<u8> {
        Self::ALL.iter().find(|entry| entry.nature == nature).map(|entry| entry.category)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_digit_is_the_countrys() {
        assert_eq!(NatureIt::from_bits(0x58).map(NatureIt::name), Some("N6.9"));
        assert_eq!(NatureEs::from_bits(0x50), Some(NatureEs::ReverseCharge));
        assert_eq!(MydataExemption::of(0x41), Some(22));
        assert_eq!(MydataExemption::of(0x87), None);
    }
}
