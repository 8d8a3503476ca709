//! `kassette explain`.

use super::session::Session;
use crate::admin::Failure;
use crate::http;

/// Arguments of `explain`.
#[derive(Debug, clap::Args)]
pub(super) struct Explain {
    /// The code of a problem document, for example header-missing; without one all codes are listed
    code: Option<String>,
}

impl Explain {
    pub(super) fn run(self, session: &Session) -> Result<(), Failure> {
        let Some(code) = self.code else {
            let codes: Vec<&str> = kassette_wire::problem::Code::ALL.iter().map(|code| code.code()).collect();
            session.console.result(&serde_json::json!({ "codes": codes }), |_| format!("{}\n", codes.join("\n")));
            return Ok(());
        };
        let page = http::explain(&code)
            .ok_or_else(|| Failure::not_found(format!("there is no code {code:?}; `kassette explain` lists all")))?;
        session.console.result(&serde_json::json!({ "code": code, "page": page }), |_| page.to_owned());
        Ok(())
    }
}
