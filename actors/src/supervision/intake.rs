//! The way of messages into a guarded actor.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};

use actix::dev::channel::AddressReceiver;
use actix::dev::{EnvelopeProxy, Stream};
use actix::{Actor, ActorContext, ActorFuture, AsyncContext, Context};

use super::lease::Lease;

/// Hands the messages of a child's address to the actor, one at a time, and looks at the lease before each.
///
/// actix's own mailbox would handle everything queued in one go (measured on actix 0.13.5: a handler that blocked, was
/// given up and came free at last was followed by the messages that had waited behind it). A payment among them would
/// be made by a child that had been replaced, for a cashier who had gone. So the address given out belongs to a channel
/// of ours, and this future, which runs in the actor's context, polls it. The context's own mailbox stays for what the
/// actor sends to itself (`ctx.address()`).
pub(super) struct Intake<A: Actor<Context = Context<A>>> {
    messages: AddressReceiver<A>,
    lease: Arc<Lease>,
}

impl<A: Actor<Context = Context<A>>> Intake<A> {
    pub(super) fn new(messages: AddressReceiver<A>, lease: Arc<Lease>) -> Self {
        Self { messages, lease }
    }
}

impl<A: Actor<Context = Context<A>>> ActorFuture<A> for Intake<A> {
    type Output = ();

    /// Pending for as long as the actor lives: what ends it is the context or the lease. It also keeps the actor alive
    /// when nobody holds its address.
    fn poll(mut self: Pin<&mut Self>, act: &mut A, ctx: &mut Context<A>, task: &mut task::Context<'_>) -> Poll<()> {
        // A context that waits (`ctx.wait`) or stops takes no message; when the wait is over it polls this again.
        while !ctx.waiting() {
            if self.lease.is_revoked() || self.lease.failure().is_some() {
                ctx.terminate();
                break;
            }
            match Pin::new(&mut self.messages).poll_next(task) {
                Poll::Ready(Some(mut envelope)) => envelope.handle(act, ctx),
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        Poll::Pending
    }
}
