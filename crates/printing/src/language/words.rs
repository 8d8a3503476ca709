//! The words that a receipt is made of.

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        /// All words of one language. None can be missing.
        #[derive(Debug)]
        pub struct Words {
            $($(#[$doc])* pub $name: &'static str,)*
        }

        impl Words {
            /// Name and text of each, in the order of the table.
            pub fn all(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
                [$((stringify!($name), self.$name)),*].into_iter()
            }
        }
    };
}

words! {
    /// A receipt over a sale.
    title_receipt;
    /// An invoice.
    title_invoice;
    /// A sale that was taken back.
    title_refund;
    /// Money that moves without a sale.
    title_payment_transfer;
    /// A delivery note.
    title_delivery_note;
    /// What a table owes so far.
    title_interim_bill;
    /// A pro forma invoice.
    title_pro_forma;
    /// A receipt without a sale.
    title_zero_receipt;
    /// End of a shift.
    title_shift_closing;
    /// End of a day.
    title_daily_closing;
    /// End of a month.
    title_monthly_closing;
    /// End of a year.
    title_yearly_closing;
    /// A note in the journal.
    title_protocol;
    /// Goods that the business used itself.
    title_internal_usage;
    /// An order.
    title_order;
    /// The first receipt of a register.
    title_start;
    /// The last receipt of a register.
    title_stop;
    /// Another change of the register.
    title_lifecycle;
    /// Made in a sandbox.
    mark_sandbox;
    /// Not signed.
    mark_failed;
    /// Training.
    mark_training;
    /// Takes back an earlier receipt.
    mark_void;
    /// Gives money back.
    mark_refund;
    /// Not the original.
    mark_copy;
    /// Number of the receipt.
    receipt_number;
    /// The till's own number.
    reference;
    /// Number of the receipt that this one refers to.
    previous_reference;
    /// When it was made.
    date;
    /// When it was sold, if that is another time.
    date_of_sale;
    /// Name of the register.
    cash_box;
    /// Which till.
    terminal;
    /// Who served.
    cashier;
    /// Table or room.
    area;
    /// The buyer.
    customer;
    /// Tax number of the buyer.
    customer_tax_id;
    /// Head of the column of goods.
    description;
    /// Head of the column of quantities.
    quantity;
    /// Head of the column of amounts.
    amount;
    /// What is to be paid.
    total;
    /// Head of the column of rates.
    vat_rate;
    /// Head of the column of net amounts.
    net;
    /// Head of the column of taxes.
    vat;
    /// Head of the column of gross amounts.
    gross;
    /// A line that takes back another.
    note_void;
    /// A line that gives money back.
    note_refund;
    /// A line that lowers or raises a price.
    note_discount;
    /// A line that is paid before it is delivered.
    note_down_payment;
    /// A deposit.
    note_deposit;
    /// Taken away.
    note_take_away;
    /// Head of the payments.
    payments;
    /// Money that was given back.
    change;
    /// Tip.
    tip;
    /// Paid in a way that has no name.
    payment_unknown;
    /// Cash.
    payment_cash;
    /// Not cash.
    payment_non_cash;
    /// Crossed cheque.
    payment_cheque;
    /// Debit card.
    payment_debit_card;
    /// Credit card.
    payment_credit_card;
    /// Voucher.
    payment_voucher;
    /// Online.
    payment_online;
    /// Loyalty or customer card.
    payment_loyalty;
    /// On account.
    payment_receivable;
    /// Bank transfer.
    payment_transfer;
    /// Moved to or from the vault or the owner.
    payment_cash_transfer;
    /// Internal consumption.
    payment_internal;
    /// Grant.
    payment_grant;
    /// Meal voucher.
    payment_ticket_restaurant;
    /// Says that what follows is the text of a code.
    code_payload;
    /// Head of what need not be shown.
    details;
    /// Where the receipt stands on the web.
    document;
    /// Page, before its number.
    page;
    /// Head of who issued it.
    from_merchant;
}
