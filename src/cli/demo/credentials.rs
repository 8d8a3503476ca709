//! `demo.env`: the demo, and only it, keeps its token in clear, so that it can show the same one at every start.

use std::path::Path;

use kassette_model::CashBoxId;

use crate::admin::Failure;
use crate::keys::private_file;

/// Name of the file in the data folder; mode 0600.
pub(super) const FILE_NAME: &str = "demo.env";

/// What a client of the demo needs.
pub(super) struct Credentials {
    pub(super) cash_box: CashBoxId,
    pub(super) access_token: String,
    /// Under which the demo's callbacks are signed, `whsec_…`. Kept in the key folder; what the file says of it is for shells.
    pub(super) callback_secret: String,
}

impl Credentials {
    /// Reads the file; `None` when there is none or somebody changed it beyond recognition.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, Failure> {
        let bytes = private_file::read(path).map_err(|error| Failure::fault(format!("{}: {error}", path.display())))?;
        Ok(bytes.and_then(|bytes| Self::parse(&String::from_utf8_lossy(&bytes))))
    }

    fn parse(text: &str) -> Option<Self> {
        let value = |name: &str| {
            text.lines().find_map(|line| line.trim().strip_prefix("export ")?.strip_prefix(name)?.strip_prefix('='))
        };
        Some(Self {
            cash_box: CashBoxId::parse(value("KASSETTE_CASHBOX_ID")?)?,
            access_token: value("KASSETTE_ACCESS_TOKEN")?.to_owned(),
            callback_secret: value("KASSETTE_CALLBACK_SECRET").unwrap_or_default().to_owned(),
        })
    }

    /// Writes the file in the form that a shell reads.
    pub(super) fn write(&self, path: &Path, url: &str) -> Result<(), Failure> {
        private_file::write(path, self.text(url).as_bytes())
            .map_err(|error| Failure::fault(format!("{}: {error}", path.display())))
    }

    fn text(&self, url: &str) -> String {
        format!(
            "export KASSETTE_URL={url}\nexport KASSETTE_CASHBOX_ID={}\nexport KASSETTE_ACCESS_TOKEN={}\n\
             export KASSETTE_CALLBACK_SECRET={}\n",
            self.cash_box, self.access_token, self.callback_secret
        )
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let kept = Credentials {
            cash_box: CashBoxId::from_bytes([5; 16]),
            access_token: "kst_test_x-_".into(),
            callback_secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS+/w==".into(),
        };
        let read = Credentials::parse(&kept.text("http://127.0.0.1:1/v2")).unwrap();
        assert_eq!((read.cash_box, &read.access_token), (kept.cash_box, &kept.access_token));
        assert_eq!(read.callback_secret, kept.callback_secret);
        // A file of an earlier version has no secret.
        let older = kept.text("u").replace("export KASSETTE_CALLBACK_SECRET", "#");
        assert_eq!(Credentials::parse(&older).unwrap().access_token, kept.access_token);
        assert!(Credentials::parse("export KASSETTE_CASHBOX_ID=nonsense").is_none());
        assert!(Credentials::parse("").is_none());
    }
}
