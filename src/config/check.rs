//! Contradictions between values that are each fine by themselves.

use std::net::{IpAddr, SocketAddr};
use std::path::{Component, Path, PathBuf};

use kassette_outbound::Network;

use super::callbacks::root_certificates;
use super::load::Loaded;
use super::sections::{CallbacksSection, EnvironmentSection, Settings};
use super::value::{ConfigProblem, Origin};

/// Everything that does not fit together.
pub(super) fn contradictions(loaded: &Loaded) -> Vec<ConfigProblem> {
    let mut found = Found { loaded, problems: Vec::new() };
    let settings = &loaded.settings;
    for (name, environment) in [("sandbox", &settings.sandbox), ("production", &settings.production)] {
        found.environment(name, environment);
    }
    found.separation();
    for proxy in &settings.server.trusted_proxies {
        if proxy.parse::<IpAddr>().is_err() {
            found.report("server.trusted_proxies", format!("{proxy:?} is not an IP address"));
        }
    }
    found.callbacks(&settings.callbacks);
    found.order();
    found.problems
}

struct Found<'a> {
    loaded: &'a Loaded,
    problems: Vec<ConfigProblem>,
}

impl Found<'_> {
    fn report(&mut self, key: &str, message: impl Into<String>) {
        let origin = self.loaded.origin(key).cloned().unwrap_or(Origin::Default);
        self.problems.push(ConfigProblem { origin, key: key.to_owned(), message: message.into() });
    }

    fn environment(&mut self, name: &str, environment: &EnvironmentSection) {
        match environment.listen.parse::<SocketAddr>() {
            Err(_) => self.report(
                &format!("{name}.listen"),
                format!("{:?} is not an address with a port, such as 127.0.0.1:1200 or [::1]:1200", environment.listen),
            ),
            Ok(address) => {
                let served = !environment.data_dir.is_empty();
                if served && !address.ip().is_loopback() && !self.loaded.settings.server.insecure_public_http {
                    self.report(
                        &format!("{name}.listen"),
                        "would serve plain HTTP on an address that is not loopback; put a proxy that speaks TLS in front, or \
                         set server.insecure_public_http",
                    );
                }
            }
        }
        let path = &environment.base_path;
        let readable = path.is_empty()
            || (path.starts_with('/')
                && !path.ends_with('/')
                && !path.contains("//")
                && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte)));
        if !readable {
            self.report(
                &format!("{name}.base_path"),
                "must be empty, or begin with / and have no / at its end, for example /sandbox",
            );
        }
    }

    fn callbacks(&mut self, section: &CallbacksSection) {
        for text in &section.allowed_networks {
            if let Err(error) = text.parse::<Network>() {
                self.report("callbacks.allowed_networks", error.to_string());
            }
        }
        for path in &section.extra_root_certificates {
            if let Err(reason) = root_certificates(path) {
                self.report("callbacks.extra_root_certificates", format!("{path}: {reason}"));
            }
        }
    }

    /// Limits that contain each other.
    fn order(&mut self) {
        let Settings { limits, journal, devices, callbacks, events, .. } = &self.loaded.settings;
        let pairs = [
            ("limits.wait_default_ms", limits.wait_default_ms, "limits.wait_max_ms", limits.wait_max_ms),
            (
                "journal.first_segment_bytes",
                journal.first_segment_bytes,
                "journal.segment_bytes",
                journal.segment_bytes,
            ),
            (
                "devices.answer_timeout_ms",
                devices.answer_timeout_ms,
                "devices.completion_timeout_ms",
                devices.completion_timeout_ms,
            ),
            (
                "devices.probe_confirm_ms",
                devices.probe_confirm_ms,
                "devices.completion_timeout_ms",
                devices.completion_timeout_ms,
            ),
            (
                "callbacks.connect_timeout_ms",
                callbacks.connect_timeout_ms,
                "callbacks.call_timeout_ms",
                callbacks.call_timeout_ms,
            ),
            (
                "callbacks.calls_per_target_max",
                callbacks.calls_per_target_max,
                "callbacks.calls_max",
                callbacks.calls_max,
            ),
            (
                "callbacks.target_window_messages_max",
                callbacks.target_window_messages_max,
                "callbacks.window_messages_max",
                callbacks.window_messages_max,
            ),
            (
                "callbacks.retry_after_max_ms",
                callbacks.retry_after_max_ms,
                "callbacks.give_up_after_ms",
                callbacks.give_up_after_ms,
            ),
            (
                "events.subscribers_per_cash_box_max",
                events.subscribers_per_cash_box_max,
                "events.subscribers_max",
                events.subscribers_max,
            ),
        ];
        for (key, value, limit, most) in pairs {
            if value > most {
                self.report(key, format!("must not be above {limit}"));
            }
        }
    }

    /// Sandbox and production share nothing.
    fn separation(&mut self) {
        let settings = &self.loaded.settings;
        let (sandbox, production) = (&settings.sandbox, &settings.production);
        if sandbox.data_dir.is_empty() || production.data_dir.is_empty() {
            return;
        }
        let (left, right) = (plain(&sandbox.data_dir), plain(&production.data_dir));
        if left.starts_with(&right) || right.starts_with(&left) {
            self.report("production.data_dir", "must not be, contain or lie in sandbox.data_dir");
        }
        let shared = sandbox.listen == production.listen && !sandbox.listen.ends_with(":0");
        if shared && sandbox.base_path.eq_ignore_ascii_case(&production.base_path) {
            self.report(
                "production.listen",
                "is that of the sandbox; give one of them another listen or another base_path",
            );
        }
    }
}

/// A path without `.` and with `..` resolved by name, for comparison only.
fn plain(path: &str) -> PathBuf {
    let mut out = PathBuf::new();
    for component in Path::new(path).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]
mod tests {
    use crate::config::{Sources, load};

    #[test]
    fn contradictions_are_named_with_their_key() {
        for (text, message) in [
            ("[limits]\nwait_default_ms = 400000\n", "limits.wait_default_ms: must not be above"),
            ("[journal]\nsegment_bytes = 1048576\n", "journal.first_segment_bytes: must not be above"),
            (
                "[devices]\ncompletion_timeout_ms = 4000\n",
                "devices.answer_timeout_ms: must not be above devices.completion",
            ),
            (
                "[devices]\ncompletion_timeout_ms = 5000\nprobe_confirm_ms = 5001\n",
                "devices.probe_confirm_ms: must not be above devices.completion_timeout_ms",
            ),
            (
                "[callbacks]\nconnect_timeout_ms = 5001\n",
                "callbacks.connect_timeout_ms: must not be above callbacks.call_",
            ),
            ("[callbacks]\ncalls_max = 7\n", "callbacks.calls_per_target_max: must not be above callbacks.calls_max"),
            ("[callbacks]\nwindow_messages_max = 100\n", "callbacks.target_window_messages_max: must not be above"),
            ("[callbacks]\ngive_up_after_ms = 5000\n", "callbacks.retry_after_max_ms: must not be above"),
            (
                "[callbacks]\nallowed_networks = [\"10.0.0.0/8\", \"10/8\"]\n",
                "callbacks.allowed_networks: \"10/8\" is no",
            ),
            ("[callbacks]\nallowed_networks = [\"10.0.0.1/8\"]\n", "did you mean 10.0.0.0/8?"),
            (
                "[callbacks]\nextra_root_certificates = [\"/no/such\"]\n",
                "extra_root_certificates: /no/such: cannot be read",
            ),
            ("[events]\nsubscribers_max = 15\n", "events.subscribers_per_cash_box_max: must not be above"),
            ("[server]\ntrusted_proxies = [\"proxy\"]\n", "\"proxy\" is not an IP address"),
            ("[sandbox]\nlisten = \"localhost\"\n", "is not an address with a port"),
            ("[sandbox]\ndata_dir = \"a\"\nlisten = \"0.0.0.0:1\"\n", "plain HTTP"),
            ("[sandbox]\nbase_path = \"sandbox/\"\n", "must be empty, or begin with /"),
            ("[sandbox]\ndata_dir = \"a\"\n[production]\ndata_dir = \"a/b/../c\"\n", "must not be, contain or lie in"),
            (
                "[sandbox]\ndata_dir = \"a\"\n[production]\ndata_dir = \"b\"\nlisten = \"127.0.0.1:1200\"\n",
                "is that of the sandbox",
            ),
        ] {
            let sources = Sources { file: Some(("f".to_owned(), text.to_owned())), ..Sources::default() };
            let error = load(&sources).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(message), "{text}: {error}");
        }
    }

    #[test]
    fn two_environments_may_share_a_listener_by_base_path() {
        let text = "[sandbox]\ndata_dir = \"a\"\nbase_path = \"/sandbox\"\n[production]\ndata_dir = \"b\"\n\
                    listen = \"127.0.0.1:1200\"\n";
        let sources = Sources { file: Some(("f".to_owned(), text.to_owned())), ..Sources::default() };
        assert_eq!(load(&sources).unwrap().settings.sandbox.base_path, "/sandbox");
    }
}
