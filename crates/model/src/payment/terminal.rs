//! Where a terminal is, as text: `tcp:host[:port]`, `serial:path[:baud]`, or `app` for one that comes to the server.

use std::fmt;
use std::str::FromStr;

/// TCP port of a terminal when none is said (PA00P016).
const PORT_DEFAULT: u16 = 20_007;
/// Speed of a serial line when none is said (PA00P016).
const BAUD_DEFAULT: u32 = 9_600;
/// Speeds that a serial line may have.
const BAUD_KNOWN: [u32; 8] = [1_200, 2_400, 4_800, 9_600, 19_200, 38_400, 57_600, 115_200];

/// The line of a terminal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TerminalAddress {
    /// A network terminal; the server opens the connection.
    Tcp {
        /// Name or address, without brackets.
        host: String,
        /// Port.
        port: u16,
    },
    /// A serial line of the machine on which the server runs.
    Serial {
        /// Device file.
        path: String,
        /// Bits per second.
        baud: u32,
    },
    /// A payment app, which fetches its requests.
    App,
}

/// The text is no address of a terminal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not tcp:host[:port], serial:path[:baud] or app")]
pub struct NoTerminalAddress(pub String);

impl FromStr for TerminalAddress {
    type Err = NoTerminalAddress;

    fn from_str(text: &str) -> Result<Self, NoTerminalAddress> {
        let wrong = || NoTerminalAddress(text.to_owned());
        if text == "app" {
            return Ok(Self::App);
        }
        match text.split_once(':') {
            Some(("tcp", rest)) => tcp(rest).ok_or_else(wrong),
            Some(("serial", rest)) => serial(rest).ok_or_else(wrong),
            _ => Err(wrong()),
        }
    }
}

fn tcp(text: &str) -> Option<TerminalAddress> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = port.map_or(Some(PORT_DEFAULT), |port| port.parse().ok().filter(|port| *port != 0))?;
    let plain = |letter: char| letter.is_ascii_graphic() && !matches!(letter, '/' | '@' | '[' | ']');
    (!host.is_empty() && host.chars().all(plain)).then(|| TerminalAddress::Tcp { host: host.to_owned(), port })
}

fn serial(text: &str) -> Option<TerminalAddress> {
    let (path, baud) = match text.rsplit_once(':') {
        Some((path, baud)) => (path, baud.parse().ok()?),
        None => (text, BAUD_DEFAULT),
    };
    let known = BAUD_KNOWN.contains(&baud) && !path.is_empty() && !path.chars().any(char::is_control);
    known.then(|| TerminalAddress::Serial { path: path.to_owned(), baud })
}

impl fmt::Display for TerminalAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "tcp:[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "tcp:{host}:{port}"),
            Self::Serial { path, baud } => write!(f, "serial:{path}:{baud}"),
            Self::App => f.write_str("app"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_written() {
        for (text, whole) in [
            ("tcp:192.168.1.20", "tcp:192.168.1.20:20007"),
            ("tcp:terminal.shop.example:5577", "tcp:terminal.shop.example:5577"),
            ("tcp:[fe80::1]", "tcp:[fe80::1]:20007"),
            ("tcp:[::1]:22000", "tcp:[::1]:22000"),
            ("serial:/dev/ttyUSB0", "serial:/dev/ttyUSB0:9600"),
            ("serial:/dev/serial/by-id/x:115200", "serial:/dev/serial/by-id/x:115200"),
            ("app", "app"),
        ] {
            let address = text.parse::<TerminalAddress>().map(|address| address.to_string());
            assert_eq!(address.as_deref(), Ok(whole), "{text}");
            assert_eq!(whole.parse::<TerminalAddress>().map(|address| address.to_string()).as_deref(), Ok(whole));
        }
        for text in [
            "",
            "tcp:",
            "tcp::20007",
            "tcp:h:0",
            "tcp:h:70000",
            "tcp:a b:1",
            "tcp:http://x",
            "tcp:[x]:1",
            "tcp:[::1]1",
            "serial:",
            "serial:/dev/x:1",
            "serial:/dev/x:",
            "serial:a\nb",
            "usb:1",
            "App",
        ] {
            assert_eq!(text.parse::<TerminalAddress>(), Err(NoTerminalAddress(text.to_owned())), "{text:?}");
        }
    }
}
