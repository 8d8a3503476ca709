//! The port of a terminal: it owns the line, and ends when the line does.

use std::sync::Arc;

use actix::{Actor, Context, Handler, SpawnHandle};
use kassette_model::payment::TerminalAddress;

use super::keeper::LineKeeper;
use super::line::{Attach, Write};
use super::serial::SerialLine;
use super::tcp;
use crate::devices::BeforeDevice;
use crate::supervision::ChildContext;

/// A line that is open or being opened.
enum Line {
    None,
    Tcp { task: SpawnHandle, out: tokio::sync::mpsc::UnboundedSender<Vec<u8>> },
    Serial(SerialLine),
}

/// The actor. See the module.
pub(crate) struct TerminalPort {
    child: ChildContext,
    address: TerminalAddress,
    before: Arc<BeforeDevice>,
    keeper: Arc<LineKeeper>,
    line: Line,
}

impl TerminalPort {
    pub(crate) fn new(
        child: ChildContext,
        address: TerminalAddress,
        keeper: Arc<LineKeeper>,
        before: Arc<BeforeDevice>,
    ) -> Self {
        Self { child, address, before, keeper, line: Line::None }
    }
}

impl Drop for TerminalPort {
    /// The second handle would keep the line open. One that was given up finds the line of its successor there, and leaves it.
    fn drop(&mut self) {
        if self.child.is_current() {
            self.keeper.close();
        }
    }
}

impl Actor for TerminalPort {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Context<Self>) {
        self.before.reached("port started");
    }
}

impl Handler<Attach> for TerminalPort {
    type Result = ();

    /// Each session gets a line of its own: on that of another it would hear the end of a talk that it did not begin.
    fn handle(&mut self, message: Attach, ctx: &mut Context<Self>) {
        use actix::AsyncContext as _;
        self.before.reached("port attach");
        if let Line::Tcp { task, .. } = std::mem::replace(&mut self.line, Line::None) {
            ctx.cancel_future(task);
        }
        let Attach(session) = message;
        self.keeper.close();
        self.line = match &self.address {
            TerminalAddress::Tcp { host, port } => {
                let (out, bytes) = tokio::sync::mpsc::unbounded_channel();
                let child = self.child.clone();
                let talk = tcp::run(host.clone(), *port, Arc::clone(&self.keeper), session, bytes);
                let talk = async move { child.fail(talk.await) };
                Line::Tcp { task: ctx.spawn(actix::fut::wrap_future(talk)), out }
            }
            TerminalAddress::Serial { path, baud } => {
                let line = SerialLine::open(path.clone(), *baud, session, self.child.clone());
                self.keeper.keep(line.end());
                Line::Serial(line)
            }
            // Its app comes to the server.
            TerminalAddress::App => Line::None,
        };
    }
}

impl Handler<Write> for TerminalPort {
    type Result = ();

    fn handle(&mut self, message: Write, ctx: &mut Context<Self>) {
        self.before.reached("port write");
        let taken = match &self.line {
            Line::None => false,
            Line::Tcp { out, .. } => out.send(message.0).is_ok(),
            Line::Serial(line) => line.write(message.0),
        };
        if !taken {
            self.child.fail_in(ctx, "the line is not open");
        }
    }
}
