//! The layer over a real actix. Time is tokio's paused clock: it jumps to the next timer as soon as nothing else is to
//! do, so minutes of back-off pass at once. Tests with a second arbiter run in real time and wait for events only.

mod boundary;
mod hang;
mod hook;
mod order;
mod roster;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use actix::{
    Actor, ActorContext, ActorFutureExt, Addr, Arbiter, AsyncContext, Context, Handler, MailboxError, Message,
    ResponseActFuture, ResponseFuture, Running, System, WrapFuture,
};
use kassette_stdx::{Clock, SeededEntropy};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::*;

/// The clock of the tokio runtime of the thread that asks, paused or not.
struct TokioClock {
    start: tokio::time::Instant,
}

impl Clock for TokioClock {
    fn unix_ns(&self) -> i64 {
        i64::try_from(self.monotonic().as_nanos()).unwrap()
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}

fn sources() -> Sources {
    let clock = Arc::new(TokioClock { start: tokio::time::Instant::now() });
    Sources { clock, entropy: Arc::new(SeededEntropy::new(1)) }
}

fn system(paused: bool, test: impl Future<Output = ()>) {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(paused).build().unwrap();
    System::with_tokio_rt(runtime).block_on(test);
}

/// With time that passes by itself as soon as it is waited for.
fn paused(test: impl Future<Output = ()>) {
    system(true, test);
}

/// With the time of the machine, for tests with a second arbiter; ends a test that would wait for ever.
fn real_time(test: impl Future<Output = ()>) {
    system(false, async {
        tokio::time::timeout(Duration::from_secs(30), test).await.expect("the awaited event comes");
    });
}

/// What happened, in order, over all lives.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, what: impl Into<String>) {
        self.0.lock().push(what.into());
    }

    fn take(&self) -> String {
        std::mem::take(&mut *self.0.lock()).join(" ")
    }
}

/// Where a [`Probe`] panics on its own account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Flaw {
    #[default]
    None,
    Started,
    Stopping,
    Stopped,
    Drop,
    /// Not a panic: it refuses to stop.
    Stubborn,
}

/// A child that counts its messages and breaks on demand.
struct Probe {
    child: ChildContext,
    log: Log,
    flaw: Flaw,
    count: u32,
}

impl Probe {
    fn spec(id: &'static str, log: &Log, flaw: Flaw) -> ChildSpec<Self> {
        let log = log.clone();
        ChildSpec::new(id, move |child| Probe { child, log: log.clone(), flaw, count: 0 })
    }

    fn id(&self) -> &str {
        self.child.path().as_str().rsplit('/').next().unwrap()
    }
}

impl Actor for Probe {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        self.log.add(format!("+{}", self.id()));
        assert!(self.flaw != Flaw::Started, "planted in started");
    }

    fn stopping(&mut self, _: &mut Self::Context) -> Running {
        assert!(self.flaw != Flaw::Stopping, "planted in stopping");
        if self.flaw == Flaw::Stubborn { Running::Continue } else { Running::Stop }
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        assert!(self.flaw != Flaw::Stopped, "planted in stopped");
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.log.add(format!("-{}", self.id()));
        assert!(self.flaw != Flaw::Drop, "planted in drop");
    }
}

impl Handler<Ping> for Probe {
    type Result = ();
    fn handle(&mut self, _: Ping, _: &mut Self::Context) {}
}

/// Counts; the answer is the number of messages this life has counted.
#[derive(Message)]
#[rtype(result = "u32")]
struct Count;

impl Handler<Count> for Probe {
    type Result = u32;
    fn handle(&mut self, _: Count, _: &mut Self::Context) -> u32 {
        self.count += 1;
        self.log.add(format!("={}", self.id()));
        self.count
    }
}

/// Breaks in a way.
#[derive(Message)]
#[rtype(result = "()")]
enum Break {
    /// A panic in the handler.
    Handler,
    /// A panic in a future that holds the actor.
    ActFuture,
    /// An expected failure, as a value.
    Fail(&'static str),
    /// An expected failure in a message of its own, which also cancels a future.
    CancelAndFail(&'static str),
    /// An expected failure, told by another thread.
    FailElsewhere(&'static str),
    /// `ctx.stop()`.
    Stop,
    /// Handles nothing any more, though its thread is free.
    WaitForEver,
    /// Blocks its thread until the other end says so or is dropped.
    Block(std::sync::mpsc::Receiver<()>),
    /// Stops its arbiter.
    StopArbiter,
}

impl Handler<Break> for Probe {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, how: Break, ctx: &mut Self::Context) -> Self::Result {
        match how {
            Break::Handler => panic!("planted in a handler"),
            Break::ActFuture => {
                let future = async { tokio::task::yield_now().await };
                return Box::pin(future.into_actor(self).map(|(), _, _| panic!("planted in a future")));
            }
            Break::Fail(reason) => self.child.fail_in(ctx, reason),
            Break::CancelAndFail(reason) => ctx.address().do_send(CancelAndFail(reason)),
            Break::FailElsewhere(reason) => {
                let child = self.child.clone();
                std::thread::spawn(move || child.fail(reason));
            }
            Break::Stop => ctx.stop(),
            Break::WaitForEver => ctx.wait(std::future::pending::<()>().into_actor(self)),
            Break::Block(until) => {
                let _ = until.recv();
                self.log.add(if self.child.is_current() { "current" } else { "stale" });
            }
            Break::StopArbiter => {
                Arbiter::current().stop();
            }
        }
        Box::pin(async {}.into_actor(self))
    }
}

/// What [`Break::CancelAndFail`] sends to itself: it comes by the context's own mailbox.
#[derive(Message)]
#[rtype(result = "()")]
struct CancelAndFail(&'static str);

impl Handler<CancelAndFail> for Probe {
    type Result = ();
    fn handle(&mut self, message: CancelAndFail, ctx: &mut Self::Context) {
        let timer = ctx.run_later(Duration::from_secs(60), |_, _| ());
        ctx.cancel_future(timer);
        self.child.fail_in(ctx, message.0);
    }
}

/// A panic in a future that does not hold the actor.
#[derive(Message)]
#[rtype(result = "()")]
struct BreakApart;

impl Handler<BreakApart> for Probe {
    type Result = ResponseFuture<()>;
    fn handle(&mut self, _: BreakApart, _: &mut Self::Context) -> Self::Result {
        Box::pin(async { panic!("planted apart") })
    }
}

/// A supervisor that waits 10, 20, 40 ms, without jitter.
fn tree(strategy: Strategy) -> SupervisorSpec {
    let millis = Duration::from_millis;
    SupervisorSpec::new("root", strategy)
        .backoff(Backoff { first: millis(10), factor: 2, max: millis(1_000), jitter_percent: 0 })
        .intensity(3, Duration::from_secs(10))
}

/// Waits until the status satisfies `wanted`.
async fn until(seen: &mut watch::Receiver<Vec<ChildStatus>>, wanted: impl Fn(&[ChildStatus]) -> bool) {
    seen.wait_for(|all| wanted(all)).await.unwrap();
}

fn all_run(all: &[ChildStatus]) -> bool {
    !all.is_empty() && all.iter().all(|c| c.standing == Standing::Running)
}

/// Waits until the child runs in this life.
async fn lives(seen: &mut watch::Receiver<Vec<ChildStatus>>, index: usize, generation: u64) {
    until(seen, |all| all.get(index).is_some_and(|c| c.standing == Standing::Running && c.generation == generation))
        .await;
}

async fn count(child: &ChildRef<Probe>) -> u32 {
    child.get().unwrap().send(Count).await.unwrap()
}
