//! The specification of a supervised actor.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix::dev::channel::channel;
use actix::{Actor, Addr, Context, Handler};

use super::blueprint::{Birth, Blueprint, Life, Ping, PingRule};
use super::child_ref::{ChildRef, Down};
use super::exit::Exit;
use super::guarded::Guarded;
use super::housing::{Housing, Placement};
use super::lease::{ChildContext, Lease};
use super::panic_hook::Running;
use super::rules::{ChildRules, Restart};
use super::status::ChildStatus;

/// From being asked to stop to being abandoned, unless the specification says otherwise.
pub const SHUTDOWN_DEFAULT: Duration = Duration::from_secs(5);
/// From the call of the factory to being taken for failed, unless the specification says otherwise.
pub const START_WITHIN_DEFAULT: Duration = Duration::from_secs(30);
/// Messages a mailbox holds, unless the specification says otherwise; `try_send` refuses more.
pub const MAILBOX_MESSAGES_DEFAULT: usize = 16;

type AskFor<A> = Arc<dyn Fn(Addr<A>) -> super::blueprint::Ask + Send + Sync>;

/// How a supervised actor is built, again and again, and how it is treated. The factory builds new state each time,
/// from configuration and journal: a value that panicked is never used again.
pub struct ChildSpec<A: Actor<Context = Context<A>>> {
    rules: ChildRules,
    mailbox_messages: usize,
    housing: Housing,
    ping: Option<(PingRule, AskFor<A>)>,
    start: Arc<dyn Fn(ChildContext) -> A + Send + Sync>,
    handle: ChildRef<A>,
}

impl<A: Actor<Context = Context<A>>> ChildSpec<A> {
    /// A permanent child on its supervisor's arbiter. `start` runs on the child's arbiter; if it panics, that is an
    /// exit too.
    #[must_use]
    pub fn new(id: &str, start: impl Fn(ChildContext) -> A + Send + Sync + 'static) -> Self {
        let rules = ChildRules {
            id: id.to_owned(),
            restart: Restart::Permanent,
            shutdown: SHUTDOWN_DEFAULT,
            start_within: START_WITHIN_DEFAULT,
        };
        Self {
            rules,
            mailbox_messages: MAILBOX_MESSAGES_DEFAULT,
            housing: Housing::new(),
            ping: None,
            start: Arc::new(start),
            handle: ChildRef::idle(),
        }
    }

    /// When it is started again.
    #[must_use]
    pub fn restart(mut self, restart: Restart) -> Self {
        self.rules.restart = restart;
        self
    }

    /// From being asked to stop to being abandoned.
    #[must_use]
    pub fn shutdown(mut self, shutdown: Duration) -> Self {
        self.rules.shutdown = shutdown;
        self
    }

    /// From the call of its factory to being taken for failed.
    #[must_use]
    pub fn start_within(mut self, start_within: Duration) -> Self {
        self.rules.start_within = start_within;
        self
    }

    /// Messages its mailbox holds.
    #[must_use]
    pub fn mailbox_messages(mut self, mailbox_messages: usize) -> Self {
        self.mailbox_messages = mailbox_messages;
        self
    }

    /// Gives each life an arbiter of its own. While more than `leaked_max` abandoned ones still hang, a start is
    /// refused and counts as a failure.
    #[must_use]
    pub fn own_arbiter(mut self, leaked_max: usize) -> Self {
        self.housing.placement = Placement::OwnArbiter;
        self.housing.leaked_max = leaked_max;
        self
    }

    /// Finds a hang by pings. Use with [`ChildSpec::own_arbiter`]: on the supervisor's own arbiter a handler that
    /// blocks, blocks the one who would notice.
    #[must_use]
    pub fn ping(mut self, rule: PingRule) -> Self
    where
        A: Handler<Ping>,
    {
        let ask: AskFor<A> = Arc::new(|addr: Addr<A>| {
            Box::new(move || {
                let answer = addr.send(Ping);
                Box::pin(async move { answer.await.is_ok() })
            })
        });
        self.ping = Some((rule, ask));
        self
    }

    /// The child's stable handle; may be taken before the child is started, also for its siblings' factories.
    #[must_use]
    pub fn child_ref(&self) -> ChildRef<A> {
        self.handle.clone()
    }
}

impl<A: Actor<Context = Context<A>>> Blueprint for ChildSpec<A> {
    fn rules(&self) -> ChildRules {
        self.rules.clone()
    }

    fn start(&self, birth: Birth) -> Life {
        let Birth { path, generation, lease, reporter, .. } = birth;
        // The mailbox is made here, so that the address is known before an arbiter of its own has come up. Starting
        // with `Actor::start_in_arbiter` would do the same and give away the future that must be guarded.
        let (sender, receiver) = channel(self.mailbox_messages);
        let addr = Addr::new(sender);
        let ask = self.ping.as_ref().map(|(rule, ask)| (*rule, ask(addr.clone())));
        let child = ChildContext::new(path, generation, Arc::clone(&lease));
        let (start, handle) = (Arc::clone(&self.start), self.handle.clone());
        let home = self.housing.settle(reporter, move |tenant, reporter| {
            actix::spawn(async move {
                let _tenant = tenant;
                let on_started = reporter.on_started();
                let up = {
                    let lease = Arc::clone(child.lease());
                    move || {
                        handle.up(&lease, addr);
                        on_started();
                    }
                };
                let built = {
                    let _running = Running::enter(child.path());
                    catch_unwind(AssertUnwindSafe(|| start(child.clone())))
                };
                let exit = match built {
                    Ok(actor) => Guarded::new(child, receiver, actor, up).await,
                    Err(payload) => Exit::from_panic(&*payload),
                };
                reporter.exited(exit);
            });
        });
        Life { generation, lease, home, ask, pinger: None }
    }

    fn mark_down(&self, lease: &Lease, down: &Down) {
        self.handle.down(lease, down);
    }

    fn arbiters_leaked(&self) -> usize {
        self.housing.leaked.load(Ordering::SeqCst)
    }

    fn below(&self) -> Vec<ChildStatus> {
        Vec::new()
    }
}
