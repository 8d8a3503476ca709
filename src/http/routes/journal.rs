//! `POST /journal` and its query form (contract 7.1, 7.2): exports, streamed.

use std::io::Write;
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header::HeaderValue;
use kassette_actors::Gateway;
use kassette_cashbox::Configuration;
use kassette_cashbox::reading::{Entries, JournalArray, Verdict, Window, write_assembly, write_configuration};
use kassette_journal::Journal;
use kassette_markets::ReceiptExport;
use kassette_model::CashBoxId;
use kassette_model::cases::JournalType;
use kassette_record::moment;
use kassette_wire::date::ticks;
use kassette_wire::journal::{JournalRequest, parse_query, parse_request};
use kassette_wire::problem::{Code, Problem};

use super::operation_item::caller;
use super::{Call, peek};
use crate::http::answer::{JSON, announced};
use crate::http::export::{self, Failure, Prepared};
use crate::http::headers::Headers;
use crate::http::market::{MarketContext, MarketContextError, with_signed};
use crate::http::openapi::{Common, JournalQuery, JournalRequest as JournalBody, ReadProblems, examples};
use crate::http::{body, problem};

/// The number of the configuration journal.
const CONFIGURATION: u16 = 0x00FF;

/// Exports a journal
///
/// Streamed; gzip when it is accepted, a ZIP archive when the flag `0x0000_0000_0001_0000` of `ftJournalType` asks for it. `From`
/// and `To` are .NET ticks or ISO 8601 dates; `To` 0 means everything, below 0 the first `-To` entries. The query form of `GET`
/// works too, with an empty body. `x-operation-id` may be sent and has no meaning here.
#[utoipa::path(
    post,
    path = "/journal",
    tag = "journal",
    operation_id = "journal",
    params(Common, JournalQuery),
    request_body(content = Option<JournalBody>, example = json!(examples::journal())),
    responses(
        (status = 200, description = "The journal; its content type follows from the type", content_type = "application/json",
            body = Object, example = json!([])),
        ReadProblems,
    ),
    security(("cashbox_id" = [], "access_token" = []))
)]
pub(crate) async fn journal(call: Call) -> HttpResponse {
    let headers = Headers::of(call.request.headers());
    // Headers before credentials, and presence before syntax (contract 1.5).
    let id = match headers.credentials().and_then(|_| headers.known_operation_id()) {
        Ok(id) => id,
        Err(refusal) => return problem::response(&refusal),
    };
    let mut response = exported(call).await;
    if let Some(value) = id.and_then(|id| HeaderValue::from_str(&id.to_string()).ok()) {
        response.headers_mut().insert(problem::OPERATION_ID, value);
    }
    response
}

async fn exported(call: Call) -> HttpResponse {
    let caller = match caller(&call) {
        Ok(caller) => caller,
        Err(response) => return *response,
    };
    let Call { edge, request, payload, .. } = call;
    if let Err(refusal) = Headers::of(request.headers()).plain_body() {
        return problem::response(&refusal);
    }
    let body = match body::read(payload, announced(&request), &edge.limits).await {
        Ok(body) => body,
        Err(refusal) => return problem::response(&refusal),
    };
    let blank = body.iter().all(u8::is_ascii_whitespace);
    let asked = if blank { parse_query(request.query_string()) } else { parse_request(&body, &edge.limits.json()) };
    match asked {
        Ok(asked) => {
            let gateway = edge.gateway.clone();
            export::respond(&edge, request.headers(), move || prepare(&gateway, caller.cash_box(), &asked)).await
        }
        Err(findings) => problem::response(&findings.into_problem().without_storing()),
    }
}

/// Exports a journal, with the request in the query
#[utoipa::path(
    get,
    path = "/journal",
    tag = "journal",
    operation_id = "journalQuery",
    params(Common, JournalQuery),
    responses(
        (status = 200, description = "The journal; its content type follows from the type", content_type = "application/json",
            body = Object, example = json!([])),
        ReadProblems,
    ),
    security(("cashbox_id" = [], "access_token" = []))
)]
pub(crate) async fn journal_query(call: Call) -> HttpResponse {
    let caller = match caller(&call) {
        Ok(caller) => caller,
        Err(response) => return *response,
    };
    match parse_query(call.request.query_string()) {
        Ok(asked) => {
            let gateway = call.edge.gateway.clone();
            export::respond(&call.edge, call.request.headers(), move || prepare(&gateway, caller.cash_box(), &asked))
                .await
        }
        Err(findings) => problem::response(&findings.into_problem().without_storing()),
    }
}

/// Everything that can go wrong before the first byte goes wrong here.
fn prepare(gateway: &Gateway, cash_box: CashBoxId, request: &JournalRequest) -> Result<Prepared, Failure> {
    let Some(configuration) = gateway.configuration(cash_box)? else {
        tracing::error!(%cash_box, "the configuration of an authenticated cash box is not in the journal");
        return Err(Failure::Refused(Box::new(problem::internal())));
    };
    let (journal, configuration) = (gateway.journal(), &Arc::new(configuration));
    let prepared = match request.journal_type.country() {
        None => general(journal, configuration, request)?,
        Some(country) if country == configuration.market => market(journal, configuration, request)?,
        Some(country) => {
            let detail = format!("this cash box belongs to {}, not to {country}", configuration.market);
            return Err(Failure::Refused(Box::new(Problem::new(Code::JournalTypeUnknown, detail))));
        }
    };
    let zip_entry = request.journal_type.is_zip().then(|| entry_name(request.journal_type, prepared.content_type));
    Ok(Prepared { zip_entry, ..prepared })
}

fn entry_name(journal_type: JournalType, content_type: &str) -> String {
    let extension = match content_type.split(';').next().unwrap_or_default() {
        "application/json" => "json",
        "application/xml" => "xml",
        "text/csv" => "csv",
        _ => "bin",
    };
    format!("journal-{:016x}.{extension}", journal_type.0)
}

fn general(
    journal: &Arc<dyn Journal>,
    configuration: &Arc<Configuration>,
    request: &JournalRequest,
) -> Result<Prepared, Failure> {
    let (journal, configuration, request) = (Arc::clone(journal), Arc::clone(configuration), *request);
    let number = request.journal_type.number();
    if let Some(entries) = Entries::of_type(number) {
        drop(journal.stream(configuration.cash_box, 1)?);
        let array = JournalArray::new(entries, configuration.queue, &request);
        return Ok(plain(move |out| peek::array(journal.as_ref(), configuration.cash_box, array, out)));
    }
    let mut body = Vec::new();
    if number == CONFIGURATION {
        match journal.head(configuration.cash_box)? {
            Some(head) => {
                let details = head.record.open()?.0.details;
                write_configuration(&configuration, &details.head, details.time(), &mut body);
            }
            None => {
                write_configuration(&configuration, &Default::default(), moment(configuration.created_ns), &mut body)
            }
        }
    } else {
        write_assembly(&mut body);
    }
    Ok(plain(move |out| Ok(out.write_all(&body)?)))
}

fn plain(produce: impl FnOnce(&mut dyn Write) -> Result<(), Failure> + 'static) -> Prepared {
    Prepared { content_type: JSON, zip_entry: None, produce: Box::new(produce) }
}

fn market(
    journal: &Arc<dyn Journal>,
    configuration: &Arc<Configuration>,
    request: &JournalRequest,
) -> Result<Prepared, Failure> {
    let context = MarketContext::read(journal.as_ref(), configuration).map_err(|error| match error {
        MarketContextError::Journal(error) => Failure::Journal(error),
        MarketContextError::Stored(text) => {
            tracing::error!(text, "an export cannot be prepared");
            Failure::Refused(Box::new(problem::internal()))
        }
    })?;
    let (number, version) = (request.journal_type.number(), request.journal_type.version());
    let export = context.market.export(number, version, &context.export(None))?;
    drop(journal.stream(configuration.cash_box, 1)?);
    let (journal, cash_box, window) = (Arc::clone(journal), configuration.cash_box, Window::new(request));
    Ok(Prepared {
        content_type: export.content_type(),
        zip_entry: None,
        produce: Box::new(move |out| receipts(journal.as_ref(), cash_box, export, window, out)),
    })
}

fn receipts(
    journal: &dyn Journal,
    cash_box: kassette_model::CashBoxId,
    mut export: Box<dyn ReceiptExport>,
    mut window: Window,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    export.begin(out)?;
    for record in journal.stream(cash_box, 1)? {
        with_signed(&record?, |signed| match window.judge(ticks(signed.details.time())) {
            Verdict::Take => Ok(export.receipt(signed, out)?),
            Verdict::Skip | Verdict::Stop => Ok::<(), Failure>(()),
        })?;
        if window.is_full() {
            break;
        }
    }
    export.end(out)?;
    Ok(())
}
