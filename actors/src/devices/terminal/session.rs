//! The session of a terminal: it drives the protocol over one line, and does one piece of work at a time.
//!
//! What it is asked to do comes from the actor of a payment, which hears of every step and says when the next one may be done. When the
//! line, the protocol or that actor fails, the session ends: what follows begins with a new line.

use std::sync::Arc;
use std::time::Duration;

use actix::{
    Actor, ActorFutureExt as _, AsyncContext as _, Context, Handler, Message, MessageResult, SpawnHandle,
    WrapFuture as _,
};
use kassette_model::OperationId;
use kassette_model::payment::TerminalAddress;
use kassette_payments::zvt::session::{Order, Session, SessionEvent, SessionOptions, Stage};
use kassette_payments::zvt::{Link, SerialLink, SerialTiming, TcpLink};
use kassette_stdx::Clock;
use tokio::sync::mpsc::UnboundedSender;

use super::line::{Attach, LineBytes, LineUp, Write};
use super::port::TerminalPort;
use crate::devices::BeforeDevice;
use crate::devices::board::Board;
use crate::supervision::{ChildContext, ChildRef};

/// Why a session does not do something now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotNow {
    #[error("its line is being opened")]
    Starting,
    #[error("it works on something else")]
    Busy,
}

/// Something to do.
#[derive(Debug, Clone)]
pub(crate) enum Work {
    /// Make a payment; nothing is sent before [`Go::Send`].
    Pay,
    /// Ask what became of one.
    Settle(Stage),
}

/// Do this for an operation, and tell its actor.
#[derive(Message)]
#[rtype(result = "Result<(), NotNow>")]
pub(crate) struct Take {
    pub(crate) operation: OperationId,
    pub(crate) order: Order,
    pub(crate) work: Work,
    pub(crate) told: UnboundedSender<SessionEvent>,
}

/// What was told is durable, or is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Go {
    /// The payment may be sent.
    Send,
    /// Its result may be acknowledged.
    Acknowledge,
    /// Its result could not be written down.
    Reject,
}

/// The next step of an operation.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Next(pub(crate) OperationId, pub(crate) Go);

/// Ask the terminal whether it is there, if it is idle.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Probe;

/// What it works on.
struct Current {
    operation: OperationId,
    told: UnboundedSender<SessionEvent>,
    /// Sees whether somebody still hears it.
    watcher: SpawnHandle,
}

/// What a session is made of besides its child context.
#[derive(Clone)]
pub(crate) struct SessionParts {
    pub(crate) address: TerminalAddress,
    pub(crate) options: SessionOptions,
    pub(crate) port: ChildRef<TerminalPort>,
    pub(crate) board: Arc<Board>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) before: Arc<BeforeDevice>,
}

/// The actor. See the module.
pub(crate) struct TerminalSession {
    child: ChildContext,
    parts: SessionParts,
    talk: Option<Session>,
    current: Option<Current>,
    timer: Option<SpawnHandle>,
}

impl TerminalSession {
    pub(crate) fn new(child: ChildContext, parts: SessionParts) -> Self {
        Self { child, parts, talk: None, current: None, timer: None }
    }

    fn now(&self) -> Duration {
        self.parts.clock.monotonic()
    }

    fn link(&self) -> Link {
        match self.parts.address {
            TerminalAddress::Serial { .. } => Link::Serial(SerialLink::new(SerialTiming::default())),
            TerminalAddress::Tcp { .. } | TerminalAddress::App => Link::Tcp(TcpLink::new()),
        }
    }

    /// Lets the protocol take its next step, and does what it wants.
    fn drive(&mut self, ctx: &mut Context<Self>, step: impl FnOnce(&mut Session, Duration)) {
        // A life that was given up says nothing more: its successor has the line and the board.
        if !self.child.is_current() {
            return;
        }
        let now = self.now();
        let Some(talk) = &mut self.talk else { return };
        step(talk, now);
        let out = talk.take_output();
        if !out.is_empty() {
            match self.parts.port.get() {
                Ok(port) => port.do_send(Write(out)),
                Err(down) => return self.child.fail_in(ctx, down.to_string()),
            }
        }
        let mut end = None;
        while let Some(event) = self.talk.as_mut().and_then(Session::next_event) {
            if let Some(reason) = self.happened(event, ctx) {
                end.get_or_insert(reason);
            }
        }
        let is_over = self.talk.as_ref().is_some_and(Session::is_over);
        if end.is_some() || is_over {
            return self.child.fail_in(ctx, end.unwrap_or_else(|| "its talk has ended".to_owned()));
        }
        self.set_timer(ctx);
    }

    /// Passes on what happened; gives why the session is of no use any more, if it is so.
    fn happened(&mut self, event: SessionEvent, ctx: &mut Context<Self>) -> Option<String> {
        let (ends_work, end) = match &event {
            SessionEvent::Ready(last_told) => {
                self.parts.board.ready(Some(last_told.to_string()));
                return None;
            }
            SessionEvent::Display(text) => {
                tracing::debug!(child = %self.child.path(), text, "display");
                return None;
            }
            SessionEvent::Lost(reason) => return Some(reason.clone()),
            SessionEvent::MaySend(_) | SessionEvent::Told(_) => (false, None),
            SessionEvent::Ended { .. } | SessionEvent::Contradiction(_) => (true, None),
            SessionEvent::Doubt(reason) => (true, Some(reason.clone())),
        };
        if let Some(current) = &self.current {
            // Whoever is gone is found missing by the watcher.
            _ = current.told.send(event);
        }
        if ends_work {
            if let Some(current) = self.current.take() {
                ctx.cancel_future(current.watcher);
            }
            self.parts.board.ready(None);
        }
        end
    }

    fn set_timer(&mut self, ctx: &mut Context<Self>) {
        if let Some(timer) = self.timer.take() {
            ctx.cancel_future(timer);
        }
        let Some(deadline) = self.talk.as_ref().and_then(Session::next_deadline) else { return };
        let left = deadline.saturating_sub(self.now()).max(Duration::from_millis(1));
        self.timer = Some(ctx.run_later(left, |actor, ctx| {
            actor.timer = None;
            actor.parts.before.reached("session timer");
            actor.drive(ctx, Session::tick);
        }));
    }
}

impl Actor for TerminalSession {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.parts.before.reached("session started");
        self.parts.board.begins();
        match self.parts.port.get() {
            Ok(port) => port.do_send(Attach(ctx.address())),
            Err(down) => self.child.fail_in(ctx, down.to_string()),
        }
    }
}

impl Handler<LineUp> for TerminalSession {
    type Result = ();

    fn handle(&mut self, _: LineUp, ctx: &mut Context<Self>) {
        self.parts.before.reached("session line up");
        self.talk = Some(Session::new(self.link(), self.parts.options.clone()));
        self.drive(ctx, Session::start);
    }
}

impl Handler<LineBytes> for TerminalSession {
    type Result = ();

    fn handle(&mut self, message: LineBytes, ctx: &mut Context<Self>) {
        self.parts.before.reached("session bytes");
        self.drive(ctx, |talk, now| {
            talk.receive(&message.0, now);
            talk.tick(now);
        });
    }
}

impl Handler<Take> for TerminalSession {
    type Result = MessageResult<Take>;

    fn handle(&mut self, message: Take, ctx: &mut Context<Self>) -> Self::Result {
        self.parts.before.reached("session take");
        let Take { operation, order, work, told } = message;
        if self.current.is_some() {
            return MessageResult(Err(NotNow::Busy));
        }
        let mut taken = Err(NotNow::Starting);
        let now = self.now();
        if let Some(talk) = &mut self.talk {
            taken = match work {
                Work::Pay => talk.begin(order).map_err(|_| ()),
                Work::Settle(stage) => talk.settle(order, stage, now).map_err(|_| ()),
            }
            // It is being asked for something else, by its poller or at the beginning.
            .map_err(|()| NotNow::Starting);
        }
        if taken.is_ok() {
            let heard = told.clone();
            let gone = async move { heard.closed().await }.into_actor(self).map(move |(), actor: &mut Self, ctx| {
                if actor.current.as_ref().is_some_and(|current| current.operation == operation) {
                    actor.child.fail_in(ctx, "nobody follows its operation any more");
                }
            });
            let watcher = ctx.spawn(gone);
            self.current = Some(Current { operation, told, watcher });
            self.parts.board.busy(operation);
            self.drive(ctx, |_, _| {});
        }
        MessageResult(taken)
    }
}

impl Handler<Next> for TerminalSession {
    type Result = ();

    fn handle(&mut self, message: Next, ctx: &mut Context<Self>) {
        self.parts.before.reached("session next");
        let Next(operation, go) = message;
        if self.current.as_ref().is_none_or(|current| current.operation != operation) {
            return;
        }
        self.drive(ctx, |talk, now| match go {
            Go::Send => talk.send(now),
            Go::Acknowledge => talk.acknowledge(now),
            Go::Reject => talk.reject(now),
        });
    }
}

impl Handler<Probe> for TerminalSession {
    type Result = ();

    fn handle(&mut self, _: Probe, ctx: &mut Context<Self>) {
        self.parts.before.reached("session probe");
        if self.current.is_none() {
            self.drive(ctx, |talk, now| {
                // When it is asked already, the answer is on its way.
                talk.look(now);
            });
        }
    }
}
