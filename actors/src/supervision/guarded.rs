//! An actor at whose boundary a panic ends.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{self, Poll};

use actix::dev::ContextFut;
use actix::dev::channel::AddressReceiver;
use actix::{Actor, ActorContext, ActorState, AsyncContext, Context};

use super::exit::Exit;
use super::intake::Intake;
use super::lease::ChildContext;
use super::panic_hook::Running;

/// Owns an actor and its context and runs them; ends with the reason why the actor is gone.
///
/// Relied upon, measured on actix 0.13.5:
/// * A panic while the context is polled kills only that actor: the mailbox closes, senders and everything queued get
///   `MailboxError::Closed`. The runtime would swallow the panic, so nobody would hear of it; hence `catch_unwind`.
/// * Dropping a context that is not stopped polls it once more, and that calls `stopping` and `stopped`. During
///   unwinding a second panic there aborts the process. Hence `discard`: terminate first (a stopped context is not
///   polled on drop), then drop, in a `catch_unwind` of its own.
/// * `terminate` forgets that the context was started; polled again, it would call `started` a second time. Hence a
///   terminated context is discarded, never polled.
/// * After `stop` the mailbox and the actor's futures are not polled; `stopping` is called at once and may answer
///   `Running::Continue` to go on until the actor itself stops.
pub struct Guarded<A: Actor<Context = Context<A>>> {
    /// Boxed, because a context is large and moves into a task; `None` when the actor is gone.
    fut: Option<Box<ContextFut<A, Context<A>>>>,
    child: ChildContext,
    /// Called once, after the actor's `started` has gone well.
    on_started: Option<Box<dyn FnOnce()>>,
    stop_passed_on: bool,
}

impl<A: Actor<Context = Context<A>>> Guarded<A> {
    /// Guards `actor`, which takes the messages of the address that belongs to `messages`; `on_started` is called
    /// once, after the actor's `started`.
    pub fn new(
        child: ChildContext,
        messages: AddressReceiver<A>,
        actor: A,
        on_started: impl FnOnce() + 'static,
    ) -> Self {
        let mut ctx = Context::new();
        ctx.spawn(Intake::new(messages, std::sync::Arc::clone(child.lease())));
        let fut = Some(Box::new(ctx.into_future(actor)));
        Self { fut, child, on_started: Some(Box::new(on_started)), stop_passed_on: false }
    }

    /// Drops the actor without a call of its `stopping` or `stopped`; a panic in its `Drop` is returned.
    fn discard(&mut self) -> Option<Exit> {
        let mut fut = self.fut.take()?;
        let _running = Running::enter(self.child.path());
        fut.ctx().terminate();
        let dropped = catch_unwind(AssertUnwindSafe(move || drop(fut)));
        dropped.err().map(|payload| Exit::from_panic(&*payload))
    }

    /// The actor is gone for this reason, unless its `Drop` adds a panic.
    fn end(&mut self, exit: Exit) -> Poll<Exit> {
        let dropped = self.discard();
        Poll::Ready(if exit.is_failure() { exit } else { dropped.unwrap_or(exit) })
    }
}

impl<A: Actor<Context = Context<A>>> Future for Guarded<A> {
    type Output = Exit;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Exit> {
        let this = self.get_mut();
        let lease = std::sync::Arc::clone(this.child.lease());
        // Before looking at the lease, so that a change right after the look wakes this task again.
        lease.register(cx.waker());
        if lease.is_revoked() {
            return this.end(Exit::Failed("abandoned by its supervisor".to_owned()));
        }
        if let Some(reason) = lease.failure() {
            return this.end(Exit::Failed(reason));
        }
        let Some(fut) = this.fut.as_mut() else { return Poll::Ready(Exit::Normal) };
        if lease.stop_asked() && !this.stop_passed_on {
            if this.on_started.is_some() {
                return this.end(Exit::Shutdown);
            }
            this.stop_passed_on = true;
            fut.ctx().stop();
        }
        let running = Running::enter(this.child.path());
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut **fut).poll(cx)));
        drop(running);
        // A context can be terminated and pending at once: a future under `ctx.wait` that terminates and waits on.
        let ended = match polled {
            Err(payload) => return this.end(Exit::from_panic(&*payload)),
            Ok(Poll::Ready(())) => true,
            Ok(Poll::Pending) => fut.ctx().state() == ActorState::Stopped,
        };
        match lease.failure() {
            _ if lease.is_revoked() => this.end(Exit::Failed("abandoned by its supervisor".to_owned())),
            Some(reason) => this.end(Exit::Failed(reason)),
            None if ended && lease.stop_asked() => this.end(Exit::Shutdown),
            None if ended => this.end(Exit::Normal),
            None => {
                if let Some(on_started) = this.on_started.take() {
                    on_started();
                }
                Poll::Pending
            }
        }
    }
}

impl<A: Actor<Context = Context<A>>> Drop for Guarded<A> {
    /// Dropped with its arbiter: `stopping` and `stopped` are not called (neither does plain actix once the last
    /// address is gone), so an actor cleans up in its own `Drop`.
    fn drop(&mut self) {
        if let Some(exit) = self.discard() {
            tracing::error!(child = %self.child.path(), %exit, "dropping a child");
        }
    }
}
