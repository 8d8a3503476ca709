//! One life of a child, as shared by the child and its supervisor.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

use actix::{Actor, ActorContext, Context};
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;

/// One life of a child: the supervisor asks through it, the child reports through it. A life that was abandoned has
/// its lease revoked; what still runs of it then has no say any more.
#[derive(Debug, Default)]
pub(super) struct Lease {
    /// The life of the supervisor that gave this one; when that is revoked, so is this.
    giver: Option<Arc<Lease>>,
    revoked: AtomicBool,
    stop_asked: AtomicBool,
    failure: Mutex<Option<String>>,
    /// One task lives by a lease (an actor or a supervisor's loop), so one waker is enough.
    waker: AtomicWaker,
}

impl Lease {
    pub(super) fn under(giver: &Arc<Lease>) -> Arc<Self> {
        Arc::new(Self { giver: Some(Arc::clone(giver)), ..Self::default() })
    }

    pub(super) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    pub(super) fn ask_stop(&self) {
        self.stop_asked.store(true, Ordering::SeqCst);
        self.waker.wake();
    }

    pub(super) fn stop_asked(&self) -> bool {
        self.stop_asked.load(Ordering::SeqCst)
    }

    pub(super) fn revoke(&self) {
        self.revoked.store(true, Ordering::SeqCst);
        self.waker.wake();
    }

    pub(super) fn is_revoked(&self) -> bool {
        self.revoked.load(Ordering::SeqCst) || self.giver.as_ref().is_some_and(|giver| giver.is_revoked())
    }

    /// The first reason stands; the later ones are mostly its consequences.
    pub(super) fn fail(&self, reason: String) {
        self.failure.lock().get_or_insert(reason);
        self.waker.wake();
    }

    pub(super) fn failure(&self) -> Option<String> {
        self.failure.lock().clone()
    }
}

/// The name of a child with those of its supervisors before it: `root/devices/printer-1/port`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ChildPath(Arc<str>);

impl ChildPath {
    /// A path without a supervisor before it.
    #[must_use]
    pub fn root(id: &str) -> Self {
        Self(id.into())
    }

    pub(super) fn join(&self, id: &str) -> Self {
        Self(format!("{}/{id}", self.0).into())
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChildPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a factory is handed for the child it builds: who it is, and how it reports an expected failure. May be
/// cloned and sent to the child's own threads.
#[derive(Debug, Clone)]
pub struct ChildContext {
    path: ChildPath,
    generation: u64,
    lease: Arc<Lease>,
}

impl ChildContext {
    pub(super) fn new(path: ChildPath, generation: u64, lease: Arc<Lease>) -> Self {
        Self { path, generation, lease }
    }

    /// A child without a supervisor, for the unit test of an actor; nobody reads its reports.
    #[must_use]
    pub fn detached(id: &str) -> Self {
        Self::new(ChildPath::root(id), 1, Arc::default())
    }

    /// Who this child is, for logs.
    #[must_use]
    pub fn path(&self) -> &ChildPath {
        &self.path
    }

    /// Which of its lives this is, from 1.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Reports an expected failure from anywhere, also from another thread: the child ends with
    /// [`Exit::Failed`](super::Exit::Failed) and this reason (the first one, if there are several) as soon as its
    /// arbiter comes to it, and handles no further message. Inside a handler use [`ChildContext::fail_in`]. The child's
    /// `stopped` is not called: clean up in `Drop`.
    pub fn fail(&self, reason: impl Into<String>) {
        self.lease.fail(reason.into());
    }

    /// As [`ChildContext::fail`], from inside the child, and at once; `stopping` and `stopped` are called.
    ///
    /// It stops the context and does not terminate it: a context that was terminated while a future of it was cancelled in the same
    /// message spins for ever (actix 0.13.5: it merges the cancelled handle again and again, and looks at its state only behind that).
    pub fn fail_in<A: Actor<Context = Context<A>>>(&self, ctx: &mut Context<A>, reason: impl Into<String>) {
        self.lease.fail(reason.into());
        ctx.stop();
    }

    /// Whether this life is still the one its supervisor counts on. A handler that was blocked for so long that its
    /// supervisor abandoned it runs on to its end when it comes free, beside the child that replaced it: safe Rust
    /// cannot stop it (the messages behind it are refused). So before an effect outside the process (a charge, a print)
    /// after a wait, ask here.
    #[must_use]
    pub fn is_current(&self) -> bool {
        !self.lease.is_revoked()
    }

    pub(super) fn lease(&self) -> &Arc<Lease> {
        &self.lease
    }
}
