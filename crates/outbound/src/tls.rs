//! TLS towards a receiver: the certificate has to be for the host of the URL.

use std::sync::Arc;

use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::answer::{CallFailure, Phase};
use crate::dial::Stream;
use crate::target::Host;

/// Why the roots cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RootError {
    /// A certificate of the operator's own is not readable.
    #[error("root certificate {number} is not readable: {reason}")]
    Certificate {
        /// Which one, from 1.
        number: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// TLS cannot be set up at all.
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
}

/// The authorities that are trusted: Mozilla's list as it is compiled in, and the operator's own.
#[derive(Clone)]
pub struct Roots {
    connector: TlsConnector,
}

impl std::fmt::Debug for Roots {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Roots")
    }
}

impl Roots {
    /// Mozilla's list and `extra` certificates, each as DER.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn with_extra(extra: &[Vec<u8>]) -> Result<Self, RootError> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for (index, der) in extra.iter().enumerate() {
            roots.add(CertificateDer::from(der.as_slice())).map_err(|error| RootError::Certificate {
                number: index.saturating_add(1),
                reason: error.to_string(),
            })?;
        }
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| RootError::Setup(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { connector: TlsConnector::from(Arc::new(config)) })
    }

    /// The handshake. The name in it and in the certificate is the host of the URL, not what a look-up gave.
    pub(crate) async fn secure(
        &self,
        host: &Host,
        stream: Box<dyn Stream>,
        until: Instant,
    ) -> Result<Box<dyn Stream>, CallFailure> {
        let name = match host {
            Host::Name(name) => {
                ServerName::try_from(name.clone()).map_err(|error| CallFailure::Tls(error.to_string()))?
            }
            Host::Address(address) => ServerName::IpAddress((*address).into()),
        };
        match timeout_at(until, self.connector.connect(name, stream)).await {
            Ok(Ok(stream)) => Ok(Box::new(stream)),
            Ok(Err(error)) => Err(CallFailure::Tls(error.to_string())),
            Err(_) => Err(CallFailure::Timeout(Phase::Tls)),
        }
    }
}
