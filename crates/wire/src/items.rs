//! Charge items, pay items and signature items.

use kassette_model::cases::{ChargeItemCase, PayItemCase, SignatureFormat, SignatureType};
use kassette_model::{ChargeItem, Decimal, FreeJson, PayItem, SignatureItem};

use crate::fields::{EUR, Fields, Nullable, Reader};
use crate::json::write::Object;

/// The places of an item: its own multiplier if it has one, else that of the receipt, never both (contract 4.0).
fn places(reader: &mut Reader<'_>, fields: &mut Fields<'_, '_>, receipt_places: u32) -> u32 {
    match reader.multiplier_places(fields) {
        0 => receipt_places,
        own => own,
    }
}

pub(crate) fn read_charge_item(reader: &mut Reader<'_>, mut fields: Fields<'_, '_>, receipt_places: u32) -> ChargeItem {
    let f = &mut fields;
    let places = places(reader, f, receipt_places);
    ChargeItem {
        id: reader.guid(f, "ftChargeItemId"),
        quantity: reader.decimal(f, "Quantity", places, Nullable::No).unwrap_or(Decimal::ONE),
        description: reader.required_text(f, "Description"),
        amount: reader.decimal(f, "Amount", places, Nullable::No).unwrap_or_default(),
        vat_rate: reader.decimal(f, "VATRate", places, Nullable::No).unwrap_or_default(),
        case: ChargeItemCase(reader.case(f, "ftChargeItemCase")),
        case_data: reader.free(f, "ftChargeItemCaseData"),
        vat_amount: reader.decimal(f, "VATAmount", places, Nullable::Yes),
        moment: reader.moment(f, "Moment", Nullable::Yes),
        position: reader.decimal(f, "Position", places, Nullable::No).unwrap_or_default(),
        account_number: reader.text(f, "AccountNumber"),
        cost_center: reader.text(f, "CostCenter"),
        product_group: reader.text(f, "ProductGroup"),
        product_number: reader.text(f, "ProductNumber"),
        product_barcode: reader.text(f, "ProductBarcode"),
        unit: reader.text(f, "Unit"),
        unit_quantity: reader.decimal(f, "UnitQuantity", places, Nullable::Yes),
        unit_price: reader.decimal(f, "UnitPrice", places, Nullable::Yes),
        currency: reader.currency(f),
        unknown: fields.unknown(),
    }
}

pub(crate) fn read_pay_item(reader: &mut Reader<'_>, mut fields: Fields<'_, '_>, receipt_places: u32) -> PayItem {
    let f = &mut fields;
    let places = places(reader, f, receipt_places);
    PayItem {
        id: reader.guid(f, "ftPayItemId"),
        quantity: reader.decimal(f, "Quantity", places, Nullable::No).unwrap_or(Decimal::ONE),
        description: reader.required_text(f, "Description"),
        amount: reader.decimal(f, "Amount", places, Nullable::No).unwrap_or_default(),
        case: PayItemCase(reader.case(f, "ftPayItemCase")),
        case_data: reader.free(f, "ftPayItemCaseData"),
        moment: reader.moment(f, "Moment", Nullable::Yes),
        position: reader.decimal(f, "Position", places, Nullable::No).unwrap_or_default(),
        account_number: reader.text(f, "AccountNumber"),
        cost_center: reader.text(f, "CostCenter"),
        money_group: reader.text(f, "MoneyGroup"),
        money_number: reader.text(f, "MoneyNumber"),
        money_barcode: reader.text(f, "MoneyBarcode"),
        currency: reader.currency(f),
        unknown: fields.unknown(),
    }
}

pub(crate) fn read_signature_item(reader: &mut Reader<'_>, mut fields: Fields<'_, '_>) -> SignatureItem {
    let f = &mut fields;
    SignatureItem {
        id: reader.guid(f, "ftSignatureItemId"),
        format: SignatureFormat(reader.case(f, "ftSignatureFormat")),
        kind: SignatureType(reader.case(f, "ftSignatureType")),
        caption: reader.text(f, "Caption"),
        data: reader.required_text(f, "Data"),
    }
}

/// What both kinds of items have at their end.
pub(crate) fn write_tail(object: &mut Object<'_>, currency: &str, unknown: &[(String, FreeJson)]) {
    if currency != EUR {
        object.string("Currency", currency);
    }
    for (name, value) in unknown {
        object.foreign_name(name).extend_from_slice(value.0.as_bytes());
    }
}

pub(crate) fn write_charge_item(out: &mut Vec<u8>, item: &ChargeItem) {
    let mut object = Object::begin(out);
    if let Some(id) = item.id {
        object.uuid("ftChargeItemId", id);
    }
    object.decimal("Quantity", item.quantity);
    object.string("Description", &item.description);
    object.decimal("Amount", item.amount);
    object.decimal("VATRate", item.vat_rate);
    if item.case.0 != 0 {
        object.unsigned("ftChargeItemCase", item.case.0);
    }
    if let Some(data) = &item.case_data {
        object.free("ftChargeItemCaseData", data);
    }
    if let Some(amount) = item.vat_amount {
        object.decimal("VATAmount", amount);
    }
    if let Some(moment) = item.moment {
        object.moment("Moment", moment);
    }
    if !item.position.is_zero() {
        object.decimal("Position", item.position);
    }
    object.string_if("AccountNumber", item.account_number.as_deref());
    object.string_if("CostCenter", item.cost_center.as_deref());
    object.string_if("ProductGroup", item.product_group.as_deref());
    object.string_if("ProductNumber", item.product_number.as_deref());
    object.string_if("ProductBarcode", item.product_barcode.as_deref());
    object.string_if("Unit", item.unit.as_deref());
    if let Some(quantity) = item.unit_quantity {
        object.decimal("UnitQuantity", quantity);
    }
    if let Some(price) = item.unit_price {
        object.decimal("UnitPrice", price);
    }
    write_tail(&mut object, &item.currency, &item.unknown);
    object.end();
}

pub(crate) fn write_pay_item(out: &mut Vec<u8>, item: &PayItem) {
    let mut object = Object::begin(out);
    if let Some(id) = item.id {
        object.uuid("ftPayItemId", id);
    }
    if item.quantity != Decimal::ONE {
        object.decimal("Quantity", item.quantity);
    }
    object.string("Description", &item.description);
    object.decimal("Amount", item.amount);
    if item.case.0 != 0 {
        object.unsigned("ftPayItemCase", item.case.0);
    }
    if let Some(data) = &item.case_data {
        object.free("ftPayItemCaseData", data);
    }
    if let Some(moment) = item.moment {
        object.moment("Moment", moment);
    }
    if !item.position.is_zero() {
        object.decimal("Position", item.position);
    }
    object.string_if("AccountNumber", item.account_number.as_deref());
    object.string_if("CostCenter", item.cost_center.as_deref());
    object.string_if("MoneyGroup", item.money_group.as_deref());
    object.string_if("MoneyNumber", item.money_number.as_deref());
    object.string_if("MoneyBarcode", item.money_barcode.as_deref());
    write_tail(&mut object, &item.currency, &item.unknown);
    object.end();
}

pub(crate) fn write_signature_item(out: &mut Vec<u8>, item: &SignatureItem) {
    let mut object = Object::begin(out);
    if let Some(id) = item.id {
        object.uuid("ftSignatureItemId", id);
    }
    object.unsigned("ftSignatureFormat", item.format.0);
    object.unsigned("ftSignatureType", item.kind.0);
    object.string_if("Caption", item.caption.as_deref());
    object.string("Data", &item.data);
    object.end();
}
