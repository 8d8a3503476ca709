//! The journal export of one cash box: one header line, then one record a line (NDJSON).
//!
//! The form is described in `docs/formats/journal.md` and read by `docs/verify/verify_journal.py`, which shares nothing with this
//! code. Hashes are lower-case hex, bytes are standard base64.

use std::io::{self, BufRead, Read as _, Write};

use kassette_model::CashBoxId;
use kassette_record::{Bodies, Erasable, Hash, SealedRecord, moment, v1};
use kassette_stdx::encoding::{base64, base64_decode, hex_decode};
use serde::{Deserialize, Serialize};

/// `format` of the header line.
pub const EXPORT_FORMAT: &str = "kassette-journal-export";
/// `version` of the header line.
pub const EXPORT_VERSION: u32 = 1;
/// Longest line that is read, in bytes: the largest record in base64 with room.
pub const EXPORT_LINE_BYTES_MAX: u64 = 128 * 1024 * 1024;
/// Bad lines kept by name; further ones are counted.
pub const BAD_LINES_MAX: usize = 1000;

/// What the header line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportHeader {
    /// Whose journal.
    pub cash_box: CashBoxId,
    /// Row of the first line.
    pub first_row: u64,
    /// Hash of the record before it; zeros before row 1.
    pub first_previous: Hash,
    /// Row of the last line; `first_row - 1` when there is none.
    pub last_row: u64,
    /// Hash of the last record, so that a shortened export is noticed.
    pub last_hash: Hash,
    /// When it was made, nanoseconds since the Unix epoch.
    pub made_at_ns: i64,
}

#[derive(Serialize, Deserialize)]
struct HeaderLine {
    format: String,
    version: u32,
    cash_box: String,
    first_row: u64,
    first_previous: String,
    last_row: u64,
    last_hash: String,
    made_at: String,
    made_at_ns: i64,
}

#[derive(Serialize, Deserialize)]
struct RecordLine {
    row: u64,
    previous: String,
    hash: String,
    header: String,
    request_hash: Option<String>,
    request_salt: Option<String>,
    request: Option<String>,
    response_hash: Option<String>,
    response_salt: Option<String>,
    response: Option<String>,
}

/// Why an export cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Reading failed.
    #[error("export: {0}")]
    Io(#[from] io::Error),
    /// The first line is not the header of a known export.
    #[error("line 1 is not the header of a journal export: {0}")]
    Header(String),
}

/// One bad line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// Line number, from 1 (the header).
    pub line: u64,
    /// Row that is, or should be, there.
    pub row: u64,
    /// What is wrong.
    pub reason: String,
}

impl std::fmt::Display for BadLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}, row {}: {}", self.line, self.row, self.reason)
    }
}

/// What the check of an export found.
#[derive(Debug, Clone)]
pub struct ExportReport {
    /// The header line.
    pub header: ExportHeader,
    /// Records read.
    pub records: u64,
    /// Records whose bodies were erased.
    pub erased: u64,
    /// Bad lines in order, at most [`BAD_LINES_MAX`]; the first is the first bad row.
    pub bad: Vec<BadLine>,
    /// Number of bad lines.
    pub bad_count: u64,
}

impl ExportReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        self.bad_count == 0
    }

    fn add(&mut self, line: u64, row: u64, reason: String) {
        self.bad_count = self.bad_count.saturating_add(1);
        if self.bad.len() < BAD_LINES_MAX {
            self.bad.push(BadLine { line, row, reason });
        }
    }
}

fn write_line(line: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}

/// Writes the header line.
///
/// # Errors
/// When `out` fails.
pub fn write_export_header(header: &ExportHeader, out: &mut dyn Write) -> io::Result<()> {
    let line = HeaderLine {
        format: EXPORT_FORMAT.to_owned(),
        version: EXPORT_VERSION,
        cash_box: header.cash_box.to_string(),
        first_row: header.first_row,
        first_previous: header.first_previous.hex(),
        last_row: header.last_row,
        last_hash: header.last_hash.hex(),
        made_at: moment(header.made_at_ns).to_string(),
        made_at_ns: header.made_at_ns,
    };
    write_line(&line, out)
}

/// Writes one record. Erased bodies become null bodies with null salts.
///
/// # Errors
/// When `out` fails, or the record cannot be read (its bodies do not fit their hashes).
pub fn write_export_record(record: &SealedRecord, out: &mut dyn Write) -> io::Result<()> {
    let invalid = |error: kassette_record::RecordError| {
        io::Error::new(io::ErrorKind::InvalidData, format!("row {}: {error}", record.row))
    };
    let fixed = v1::read_fixed(&record.header).map_err(invalid)?;
    let bodies = match v1::read_bodies(&fixed, &record.bodies).map_err(invalid)? {
        Erasable::Kept(bodies) => bodies,
        Erasable::Erased => Bodies::default(),
    };
    let salt = |body: &Option<Vec<u8>>, salt: &[u8; 16]| body.as_ref().map(|_| base64(salt));
    let line = RecordLine {
        row: record.row,
        previous: record.previous.hex(),
        hash: record.hash.hex(),
        header: base64(&record.header),
        request_hash: fixed.has_request().then(|| fixed.request_hash.hex()),
        request_salt: salt(&bodies.request, &bodies.request_salt),
        request: bodies.request.as_deref().map(base64),
        response_hash: fixed.has_response().then(|| fixed.response_hash.hex()),
        response_salt: salt(&bodies.response, &bodies.response_salt),
        response: bodies.response.as_deref().map(base64),
    };
    write_line(&line, out)
}

/// Reads an export: its header and its records. A record is given as its line says it; chain, rows and bodies are checked by
/// [`verify_export`].
///
/// # Errors
/// When the first line is not a header of a known version.
pub fn read_export<R: BufRead>(mut reader: R) -> Result<(ExportHeader, ExportRecords<R>), ExportError> {
    let first = read_line(&mut reader)?.unwrap_or_default();
    let line: HeaderLine = serde_json::from_slice(&first).map_err(|error| ExportError::Header(error.to_string()))?;
    if line.format != EXPORT_FORMAT || line.version != EXPORT_VERSION {
        return Err(ExportError::Header(format!("format {}, version {}", line.format, line.version)));
    }
    let header = ExportHeader {
        cash_box: CashBoxId::parse(&line.cash_box).ok_or_else(|| ExportError::Header("cash_box".to_owned()))?,
        first_row: line.first_row,
        first_previous: hash(&line.first_previous).ok_or_else(|| ExportError::Header("first_previous".to_owned()))?,
        last_row: line.last_row,
        last_hash: hash(&line.last_hash).ok_or_else(|| ExportError::Header("last_hash".to_owned()))?,
        made_at_ns: line.made_at_ns,
    };
    Ok((header, ExportRecords { reader, ended: false }))
}

fn hash(text: &str) -> Option<Hash> {
    hex_decode(text)?.try_into().ok().map(Hash)
}

fn read_line(reader: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    if reader.take(EXPORT_LINE_BYTES_MAX).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.pop_if(|last| *last == b'\n').is_none() && line.len() as u64 >= EXPORT_LINE_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a line is too long"));
    }
    Ok(Some(line))
}

/// Records of an export in order; an item is an error text when a line cannot be understood.
#[derive(Debug)]
pub struct ExportRecords<R> {
    reader: R,
    ended: bool,
}

impl<R: BufRead> Iterator for ExportRecords<R> {
    type Item = Result<Result<SealedRecord, String>, ExportError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        match read_line(&mut self.reader) {
            Ok(Some(line)) => Some(Ok(parse_record(&line))),
            Ok(None) => None,
            Err(error) => {
                self.ended = true;
                Some(Err(error.into()))
            }
        }
    }
}

fn parse_record(line: &[u8]) -> Result<SealedRecord, String> {
    let line: RecordLine = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let header = base64_decode(&line.header).ok_or("header is not base64")?;
    let fixed = v1::read_fixed(&header).map_err(|error| error.to_string())?;
    let said = |flag: bool, hash: Hash| flag.then(|| hash.hex());
    let fields = [
        ("hash", Hash::of(&header).hex() == line.hash),
        ("row", fixed.row == line.row),
        ("previous", fixed.previous.hex() == line.previous),
        ("request_hash", said(fixed.has_request(), fixed.request_hash) == line.request_hash),
        ("response_hash", said(fixed.has_response(), fixed.response_hash) == line.response_hash),
    ];
    if let Some((name, _)) = fields.into_iter().find(|(_, same)| !same) {
        return Err(format!("{name} is not what the header says"));
    }
    let bodies = bodies(&fixed, &line)?;
    SealedRecord::read(header, bodies).map_err(|error| error.to_string())
}

/// The stored form of the bodies, empty when they were erased.
fn bodies(fixed: &v1::Fixed, line: &RecordLine) -> Result<Vec<u8>, String> {
    type Part = Option<([u8; 16], Vec<u8>)>;
    let part = |flag: bool, salt: &Option<String>, body: &Option<String>, name: &str| -> Result<Part, String> {
        match (flag, salt, body) {
            (true, Some(salt), Some(body)) => {
                let salt = base64_decode(salt).and_then(|salt| salt.try_into().ok());
                let body = base64_decode(body);
                salt.zip(body).map(Some).ok_or_else(|| format!("{name} is not base64"))
            }
            (_, None, None) => Ok(None),
            _ => Err(format!("{name}: body and salt do not go with what the header says")),
        }
    };
    let request = part(fixed.has_request(), &line.request_salt, &line.request, "request")?;
    let response = part(fixed.has_response(), &line.response_salt, &line.response, "response")?;
    let erased = (fixed.has_request() || fixed.has_response()) && request.is_none() && response.is_none();
    if erased {
        return Ok(Vec::new());
    }
    if request.is_some() != fixed.has_request() || response.is_some() != fixed.has_response() {
        return Err("only one of the bodies is missing".to_owned());
    }
    let (request_salt, request) = request.unwrap_or_default();
    let (response_salt, response) = response.unwrap_or_default();
    let length = |body: &[u8]| u32::try_from(body.len()).map(u32::to_le_bytes).map_err(|error| error.to_string());
    Ok([&request_salt[..], &response_salt, &length(&request)?, &length(&response)?, &request, &response].concat())
}

/// Checks an export whole: rows dense from the first, links, hashes, salted hashes of the bodies, the last row and hash; and has
/// `visitor` check every record.
///
/// # Errors
/// When it cannot be read or has no header. What is wrong with records is in the report instead.
pub fn verify_export<R: BufRead>(
    reader: R,
    visitor: &mut dyn FnMut(&SealedRecord) -> Result<(), String>,
) -> Result<ExportReport, ExportError> {
    let (header, records) = read_export(reader)?;
    let (mut row, mut last) = (header.first_row.saturating_sub(1), header.first_previous);
    let (last_row, last_hash, cash_box) = (header.last_row, header.last_hash, header.cash_box);
    let mut report = ExportReport { header, records: 0, erased: 0, bad: Vec::new(), bad_count: 0 };
    for (line, item) in (2_u64..).zip(records) {
        let wanted = row.saturating_add(1);
        report.records = report.records.saturating_add(1);
        match item? {
            Ok(record) => {
                let bodies = record.open().map(|(_, bodies)| bodies);
                if bodies.as_ref().is_ok_and(|bodies| *bodies == Erasable::Erased) {
                    report.erased = report.erased.saturating_add(1);
                }
                let checked = record
                    .follows(row, last)
                    .and(bodies.map(|_| ()))
                    .map_err(|error| error.to_string())
                    .and_then(
                        |()| if record.cash_box == cash_box { Ok(()) } else { Err("another cash box".to_owned()) },
                    )
                    .and_then(|()| visitor(&record));
                if let Err(reason) = checked {
                    report.add(line, record.row, reason);
                }
                (row, last) = (record.row, record.hash);
            }
            Err(reason) => {
                report.add(line, wanted, reason);
                row = wanted;
            }
        }
    }
    if (row, last) != (last_row, last_hash) {
        let line = report.records.saturating_add(1);
        report.add(
            line,
            row,
            format!("the export ends at row {row}, its header says row {last_row} with hash {last_hash}"),
        );
    }
    Ok(report)
}
