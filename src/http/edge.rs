//! What one environment needs to answer requests.

use std::net::IpAddr;
use std::sync::Arc;

use kassette_actors::Gateway;
use kassette_model::Environment;
use kassette_outbound::Policy;
use kassette_stdx::Clock;
use tokio::sync::{Semaphore, watch};

use super::auth::{Authenticator, Pepper};
use super::throttle::Throttle;
use crate::config::{EventsSection, LimitsSection, Settings};

/// Whether the server takes requests. Shared with whoever stops it.
#[derive(Debug, Default)]
pub struct Readiness {
    stopping: watch::Sender<bool>,
}

impl Readiness {
    /// From now on `/readyz` says that the server is stopping; requests are still answered, streams of events end.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Whether [`Readiness::stop`] was called.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Waits for [`Readiness::stop`]: what has no end of its own ends then.
    pub(super) async fn stopped(&self) {
        // The sender is here, so that this cannot fail.
        drop(self.stopping.subscribe().wait_for(|stopping| *stopping).await);
    }
}

/// What an [`Edge`] is made of.
pub struct EdgeParts<'a> {
    /// Which environment.
    pub environment: Environment,
    /// The cash boxes of its data folder.
    pub gateway: Gateway,
    /// The secret under which its tokens are stored.
    pub pepper: &'a Pepper,
    /// The clock that ends tokens and failed attempts.
    pub clock: Arc<dyn Clock>,
    /// Shared with whoever stops the server.
    pub readiness: Arc<Readiness>,
    /// Limits, trusted proxies, and the section of the environment.
    pub settings: &'a Settings,
}

/// One environment as the HTTP server sees it.
pub struct Edge {
    pub(super) environment: Environment,
    pub(super) gateway: Gateway,
    pub(super) authenticator: Authenticator,
    pub(super) throttle: Throttle,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) readiness: Arc<Readiness>,
    pub(super) limits: LimitsSection,
    pub(super) trusted_proxies: Vec<IpAddr>,
    /// Without a slash at its end; empty for none.
    pub(super) base_path: String,
    pub(super) possystem_id_required: bool,
    pub(super) exports: Arc<Semaphore>,
    pub(super) events: EventsSection,
    /// What callbacks may reach.
    pub(super) callback_policy: Policy,
}

impl Edge {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: EdgeParts<'_>) -> Self {
        let settings = parts.settings;
        let section = match parts.environment {
            Environment::Sandbox => &settings.sandbox,
            Environment::Production => &settings.production,
        };
        let exports = usize::try_from(settings.limits.exports_max).unwrap_or(Semaphore::MAX_PERMITS);
        Self {
            environment: parts.environment,
            gateway: parts.gateway,
            authenticator: Authenticator::new(parts.pepper),
            throttle: Throttle::new(
                settings.limits.failed_credentials_burst,
                settings.limits.failed_credentials_per_minute,
            ),
            clock: parts.clock,
            readiness: parts.readiness,
            limits: LimitsSection { body_bytes_max: settings.body_bytes_max(), ..settings.limits.clone() },
            trusted_proxies: settings.server.trusted_proxies.iter().filter_map(|text| text.parse().ok()).collect(),
            base_path: section.base_path.trim_end_matches('/').to_owned(),
            possystem_id_required: section.possystem_id_required,
            callback_policy: settings
                .callback_policy(parts.environment, settings.listens_only_on_loopback(parts.environment)),
            events: settings.events.clone(),
            exports: Arc::new(Semaphore::new(exports.min(Semaphore::MAX_PERMITS))),
        }
    }
}
