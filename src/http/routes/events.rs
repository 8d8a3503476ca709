//! `GET /events`: live events of the cash box.

use actix_web::HttpResponse;
use kassette_wire::event::parse_events_query;

use super::Call;
use crate::http::answer::admit;
use crate::http::auth::Pass;
use crate::http::headers::Headers;
use crate::http::openapi::{Common, EventsHeaders, EventsProblems, EventsQuery, examples};
use crate::http::{events, problem};

/// Follows the events of the cash box
///
/// Server-sent events until one side ends it: `operation` for each change of the state of an operation, with the body that its callback
/// has; `receipt` for each receipt; `device` when a signature creation unit goes out of service, comes back, or another takes over, and,
/// without an `id`, how each payment terminal stands, at the beginning and whenever that changes. The `id` is `<row>.<number>`.
/// `Last-Event-ID` goes on behind the event it names, without a gap, however long ago that was; without it only what happens from now on
/// is sent. A comment comes now and then while there is nothing to send.
#[utoipa::path(
    get,
    path = "/events",
    tag = "events",
    operation_id = "events",
    params(Common, EventsHeaders, EventsQuery),
    responses(
        (status = 200, description = "The stream", body = String, content_type = "text/event-stream",
            example = json!(examples::events())),
        EventsProblems,
    ),
    security(("cashbox_id" = [], "access_token" = []))
)]
pub(crate) async fn events(call: Call) -> HttpResponse {
    let headers = Headers::of(call.request.headers());
    let credentials = match headers.credentials() {
        Ok(credentials) => credentials,
        Err(refusal) => return problem::response(&refusal),
    };
    let caller = match admit(&call.edge, &call.request, &credentials) {
        Ok(caller) => caller,
        Err(response) => return *response,
    };
    let asked = parse_events_query(call.request.query_string())
        .and_then(|asked| Ok((asked, events::last_event_id(call.request.headers())?)));
    let (mut asked, last) = match asked {
        Ok(asked) => asked,
        Err(refusal) => return problem::response(&refusal),
    };
    // A client that comes back sends the same URL as before, and the header with it.
    let place = if last.is_some() { "/last-event-id" } else { "/after" };
    asked.after = last.or(asked.after);
    let pass = Pass::of(&call.edge, &credentials);
    events::open(&call.edge, &caller, pass, asked, place)
}
