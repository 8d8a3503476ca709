//! Callbacks: each change of state told once a receiver has taken it, in order, over failures and restarts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kassette_actors::callbacks::{CallbackLimits, CallbackParts, CallbackSecrets, CallbackStatus, Resent};
use kassette_actors::{Accepted, NodeOptions};
use kassette_cashbox::Request;
use kassette_journal::Position;
use kassette_journal::callbacks::{
    CallbackError, CallbackStore, Change, Ending, ListFilter, ListKind, MemoryCallbacks, MessageCounts, MessagePlace,
    MessageState, OpenMessage, SettledMessage,
};
use kassette_model::{CashBoxId, OperationId, OperationKind};
use kassette_stdx::Clock as _;
use kassette_webhooks::{Secret, TOLERANCE_S, verify};

use crate::env::{Env, cash_box, check, receipt, request};
use crate::receiver::{Does, Received, Receivers};

const SALE: u64 = 0x4154_2000_0000_0001;
const START_S: i64 = 1_772_619_334;

struct OneSecret;

fn secret() -> Secret {
    Secret::from_bytes(&[7; 32]).unwrap()
}

impl CallbackSecrets for OneSecret {
    fn secrets(&self, _: CashBoxId) -> Result<Vec<Secret>, String> {
        Ok(vec![secret()])
    }
}

fn parts(receivers: &Arc<Receivers>, store: Arc<dyn CallbackStore>, limits: CallbackLimits) -> CallbackParts {
    CallbackParts {
        client: receivers.client(),
        secrets: Arc::new(OneSecret),
        store: Arc::new(move |_| Ok(Arc::clone(&store))),
        options: limits,
    }
}

fn options(receivers: &Arc<Receivers>, store: &Arc<MemoryCallbacks>) -> NodeOptions {
    let store = Arc::clone(store) as Arc<dyn CallbackStore>;
    NodeOptions { callbacks: Some(parts(receivers, store, CallbackLimits::default())), ..NodeOptions::default() }
}

fn sale(operation: u64, url: &str) -> Request {
    let body = receipt(&format!("R-{operation}"), SALE);
    Request { callback: Some(url.to_owned()), ..request(OperationKind::Sign, operation, body) }
}

/// Signs a receipt whose changes go to `url`.
async fn sign(env: &Env, operation: u64, url: &str) {
    let executed = env.gateway.execute(cash_box(1), sale(operation, url), Duration::from_secs(60)).await.unwrap();
    assert_eq!(executed.answer.status, 201);
}

/// Lets the dispatcher work until `done`.
async fn until(env: &Env, done: impl Fn() -> bool) {
    while !done() {
        env.gateway.callbacks().unwrap().look_now().await;
        tokio::task::yield_now().await;
    }
}

/// Lets it work until nothing is being sent and `open` messages are left.
async fn settled(env: &Env, open: u64) {
    loop {
        env.gateway.callbacks().unwrap().look_now().await;
        let status = env.gateway.callbacks().unwrap().status();
        if status == (CallbackStatus { open, dead_letters: status.dead_letters, ..CallbackStatus::default() }) {
            return;
        }
        tokio::task::yield_now().await;
    }
}

fn ids(received: &[Received]) -> Vec<String> {
    received.iter().map(|one| one.header("webhook-id").to_owned()).collect()
}

fn check_signature(one: &Received, now_s: i64) {
    let (id, timestamp) = (one.header("webhook-id"), one.header("webhook-timestamp"));
    let signature = one.header("webhook-signature");
    assert_eq!(verify(&[secret()], id, timestamp, signature, &one.body, now_s, TOLERANCE_S), Ok(()));
}

#[test]
fn every_change_is_told_in_order_and_signed() {
    let receivers = Receivers::new(|_, _| Does::Answers(204));
    let store = Arc::new(MemoryCallbacks::default());
    check(options(&receivers, &store), |env| async move {
        env.cash_box(1).await;
        sign(&env, 7, "http://a.example/sync").await;
        let accepted =
            env.gateway.accept(cash_box(1), sale(8, "http://a.example/async"), Duration::from_secs(60)).await;
        assert!(matches!(accepted, Ok(Accepted::Ended(_))));
        let refused = Request { body: b"{".to_vec(), ..sale(9, "http://b.example/refused") };
        env.gateway.execute(cash_box(1), refused, Duration::from_secs(60)).await.unwrap();
        settled(&env, 0).await;
        assert_eq!(receivers.changes("/sync"), "pending1 processing2 done3");
        assert_eq!(receivers.changes("/async"), "pending1 processing2 done3");
        assert_eq!(receivers.changes("/refused"), "pending1 processing2 failed3");
        for one in receivers.received() {
            check_signature(&one, START_S);
            assert_eq!(one.header("x-cashbox-id"), cash_box(1).to_string());
            assert_eq!(one.header("x-cashbox-accesstoken"), "");
            assert!(one.host.ends_with(".example"));
        }
        // Nothing is told without a URL, and nothing twice.
        env.sale(1, 10).await.unwrap();
        settled(&env, 0).await;
        assert_eq!(receivers.received().len(), 9);
        env
    });
}

#[test]
fn what_fails_is_tried_again_in_its_time_and_holds_up_its_own_operation_only() {
    let receivers = Receivers::new(|one, attempt| match (one.path.as_str(), one.change().as_str(), attempt) {
        ("/fails", "pending1", 0) => Does::Answers(500),
        ("/asks", "pending1", 0) => Does::AsksFor(100),
        ("/redirects", "pending1", 0) => Does::Answers(307),
        _ => Does::Answers(200),
    });
    let store = Arc::new(MemoryCallbacks::default());
    check(options(&receivers, &store), |env| async move {
        env.cash_box(1).await;
        for (operation, path) in [(7, "fails"), (8, "asks"), (9, "redirects"), (10, "works")] {
            sign(&env, operation, &format!("http://a.example/{path}")).await;
        }
        settled(&env, 9).await;
        for path in ["/fails", "/asks", "/redirects"] {
            assert_eq!(receivers.changes(path), "pending1", "the rest waits for the first");
        }
        assert_eq!(receivers.changes("/works"), "pending1 processing2 done3");
        // Five seconds and a fifth to either side.
        env.clock.advance(Duration::from_millis(3_999));
        settled(&env, 9).await;
        assert_eq!(receivers.changes("/fails"), "pending1", "not before its time");
        env.clock.advance(Duration::from_millis(2_002));
        until(&env, || receivers.changes("/fails").ends_with("done3")).await;
        until(&env, || receivers.changes("/redirects").ends_with("done3")).await;
        assert_eq!(receivers.changes("/asks"), "pending1", "the receiver asked for more");
        env.clock.advance(Duration::from_secs(94));
        until(&env, || receivers.changes("/asks").starts_with("pending1 pending1")).await;
        let again: Vec<Received> = receivers.received().into_iter().filter(|one| one.path == "/asks").collect();
        assert_eq!((ids(&again)[0].clone(), again[0].body.clone()), (ids(&again)[1].clone(), again[1].body.clone()));
        assert_ne!(again[0].header("webhook-timestamp"), again[1].header("webhook-timestamp"));
        check_signature(&again[1], START_S + 100);
        env
    });
}

#[test]
fn a_wall_clock_that_jumps_neither_hastens_an_attempt_nor_ends_a_message() {
    for jump_s in [10 * 365 * 86_400, -7_200] {
        let receivers = Receivers::new(|_, attempt| if attempt < 2 { Does::Answers(503) } else { Does::Answers(204) });
        let store = Arc::new(MemoryCallbacks::default());
        check(options(&receivers, &store), |env| async move {
            env.cash_box(1).await;
            sign(&env, 7, "http://a.example/before").await;
            settled(&env, 3).await;
            env.clock.set_unix_ns(env.clock.unix_ns() + jump_s * 1_000_000_000);
            sign(&env, 8, "http://a.example/behind").await;
            settled(&env, 6).await;
            assert_eq!(receivers.changes("/before"), "pending1", "{jump_s}: not before its time");
            assert_eq!(receivers.changes("/behind"), "pending1", "{jump_s}: at once");
            // Five seconds and half a minute for each of three messages in turn.
            while env.gateway.callbacks().unwrap().status().open > 0 {
                env.clock.advance(Duration::from_secs(1));
                env.gateway.callbacks().unwrap().look_now().await;
                until(&env, || env.gateway.callbacks().unwrap().status().sending == 0).await;
            }
            settled(&env, 0).await;
            assert_eq!(env.gateway.callbacks().unwrap().status().dead_letters, 0, "{jump_s}");
            for path in ["/before", "/behind"] {
                assert_eq!(
                    receivers.changes(path),
                    "pending1 pending1 pending1 processing2 processing2 processing2 done3 done3 done3"
                );
            }
            env
        });
    }
}

#[test]
fn gone_ends_a_message_and_a_dead_letter_can_be_sent_again() {
    let receivers = Receivers::new(|one, _| match one.path.as_str() {
        "/gone" => Does::Answers(410),
        _ => Does::Answers(503),
    });
    let store = Arc::new(MemoryCallbacks::default());
    check(options(&receivers, &store), |env| async move {
        env.cash_box(1).await;
        sign(&env, 7, "http://a.example/gone").await;
        sign(&env, 8, "http://a.example/down").await;
        settled(&env, 3).await;
        assert_eq!(receivers.changes("/gone"), "pending1 processing2 done3", "each once");
        let hours = |count: u64| Duration::from_secs(count * 3_600);
        for _ in 0..40 {
            env.clock.advance(hours(4));
            until(&env, || env.gateway.callbacks().unwrap().status().sending == 0).await;
        }
        settled(&env, 0).await;
        let desk = env.gateway.callbacks().unwrap();
        let dead = desk.list(&ListFilter { cash_box: Some(cash_box(1)), kind: ListKind::DeadLetters }, 10).unwrap();
        assert_eq!((dead.len(), desk.status().dead_letters), (3, 3));
        let operation = sale(8, "").id;
        let messages = desk.of_operation(cash_box(1), operation).unwrap();
        assert!(messages.iter().all(|one| {
            let message = one.message();
            message.attempts.len() == usize::try_from(message.attempt_count).unwrap()
                && message.attempts.iter().all(|attempt| attempt.status == Some(503) && attempt.outcome == "rejected")
        }));
        let now_ns = (START_S + 160 * 3_600) * 1_000_000_000;
        let before = receivers.received().len();
        let resent = desk.resend(cash_box(1), operation, Some(2), now_ns).unwrap();
        assert_eq!(resent, Resent { reopened: 1, hurried: 0 });
        until(&env, || receivers.received().len() > before).await;
        assert_eq!(receivers.received().last().unwrap().change(), "processing2");
        settled(&env, 1).await;
        let resent = desk.resend(cash_box(1), operation, None, now_ns).unwrap();
        assert_eq!(resent, Resent { reopened: 2, hurried: 1 });
        assert_eq!(desk.resend(cash_box(2), operation, None, now_ns).unwrap(), Resent::default(), "not its own");
        env
    });
}

#[test]
fn a_restart_loses_nothing_and_repeats_nothing_that_was_noted() {
    let receivers = Receivers::new(|_, _| Does::Answers(204));
    let store = Arc::new(MemoryCallbacks::default());
    let (again, kept) = (Arc::clone(&receivers), Arc::clone(&store));
    check(options(&receivers, &store), |env| async move {
        env.cash_box(1).await;
        sign(&env, 7, "http://a.example/before").await;
        settled(&env, 0).await;
        receivers.refuse(true);
        sign(&env, 8, "http://a.example/open").await;
        settled(&env, 3).await;
        // Without a dispatcher, as when the process died before it heard of the record.
        let env = env.restarted(NodeOptions::default()).await;
        sign(&env, 9, "http://a.example/unheard").await;
        receivers.refuse(false);
        let env = env.restarted(options(&again, &kept)).await;
        env.clock.advance(Duration::from_secs(10));
        settled(&env, 0).await;
        for path in ["/before", "/open", "/unheard"] {
            assert_eq!(receivers.changes(path), "pending1 processing2 done3", "{path}");
        }
        env
    });
}

#[test]
fn a_lost_store_costs_second_deliveries_and_never_a_message() {
    let receivers = Receivers::new(|_, _| Does::Answers(204));
    let store = Arc::new(MemoryCallbacks::default());
    let again = Arc::clone(&receivers);
    check(options(&receivers, &store), |env| async move {
        env.cash_box(1).await;
        sign(&env, 7, "http://a.example/old").await;
        settled(&env, 0).await;
        env.clock.advance(Duration::from_secs(73 * 3_600));
        sign(&env, 8, "http://a.example/new").await;
        settled(&env, 0).await;
        let env = env.restarted(options(&again, &Arc::new(MemoryCallbacks::default()))).await;
        settled(&env, 0).await;
        until(&env, || receivers.changes("/new").matches("done3").count() == 2).await;
        assert_eq!(receivers.changes("/new"), "pending1 processing2 done3 pending1 processing2 done3");
        assert_eq!(receivers.changes("/old"), "pending1 processing2 done3", "too old to be tried");
        let of_new: Vec<String> =
            ids(&receivers.received().into_iter().filter(|one| one.path == "/new").collect::<Vec<_>>());
        assert_eq!(of_new[..3], of_new[3..], "the same ids");
        env
    });
}

#[test]
fn what_does_not_fit_into_the_intake_is_read_from_the_log() {
    let receivers = Receivers::new(|_, _| Does::Answers(204));
    let store = Arc::new(MemoryCallbacks::default()) as Arc<dyn CallbackStore>;
    let limits = CallbackLimits { intake_messages_max: 3, target_window_messages_max: 4, ..CallbackLimits::default() };
    let callbacks = Some(parts(&receivers, store, limits));
    check(NodeOptions { callbacks, ..NodeOptions::default() }, |env| async move {
        env.cash_box(1).await;
        let calls: Vec<_> = (10..60)
            .map(|operation| {
                let (gateway, call) = (env.gateway.clone(), sale(operation, &format!("http://a.example/{operation}")));
                actix::spawn(async move { gateway.execute(cash_box(1), call, Duration::from_secs(60)).await })
            })
            .collect();
        for call in calls {
            assert!(call.await.unwrap().is_ok());
        }
        until(&env, || receivers.received().len() >= 150).await;
        settled(&env, 0).await;
        for operation in 10..60 {
            assert_eq!(receivers.changes(&format!("/{operation}")), "pending1 processing2 done3");
        }
        env
    });
}

#[test]
fn a_receiver_that_says_nothing_holds_up_nobody_else() {
    let receivers =
        Receivers::new(|one, _| if one.host == "silent.example" { Does::Nothing } else { Does::Answers(204) });
    let store = Arc::new(MemoryCallbacks::default());
    check(options(&receivers, &store), |env| async move {
        env.cash_box(1).await;
        for operation in 10..30 {
            sign(&env, operation, &format!("http://silent.example/{operation}")).await;
        }
        sign(&env, 7, "http://a.example/works").await;
        until(&env, || receivers.changes("/works") == "pending1 processing2 done3").await;
        let silent = receivers.received().into_iter().filter(|one| one.host == "silent.example").count();
        assert!(silent <= CallbackLimits::default().calls_per_target_max, "{silent}");
        env
    });
}

/// A store that fails when told to.
struct Failing {
    inner: MemoryCallbacks,
    failing: Arc<AtomicBool>,
}

impl Failing {
    fn check(&self) -> Result<(), CallbackError> {
        if self.failing.load(Ordering::SeqCst) { Err(CallbackError("planted".to_owned())) } else { Ok(()) }
    }
}

impl CallbackStore for Failing {
    fn taken(&self) -> Result<Option<Position>, CallbackError> {
        self.check().and_then(|()| self.inner.taken())
    }
    fn settled_to(&self) -> Result<Option<Position>, CallbackError> {
        self.check().and_then(|()| self.inner.settled_to())
    }
    fn take(&self, up_to: Position, messages: &[OpenMessage]) -> Result<(), CallbackError> {
        self.check().and_then(|()| self.inner.take(up_to, messages))
    }
    fn tried(&self, changes: &[Change]) -> Result<(), CallbackError> {
        self.check().and_then(|()| self.inner.tried(changes))
    }
    fn reopen(&self, settled: &SettledMessage, now_ns: i64) -> Result<bool, CallbackError> {
        self.check().and_then(|()| self.inner.reopen(settled, now_ns))
    }
    fn window(
        &self,
        target: u64,
        after: Option<MessagePlace>,
        limit: usize,
    ) -> Result<Vec<OpenMessage>, CallbackError> {
        self.check().and_then(|()| self.inner.window(target, after, limit))
    }
    fn targets(&self) -> Result<Vec<u64>, CallbackError> {
        self.check().and_then(|()| self.inner.targets())
    }
    fn of_operation(&self, cash_box: CashBoxId, operation: OperationId) -> Result<Vec<MessageState>, CallbackError> {
        self.check().and_then(|()| self.inner.of_operation(cash_box, operation))
    }
    fn list(&self, filter: &ListFilter, limit: usize) -> Result<Vec<MessageState>, CallbackError> {
        self.check().and_then(|()| self.inner.list(filter, limit))
    }
    fn counts(&self) -> Result<MessageCounts, CallbackError> {
        self.check().and_then(|()| self.inner.counts())
    }
    fn forget_before(&self, settled_ns: i64) -> Result<(), CallbackError> {
        self.check().and_then(|()| self.inner.forget_before(settled_ns))
    }
    fn flush(&self) -> Result<(), CallbackError> {
        self.check().and_then(|()| self.inner.flush())
    }
}

#[test]
fn a_store_that_fails_is_made_anew_and_receipts_are_signed_meanwhile() {
    let receivers = Receivers::new(|_, _| Does::Answers(204));
    let failing = Arc::new(AtomicBool::new(false));
    let opened = Arc::new(Mutex::new(Vec::new()));
    let (planted, seen) = (Arc::clone(&failing), Arc::clone(&opened));
    let callbacks = CallbackParts {
        store: Arc::new(move |fresh| {
            seen.lock().unwrap().push(fresh);
            match planted.load(Ordering::SeqCst) {
                true => Err(CallbackError("the device is full".to_owned())),
                false => Ok(Arc::new(Failing { inner: MemoryCallbacks::default(), failing: Arc::clone(&planted) })),
            }
        }),
        ..parts(
            &receivers,
            Arc::new(MemoryCallbacks::default()),
            CallbackLimits { reopen_ms: 1, ..CallbackLimits::default() },
        )
    };
    check(NodeOptions { callbacks: Some(callbacks), ..NodeOptions::default() }, |env| async move {
        env.cash_box(1).await;
        sign(&env, 7, "http://a.example/7").await;
        settled(&env, 0).await;
        failing.store(true, Ordering::SeqCst);
        sign(&env, 8, "http://a.example/8").await;
        until(&env, || env.gateway.callbacks().unwrap().status().problem.is_some()).await;
        sign(&env, 9, "http://a.example/9").await;
        until(&env, || opened.lock().unwrap().contains(&true)).await;
        failing.store(false, Ordering::SeqCst);
        settled(&env, 0).await;
        until(&env, || receivers.changes("/9").ends_with("done3")).await;
        assert!(receivers.changes("/8").ends_with("pending1 processing2 done3"));
        let messages = env.gateway.callbacks().unwrap().of_operation(cash_box(1), sale(9, "").id).unwrap();
        let ended =
            |one: &MessageState| matches!(one, MessageState::Settled(one) if one.ending == Ending::Acknowledged);
        assert!(messages.len() == 3 && messages.iter().all(ended));
        env
    });
}
