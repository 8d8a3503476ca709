//! Checks receipts one after the other: form, chain, counter, time, signatures, the rule of the collective receipt.

use zeroize::Zeroizing;

use super::chain::ChainValue;
use super::code::{Amounts, Code, CounterField, Jws};
use super::counter;
use super::keys::Keys;
use crate::VerifySignature;

/// A receipt that passed.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) code: Code,
    pub(crate) outage: bool,
}

/// How far an outage is closed (RKSV §17): the collective receipt is the first or the second after the last unsigned one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outage {
    None,
    /// The last receipt was unsigned.
    Open,
    /// One signed receipt came before the collective one.
    OneSigned,
}

/// Walks through the receipts of one register from the first one on.
pub(crate) struct Checker<'a> {
    verify: VerifySignature<'a>,
    counter_key: Option<Zeroizing<[u8; 32]>>,
    kassen_id: String,
    closed_system: bool,
    chain: Option<ChainValue>,
    time: String,
    counter_len: Option<usize>,
    /// Turnover by the printed amounts.
    turnover_cents: i128,
    outage: Outage,
}

impl<'a> Checker<'a> {
    /// For a register; without the key the counter is checked for form only.
    pub(crate) fn new(verify: VerifySignature<'a>, counter_key: Option<[u8; 32]>) -> Self {
        Self {
            verify,
            counter_key: counter_key.map(Zeroizing::new),
            kassen_id: String::new(),
            closed_system: false,
            chain: None,
            time: String::new(),
            counter_len: None,
            turnover_cents: 0,
            outage: Outage::None,
        }
    }

    /// Turnover by the amounts so far, in cents.
    pub(crate) fn turnover_cents(&self) -> i128 {
        self.turnover_cents
    }

    /// Whether the receipts end in an outage that no collective receipt closed.
    pub(crate) fn outage_is_open(&self) -> bool {
        self.outage != Outage::None
    }

    /// Name of the register, after the first receipt.
    pub(crate) fn kassen_id(&self) -> &str {
        &self.kassen_id
    }

    /// Checks the next receipt.
    pub(crate) fn receipt(&mut self, compact: &str, keys: &Keys) -> Result<Checked, String> {
        let jws = Jws::parse(compact)?;
        let code = Code::parse(&jws.text)?;
        let outage = jws.is_outage();
        if !outage {
            self.check_signature(&jws, &code, keys)?;
        }
        match self.chain {
            None => self.check_start(&code, outage)?,
            Some(chain) => self.check_follows(&code, chain)?,
        }
        self.check_counter(&code)?;
        self.check_outage(&code, outage)?;
        self.chain = Some(ChainValue::after(compact));
        self.time.clone_from(&code.time);
        Ok(Checked { code, outage })
    }

    fn check_signature(&self, jws: &Jws, code: &Code, keys: &Keys) -> Result<(), String> {
        let key = keys.get(&code.key).ok_or_else(|| format!("no certificate or public key for {:?}", code.key))?;
        let signature: &[u8; 64] =
            jws.signature.as_slice().try_into().map_err(|_| "the signature has not 64 bytes".to_owned())?;
        if (self.verify)(key, jws.signing_input.as_bytes(), signature) {
            Ok(())
        } else {
            Err(format!("the signature is wrong under the key {:?}", code.key))
        }
    }

    fn check_start(&mut self, code: &Code, outage: bool) -> Result<(), String> {
        let is_start = code.amounts.is_zero() && !outage && matches!(code.counter, CounterField::Encrypted(_));
        if !is_start {
            return Err("the first receipt is not a signed start receipt".into());
        }
        if code.chain != ChainValue::first(&code.kassen_id).text() {
            return Err("the first receipt is not chained to the Kassen-ID".into());
        }
        self.kassen_id.clone_from(&code.kassen_id);
        self.closed_system = is_closed(code);
        Ok(())
    }

    fn check_follows(&self, code: &Code, chain: ChainValue) -> Result<(), String> {
        if code.chain != chain.text() {
            return Err("the chain is broken: field 12 does not match the receipt before".into());
        }
        if code.kassen_id != self.kassen_id {
            return Err(format!("another register: {:?} after {:?}", code.kassen_id, self.kassen_id));
        }
        if is_closed(code) != self.closed_system {
            return Err("open and closed system are mixed".into());
        }
        if code.time < self.time {
            return Err(format!("time goes back: {} after {}", code.time, self.time));
        }
        Ok(())
    }

    fn check_counter(&mut self, code: &Code) -> Result<(), String> {
        if code.counter != CounterField::Training {
            self.turnover_cents = self.turnover_cents.saturating_add(total(&code.amounts));
        }
        let CounterField::Encrypted(cipher) = &code.counter else { return Ok(()) };
        let range = usize::from(counter::COUNTER_BYTES_MIN)..=usize::from(counter::COUNTER_BYTES_MAX);
        if !range.contains(&cipher.len()) {
            return Err(format!("the turnover counter has {} bytes instead of 5 to 16", cipher.len()));
        }
        if *self.counter_len.get_or_insert(cipher.len()) != cipher.len() {
            return Err("the length of the turnover counter changes".into());
        }
        let Some(key) = &self.counter_key else { return Ok(()) };
        match counter::decrypt(key, &code.kassen_id, &code.number, cipher) {
            Some(cents) if cents == self.turnover_cents => Ok(()),
            Some(cents) => Err(format!("the turnover counter is {cents} cents instead of {}", self.turnover_cents)),
            None => Err("the turnover counter cannot be decrypted".into()),
        }
    }

    fn check_outage(&mut self, code: &Code, outage: bool) -> Result<(), String> {
        let is_collective = code.amounts.is_zero() && matches!(code.counter, CounterField::Encrypted(_));
        self.outage = match (self.outage, outage) {
            (_, true) => Outage::Open,
            (Outage::None, false) => Outage::None,
            (Outage::Open | Outage::OneSigned, false) if is_collective => Outage::None,
            (Outage::Open, false) => Outage::OneSigned,
            (Outage::OneSigned, false) => {
                return Err("an outage was not closed by a signed zero receipt in time".into());
            }
        };
        Ok(())
    }
}

fn is_closed(code: &Code) -> bool {
    code.algorithm.ends_with("-AT0")
}

fn total(amounts: &Amounts) -> i128 {
    amounts.fields().into_iter().map(i128::from).sum()
}
