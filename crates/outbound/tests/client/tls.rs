//! TLS: the certificate has to be for the host, of a trusted authority and in date.

use std::sync::Arc;

use kassette_outbound::{Policy, RootError, Roots};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::AsyncWriteExt as _;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::fixtures::{Bench, PlannedResolver, RecordingConnector, read_request};

/// An authority of the operator's own.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) root_der: Vec<u8>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let root_der = params.self_signed(&key).unwrap().der().to_vec();
        Self { issuer: Issuer::new(params, key), root_der }
    }

    /// A server for these names; the certificate has run out when `expired`.
    pub(crate) fn acceptor(&self, names: &[&str], expired: bool) -> TlsAcceptor {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        if expired {
            params.not_before = rcgen::date_time_ymd(2019, 1, 1);
            params.not_after = rcgen::date_time_ymd(2020, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// Calls `url` at a server with this certificate.
async fn call(url: &str, acceptor: TlsAcceptor, roots: &[Vec<u8>]) -> Result<u16, &'static str> {
    let connector = RecordingConnector::serving(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let request = read_request(&mut stream).await;
                assert!(request.starts_with("POST /hook HTTP/1.1\r\n"));
                let _ = stream.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n").await;
                let _ = stream.shutdown().await;
            }
        }
    });
    let resolver = PlannedResolver::default()
        .plan("receiver.example", &[&["198.51.101.7"]])
        .plan("other.example", &[&["198.51.101.7"]]);
    let bench = Bench::trusting(Policy::production(), resolver, connector, roots);
    bench.post(url).await.map(|answer| answer.status).map_err(|failure| failure.name())
}

#[tokio::test]
async fn the_certificate_has_to_fit() {
    let (ours, strange) = (Authority::new(), Authority::new());
    let roots = [ours.root_der.clone()];
    let name = ["receiver.example"];
    for (url, acceptor, expected) in [
        ("https://receiver.example/hook", ours.acceptor(&name, false), Ok(201)),
        ("https://RECEIVER.example.:8443/hook", ours.acceptor(&name, false), Ok(201)),
        ("https://198.51.101.7/hook", ours.acceptor(&["198.51.101.7"], false), Ok(201)),
        ("https://other.example/hook", ours.acceptor(&name, false), Err("tls")),
        ("https://198.51.101.8/hook", ours.acceptor(&["198.51.101.7"], false), Err("tls")),
        // The name counts, not the address behind it.
        ("https://receiver.example/hook", ours.acceptor(&["198.51.101.7"], false), Err("tls")),
        ("https://receiver.example/hook", ours.acceptor(&name, true), Err("tls")),
        ("https://receiver.example/hook", strange.acceptor(&name, false), Err("tls")),
    ] {
        assert_eq!(call(url, acceptor, &roots).await, expected, "{url}");
    }
    let untrusted = call("https://receiver.example/hook", ours.acceptor(&name, false), &[]).await;
    assert_eq!(untrusted, Err("tls"));
}

#[tokio::test]
async fn what_is_not_tls_is_a_tls_failure() {
    for bytes in
        [&b""[..], b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x15\x03\x01\x00\x02\x02\x28", b"\x16\x03\x03\xff\xff"]
    {
        let connector = RecordingConnector::serving(move |mut stream| async move {
            let _ = stream.write_all(bytes).await;
        });
        let resolver = PlannedResolver::default().plan("receiver.example", &[&["198.51.101.7"]]);
        let bench = Bench::new(Policy::production(), resolver, connector);
        assert_eq!(bench.post("https://receiver.example/hook").await.unwrap_err().name(), "tls", "{bytes:?}");
    }
}

#[test]
fn an_unreadable_root_is_named() {
    let good = Authority::new().root_der;
    let error = Roots::with_extra(&[good, b"no certificate".to_vec()]).unwrap_err();
    assert!(matches!(error, RootError::Certificate { number: 2, .. }), "{error}");
}
