//! What the cash box does for payments: it hands them to their provider, and takes down what the provider tells.

use actix::{Context, Message};
use kassette_cashbox::{Begun, PaymentTold, Request, Step, accepted_request};
use kassette_model::OperationId;

use super::{Caller, CashBoxActor, Reply, answer};
use crate::operation::Doubted;
use crate::outcome::Rejected;

/// A provider tells how a payment goes on; it is answered when that is durable.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct TellPayment {
    pub(crate) operation: OperationId,
    pub(crate) told: PaymentTold,
    pub(crate) reply: Reply<()>,
}

impl CashBoxActor {
    /// Lets the provider make a payment, as soon as it is durable that it is about to.
    pub(super) fn begin_payment(&mut self, request: &Request, begun: Begun, ctx: &mut Context<Self>) {
        let (orders, id, payment) = (std::sync::Arc::clone(&self.shared.payments), self.id, begun.payment);
        match begun.record {
            None => orders.begin(id, payment, false),
            Some(record) => {
                let told = move |result: Result<(), Rejected>| {
                    // When it is not durable, the restored cash box decides it again.
                    if result.is_ok() {
                        orders.begin(id, payment, true);
                    }
                };
                self.append(record, Some(request.id), false, told, ctx);
            }
        }
    }

    /// Takes down what a provider tells.
    pub(super) fn payment_told(&mut self, message: TellPayment, ctx: &mut Context<Self>) {
        let TellPayment { operation, told, reply } = message;
        if let Some(failed) = self.work.as_deref().and_then(|work| work.failed.lock().clone()) {
            return answer(reply, Err(failed));
        }
        self.go_on(ctx);
        let doubt = matches!(told, PaymentTold::Doubt { .. });
        let (request, step) = match self.payment_step(operation, told) {
            Ok(stepped) => stepped,
            Err(rejected) => return answer(reply, Err(rejected)),
        };
        match step {
            Step::Progress(record) => {
                let known = self.work.as_deref().and_then(|work| work.operations.get(&operation));
                if let Some(operation) = known.filter(|_| doubt) {
                    operation.do_send(Doubted);
                }
                let belongs = record.operation;
                self.append(*record, belongs, false, move |result| answer(reply, result), ctx);
            }
            Step::Commit(commit) => self.commit(&request, *commit, Caller::Provider(reply), ctx),
            Step::Refuse(problem) => answer(reply, Err(Rejected::Refused(problem))),
            Step::Ask(_) | Step::Begin(_) => {
                answer(reply, Err(Rejected::Fault("a payment asked for something unknown".into())));
            }
        }
    }

    fn payment_step(&mut self, operation: OperationId, told: PaymentTold) -> Result<(Request, Step), Rejected> {
        let facts = self.facts(self.shared.clock.unix_ns());
        let (journal, id) = (std::sync::Arc::clone(&self.shared.journal), self.id);
        let live = self.live()?;
        let open = live.core.unfinished().iter().find(|open| open.id == operation).copied();
        // Its end is known already: whoever tells of it again need not go on.
        let open = open.ok_or_else(|| super::payment_ended(operation))?;
        let stored = journal.row(id, open.row)?;
        let (request, _) = stored
            .as_ref()
            .and_then(accepted_request)
            .ok_or_else(|| Rejected::Fault(format!("row {} is no readable intent", open.row)))?;
        let step = live.core.payment_told(&request, told, &facts);
        Ok((request, step))
    }
}
