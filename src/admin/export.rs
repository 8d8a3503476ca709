//! Exports: streamed from the journal, past the cash box.

use std::io::{self, Write};

use kassette_journal::JournalError;
use kassette_journal::export::{ExportHeader, write_export_header, write_export_record};
use kassette_markets::{ExportError, Market};
use kassette_model::CashBoxId;
use kassette_model::cases::Country;
use kassette_record::{Hash, RecordError};

use super::cash_boxes::{configuration, head};
use super::command::ExportRange;
use super::context::Context;
use super::execute::Output;
use super::failure::Failure;
use super::reply::Exported;
use crate::http::market::{MarketContext, MarketContextError, with_signed};

/// Bytes that are collected before they are passed on.
const CHUNK_BYTES: usize = 64 * 1024;
/// Records between two reports of progress.
const PROGRESS_EVERY_RECORDS: u64 = 256;

/// What is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// The journal: every record with its chain, as lines of JSON.
    Journal,
    /// The market's own export.
    Market(Country),
    /// The keys and certificates that a verifier of the market's export needs.
    CryptoMaterial(Country),
}

impl What {
    pub(super) fn of(market: Option<&str>, crypto_material: bool) -> Result<Self, Failure> {
        match (market, crypto_material) {
            (None, false) => Ok(Self::Journal),
            (None, true) => Err(Failure::usage("--crypto-material belongs to a market export: add --market")),
            (Some(text), crypto_material) => {
                let country = Country::parse(text)
                    .filter(|country| kassette_markets::market(*country).is_some())
                    .ok_or_else(|| Failure::usage(format!("there is no market {text:?} in this version")))?;
                Ok(if crypto_material { Self::CryptoMaterial(country) } else { Self::Market(country) })
            }
        }
    }
}

/// Why an export ended early.
enum Ended {
    Output(io::Error),
    Journal(JournalError),
    Record(RecordError),
    Export(ExportError),
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<JournalError> for Ended {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

impl From<RecordError> for Ended {
    fn from(error: RecordError) -> Self {
        Self::Record(error)
    }
}

impl From<ExportError> for Ended {
    fn from(error: ExportError) -> Self {
        Self::Export(error)
    }
}

impl From<Ended> for Failure {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Output(error) | Ended::Export(ExportError::Io(error)) => {
                Self::fault(format!("the export cannot be written: {error}"))
            }
            Ended::Journal(error) => error.into(),
            Ended::Record(error) => Self::fault(format!("a record cannot be read: {error}")),
            Ended::Export(error) => Self::fault(error.to_string()),
        }
    }
}

impl From<MarketContextError> for Failure {
    fn from(error: MarketContextError) -> Self {
        match error {
            MarketContextError::Journal(error) => error.into(),
            error @ MarketContextError::Stored(_) => Self::fault(error.to_string()),
        }
    }
}

pub(super) fn export(
    context: &Context,
    cash_box: CashBoxId,
    what: What,
    range: ExportRange,
    output: &mut dyn Output,
) -> Result<Exported, Failure> {
    let configuration = &configuration(context, cash_box)?;
    let (_, last_row, _) = head(context, cash_box)?;
    let of_this_market = |country: Country| {
        if country == configuration.market {
            return Ok(());
        }
        Err(Failure::refused(format!("cash box {cash_box} belongs to market {}, not {country}", configuration.market)))
    };
    let mut sink = Sink { output, waiting: Vec::with_capacity(CHUNK_BYTES), records: 0, bytes: 0, seen: 0, last_row };
    match what {
        What::Journal => journal_lines(context, cash_box, range, &mut sink)?,
        What::Market(country) => {
            of_this_market(country)?;
            let market_context = MarketContext::read(context.gateway.journal().as_ref(), configuration)?;
            market_export(context, cash_box, &market_context, range, &mut sink)?;
        }
        What::CryptoMaterial(country) => {
            of_this_market(country)?;
            let market_context = MarketContext::read(context.gateway.journal().as_ref(), configuration)?;
            let secrets = context.keys.secrets(cash_box, market_context.market)?;
            let material = kassette_markets::at::crypto_material(&market_context.export(Some(&secrets)))
                .ok_or_else(|| Failure::refused(format!("market {country} has no crypto material")))?;
            sink.write_all(material.as_bytes()).map_err(Ended::from)?;
        }
    }
    Ok(sink.finish().map_err(Ended::from)?)
}

/// Journal type and version nibble of the export that the law of a market asks for (contract 7.2).
fn legal_export(market: &dyn Market) -> (u16, u8) {
    match market.country() {
        // The RKSV journal, in either version.
        Country::AT => (0x0002, 2),
        // What most markets use; one without it answers that it does not know the type.
        _ => (0x0001, 2),
    }
}

fn market_export(
    context: &Context,
    cash_box: CashBoxId,
    market_context: &MarketContext,
    range: ExportRange,
    sink: &mut Sink<'_>,
) -> Result<(), Ended> {
    let (journal_type, version) = legal_export(market_context.market);
    let mut export = market_context.market.export(journal_type, version, &market_context.export(None))?;
    export.begin(sink)?;
    for record in context.gateway.journal().stream(cash_box, 1)? {
        let record = record?;
        sink.seen(record.row)?;
        with_signed::<Ended>(&record, |signed| {
            if !range.contains(signed.details.time_ns) {
                return Ok(());
            }
            sink.records = sink.records.saturating_add(1);
            Ok(export.receipt(signed, sink)?)
        })?;
    }
    Ok(export.end(sink)?)
}

/// Collects what is written into pieces, and counts.
struct Sink<'a> {
    output: &'a mut dyn Output,
    waiting: Vec<u8>,
    records: u64,
    bytes: u64,
    seen: u64,
    last_row: u64,
}

impl Sink<'_> {
    fn seen(&mut self, row: u64) -> io::Result<()> {
        self.seen = self.seen.saturating_add(1);
        if self.seen.is_multiple_of(PROGRESS_EVERY_RECORDS) {
            self.output.progress(row, self.last_row.max(row))?;
        }
        Ok(())
    }

    fn finish(mut self) -> io::Result<Exported> {
        self.flush()?;
        self.output.progress(self.last_row, self.last_row)?;
        Ok(Exported { records: self.records, bytes: self.bytes })
    }
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= CHUNK_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.waiting.is_empty() {
            self.output.bytes(&self.waiting)?;
            self.bytes = self.bytes.saturating_add(u64::try_from(self.waiting.len()).unwrap_or(u64::MAX));
            self.waiting.clear();
        }
        Ok(())
    }
}

/// Rows of the journal export, with what its header says of them.
struct Span {
    first_row: u64,
    first_previous: Hash,
    last_row: u64,
    last_hash: Hash,
}

/// From the first to the last record of the range, with all between them: a chain has no holes, even where the clock was set
/// back.
fn span(context: &Context, cash_box: CashBoxId, range: ExportRange) -> Result<Span, Ended> {
    let journal = context.gateway.journal();
    let Some(head) = journal.head(cash_box)? else {
        return Ok(Span { first_row: 1, first_previous: Hash::ZERO, last_row: 0, last_hash: Hash::ZERO });
    };
    let head = head.record;
    if range == ExportRange::default() {
        return Ok(Span { first_row: 1, first_previous: Hash::ZERO, last_row: head.row, last_hash: head.hash });
    }
    let mut found: Option<Span> = None;
    for record in journal.stream(cash_box, 1)? {
        let record = record?;
        if range.contains(kassette_record::v1::read_details(&record.header)?.time_ns) {
            let (first_row, first_previous) =
                found.as_ref().map_or((record.row, record.previous), |span| (span.first_row, span.first_previous));
            found = Some(Span { first_row, first_previous, last_row: record.row, last_hash: record.hash });
        }
    }
    let after_all = head.row.saturating_add(1);
    Ok(found.unwrap_or(Span {
        first_row: after_all,
        first_previous: head.hash,
        last_row: head.row,
        last_hash: head.hash,
    }))
}

fn journal_lines(context: &Context, cash_box: CashBoxId, range: ExportRange, sink: &mut Sink<'_>) -> Result<(), Ended> {
    let Span { first_row, first_previous, last_row, last_hash } = span(context, cash_box, range)?;
    let header =
        ExportHeader { cash_box, first_row, first_previous, last_row, last_hash, made_at_ns: context.clock.unix_ns() };
    write_export_header(&header, sink)?;
    if last_row < first_row {
        return Ok(());
    }
    for record in context.gateway.journal().stream(cash_box, first_row)? {
        let record = record?;
        // Records that came after the header was written are not in it.
        if record.row > last_row {
            break;
        }
        sink.seen(record.row)?;
        sink.records = sink.records.saturating_add(1);
        write_export_record(&record, sink)?;
    }
    Ok(())
}
