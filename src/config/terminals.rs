//! `[[terminal]]`: payment terminals of cash boxes, one table each.

use std::collections::BTreeMap;
use std::fmt::Display;

use kassette_cashbox::TerminalEntry;
use kassette_model::CashBoxId;

use super::load::unknown;

/// Name of the tables.
pub(super) const NAME: &str = "terminal";

/// A member of such a table.
pub(super) struct Member {
    pub(super) name: &'static str,
    /// What holds without it; `None` when it is needed.
    pub(super) default: Option<&'static str>,
    pub(super) accepted: &'static str,
    pub(super) doc: &'static str,
}

/// All of them.
pub(super) const MEMBERS: [Member; 6] = [
    Member { name: "cash_box", default: None, accepted: "a GUID", doc: "Id of the cash box." },
    Member {
        name: "name",
        default: None,
        accepted: "a to z, digits and -",
        doc: "Name within the cash box. A terminal of this name that was added by a command is changed to what stands here.",
    },
    Member {
        name: "address",
        default: None,
        accepted: "tcp:host[:port] or serial:path[:baud]",
        doc: "Its line. Port 20007 and 9600 baud when they are not said.",
    },
    Member {
        name: "provider",
        default: Some(TerminalEntry::PROVIDER_DEFAULT),
        accepted: "a provider with terminals",
        doc: "Who speaks with it.",
    },
    Member {
        name: "terminal_id",
        default: Some(""),
        accepted: "a text",
        doc: "`cbTerminalID` of the requests that are meant for it; without one it takes all.",
    },
    Member {
        name: "password",
        default: Some("000000"),
        accepted: "a text of 1 to 6 digits",
        doc: "Register password of the terminal, from its handbook. It is never shown.",
    },
];

/// A terminal of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfiguredTerminal {
    /// Of which cash box.
    pub cash_box: CashBoxId,
    /// What it is.
    pub entry: TerminalEntry,
}

/// What is wrong, by key.
type Wrong = (String, String);

/// Reads the tables; whatever is wrong comes with its key, `terminal[0].address`.
pub(super) fn read(value: &toml::Value) -> Result<Vec<ConfiguredTerminal>, Vec<Wrong>> {
    let tables: Option<Vec<&toml::Table>> =
        value.as_array().and_then(|items| items.iter().map(toml::Value::as_table).collect());
    let Some(tables) = tables else {
        return Err(vec![(NAME.to_owned(), format!("must be tables, each with the head [[{NAME}]]"))]);
    };
    let (mut found, mut wrong) = (Vec::new(), Vec::new());
    for (index, table) in tables.into_iter().enumerate() {
        let mut one = Reading { index, table, wrong: Vec::new() };
        found.extend(one.terminal());
        wrong.extend(one.wrong);
    }
    // Only against each other when each is a terminal: the places are counted.
    if wrong.is_empty() {
        wrong.extend(check_together(&found));
    }
    if wrong.is_empty() { Ok(found) } else { Err(wrong) }
}

fn key(index: usize, member: &str) -> String {
    format!("{NAME}[{index}].{member}")
}

/// One table.
struct Reading<'t> {
    index: usize,
    table: &'t toml::Table,
    wrong: Vec<Wrong>,
}

impl Reading<'_> {
    fn refuse(&mut self, member: &str, message: impl Display) {
        self.wrong.push((key(self.index, member), message.to_string()));
    }

    fn terminal(&mut self) -> Option<ConfiguredTerminal> {
        for name in self.table.keys().filter(|name| MEMBERS.iter().all(|member| member.name != *name)) {
            self.refuse(name, unknown(name, MEMBERS.iter().map(|member| member.name)));
        }
        let cash_box = self.read("cash_box", |text| text.parse::<CashBoxId>().map_err(|error| error.to_string()));
        let name = self.read("name", |text| Ok(text.to_owned()));
        let address = self.read("address", |text| text.parse().map_err(|error| format!("{error}")));
        let provider = self.read("provider", |text| Ok(text.to_owned()));
        let terminal_id = self.read("terminal_id", |text| Ok(Some(text.to_owned()).filter(|id| !id.is_empty())));
        let password = self.read("password", |text| {
            TerminalEntry::parse_password(text).ok_or_else(|| "must be a text of 1 to 6 digits".to_owned())
        });
        let entry = TerminalEntry {
            name: name?,
            provider: provider?,
            address: address?,
            terminal_id: terminal_id?,
            password: password?,
        };
        Some(ConfiguredTerminal { cash_box: cash_box?, entry })
    }

    /// A member, as its text or its default.
    fn read<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let member = MEMBERS.iter().find(|member| member.name == name)?;
        let read = match (self.table.get(name), member.default) {
            (Some(toml::Value::String(text)), _) => parse(text),
            (Some(_), _) => Err(format!("must be {}, in quotes", member.accepted)),
            (None, Some(default)) => parse(default),
            (None, None) => Err(format!("is missing; {} is needed", member.accepted)),
        };
        read.map_err(|message| self.refuse(name, message)).ok()
    }
}

/// What cannot be together in one cash box.
fn check_together(all: &[ConfiguredTerminal]) -> Vec<Wrong> {
    let mut cash_boxes: BTreeMap<CashBoxId, Vec<usize>> = BTreeMap::new();
    for (index, terminal) in all.iter().enumerate() {
        cash_boxes.entry(terminal.cash_box).or_default().push(index);
    }
    let mut wrong = Vec::new();
    for places in cash_boxes.values() {
        let entries: Vec<TerminalEntry> =
            places.iter().filter_map(|place| all.get(*place)).map(|terminal| terminal.entry.clone()).collect();
        if let Err(error) = TerminalEntry::check_all(&entries) {
            // `/terminals/1/address` among those of the cash box.
            let place = error.pointer.strip_prefix("/terminals/").and_then(|rest| rest.split_once('/'));
            let place = place.and_then(|(number, member)| Some((*places.get(number.parse::<usize>().ok()?)?, member)));
            let key = place.map_or_else(|| NAME.to_owned(), |(index, member)| key(index, member));
            wrong.push((key, error.message));
        }
    }
    wrong
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]
mod tests {
    use crate::config::{Sources, load, shown};

    const BAR: &str = "[[terminal]]\ncash_box = \"0d0f6f0e-6a53-4a63-8f2b-1b7a0a0f7a10\"\nname = \"bar\"\naddress = \"tcp:10.0.0.7\"\n";

    fn file(text: &str) -> Sources {
        Sources { file: Some(("kassette.toml".to_owned(), text.to_owned())), ..Sources::default() }
    }

    #[test]
    fn terminals_are_read_and_shown_without_their_password() {
        let text = format!(
            "{BAR}password = \"987654\"\nterminal_id = \"t-1\"\n{}",
            BAR.replace("bar", "hall").replace(".7", ".8")
        );
        let loaded = load(&file(&text)).unwrap();
        let found = &loaded.settings.terminals;
        assert_eq!((found.len(), found[0].entry.password, found[1].entry.password), (2, 987_654, 0));
        assert_eq!((found[0].entry.terminal_id.as_deref(), found[1].entry.provider.as_str()), (Some("t-1"), "zvt"));
        let shown = shown(&loaded);
        assert!(shown.contains("address = \"tcp:10.0.0.7:20007\"") && !shown.contains("987654"), "{shown}");
        let again = load(&file(&shown)).unwrap().settings.terminals;
        assert_eq!(again.iter().map(|one| &one.entry.name).collect::<Vec<_>>(), ["bar", "hall"]);
        assert!(!format!("{:?}", loaded.settings).contains("987654"));
    }

    #[test]
    fn a_terminal_that_cannot_be_is_refused_with_its_key() {
        let many: String =
            (0..17).map(|n| BAR.replace("bar", &format!("t{n}")).replace(".7", &format!(".{n}"))).collect();
        for (text, key, message) in [
            (BAR.replace("address", "adress"), "terminal[0].adress", "did you mean address?"),
            (BAR.replace("name = \"bar\"\n", ""), "terminal[0].name", "is missing"),
            (BAR.replace("0d0f", "xyz"), "terminal[0].cash_box", ""),
            (BAR.replace("tcp:", "usb:"), "terminal[0].address", "tcp:host[:port]"),
            (format!("{BAR}password = 123456\n"), "terminal[0].password", "1 to 6 digits, in quotes"),
            (format!("{BAR}password = \"1234567\"\n"), "terminal[0].password", "1 to 6 digits"),
            (format!("{BAR}provider = \"none\"\n"), "terminal[0].provider", "is not one of zvt"),
            (format!("{BAR}{BAR}"), "terminal[1].name", "listed twice"),
            (format!("{BAR}{}", BAR.replace("bar", "hall")), "terminal[1].address", "line of another terminal"),
            (many, "terminal", "at most 16"),
            ("terminal = 1\n".to_owned(), "terminal", "[[terminal]]"),
            (BAR.replace("[[terminal]]", "[terminal]"), "terminal", "[[terminal]]"),
        ] {
            let error = load(&file(&text)).unwrap_err();
            let found =
                error.problems.iter().find(|one| one.key == key).unwrap_or_else(|| unreachable!("{key}: {error}"));
            assert!(found.message.contains(message), "{key}: {found}");
            assert!(found.to_string().starts_with("file kassette.toml: terminal"), "{found}");
        }
        // Two cash boxes may have terminals of one name at one line.
        let other = BAR.replace("0d0f6f0e", "1d0f6f0e");
        assert_eq!(load(&file(&format!("{BAR}{other}"))).unwrap().settings.terminals.len(), 2);
    }
}
