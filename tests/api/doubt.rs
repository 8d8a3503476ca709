//! Steps of a payment that a terminal would have told, written into a journal that no server has: the dummy provider is never in doubt.

use std::sync::mpsc;

use kassette_cashbox::{CashBox, Configuration, Facts, PaymentTold, Step, accepted_request};
use kassette_journal::Journal;
use kassette_markets::MarketSecrets;
use kassette_model::{CashBoxId, OperationId};

/// Writes a step.
pub(crate) fn tell(
    journal: &dyn Journal,
    cash_box: CashBoxId,
    operation: OperationId,
    secrets: impl FnOnce(&Configuration) -> MarketSecrets,
    told: PaymentTold,
) {
    let configuration = Configuration::from_json(&journal.configuration(cash_box).unwrap().unwrap()).unwrap();
    let last = journal.head(cash_box).unwrap().unwrap().record;
    let details = kassette_record::v1::read_details(&last.header).unwrap();
    let now = details.time();
    let facts = Facts { now, admitted: now, seed: [3; 32], answers: Vec::new(), terminals: Vec::new() };
    let keys = secrets(&configuration);
    let mut core = CashBox::restore(&configuration, keys, details.head, last.row, last.hash).unwrap();
    let open = core.unfinished().iter().find(|open| open.id == operation).copied().unwrap();
    let (call, _) = accepted_request(&journal.row(cash_box, open.row).unwrap().unwrap()).unwrap();
    let Step::Progress(record) = core.payment_told(&call, told, &facts) else { panic!("no step") };
    let (done, durable) = mpsc::channel();
    let appended = journal.append(*record, Box::new(move |result| done.send(result.map(|_| ())).unwrap()));
    assert!(appended.is_ok());
    durable.recv().unwrap().unwrap();
}

/// The line broke.
pub(crate) fn doubt() -> PaymentTold {
    PaymentTold::Doubt { reason: "the line broke".to_owned() }
}
