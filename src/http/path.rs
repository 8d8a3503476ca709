//! Paths: segments, base path, version (contract 1.1, 1.2).
//!
//! Repeated and trailing slashes vanish because a path is compared by its segments; letters are compared in any case.

/// Most segments of a path that can be a route, base path included.
const SEGMENTS_MAX: usize = 16;

/// Versions that are served, as they stand in a path.
pub(crate) const VERSIONS: [&str; 3] = ["v2", "v2.0", "v2.1"];

/// The segments of a path, empty ones left out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segments<'p> {
    parts: [&'p str; SEGMENTS_MAX],
    count: usize,
}

impl<'p> Segments<'p> {
    /// Splits a path; `None` when it has more segments than any route.
    pub(crate) fn of(path: &'p str) -> Option<Self> {
        let mut segments = Self { parts: [""; SEGMENTS_MAX], count: 0 };
        for part in path.split('/').filter(|part| !part.is_empty()) {
            *segments.parts.get_mut(segments.count)? = part;
            segments.count += 1;
        }
        Some(segments)
    }

    /// As a slice.
    pub(crate) fn as_slice(&self) -> &[&'p str] {
        self.parts.get(..self.count).unwrap_or_default()
    }
}

/// Whether `path` lies below `base`, letters in any case; gives what comes after it.
pub(crate) fn below<'s, 'p>(path: &'s [&'p str], base: &str) -> Option<&'s [&'p str]> {
    let mut rest = path;
    for wanted in base.split('/').filter(|part| !part.is_empty()) {
        let (first, after) = rest.split_first()?;
        if !first.eq_ignore_ascii_case(wanted) {
            return None;
        }
        rest = after;
    }
    Some(rest)
}

/// What stands before the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version<'s, 'p> {
    /// A version that is served, or none, which means the newest; with the rest of the path.
    Served(&'s [&'p str]),
    /// A version or an interface that is not served.
    Other,
}

/// Takes the version off a path.
pub(crate) fn version<'s, 'p>(path: &'s [&'p str]) -> Version<'s, 'p> {
    let Some((first, rest)) = path.split_first() else { return Version::Served(path) };
    if VERSIONS.iter().any(|version| first.eq_ignore_ascii_case(version)) {
        return Version::Served(rest);
    }
    // The older interfaces put the format or "api" first: /json/v0/sign, /xml/echo, /api/v0/sign.
    let legacy = ["json", "xml"].iter().any(|format| first.eq_ignore_ascii_case(format))
        || (first.eq_ignore_ascii_case("api") && rest.first().is_some_and(|second| is_version(second)));
    if legacy || is_version(first) { Version::Other } else { Version::Served(path) }
}

/// `v`, a digit, then digits and points.
fn is_version(segment: &str) -> bool {
    match segment.as_bytes() {
        [b'v' | b'V', first, rest @ ..] => {
            first.is_ascii_digit() && rest.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
        }
        _ => false,
    }
}

/// Whether a path is a template such as `/journal/OperationItem/{operationId}`.
pub(crate) fn matches(template: &str, path: &[&str]) -> bool {
    let mut rest = path;
    for wanted in template.split('/').skip(1) {
        let Some((first, after)) = rest.split_first() else { return false };
        if !wanted.starts_with('{') && !first.eq_ignore_ascii_case(wanted) {
            return false;
        }
        rest = after;
    }
    rest.is_empty()
}

/// The segments that stand where a template has a name in braces, in order.
pub(crate) fn parameters(template: &str, path: &[&str]) -> Vec<String> {
    template
        .split('/')
        .skip(1)
        .zip(path)
        .filter(|(wanted, _)| wanted.starts_with('{'))
        .map(|(_, found)| (*found).to_owned())
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn slashes_versions_and_case_do_not_matter() {
        for path in ["/sign", "/sign/", "//sign", "/v2/sign", "/v2//sign//", "//V2/SIGN", "/v2.0/Sign", "/v2.1/sign"] {
            let segments = Segments::of(path).unwrap();
            let Version::Served(rest) = version(segments.as_slice()) else { unreachable!("{path}") };
            assert!(matches("/sign", rest), "{path}");
            assert!(!matches("/echo", rest), "{path}");
        }
    }

    #[test]
    fn other_versions_and_older_forms_are_known_as_such() {
        for path in [
            "/v0/sign",
            "/v1/echo",
            "/v3/sign",
            "/v2.2/sign",
            "/v22/sign",
            "/json/v0/sign",
            "/json/sign",
            "/xml/v1/echo",
            "/api/v0/sign",
            "/V1/Sign",
        ] {
            let segments = Segments::of(path).unwrap();
            assert_eq!(version(segments.as_slice()), Version::Other, "{path}");
        }
        for path in ["/", "/sign", "/vat", "/v", "/api", "/api/sign", "/version/x"] {
            let segments = Segments::of(path).unwrap();
            assert_eq!(version(segments.as_slice()), Version::Served(segments.as_slice()), "{path}");
        }
    }

    #[test]
    fn a_base_path_is_whole_segments_in_any_case() {
        let segments = Segments::of("/Shop/a1B2//v2/echo").unwrap();
        assert_eq!(below(segments.as_slice(), "/shop/A1b2"), Some(["v2", "echo"].as_slice()));
        assert_eq!(below(segments.as_slice(), "/shop/a1"), None);
        assert_eq!(below(segments.as_slice(), ""), Some(segments.as_slice()));
        assert_eq!(below(Segments::of("/shop").unwrap().as_slice(), "/shop/a1"), None);
    }

    #[test]
    fn parameters_keep_their_letters() {
        let segments = Segments::of("/PEEKjournalitem/Q-1/operationitem/Ab").unwrap();
        let template = "/PeekJournalItem/{queueId}/{storageType}/{id}";
        assert!(matches(template, segments.as_slice()));
        assert_eq!(parameters(template, segments.as_slice()), ["Q-1", "operationitem", "Ab"]);
        assert!(!matches("/PeekJournalItem/{queueId}/{storageType}", segments.as_slice()));
    }

    #[test]
    fn a_path_without_end_is_no_route() {
        assert!(Segments::of(&"/a".repeat(SEGMENTS_MAX)).is_some());
        assert!(Segments::of(&"/a".repeat(SEGMENTS_MAX + 1)).is_none());
    }
}
