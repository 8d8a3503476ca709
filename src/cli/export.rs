//! `kassette export`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use kassette_model::{CashBoxId, Moment};

use super::console::{Bar, Unit};
use super::session::Session;
use crate::admin::{Command, ExportRange, Exported, Failure, Output, Reply};

/// Arguments of `export`.
#[derive(Debug, clap::Args)]
pub(super) struct Export {
    /// Id of the cash box
    #[arg(long, value_name = "GUID")]
    cashbox: CashBoxId,
    /// The export that the law of this country asks for (at: DEP7); the journal without
    #[arg(long, value_name = "CC")]
    market: Option<String>,
    /// First moment: 2026-01-31, or 2026-01-31T08:00:00+01:00; a day begins at midnight UTC
    #[arg(long, value_name = "T", value_parser = moment)]
    from: Option<Moment>,
    /// The moment after the last
    #[arg(long, value_name = "T", value_parser = moment)]
    to: Option<Moment>,
    /// Instead of the receipts the keys and certificates that a verifier of them needs; holds the secret key of the turnover
    /// counter
    #[arg(long, requires = "market", conflicts_with_all = ["from", "to"])]
    crypto_material: bool,
    /// File to write; it must not exist
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

/// A day, or a date and time with its offset.
fn moment(text: &str) -> Result<Moment, String> {
    if let Ok(moment) = text.parse::<Moment>() {
        return Ok(moment);
    }
    const EXPECTED: &str = "a day (2026-01-31), or a date and time with its offset, is expected";
    // A time without an offset would lose its time as a day.
    let is_day = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let day: Result<jiff::civil::Date, _> = text.parse();
    let day = day.ok().filter(|_| is_day).ok_or(EXPECTED)?;
    day.to_zoned(jiff::tz::TimeZone::UTC).map(|zoned| zoned.timestamp()).map_err(|error| error.to_string())
}

impl Export {
    pub(super) fn run(self, session: &Session) -> Result<(), Failure> {
        let file = create(&self.output, self.crypto_material)?;
        let mut target = Target { file: BufWriter::new(file), bar: session.console.bar("exporting", Unit::Records) };
        let command = Command::Export {
            cash_box: self.cashbox,
            market: self.market,
            range: ExportRange::between(self.from, self.to),
            crypto_material: self.crypto_material,
        };
        let written = session.command(command, &mut target).and_then(|reply| {
            target
                .finish()
                .map(|()| reply)
                .map_err(|error| Failure::fault(format!("{}: {error}", self.output.display())))
        });
        match written {
            Ok(Reply::Exported(exported)) => {
                session.console.result(&exported, |Exported { records, bytes }| {
                    format!("{records} records, {bytes} bytes in {}\n", self.output.display())
                });
                Ok(())
            }
            Ok(_) => Err(Failure::fault("the server answered something else")),
            Err(failure) => {
                // Half an export must not be taken for a whole one.
                drop(std::fs::remove_file(&self.output));
                Err(failure)
            }
        }
    }
}

/// A new file; for its owner only when it holds a secret.
fn create(path: &Path, secret: bool) -> Result<File, Failure> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = File::options();
    options.write(true).create_new(true);
    if secret {
        options.mode(0o600);
    }
    options.open(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::refused(format!("{} exists already", path.display())),
        _ => Failure::fault(format!("{}: {error}", path.display())),
    })
}

struct Target {
    file: BufWriter<File>,
    bar: Bar,
}

impl Target {
    fn finish(mut self) -> io::Result<()> {
        self.file.flush()?;
        self.file.get_ref().sync_all()
    }
}

impl Output for Target {
    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    fn progress(&mut self, done: u64, total: u64) -> io::Result<()> {
        self.bar.at(done, total);
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_day_or_has_an_offset() {
        assert_eq!(moment("2026-01-31").unwrap().to_string(), "2026-01-31T00:00:00Z");
        assert_eq!(moment("2026-01-31T08:00:00+01:00").unwrap().to_string(), "2026-01-31T07:00:00Z");
        assert_eq!(moment("2026-01-31T08:00:00Z").unwrap().to_string(), "2026-01-31T08:00:00Z");
        for bad in ["", "yesterday", "2026-02-30", "2026-01-31T08:00:00"] {
            assert!(moment(bad).is_err(), "{bad}");
        }
    }
}
