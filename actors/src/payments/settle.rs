//! The way in for whoever settles a payment by hand. It goes through the cash box like every step of a payment: what is durable first
//! counts, and a provider that comes later is told so.

use kassette_cashbox::PaymentTold;
use kassette_model::payment::Settlement;
use kassette_model::{CashBoxId, OperationId, OperationKind};
use kassette_record::PaymentFacts;
use kassette_wire::problem::{Code, Problem};

use super::orders::PaymentKey;
use crate::gateway::Gateway;
use crate::outcome::Rejected;

impl Gateway {
    /// A payment that is on its way, as it stands in the journal; `None` when it has ended.
    ///
    /// # Errors
    /// When the journal cannot say now.
    pub(super) fn open_payment(&self, (cash_box, operation): PaymentKey) -> Result<Option<PaymentFacts>, Rejected> {
        let Some(head) = self.journal().head(cash_box)? else { return Ok(None) };
        let details = kassette_record::v1::read_details(&head.record.header)
            .map_err(|error| Rejected::Damaged(format!("head of cash box {cash_box}: {error}")))?;
        let mut payments = details.head.payments.as_slice().iter();
        Ok(payments.find(|payment| payment.operation == operation).cloned())
    }

    /// Ends a payment of which nobody knows whether money has moved, or has its terminal asked again; durable when this returns, with an
    /// entry in the action journal that says who did it.
    ///
    /// # Errors
    /// [`Rejected::Refused`]: `not-found` when there is no such payment, `payment-state-conflict` when it has ended or stands otherwise,
    /// `body-invalid` with the member of the settlement that cannot be. Nothing has changed then.
    pub async fn settle_payment(
        &self,
        cash_box: CashBoxId,
        operation: OperationId,
        settlement: Settlement,
    ) -> Result<(), Rejected> {
        let refuse = |code, detail: String| Err(Rejected::Refused(Box::new(Problem::new(code, detail))));
        let stored = self.journal().operation(cash_box, operation)?;
        let details = stored.and_then(|record| kassette_record::v1::read_details(&record.header).ok());
        let known = details.and_then(|details| details.operation).filter(|known| known.kind == OperationKind::Pay);
        match known {
            None => refuse(Code::NotFound, format!("there is no payment under operation {operation}")),
            Some(known) if known.state.is_final() => {
                let detail = format!("the payment of operation {operation} has ended: it is {}", known.state);
                refuse(Code::PaymentStateConflict, detail)
            }
            Some(_) => {
                let outcome = settlement.outcome;
                self.tell_payment(cash_box, operation, PaymentTold::Settled(Box::new(settlement))).await?;
                tracing::info!(%cash_box, %operation, %outcome, "a payment was settled by hand");
                Ok(())
            }
        }
    }
}
