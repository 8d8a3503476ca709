//! `kassette scu`.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use kassette_model::{CashBoxId, UnitId};
use kassette_stdx::encoding::base64;

use super::cashbox::units_text;
use super::session::Session;
use super::table::facts;
use crate::admin::{Command, Failure, Passphrase, Reply, UnitDetails, UnitSource};

/// Commands about the signature creation units of a cash box.
#[derive(Debug, Subcommand)]
pub(super) enum Scu {
    /// Add a unit; it is tried after those that are there
    Add(Add),
    /// List the units of a cash box
    List {
        /// Id of the cash box
        cashbox: CashBoxId,
    },
    /// Show a unit, or print its certificate or public key as PEM
    Show(Show),
    /// Test switch: make sandbox units fail
    Fail(Chosen),
    /// Test switch: make sandbox units work again
    Recover(Chosen),
}

/// Arguments of `scu add`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("source").required(true).args(["sandbox", "key_file", "share"]))]
pub(super) struct Add {
    /// Id of the cash box
    cashbox: CashBoxId,
    /// A new key and certificate, made here; sandbox only
    #[arg(long)]
    sandbox: bool,
    /// PKCS#8 key, PEM or DER, plain or encrypted
    #[arg(long, value_name = "FILE", requires = "algorithm")]
    key_file: Option<PathBuf>,
    /// Certificate of the key and its chain (PEM bundle, or one DER); not needed in a closed system
    #[arg(long, value_name = "FILE", requires = "key_file")]
    certificates: Option<PathBuf>,
    /// Mark of the provider: AT1, AT2, …, or AT0 for a closed system
    #[arg(long, value_name = "MARK", requires = "key_file")]
    algorithm: Option<String>,
    /// Closed system: registered id of the key, for example U:ATU12345678-K1
    #[arg(long, value_name = "ID", requires = "key_file")]
    key_id: Option<String>,
    /// Environment variable with the passphrase of the key: read now, and by the server each time it starts
    #[arg(long, value_name = "NAME", requires = "key_file")]
    passphrase_env: Option<String>,
    /// A unit that another cash box uses
    #[arg(long, value_name = "GUID")]
    share: Option<UnitId>,
}

/// Arguments of `scu show`.
#[derive(Debug, clap::Args)]
pub(super) struct Show {
    /// Id of the cash box
    cashbox: CashBoxId,
    /// Number of the unit in the list
    #[arg(long, value_name = "N", default_value_t = 1)]
    unit: usize,
    /// Print only the public key, PEM
    #[arg(long, conflicts_with = "certificate")]
    public_key: bool,
    /// Print only the certificate, PEM
    #[arg(long)]
    certificate: bool,
}

/// Which units.
#[derive(Debug, clap::Args)]
pub(super) struct Chosen {
    /// Id of the cash box
    cashbox: CashBoxId,
    /// Number of the unit in the list; all without
    #[arg(long, value_name = "N")]
    unit: Option<usize>,
}

impl Scu {
    pub(super) fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Add(add) => {
                let command = Command::UnitAdd { cash_box: add.cashbox, source: add.source()? };
                let reply = session.ask(command)?;
                session.console.result(&reply, text);
            }
            Self::List { cashbox } => {
                let reply = session.ask(Command::UnitList { cash_box: cashbox })?;
                session.console.result(&reply, text);
            }
            Self::Show(show) => show.run(session)?,
            Self::Fail(chosen) => chosen.switch(session, true)?,
            Self::Recover(chosen) => chosen.switch(session, false)?,
        }
        Ok(())
    }
}

fn text(reply: &Reply) -> String {
    match reply {
        Reply::Units { units, .. } => units_text(units),
        Reply::Done { message } => format!("{message}\n"),
        _ => String::new(),
    }
}

impl Add {
    fn source(self) -> Result<UnitSource, Failure> {
        if let Some(unit) = self.share {
            return Ok(UnitSource::Shared { unit });
        }
        let Some(key_file) = &self.key_file else { return Ok(UnitSource::Sandbox) };
        let passphrase = match &self.passphrase_env {
            Some(name) => Some(std::env::var(name).map(Passphrase::new).map_err(|_| {
                Failure::usage(format!("the environment variable {name} of --passphrase-env is not set"))
            })?),
            None => None,
        };
        let certificates = self.certificates.as_deref().map(read).transpose()?.unwrap_or_default();
        Ok(UnitSource::KeyFile {
            key_base64: base64(&read(key_file)?),
            certificates_base64: base64(&certificates),
            algorithm: self.algorithm.unwrap_or_default(),
            key_id: self.key_id,
            passphrase_env: self.passphrase_env,
            passphrase,
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| {
        let message = format!("{}: {error}", path.display());
        match error.kind() {
            std::io::ErrorKind::NotFound => Failure::not_found(message),
            _ => Failure::fault(message),
        }
    })
}

impl Show {
    fn run(self, session: &Session) -> Result<(), Failure> {
        let reply = session.ask(Command::UnitList { cash_box: self.cashbox })?;
        let Reply::Units { units, .. } = reply else {
            return Err(Failure::fault("the server answered something else"));
        };
        let unit = units
            .into_iter()
            .find(|unit| unit.number == self.unit)
            .ok_or_else(|| Failure::not_found(format!("cash box {} has no unit {}", self.cashbox, self.unit)))?;
        if !self.public_key && !self.certificate {
            session.console.result(&unit, unit_text);
            return Ok(());
        }
        let (what, pem) =
            if self.public_key { ("public key", unit.public_key_pem) } else { ("certificate", unit.certificate_pem) };
        let pem =
            pem.ok_or_else(|| Failure::not_found(format!("unit {} has no {what}: {}", unit.number, unit.state)))?;
        session.console.result(&serde_json::json!({ "unit": unit.unit.to_string(), "pem": pem }), |_| pem.clone());
        Ok(())
    }
}

fn unit_text(unit: &UnitDetails) -> String {
    let kind = if unit.sandbox { "sandbox, not fiscally valid" } else { "key file" };
    let mut out = facts(&[
        ("number", unit.number.to_string()),
        ("unit", unit.unit.to_string()),
        ("kind", kind.to_owned()),
        ("mark", format!("R1-{}", unit.algorithm_mark)),
        ("key", unit.key_name.clone()),
        ("state", unit.state.clone()),
    ]);
    for pem in [&unit.public_key_pem, &unit.certificate_pem].into_iter().flatten() {
        out.push_str(pem);
    }
    out
}

impl Chosen {
    fn switch(self, session: &Session, failing: bool) -> Result<(), Failure> {
        let reply = session.ask(Command::UnitFail { cash_box: self.cashbox, unit: self.unit, failing })?;
        session.console.result(&reply, text);
        Ok(())
    }
}
