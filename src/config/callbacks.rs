//! `[callbacks]` as the outgoing client takes it.

use std::net::SocketAddr;

use kassette_model::Environment;
use kassette_outbound::{Limits, Policy, Roots};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::sections::{CallbacksSection, Settings};

impl Settings {
    /// What callbacks of an environment may reach (contract 3.3): production only https on 443 and 8443, a sandbox http too. The
    /// networks of the allow list are open in both; loopback only in a sandbox whose server itself listens only on loopback.
    #[must_use]
    pub fn callback_policy(&self, environment: Environment, listen_is_loopback: bool) -> Policy {
        let section = &self.callbacks;
        let rules = match environment {
            Environment::Sandbox => Policy::sandbox(listen_is_loopback),
            Environment::Production => Policy::production(),
        };
        Policy {
            // The check has refused those that cannot be read; leaving one out closes a network and opens none.
            allowed_networks: section.allowed_networks.iter().filter_map(|text| text.parse().ok()).collect(),
            limits: Limits {
                connect_timeout_ms: section.connect_timeout_ms,
                call_timeout_ms: section.call_timeout_ms,
                body_bytes_max: usize::try_from(section.answer_body_bytes_max).unwrap_or(usize::MAX),
                ..rules.limits
            },
            ..rules
        }
    }

    /// Whether every environment that is served, and this one in any case, listens on loopback: then nobody from outside can
    /// have loopback called.
    #[must_use]
    pub fn listens_only_on_loopback(&self, environment: Environment) -> bool {
        [(Environment::Sandbox, &self.sandbox), (Environment::Production, &self.production)]
            .into_iter()
            .filter(|(one, section)| *one == environment || !section.data_dir.is_empty())
            .all(|(_, section)| section.listen.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback()))
    }
}

impl CallbacksSection {
    /// The certificates of `extra_root_certificates`, each as DER, in the order of the files.
    ///
    /// # Errors
    /// The file and what is wrong with it.
    pub fn extra_roots(&self) -> Result<Vec<Vec<u8>>, String> {
        let mut all = Vec::new();
        for path in &self.extra_root_certificates {
            all.extend(root_certificates(path).map_err(|reason| format!("{path}: {reason}"))?);
        }
        Ok(all)
    }
}

/// The certificates of a PEM file, each as DER, tried out as the client will use them; what else the file holds is passed over.
pub(super) fn root_certificates(path: &str) -> Result<Vec<Vec<u8>>, String> {
    let text = std::fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    let found = CertificateDer::pem_slice_iter(&text)
        .map(|certificate| certificate.map(|der| der.to_vec()).map_err(|error| format!("is not PEM: {error}")))
        .collect::<Result<Vec<_>, _>>()?;
    if found.is_empty() {
        return Err("holds no certificate; PEM text with BEGIN CERTIFICATE is expected".to_owned());
    }
    Roots::with_extra(&found).map_err(|error| error.to_string())?;
    Ok(found)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use kassette_outbound::Ports;

    use super::*;
    use crate::config::{Sources, load};

    #[test]
    fn the_defaults_are_those_of_the_contract() {
        let settings = Settings::default();
        for listen_is_loopback in [false, true] {
            let production = settings.callback_policy(Environment::Production, listen_is_loopback);
            assert_eq!(production, Policy::production());
            let sandbox = settings.callback_policy(Environment::Sandbox, listen_is_loopback);
            assert_eq!(sandbox, Policy::sandbox(listen_is_loopback));
        }
    }

    #[test]
    fn what_is_configured_reaches_the_client_in_both_environments() {
        let callbacks = CallbacksSection {
            allowed_networks: vec!["192.168.1.0/24".to_owned(), "fd00::5".to_owned()],
            connect_timeout_ms: 1,
            call_timeout_ms: 2,
            answer_body_bytes_max: 3,
            ..CallbacksSection::default()
        };
        let settings = Settings { callbacks, ..Settings::default() };
        for environment in [Environment::Sandbox, Environment::Production] {
            let policy = settings.callback_policy(environment, false);
            assert_eq!(policy.allowed_networks.len(), 2);
            let limits = &policy.limits;
            assert_eq!((limits.connect_timeout_ms, limits.call_timeout_ms, limits.body_bytes_max), (1, 2, 3));
            assert_eq!(policy.https_only, environment == Environment::Production);
            assert_eq!(policy.ports == Ports::Any, environment == Environment::Sandbox);
        }
    }

    #[test]
    fn loopback_is_called_only_from_loopback() {
        for (sandbox, production, served, expected) in [
            ("127.0.0.1:1200", "0.0.0.0:1201", false, true),
            ("[::1]:0", "127.0.0.1:1201", true, true),
            ("127.0.0.1:1200", "0.0.0.0:1201", true, false),
            ("192.168.1.5:1200", "127.0.0.1:1201", true, false),
            ("0.0.0.0:1200", "127.0.0.1:1201", false, false),
            ("nonsense", "127.0.0.1:1201", false, false),
        ] {
            let mut settings = Settings::default();
            settings.sandbox.listen = sandbox.to_owned();
            settings.production.listen = production.to_owned();
            settings.production.data_dir = if served { "p" } else { "" }.to_owned();
            let found = settings.listens_only_on_loopback(Environment::Sandbox);
            assert_eq!(found, expected, "{sandbox}, {production}, {served}");
        }
    }

    #[test]
    fn root_certificates_are_read_and_tried() {
        let folder = tempfile::tempdir().unwrap();
        let good = concat!(env!("CARGO_MANIFEST_DIR"), "/crates/signing/tests/fixtures/chain-high-bit-serial.pem");
        let text = std::fs::read_to_string(good).unwrap();
        let cut = text.replacen("-----END", "-----ENT", 1);
        let section = |path: &str| CallbacksSection {
            extra_root_certificates: vec![path.to_owned()],
            ..CallbacksSection::default()
        };
        let found = section(good).extra_roots().unwrap();
        assert_eq!(found.len(), text.matches("BEGIN CERTIFICATE").count());

        for (name, text, reason) in [
            ("empty.pem", "", "holds no certificate"),
            ("key.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "holds no certificate"),
            ("cut.pem", cut.as_str(), "is not PEM"),
            ("zero.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "root certificate 1"),
        ] {
            let path = folder.path().join(name).display().to_string();
            std::fs::write(&path, text).unwrap();
            let said = section(&path).extra_roots().unwrap_err();
            assert!(said.contains(name) && said.contains(reason), "{said}");
            let text = format!("[callbacks]\nextra_root_certificates = [\"{path}\"]\n");
            let sources = Sources { file: Some(("f".to_owned(), text)), ..Sources::default() };
            let said = load(&sources).map(|_| ()).unwrap_err().to_string();
            assert!(said.starts_with("file f: callbacks.extra_root_certificates: ") && said.contains(reason), "{said}");
        }
    }
}
