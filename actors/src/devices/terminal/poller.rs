//! The poller of a terminal: it asks regularly, so that a terminal that is gone is known before a guest stands there.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, AsyncContext as _, Context};

use super::session::{Probe, TerminalSession};
use crate::devices::BeforeDevice;
use crate::supervision::{ChildContext, ChildRef};

/// The actor. What the terminal answers, or that it does not, its session sees.
pub(crate) struct TerminalPoller {
    child: ChildContext,
    session: ChildRef<TerminalSession>,
    every: Duration,
    before: Arc<BeforeDevice>,
}

impl TerminalPoller {
    pub(crate) fn new(
        child: ChildContext,
        session: ChildRef<TerminalSession>,
        every: Duration,
        before: Arc<BeforeDevice>,
    ) -> Self {
        Self { child, session, every, before }
    }
}

impl Actor for TerminalPoller {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.before.reached("poller started");
        ctx.run_interval(self.every, |actor, ctx| {
            actor.before.reached("poller poll");
            match actor.session.get() {
                // A session whose mailbox is full is busy, and heard of otherwise.
                Ok(session) => drop(session.try_send(Probe)),
                Err(down) => actor.child.fail_in(ctx, down.to_string()),
            }
        });
    }
}
