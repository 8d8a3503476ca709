//! What a store knows in memory of its open messages, and the sum by which it notices after an unclean stop that some are lost.

use std::collections::BTreeMap;

use kassette_model::CashBoxId;

use super::bytes::{Fields, put_position, seal, unseal};
use super::{MessageCounts, MessagePlace, OpenMessage};
use crate::Position;

/// Version of the whole format of a store.
const FORMAT_VERSION: u8 = 1;
/// Key of [`Ledger::value`].
pub(super) const LEDGER_KEY: &[u8] = b"m";

/// What stands under [`LEDGER_KEY`]: written with every change of the set of open messages, in the same batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Noted {
    pub(super) taken: Option<Position>,
    /// Number of open messages.
    pub(super) open: u64,
    /// Sum of [`mix`] over all of them: keys that sled lost, and keys that came back, do not pass unnoticed.
    pub(super) sum: u64,
}

impl Noted {
    pub(super) fn value(&self) -> Vec<u8> {
        let mut value = vec![FORMAT_VERSION, u8::from(self.taken.is_some())];
        put_position(self.taken.unwrap_or(Position { segment: 0, offset: 0 }), &mut value);
        value.extend_from_slice(&self.open.to_be_bytes());
        value.extend_from_slice(&self.sum.to_be_bytes());
        seal(LEDGER_KEY, value)
    }

    pub(super) fn from_value(value: &[u8]) -> Option<Self> {
        let mut fields = Fields(unseal(LEDGER_KEY, value)?);
        if fields.u8()? != FORMAT_VERSION {
            return None;
        }
        let taken = (fields.u8()? == 1).then_some(());
        let position = fields.position()?;
        let noted = Self { taken: taken.map(|()| position), open: fields.u64()?, sum: fields.u64()? };
        fields.0.is_empty().then_some(noted)
    }

    pub(super) fn opens(&mut self, target: u64, place: MessagePlace) {
        self.open = self.open.saturating_add(1);
        self.sum = self.sum.wrapping_add(mix(target, place));
    }

    pub(super) fn ends(&mut self, target: u64, place: MessagePlace) {
        self.open = self.open.saturating_sub(1);
        self.sum = self.sum.wrapping_sub(mix(target, place));
    }
}

/// A number for an open message (the finisher of splitmix64 over its key).
fn mix(target: u64, place: MessagePlace) -> u64 {
    let at = u64::from(place.position.segment) << 32 | u64::from(place.position.offset);
    [target, at, u64::from(place.index)].into_iter().fold(0, |sum: u64, part| {
        let mut z = sum.wrapping_add(part).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}

/// What is known in memory.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) noted: Noted,
    /// Open messages of each target that has some.
    targets: BTreeMap<u64, u64>,
    /// Open messages of each cash box that has some.
    boxes: BTreeMap<CashBoxId, u64>,
    pub(super) dead_letters: u64,
}

fn add<K: Ord>(counts: &mut BTreeMap<K, u64>, key: K) {
    let count = counts.entry(key).or_insert(0);
    *count = count.saturating_add(1);
}

fn subtract<K: Ord>(counts: &mut BTreeMap<K, u64>, key: &K) {
    let Some(count) = counts.get_mut(key) else { return };
    *count = count.saturating_sub(1);
    if *count == 0 {
        counts.remove(key);
    }
}

impl Ledger {
    pub(super) fn opens(&mut self, target: u64, place: MessagePlace, cash_box: CashBoxId) {
        self.noted.opens(target, place);
        add(&mut self.targets, target);
        add(&mut self.boxes, cash_box);
    }

    pub(super) fn ends(&mut self, message: &OpenMessage) {
        self.noted.ends(message.target, message.place);
        subtract(&mut self.targets, &message.target);
        subtract(&mut self.boxes, &message.cash_box);
    }

    pub(super) fn targets(&self) -> Vec<u64> {
        self.targets.keys().copied().collect()
    }

    /// Open messages of a cash box.
    pub(super) fn of_box(&self, cash_box: CashBoxId) -> u64 {
        self.boxes.get(&cash_box).copied().unwrap_or(0)
    }

    pub(super) fn counts(&self) -> MessageCounts {
        MessageCounts { open: self.noted.open, dead_letters: self.dead_letters }
    }
}
