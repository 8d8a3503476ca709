//! Examples of bodies. The API suite sends the requests, so that they stay true.

use serde_json::{Value, json};

/// A sale in Austria, without any case on its lines.
pub(crate) fn sale() -> Value {
    json!({
        "cbTerminalID": "bar-2",
        "cbReceiptReference": "R-2026-000815",
        "cbReceiptMoment": "2026-03-04T10:15:34Z",
        "ftReceiptCase": 0x4154_2000_0000_0001_u64,
        "cbChargeItems": [
            {"Quantity": 2, "Description": "Espresso", "Amount": 6.4, "VATRate": 20},
            {"Quantity": 1, "Description": "Strudel", "Amount": 12, "VATRate": 10},
        ],
        "cbPayItems": [{"Description": "Cash", "Amount": 18.4}],
    })
}

/// The start of a queue in Austria.
pub(crate) fn start() -> Value {
    json!({
        "cbReceiptReference": "start",
        "cbReceiptMoment": "2026-03-04T08:00:00Z",
        "ftReceiptCase": 0x4154_2000_0000_4001_u64,
        "cbChargeItems": [],
        "cbPayItems": [],
    })
}

/// What comes back for the sale.
pub(crate) fn signed() -> Value {
    json!({
        "ftQueueID": "3f5d5b9e-20c1-47b1-9b1e-6f0f1a5d8e02",
        "ftQueueItemID": "00000000-0012-8d0c-8f6e-7f6b1f1c3a44",
        "ftQueueRow": 17,
        "ftCashBoxIdentification": "TILL-0007",
        "ftCashBoxID": "0d0f6f0e-6a53-4a63-8f2b-1b7a0a0f7a10",
        "cbTerminalID": "bar-2",
        "cbReceiptReference": "R-2026-000815",
        "ftReceiptIdentification": "ft10#17",
        "ftReceiptMoment": "2026-03-04T10:15:34.8123456Z",
        "ftSignatures": [{
            "ftSignatureFormat": 3,
            "ftSignatureType": 0x4154_2000_0000_0001_u64,
            "Caption": "www.example.test",
            "Data": "_R1-AT100_TILL-0007_ft10#17_2026-03-04T11:15:34_6,40_12,00_0,00_0,00_0,00_…",
        }],
        "ftState": 0x4154_2000_0000_0000_u64,
    })
}

/// A request for the Austrian journal.
pub(crate) fn journal() -> Value {
    json!({"ftJournalType": 0x4154_0000_0000_0001_u64, "From": 0, "To": 0})
}

/// What is kept of an operation.
pub(crate) fn operation_item() -> Value {
    json!({
        "cbOperationItemID": "7b0c2e2a-6f4e-4a0e-9a56-0a3c7f6a9c11",
        "ftQueueID": "3f5d5b9e-20c1-47b1-9b1e-6f0f1a5d8e02",
        "Method": "POST",
        "Path": "/v2/echo",
        "RequestHeaders": {"content-type": ["application/json"]},
        "Request": "{\"Message\":\"till-07 hello\"}",
        "Response": "{\"Message\":\"till-07 hello\"}",
        "ResponseCode": 201,
        "LastState": "done",
        "TimeStamp": "2026-03-04T10:15:30.12Z",
        "ftOperationItemMoment": "2026-03-04T10:15:30.119Z",
    })
}

/// How an operation stands.
pub(crate) fn state_object() -> Value {
    json!({
        "OperationID": "7b0c2e2a-6f4e-4a0e-9a56-0a3c7f6a9c11",
        "QueueID": "3f5d5b9e-20c1-47b1-9b1e-6f0f1a5d8e02",
        "QueueItemID": null,
        "State": "pending",
        "StateMessage": null,
        "StateData": null,
        "TimeStamp": "2026-03-04T10:15:30.12Z",
    })
}

/// A stream of events.
pub(crate) fn events() -> Value {
    let body = json!({
        "OperationID": "7b0c2e2a-6f4e-4a0e-9a56-0a3c7f6a9c11",
        "QueueID": "3f5d5b9e-20c1-47b1-9b1e-6f0f1a5d8e02",
        "QueueItemID": null,
        "State": "pending",
        "StateMessage": null,
        "StateData": null,
        "TimeStamp": "2026-03-04T10:15:30.12Z",
        "Sequence": 1,
    });
    Value::String(format!("retry: 2000\nid: 17.3\n\nid: 18.1\nevent: operation\ndata: {body}\n\n"))
}

/// A payment by card.
pub(crate) fn payment() -> Value {
    json!({
        "Action": "payment",
        "Protocol": "use_auto",
        "cbPayItem": {"Description": "Card", "Amount": 18.4},
    })
}

/// What comes back for the payment.
pub(crate) fn paid() -> Value {
    json!({
        "Protocol": "use_auto",
        "Action": "payment",
        "ftQueueID": "3f5d5b9e-20c1-47b1-9b1e-6f0f1a5d8e02",
        "ftPayItems": [{
            "ftPayItemId": "a1d0a2c6-5b1e-4a5e-9be0-8d5d5a1c0001",
            "Description": "Card",
            "Amount": 18.4,
            "ftPayItemCase": 0x4154_2000_0180_0005_u64,
            "ftPayItemCaseData": {
                "Provider": {"Protocol": "test", "Action": "payment", "ProtocolVersion": "1.0.0"},
                "Receipt": ["DUMMY TERMINAL", "CARD **** 0042", "EUR 18,40", "APPROVED"],
            },
            "Moment": "2026-03-04T10:15:33.5Z",
        }],
    })
}

/// A payment that was made after all.
pub(crate) fn settlement() -> Value {
    json!({"outcome": "paid", "paidAmount": 18.4, "reason": "slip 0042 of the terminal", "by": "Anna Berger"})
}

/// How its operation stands then.
pub(crate) fn settled() -> Value {
    json!({
        "OperationID": "7b0c2e2a-6f4e-4a0e-9a56-0a3c7f6a9c11",
        "QueueID": "3f5d5b9e-20c1-47b1-9b1e-6f0f1a5d8e02",
        "QueueItemID": null,
        "State": "done",
        "StateMessage": null,
        "StateData": null,
        "TimeStamp": "2026-03-04T10:25:30.12Z",
    })
}

/// An echo, and what comes back.
pub(crate) fn echo() -> Value {
    json!({"Message": "till-07 hello"})
}

/// What a payment app fetches.
pub(crate) fn app_request() -> Value {
    json!({
        "operationId": "7b0c2e2a-6f4e-4a0e-9a56-0a3c7f6a9c11",
        "queueId": "3f5d5b9e-20c1-47b1-9b1e-6f0f1a5d8e02",
        "ask": false,
        "action": "payment",
        "amount": 18.4,
        "currency": "EUR",
        "description": "Card",
        "protocol": "use_auto",
        "protocolVersion": "1.0.0",
        "terminalId": "bar-2",
        "remainingMs": 9400,
    })
}

/// A payment app accepts.
pub(crate) fn app_acceptance() -> Value {
    json!({"app": "phone-3"})
}

/// It may charge.
pub(crate) fn app_accepted() -> Value {
    json!({
        "operationId": "7b0c2e2a-6f4e-4a0e-9a56-0a3c7f6a9c11",
        "queueId": "3f5d5b9e-20c1-47b1-9b1e-6f0f1a5d8e02",
        "state": "accepted",
        "remainingMs": 180_000,
    })
}

/// It has charged.
pub(crate) fn app_result() -> Value {
    json!({
        "state": "done",
        "paid": 20.4,
        "tip": 2,
        "means": "debit-card",
        "receipt": ["CARD **** 0042", "EUR 20,40", "APPROVED"],
        "reference": "0077",
    })
}

/// That was taken down.
pub(crate) fn app_taken() -> Value {
    json!({
        "operationId": "7b0c2e2a-6f4e-4a0e-9a56-0a3c7f6a9c11",
        "queueId": "3f5d5b9e-20c1-47b1-9b1e-6f0f1a5d8e02",
        "state": "done",
    })
}
