//! Tests of reading URLs.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

use proptest::prelude::*;

use super::*;

fn sandbox(url: &str) -> Result<Target, TargetError> {
    Target::parse(url, &Policy::sandbox(false))
}

/// Authority, port and path of what was read.
fn check(url: &str, authority: &str, port: u16, path: &str) {
    let target = sandbox(url).unwrap_or_else(|error| panic!("{url}: {error}"));
    let found = (target.authority(), target.port(), target.path().to_string());
    assert_eq!(found, (authority, port, path.to_owned()), "{url}");
}

#[test]
fn names_have_one_form() {
    check("https://example.com/hook", "example.com", 443, "/hook");
    check("http://example.com", "example.com", 80, "/");
    check("HTTPS://EXAMPLE.com:443/Hook?a=B#fragment", "example.com", 443, "/Hook?a=B");
    check("https://example.com./", "example.com", 443, "/");
    check("https://ex%61mple.com:8443/a%20b?q=%C3%A4", "example.com:8443", 8443, "/a%20b?q=%C3%A4");
    check("https://käse.example/ä?ö", "xn--kse-qla.example", 443, "/%C3%A4?%C3%B6");
    check("https://KÄSE.example/", "xn--kse-qla.example", 443, "/");
    check("https://example\u{3002}com/", "example.com", 443, "/");
    check("https://ｅｘａｍｐｌｅ.com/", "example.com", 443, "/");
    check("https://my_host.internal/", "my_host.internal", 443, "/");
    check("https://localhost?x", "localhost", 443, "/?x");
    check("https://example.com/a/../b/./c", "example.com", 443, "/b/c");
    check("https://example.com/%2e%2e/b", "example.com", 443, "/b");
    check("https://example.com/@x", "example.com", 443, "/@x");
    check("https://example.com:0443/", "example.com", 443, "/");
    check("https://example.com:/", "example.com", 443, "/");
}

/// Spellings of addresses, each with the address it means.
const SPELLINGS: &[(&str, &str)] = &[
    ("127.0.0.1", "127.0.0.1"),
    ("127.0.0.1.", "127.0.0.1"),
    ("2130706433", "127.0.0.1"),
    ("0177.0.0.1", "127.0.0.1"),
    ("0177.0.0.01", "127.0.0.1"),
    ("00000000177.0.0.1", "127.0.0.1"),
    ("017700000001", "127.0.0.1"),
    ("0x7f000001", "127.0.0.1"),
    ("0X7F000001", "127.0.0.1"),
    ("0x7f.0.0.1", "127.0.0.1"),
    ("0x7f.0x0.0x0.0x1", "127.0.0.1"),
    ("0x7f.1", "127.0.0.1"),
    ("127.1", "127.0.0.1"),
    ("127.0.1", "127.0.0.1"),
    ("127.0.0x1", "127.0.0.1"),
    ("%31%32%37.0.0.1", "127.0.0.1"),
    ("127%2e0%2E0%2e1", "127.0.0.1"),
    ("127\u{3002}0\u{3002}0\u{3002}1", "127.0.0.1"),
    ("\u{ff11}27.0.0.1", "127.0.0.1"),
    ("①②⑦.0.0.1", "127.0.0.1"),
    ("0", "0.0.0.0"),
    ("0x", "0.0.0.0"),
    ("0.0", "0.0.0.0"),
    ("10.1", "10.0.0.1"),
    ("012.0.0.1", "10.0.0.1"),
    ("167772161", "10.0.0.1"),
    ("192.168.257", "192.168.1.1"),
    ("3232235777", "192.168.1.1"),
    ("0xA9FEA9FE", "169.254.169.254"),
    ("2852039166", "169.254.169.254"),
    ("169.254.43518", "169.254.169.254"),
    ("[::1]", "::1"),
    ("[0:0:0:0:0:0:0:1]", "::1"),
    ("[0000::0001]", "::1"),
    ("[::]", "::"),
    ("[::ffff:127.0.0.1]", "::ffff:127.0.0.1"),
    ("[::FFFF:7F00:1]", "::ffff:127.0.0.1"),
    ("[0:0:0:0:0:ffff:a00:1]", "::ffff:10.0.0.1"),
    ("[::127.0.0.1]", "::127.0.0.1"),
    ("[64:ff9b::7f00:1]", "64:ff9b::7f00:1"),
    ("[64:ff9b::127.0.0.1]", "64:ff9b::7f00:1"),
    ("[2002:7f00:1::]", "2002:7f00:1::"),
    ("[fe80::1]", "fe80::1"),
];

#[test]
fn every_spelling_of_an_address_is_the_address_and_is_refused() {
    for (spelling, expected) in SPELLINGS {
        let target = sandbox(&format!("http://{spelling}/")).unwrap_or_else(|error| panic!("{spelling}: {error}"));
        let expected: IpAddr = expected.parse().unwrap();
        assert_eq!(target.host(), &Host::Address(expected), "{spelling}");
        let refusal = Policy::sandbox(false).check_literal(&target).unwrap_err();
        assert_eq!(refusal.address, expected.to_canonical());
    }
}

#[test]
fn what_is_no_target_is_refused_with_its_reason() {
    for (url, expected) in [
        ("", TargetError::NotAbsoluteHttp),
        ("/hook", TargetError::NotAbsoluteHttp),
        ("//example.com/", TargetError::NotAbsoluteHttp),
        ("example.com/hook", TargetError::NotAbsoluteHttp),
        ("example.com:443", TargetError::NotAbsoluteHttp),
        ("ftp://example.com/", TargetError::NotAbsoluteHttp),
        ("file:///etc/passwd", TargetError::NotAbsoluteHttp),
        ("gopher://127.0.0.1:70/", TargetError::NotAbsoluteHttp),
        ("javascript:alert(1)", TargetError::NotAbsoluteHttp),
        ("http:example.com", TargetError::NotAbsoluteHttp),
        ("http:/example.com", TargetError::NotAbsoluteHttp),
        ("http:///example.com", TargetError::NotAbsoluteHttp),
        ("https://", TargetError::NotAbsoluteHttp),
        ("https://?x", TargetError::NotAbsoluteHttp),
        ("http+https://example.com/", TargetError::NotAbsoluteHttp),
        (" https://example.com/", TargetError::Character),
        ("https://example.com/ ", TargetError::Character),
        ("ht\ntps://example.com/", TargetError::Character),
        ("https://exa\tmple.com/", TargetError::Character),
        ("https://example.com/\r\nx-evil: 1", TargetError::Character),
        ("https://example.com\\@127.0.0.1/", TargetError::Character),
        ("https:\\\\example.com/", TargetError::Character),
        ("https://example.com/\u{0}", TargetError::Character),
        ("https://example.com/\u{a0}", TargetError::Character),
        ("https://user@example.com/", TargetError::UserInfo),
        ("https://user:word@example.com/", TargetError::UserInfo),
        ("https://@example.com/", TargetError::UserInfo),
        ("https://:@example.com/", TargetError::UserInfo),
        ("https://example.com@127.0.0.1/", TargetError::UserInfo),
        ("https://example.com:99999/", TargetError::Port),
        ("https://example.com:x/", TargetError::Port),
        ("https://example.com:-1/", TargetError::Port),
        ("https://example.com:0/", TargetError::PortRefused { port: 0 }),
        ("https://256.1.1.1/", TargetError::Host),
        ("https://1.2.3.4.5/", TargetError::Host),
        ("https://0x100000000/", TargetError::Host),
        ("https://127.0.0.1../", TargetError::Host),
        ("https://example..com/", TargetError::Host),
        ("https://.example.com/", TargetError::Host),
        ("https://./", TargetError::Host),
        ("https://exa mple.com/", TargetError::Character),
        ("https://exa%20mple.com/", TargetError::Host),
        ("https://exa%2fmple.com/", TargetError::Host),
        ("https://exa%00mple.com/", TargetError::Host),
        ("https://ex*mple.com/", TargetError::Host),
        ("https://[::1/", TargetError::Host),
        ("https://::1/", TargetError::Host),
        ("https://[127.0.0.1]/", TargetError::Host),
        ("https://[fe80::1%25eth0]/", TargetError::Host),
        ("https://[::ffff:0177.0.0.1]/", TargetError::Host),
    ] {
        assert_eq!(sandbox(url), Err(expected), "{url:?}");
    }
    let long = format!("https://example.com/{}", "a".repeat(URL_BYTES_MAX));
    assert_eq!(sandbox(&long), Err(TargetError::TooLong));
    let label = "a".repeat(64);
    assert_eq!(sandbox(&format!("https://{label}.com/")), Err(TargetError::Host));
}

#[test]
fn production_takes_https_on_two_ports() {
    for (url, expected) in [
        ("https://example.com/", None),
        ("https://example.com:8443/", None),
        ("http://example.com/", Some(TargetError::HttpsOnly)),
        ("http://example.com:443/", Some(TargetError::HttpsOnly)),
        ("https://example.com:80/", Some(TargetError::PortRefused { port: 80 })),
        ("https://example.com:22/", Some(TargetError::PortRefused { port: 22 })),
        ("https://example.com:444/", Some(TargetError::PortRefused { port: 444 })),
    ] {
        assert_eq!(Target::parse(url, &Policy::production()).err(), expected, "{url}");
    }
}

#[test]
fn debug_hides_the_query() {
    let target = sandbox("https://example.com/hook?key=secret").unwrap();
    assert_eq!(format!("{target:?}"), "Target(https://example.com/hook)");
}

proptest! {
    #[test]
    fn no_text_panics_and_no_name_stays_odd(rest in ".{0,60}") {
        if let Ok(target) = sandbox(&format!("http://{rest}")) {
            match target.host() {
                Host::Name(name) => {
                    // A resolver must not read an address into a name.
                    prop_assert!(name.parse::<IpAddr>().is_err());
                    prop_assert!(name.is_ascii() && !name.ends_with('.') && name == &name.to_ascii_lowercase());
                }
                Host::Address(_) => {}
            }
            prop_assert!(target.path().to_string().starts_with('/'));
        }
    }

    #[test]
    fn every_ipv4_address_reads_from_all_its_spellings(bits in any::<u32>()) {
        let address = std::net::Ipv4Addr::from_bits(bits);
        let [a, b, c, d] = address.octets();
        let low = u32::from(c) << 8 | u32::from(d);
        for spelling in [
            format!("{address}"),
            format!("{bits}"),
            format!("{bits:#x}"),
            format!("0{bits:o}"),
            format!("{a:#x}.{b:#x}.{c:#x}.{d:#x}"),
            format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
            format!("{a}.{b}.{low}"),
            format!("{a}.{}", u32::from(b) << 16 | low),
        ] {
            let target = sandbox(&format!("http://{spelling}/")).unwrap();
            prop_assert_eq!(target.host(), &Host::Address(IpAddr::V4(address)), "{}", spelling);
        }
    }
}
