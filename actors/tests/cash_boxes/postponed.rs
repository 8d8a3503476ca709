//! Accepted operations that cannot begin: they wait, expire by their lifetime, and are executed as soon as they can be.

use std::time::Duration;

use kassette_actors::{Accepted, NodeOptions, Rejected};
use kassette_cashbox::Request;
use kassette_journal::Journal as _;
use kassette_model::{OperationKind, OperationState};

use crate::env::{Env, cash_box, check, numbers, request};

/// A sale that refers to an earlier receipt, so that it cannot begin while receipts cannot be looked up.
fn referring(operation: u64, lifetime_ms: Option<u64>) -> Request {
    let body = format!(
        r#"{{"cbReceiptReference":"R-{operation}","cbPreviousReceiptReference":"start","cbReceiptMoment":"2026-03-04T10:15:34Z",
            "ftReceiptCase":{},"cbChargeItems":[{{"Description":"Espresso","Amount":3.20,"VATRate":20}}],
            "cbPayItems":[{{"Description":"Bar","Amount":3.20}}]}}"#,
        0x4154_2000_0000_0001_u64
    );
    Request { lifetime_ms, ..request(OperationKind::Sign, operation, body.into_bytes()) }
}

/// Accepts one that cannot begin.
async fn pending(env: &Env, operation: u64, lifetime_ms: Option<u64>) -> Result<Accepted, Rejected> {
    env.journal.set_receipts_busy(true);
    let accepted = env.gateway.accept(cash_box(1), referring(operation, lifetime_ms), Duration::ZERO).await;
    // The intent may be durable before the cash box has tried to execute it; what it is asked next comes behind that.
    drop(env.gateway.watch(cash_box(1), referring(operation, None).id, Duration::ZERO).await);
    accepted
}

/// State and status of the newest record of an operation.
fn stored(env: &Env, operation: u64) -> (OperationState, u16) {
    let id = referring(operation, None).id;
    let record = env.journal.operation(cash_box(1), id).unwrap().unwrap();
    let operation = kassette_record::v1::read_details(&record.header).unwrap().operation.unwrap();
    (operation.state, operation.status)
}

/// Waits for the end of an operation as a repeat of its call does, while what is pending is tried again.
async fn ended(env: &Env, operation: u64) -> u16 {
    loop {
        let gateway = env.gateway.clone();
        let call = referring(operation, None);
        let waiting = actix::spawn(async move { gateway.execute(cash_box(1), call, Duration::from_secs(60)).await });
        while !waiting.is_finished() {
            env.gateway.go_on().unwrap();
            // There and back, so that the cash box is not asked faster than it answers.
            drop(env.gateway.watch(cash_box(1), referring(operation, None).id, Duration::ZERO).await);
        }
        match waiting.await.unwrap() {
            Ok(executed) => {
                assert!(!executed.first);
                return executed.answer.status;
            }
            // Its cash box was just starting anew.
            Err(rejected) => assert!(matches!(rejected, Rejected::Busy { .. }), "{rejected:?}"),
        }
    }
}

#[test]
fn one_that_can_begin_in_time_is_executed_and_one_that_cannot_fails_with_408() {
    for (lifetime_ms, waited_ms, status) in
        [(None, 15_000, 201), (None, 15_001, 408), (Some(100), 100, 201), (Some(100), 101, 408)]
    {
        check(NodeOptions::default(), |env| async move {
            env.cash_box(1).await;
            assert_eq!(pending(&env, 7, lifetime_ms).await, Ok(Accepted::Running { first: true }));
            assert_eq!(stored(&env, 7), (OperationState::Pending, 202));
            env.clock.advance(Duration::from_millis(waited_ms));
            env.journal.set_receipts_busy(false);
            assert_eq!(ended(&env, 7).await, status, "{lifetime_ms:?} {waited_ms}");
            assert_eq!(env.journal.unfinished().unwrap(), []);
            let next = if status == 201 { 3 } else { 2 };
            assert_eq!(numbers(&env.sale(1, 8).await.unwrap()).0, next, "one number, or none");
            env
        });
    }
}

#[test]
fn it_expires_while_it_still_cannot_begin() {
    check(NodeOptions::default(), |env| async move {
        env.cash_box(1).await;
        assert_eq!(pending(&env, 7, Some(100)).await, Ok(Accepted::Running { first: true }));
        env.clock.advance(Duration::from_millis(101));
        assert_eq!(ended(&env, 7).await, 408);
        assert_eq!(stored(&env, 7), (OperationState::Failed, 408));
        env
    });
}

#[test]
fn one_that_was_accepted_before_a_restart_is_executed_whatever_its_lifetime() {
    check(NodeOptions::default(), |env| async move {
        env.cash_box(1).await;
        assert_eq!(pending(&env, 7, Some(100)).await, Ok(Accepted::Running { first: true }));
        // Another record fails: this incarnation of the cash box ends, and with it the actor of the operation.
        env.journal.set_fault(Some(kassette_journal::MemoryFault::NoSpace));
        assert!(matches!(env.sale(1, 8).await, Err(Rejected::NoSpace(_))));
        env.journal.set_fault(None);
        env.clock.advance(Duration::from_secs(3_600));
        env.journal.set_receipts_busy(false);
        assert_eq!(ended(&env, 7).await, 201);
        env
    });
}

#[test]
fn a_third_is_refused_behind_two_that_cannot_begin_and_nothing_else_waits_for_them() {
    check(NodeOptions { open_operations_max: 2, ..NodeOptions::default() }, |env| async move {
        env.cash_box(1).await;
        for operation in [7, 8] {
            assert_eq!(pending(&env, operation, None).await, Ok(Accepted::Running { first: true }));
        }
        assert_eq!(pending(&env, 9, None).await, Err(Rejected::Busy { retry_after_s: 1 }));
        assert!(env.sale(1, 10).await.unwrap().first, "a receipt that needs no look-up is signed");
        env.journal.set_receipts_busy(false);
        for operation in [7, 8] {
            assert_eq!(ended(&env, operation).await, 201);
        }
        assert!(env.gateway.accept(cash_box(1), referring(9, None), Duration::ZERO).await.is_ok());
        env
    });
}
