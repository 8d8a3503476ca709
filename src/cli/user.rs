//! Who runs this command, for records that name a person.

/// Where users have their names.
const USERS_FILE: &str = "/etc/passwd";

/// Name of the user of the operating system, or the number when it has none.
pub(super) fn name() -> String {
    let Some(id) = id() else { return "unknown user".to_owned() };
    let users = std::fs::read_to_string(USERS_FILE).unwrap_or_default();
    name_of(id, &users).unwrap_or_else(|| format!("user {id}"))
}

/// The system tells it for both ends of a pair of sockets, whatever the environment of the process says.
fn id() -> Option<u32> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().ok()?;
    let _inside = runtime.enter();
    let (end, _other) = tokio::net::UnixStream::pair().ok()?;
    Some(end.peer_cred().ok()?.uid())
}

/// `name:password:id:…`, one a line.
fn name_of(id: u32, users: &str) -> Option<String> {
    let found = users.lines().find(|line| line.split(':').nth(2).and_then(|text| text.parse().ok()) == Some(id))?;
    found.split(':').next().filter(|name| !name.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_number() {
        let users = "root:x:0:0:root:/root:/bin/sh\nanna:x:1000:1000::/home/anna:/bin/sh\n:x:7:7\nbroken\n";
        for (id, found) in [(0, Some("root")), (1000, Some("anna")), (7, None), (1, None)] {
            assert_eq!(name_of(id, users).as_deref(), found, "{id}");
        }
        assert!(id().is_some() && !name().is_empty());
    }
}
