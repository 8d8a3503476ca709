//! Forbidden addresses, in every spelling and behind every name: refused before anything is dialled.

use kassette_outbound::{CallFailure, Policy};

use crate::fixtures::{Bench, PlannedResolver, RecordingConnector};

/// Hosts of URLs that are forbidden addresses.
const SPELLINGS: &[&str] = &[
    "127.0.0.1",
    "127.0.0.1.",
    "127.255.255.254",
    "2130706433",
    "0177.0.0.1",
    "017700000001",
    "0x7f000001",
    "0X7F.0.0.1",
    "0x7f.0x0.0x0.0x1",
    "0x7f.1",
    "127.1",
    "127.0.1",
    "%31%32%37.0.0.1",
    "127%2e0.0.1",
    "127\u{3002}0\u{3002}0\u{3002}1",
    "\u{ff11}\u{ff12}\u{ff17}.0.0.1",
    "0",
    "0.0.0.0",
    "0x0",
    "10.0.0.1",
    "10.1",
    "012.0.0.1",
    "167772161",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "192.168.257",
    "3232235777",
    "169.254.169.254",
    "0xA9FEA9FE",
    "2852039166",
    "0251.0376.0251.0376",
    "100.64.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "4294967295",
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000:0000::0001]",
    "[::ffff:127.0.0.1]",
    "[::FFFF:7F00:1]",
    "[0:0:0:0:0:ffff:10.0.0.1]",
    "[::ffff:169.254.169.254]",
    "[::127.0.0.1]",
    "[::8.8.8.8]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b:1::a00:1]",
    "[100::1]",
    "[2001::1]",
    "[2001:2::1]",
    "[2001:10::1]",
    "[2001:20::1]",
    "[2001:db8::1]",
    "[2002:7f00:1::]",
    "[2002:0a00:0001::1]",
    "[3fff::1]",
    "[5f00::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[fec0::1]",
    "[ff02::1]",
    "[4000::1]",
];

/// Answers of a name that hold a forbidden address: alone, first, last.
const ANSWERS: &[&[&str]] = &[
    &["127.0.0.1"],
    &["127.9.9.9"],
    &["0.0.0.0"],
    &["10.0.0.1"],
    &["100.64.0.1"],
    &["169.254.169.254"],
    &["172.16.0.1"],
    &["192.0.0.1"],
    &["192.0.2.1"],
    &["192.88.99.1"],
    &["192.168.1.1"],
    &["198.18.0.1"],
    &["198.51.100.1"],
    &["203.0.113.1"],
    &["224.0.0.1"],
    &["240.0.0.1"],
    &["255.255.255.255"],
    &["::"],
    &["::1"],
    &["::ffff:127.0.0.1"],
    &["::ffff:10.0.0.1"],
    &["::127.0.0.1"],
    &["64:ff9b::7f00:1"],
    &["64:ff9b:1::7f00:1"],
    &["100::1"],
    &["2001::1"],
    &["2001:2::1"],
    &["2001:10::1"],
    &["2001:20::1"],
    &["2001:db8::1"],
    &["2002:7f00:1::1"],
    &["3fff::1"],
    &["5f00::1"],
    &["fd00::1"],
    &["fe80::1"],
    &["fec0::1"],
    &["ff02::1"],
    &["198.51.101.7", "10.0.0.1"],
    &["10.0.0.1", "198.51.101.7"],
    &["198.51.101.7", "198.51.101.8", "198.51.101.9", "198.51.101.10", "198.51.101.11", "127.0.0.1"],
    &["2003::1", "198.51.101.7", "::1"],
];

async fn check(policy: &Policy, url: &str, resolver: PlannedResolver, names_asked: usize) {
    let bench = Bench::new(policy.clone(), resolver, RecordingConnector::refusing());
    let failure = bench.post(url).await.unwrap_err();
    assert!(matches!(failure, CallFailure::AddressRefused(_)), "{url}: {failure:?}");
    assert_eq!(failure.name(), "address_refused");
    assert_eq!(bench.connector.dialled(), Vec::<String>::new(), "{url} is not dialled");
    assert_eq!(bench.resolver.asked().len(), names_asked, "{url}");
}

#[tokio::test]
async fn no_literal_is_dialled_or_looked_up() {
    let tried = SPELLINGS.len() + ANSWERS.len();
    assert!(tried >= 60, "{tried} addresses and spellings");
    for spelling in SPELLINGS {
        check(&Policy::production(), &format!("https://{spelling}/"), PlannedResolver::default(), 0).await;
        check(&Policy::sandbox(false), &format!("http://{spelling}:8080/"), PlannedResolver::default(), 0).await;
    }
}

#[tokio::test]
async fn one_forbidden_answer_drops_the_name() {
    for answer in ANSWERS {
        for (policy, url) in [
            (Policy::production(), "https://rebound.example/"),
            (Policy::sandbox(false), "http://REBOUND.example.:8080/"),
        ] {
            check(&policy, url, PlannedResolver::default().plan("rebound.example", &[answer]), 1).await;
        }
    }
}

#[tokio::test]
async fn loopback_in_a_sandbox_opens_nothing_else() {
    let policy = Policy::sandbox(true);
    for url in
        ["http://10.0.0.1/", "http://0/", "http://[::ffff:192.168.1.1]/", "http://[64:ff9b::7f00:1]/", "http://[::]/"]
    {
        check(&policy, url, PlannedResolver::default(), 0).await;
    }
    for answer in [["127.0.0.1", "10.0.0.1"], ["::1", "fe80::1"]] {
        let resolver = PlannedResolver::default().plan("mixed.example", &[&answer]);
        check(&policy, "http://mixed.example/", resolver, 1).await;
    }
}

#[tokio::test]
async fn a_name_that_is_rebound_is_dialled_once() {
    let resolver = PlannedResolver::default().plan("rebound.example", &[&["198.51.101.7"], &["127.0.0.1"]]);
    let bench = Bench::new(Policy::sandbox(false), resolver, RecordingConnector::refusing());
    assert_eq!(bench.post("http://rebound.example/").await.unwrap_err().name(), "connect");
    assert_eq!(bench.connector.dialled(), ["198.51.101.7:80"]);
    for _ in 0..2 {
        assert_eq!(bench.post("http://rebound.example/").await.unwrap_err().name(), "address_refused");
    }
    assert_eq!(bench.connector.dialled(), ["198.51.101.7:80"]);
    assert_eq!(bench.resolver.asked().len(), 3, "the name is looked up for every call");
}

#[tokio::test]
async fn what_is_dialled_is_what_was_checked() {
    let addresses = ["198.51.101.7", "::ffff:198.51.101.7", "2003::1", "198.51.101.8", "198.51.101.9", "198.51.101.10"];
    let resolver = PlannedResolver::default().plan("many.example", &[&addresses]);
    let bench = Bench::new(Policy::production(), resolver, RecordingConnector::refusing());
    assert_eq!(bench.post("https://many.example:8443/").await.unwrap_err().name(), "connect");
    let expected = ["198.51.101.7:8443", "[2003::1]:8443", "198.51.101.8:8443", "198.51.101.9:8443"];
    assert_eq!(bench.connector.dialled(), expected);
    assert_eq!(bench.resolver.asked(), ["many.example"]);
}

#[tokio::test]
async fn an_allowed_network_is_dialled() {
    let policy = Policy { allowed_networks: vec!["192.168.1.0/24".parse().unwrap()], ..Policy::production() };
    let resolver = || PlannedResolver::default().plan("till.example", &[&["192.168.1.5"], &["192.168.2.5"]]);
    let bench = Bench::new(policy, resolver(), RecordingConnector::refusing());
    assert_eq!(bench.post("https://till.example/").await.unwrap_err().name(), "connect");
    assert_eq!(bench.post("https://[::ffff:192.168.1.6]/").await.unwrap_err().name(), "connect");
    assert_eq!(bench.connector.dialled(), ["192.168.1.5:443", "192.168.1.6:443"]);
    assert_eq!(bench.post("https://till.example/").await.unwrap_err().name(), "address_refused");
    assert_eq!(bench.connector.dialled().len(), 2);
}

#[tokio::test]
async fn a_name_without_address_is_not_dialled() {
    let resolver = PlannedResolver::default().plan("empty.example", &[&[]]);
    let bench = Bench::new(Policy::sandbox(false), resolver, RecordingConnector::refusing());
    for url in ["http://empty.example/", "http://unknown.example/"] {
        assert_eq!(bench.post(url).await.unwrap_err().name(), "resolve", "{url}");
    }
    assert!(bench.connector.dialled().is_empty());
}
