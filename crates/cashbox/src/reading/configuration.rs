//! Journal types 0000 and 00FF (contract 7.2): program and configuration.

use kassette_model::Moment;
use kassette_record::{BoxHead, QueuePhase};
use kassette_stdx::encoding::base64;
use kassette_wire::date::ticks;
use kassette_wire::json::write::{Object, array, string};

use crate::Configuration;

/// `Assembly`: which program answers.
const ASSEMBLY: &str = "kassette";

/// Appends journal type 0000, which also stands for every type that nobody knows.
pub fn write_assembly(out: &mut Vec<u8>) {
    let mut object = Object::begin(out);
    object.string("Assembly", ASSEMBLY);
    object.string("AssemblyVersion", env!("CARGO_PKG_VERSION"));
    object.end();
}

/// Appends journal type 00FF: cash box, queue and units as they stand after the record with `head`, made at `time`. Neither
/// tokens nor secrets are in it.
pub fn write_configuration(configuration: &Configuration, head: &BoxHead, time: Moment, out: &mut Vec<u8>) {
    let stamp = ticks(time);
    let country = configuration.market.to_string();
    let mut object = Object::begin(out);
    object.string("Assembly", ASSEMBLY);
    object.string("Version", env!("CARGO_PKG_VERSION"));
    object.array("CashBoxList", [()], |out, ()| {
        let mut object = Object::begin(out);
        object.uuid("ftCashBoxId", configuration.cash_box.uuid());
        object.signed("TimeStamp", stamp);
        object.end();
    });
    object.array("QueueList", [()], |out, ()| {
        let mut object = Object::begin(out);
        object.uuid("ftQueueId", configuration.queue.uuid());
        object.uuid("ftCashBoxId", configuration.cash_box.uuid());
        object.unsigned("ftCurrentRow", head.queue_row);
        object.unsigned("ftQueuedRow", head.queue_row);
        object.unsigned("ftReceiptNumerator", head.numerator);
        object.string_or_null("ftReceiptHash", head.queue_hash.map(|hash| base64(&hash.0)).as_deref());
        let phase = match head.phase {
            QueuePhase::New => "new",
            QueuePhase::Active => "active",
            QueuePhase::Stopped => "stopped",
        };
        object.string("Phase", phase);
        object.string("CountryCode", &country);
        object.string("Environment", configuration.environment.name());
        object.signed("TimeStamp", stamp);
        object.end();
    });
    array(object.foreign_name(&format!("Queue{country}List")), [()], |out, ()| {
        let mut object = Object::begin(out);
        let id = configuration.queue.to_string();
        string(object.foreign_name(&format!("ftQueue{country}Id")), &id);
        object.string("CashBoxIdentification", &configuration.identification);
        object.name("Settings").extend_from_slice(configuration.market_settings.get().as_bytes());
        match &head.market {
            Some(state) => object.name("State").extend_from_slice(state.get().as_bytes()),
            None => object.null("State"),
        }
        object.signed("TimeStamp", stamp);
        object.end();
    });
    array(object.foreign_name(&format!("SignaturCreationUnit{country}List")), &configuration.units, |out, unit| {
        let mut object = Object::begin(out);
        let id = unit.id.to_string();
        string(object.foreign_name(&format!("ftSignaturCreationUnit{country}Id")), &id);
        object.string("ZDA", &unit.algorithm_mark);
        object.string("SN", &unit.key_name);
        object.string_or_null("CertificateBase64", unit.certificate_base64.as_deref());
        object.string("PublicKeyBase64", &unit.public_key_base64);
        object.boolean("Sandbox", unit.sandbox);
        object.boolean("Retired", unit.retired);
        object.signed("TimeStamp", stamp);
        object.end();
    });
    object.end();
}
