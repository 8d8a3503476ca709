//! `kassette demo`: from nothing to a signed receipt in one command.
//!
//! Purpose: make (or find) a sandbox with one started cash box and a simulated terminal, serve it, pay and sign a receipt through its
//! own HTTP interface, show the receipt and how to go on.
//! Owns: the demo's receipt ([`sale`]) and its payment ([`payment`]), its credentials file ([`credentials`]), the receipt on the
//! terminal ([`receipt`]).
//! Invariants: the receipt goes over the same interface as everybody's; only the demo keeps a token in clear, in a file of its
//! owner's.
//! Not here: serving (`startup`), making cash boxes (`admin`).

mod credentials;
mod loopback;
mod payment;
mod receipt;
mod sale;

use std::path::PathBuf;

use credentials::Credentials;
use kassette_model::CashBoxId;
use kassette_model::cases::Country;

use super::logging;
use super::session::{Session, Silent, flag};
use super::stopping::{StopSignals, serve_until_stopped};
use crate::admin::{Command, Context, CreateCashBox, Failure, FailureKind, Reply, execute};
use crate::startup::{Running, Served};

/// Name of the demo's cash box; in Austria its Kassen-ID.
const NAME: &str = "DEMO-0001";

/// Bit of `ftState` that says that the queue does not sign (contract 5.1).
const OUT_OF_OPERATION: u32 = 1;

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub(super) struct Demo {
    /// Country
    #[arg(long, value_name = "CC", default_value = "at")]
    market: String,
    /// Address and port; port 0 picks one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8080")]
    listen: String,
    /// End after the receipt
    #[arg(long)]
    no_serve: bool,
}

impl Demo {
    pub(super) fn run(self, session: &Session) -> Result<(), Failure> {
        if session.global.production {
            return Err(Failure::usage("the demo is a sandbox: it does not take --production"));
        }
        let market = Country::parse(&self.market)
            .filter(|country| kassette_markets::market(*country).is_some())
            .ok_or_else(|| Failure::usage(format!("there is no market {:?} in this version", self.market)))?;
        let mut more = vec![flag("--listen", "sandbox.listen", &self.listen)];
        if session.global.data_dir.is_none() {
            let data_dir = default_data_dir()?;
            let text = data_dir.to_str().ok_or_else(|| Failure::usage("the home folder is not Unicode text"))?;
            more.push(flag("demo", "sandbox.data_dir", text));
            more.push(flag("demo", "production.data_dir", ""));
        }
        if session.global.config.is_none() && std::env::var_os("KASSETTE_LOG__FILTER").is_none() {
            // The receipt is what the demo shows.
            more.push(flag("demo", "log.filter", "warn"));
        }
        let loaded = session.configuration(more)?;
        logging::start(&loaded.settings.log)?;
        actix_web::rt::System::new().block_on(async {
            let signals = StopSignals::catch()?;
            let running = Running::start(&loaded.settings).await.map_err(|failure| match failure.kind {
                FailureKind::Locked => {
                    Failure::new(FailureKind::Locked, format!("{}; the demo runs already, perhaps", failure.message))
                }
                _ => failure,
            })?;
            // It stays for as long as the demo serves.
            let terminal = payment::switch_on()?;
            let shown = show(session, &running, market, terminal.port(), !self.no_serve).await;
            if self.no_serve || shown.is_err() {
                running.stop().await;
                return shown;
            }
            serve_until_stopped(running, signals).await
        })
    }
}

/// `$XDG_DATA_HOME/kassette/demo`, else `~/.local/share/kassette/demo`.
fn default_data_dir() -> Result<PathBuf, Failure> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    folder("XDG_DATA_HOME")
        .or_else(|| folder("HOME").map(|home| home.join(".local/share")))
        .map(|data| data.join("kassette/demo"))
        .ok_or_else(|| Failure::usage("there is no home folder: give --data-dir"))
}

/// Signs and shows a receipt, then what is needed to go on.
async fn show(
    session: &Session,
    running: &Running,
    market: Country,
    terminal_port: Option<u16>,
    serves: bool,
) -> Result<(), Failure> {
    let (Some(host), Some(served)) = (running.hosts().first(), running.served().first()) else {
        return Err(Failure::fault("nothing is served"));
    };
    let (context, served) = (host.context().clone(), served.clone());
    let runtime = tokio::runtime::Handle::current();
    // Commands and the client block; the listener must go on meanwhile.
    let signed = tokio::task::spawn_blocking(move || sign(&context, &runtime, &served, market, terminal_port)).await;
    let signed = signed.map_err(|error| Failure::fault(format!("the demo failed: {error}")))??;
    let Signed { receipt, credentials, url, first_start } = signed;
    if session.console.is_json() {
        let response: serde_json::Value = serde_json::from_slice(&receipt.response).unwrap_or_default();
        session.console.result(
            &serde_json::json!({
                "url": url,
                "cash_box": credentials.cash_box.to_string(),
                "access_token": credentials.access_token,
                "callback_secret": credentials.callback_secret,
                "receipt": response,
            }),
            |_| String::new(),
        );
        return Ok(());
    }
    let picture = receipt::picture(&receipt.request, &receipt.answer, session.console.has_colour())
        .map_err(|error| Failure::fault(format!("the receipt cannot be shown: {error}")))?;
    session.console.text(&picture);
    session.console.text(&closing(&url, &credentials, first_start, serves));
    Ok(())
}

struct Signed {
    receipt: sale::Receipt,
    credentials: Credentials,
    url: String,
    first_start: bool,
}

fn sign(
    context: &Context,
    runtime: &tokio::runtime::Handle,
    served: &Served,
    market: Country,
    terminal_port: Option<u16>,
) -> Result<Signed, Failure> {
    let file = context.data_dir.join(credentials::FILE_NAME);
    let kept = Credentials::read(&file)?.filter(|kept| belongs(context, kept.cash_box, market));
    let first_start = kept.is_none();
    let mut credentials = match kept {
        Some(kept) => kept,
        None => create(context, runtime, market)?,
    };
    let url = served.url();
    if let Some(port) = terminal_port {
        runtime.block_on(payment::connect(context, credentials.cash_box, port))?;
    }
    let sell = |credentials: &Credentials| {
        let paid = payment::pay(served, credentials, sale::TOTAL)?;
        sale::sell(served, credentials, context.clock.as_ref(), &paid)
    };
    let mut sold = sell(&credentials);
    if matches!(&sold, Err(sale::NotSold::Unauthorized)) {
        // Somebody rotated the token of the demo; it takes a new one.
        credentials = rotate(context, runtime, credentials.cash_box)?;
        sold = sell(&credentials);
    }
    let receipt = sold.map_err(|error| Failure::fault(error.to_string()))?;
    credentials.callback_secret = callback_secret(context, runtime, credentials.cash_box)?;
    credentials.write(&file, &url)?;
    if receipt.answer.state.low32() & OUT_OF_OPERATION != 0 {
        return Err(Failure::refused(format!(
            "the queue of the demo's cash box {} is out of operation, so that nothing was signed (ftState {}): it was stopped, \
             or never started; remove {} for a new one, or give another --data-dir",
            credentials.cash_box,
            receipt.answer.state,
            file.display()
        )));
    }
    Ok(Signed { receipt, credentials, url, first_start })
}

/// Whether the cash box is in this folder and of this market.
fn belongs(context: &Context, cash_box: CashBoxId, market: Country) -> bool {
    matches!(context.gateway.configuration(cash_box), Ok(Some(configuration)) if configuration.market == market)
}

fn create(context: &Context, runtime: &tokio::runtime::Handle, market: Country) -> Result<Credentials, Failure> {
    let wanted = CreateCashBox {
        market: market.to_string(),
        name: NAME.to_owned(),
        // Where the credentials were lost there is a DEMO-0001 already; the new one starts afresh beside it.
        other_company: true,
        ..CreateCashBox::default()
    };
    match execute(context, runtime, Command::CashBoxCreate(wanted), &mut Silent)? {
        Reply::Created(created) => match created.start_problem {
            None => Ok(Credentials {
                cash_box: created.cash_box,
                access_token: created.access_token,
                callback_secret: String::new(),
            }),
            Some(problem) => Err(Failure::fault(format!("the demo's cash box could not be started: {problem}"))),
        },
        _ => Err(Failure::fault("the demo's cash box was not made")),
    }
}

fn rotate(context: &Context, runtime: &tokio::runtime::Handle, cash_box: CashBoxId) -> Result<Credentials, Failure> {
    match execute(context, runtime, Command::TokenRotate { cash_box, revoke: false }, &mut Silent)? {
        Reply::Token { cash_box, access_token, .. } => {
            Ok(Credentials { cash_box, access_token, callback_secret: String::new() })
        }
        _ => Err(Failure::fault("the demo's token was not made")),
    }
}

/// The newest one, also when somebody has rotated it since.
fn callback_secret(
    context: &Context,
    runtime: &tokio::runtime::Handle,
    cash_box: CashBoxId,
) -> Result<String, Failure> {
    match execute(context, runtime, Command::CallbackSecretShow { cash_box }, &mut Silent)? {
        Reply::CallbackSecrets { secrets, .. } => secrets
            .first()
            .map(|newest| newest.secret.expose().to_owned())
            .ok_or_else(|| Failure::fault("the demo has no callback secret")),
        _ => Err(Failure::fault("the demo's callback secret was not made")),
    }
}

/// What stands below the receipt: the credentials, and a call that works as it stands.
fn closing(url: &str, credentials: &Credentials, first_start: bool, serves: bool) -> String {
    let Credentials { cash_box, access_token, callback_secret } = credentials;
    let again = if first_start { "" } else { " (the cash box of the last demo)" };
    let head = if serves {
        format!("Serving on {url}{again} until stopped. From another terminal:")
    } else {
        format!("Served on {url}{again}. With the demo running, from another terminal:")
    };
    format!(
        "{head}\n\n\
         export KASSETTE_URL={url}\n\
         export KASSETTE_CASHBOX_ID={cash_box}\n\
         export KASSETTE_ACCESS_TOKEN={access_token}\n\
         export KASSETTE_CALLBACK_SECRET={callback_secret}\n\n\
         curl -s \"$KASSETTE_URL/sign\" \\\n\
         \x20 -H \"x-cashbox-id: $KASSETTE_CASHBOX_ID\" -H \"x-cashbox-accesstoken: $KASSETTE_ACCESS_TOKEN\" \\\n\
         \x20 -H \"x-operation-id: $(cat /proc/sys/kernel/random/uuid 2>/dev/null || uuidgen)\" -H \"content-type: application/json\" \\\n\
         \x20 -d '{body}'\n\n",
        body = sale::CURL_BODY,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_has_the_lines_that_a_shell_and_a_script_read() {
        let credentials = Credentials {
            cash_box: CashBoxId::from_bytes([0x11; 16]),
            access_token: "kst_test_abc".into(),
            callback_secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into(),
        };
        let text = closing("http://127.0.0.1:8080/v2", &credentials, true, true);
        for line in [
            "export KASSETTE_URL=http://127.0.0.1:8080/v2",
            "export KASSETTE_CASHBOX_ID=11111111-1111-1111-1111-111111111111",
            "export KASSETTE_ACCESS_TOKEN=kst_test_abc",
            "export KASSETTE_CALLBACK_SECRET=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(serde_json::from_str::<serde_json::Value>(sale::CURL_BODY).is_ok());
    }
}
