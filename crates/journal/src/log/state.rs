//! What the writer, the readers and the scrubber of one log know together.

use std::collections::{HashMap, HashSet};

use kassette_model::CashBoxId;
use parking_lot::{Mutex, RwLock};

use crate::log::check::Hole;
use crate::{Damage, JournalError, Position};

/// Damages kept by name; further ones are only counted in the log events.
pub const DAMAGES_MAX: usize = 1000;

/// How far the log is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogEnd {
    /// Number of the last record, 0 before the first.
    pub number: u64,
    /// Where the next frame goes.
    pub position: Position,
}

/// Shared knowledge about one log.
#[derive(Debug)]
pub struct LogState {
    end: Mutex<LogEnd>,
    stopped: Mutex<Option<String>>,
    no_space: Mutex<Option<String>>,
    damages: Mutex<Vec<Damage>>,
    refused: RwLock<HashMap<CashBoxId, Damage>>,
    /// Places where records of unknown cash boxes are missing: whoever has no record after such a place may be touched.
    unproven: RwLock<Vec<(Position, Damage)>>,
    /// Places that a pass has looked at already.
    holes: Mutex<HashSet<Position>>,
}

impl LogState {
    /// A log that ends at `end`.
    #[must_use]
    pub fn new(end: LogEnd) -> Self {
        Self {
            end: Mutex::new(end),
            stopped: Mutex::new(None),
            no_space: Mutex::new(None),
            damages: Mutex::new(Vec::new()),
            refused: RwLock::new(HashMap::new()),
            unproven: RwLock::new(Vec::new()),
            holes: Mutex::new(HashSet::new()),
        }
    }

    /// How far the log is durable.
    #[must_use]
    pub fn end(&self) -> LogEnd {
        *self.end.lock()
    }

    /// The log has become longer.
    pub fn set_end(&self, end: LogEnd) {
        *self.end.lock() = end;
    }

    /// Why no append is possible any more.
    #[must_use]
    pub fn stopped(&self) -> Option<String> {
        self.stopped.lock().clone()
    }

    /// No append is possible any more; the first reason stays.
    pub fn stop(&self, reason: &str) {
        self.stopped.lock().get_or_insert_with(|| reason.to_owned());
    }

    /// Why no segment could be made.
    #[must_use]
    pub fn no_space(&self) -> Option<String> {
        self.no_space.lock().clone()
    }

    /// Sets or clears the lack of space; an event on each change.
    pub fn set_no_space(&self, reason: Option<String>) {
        let mut no_space = self.no_space.lock();
        match (&*no_space, &reason) {
            (None, Some(reason)) => tracing::error!(%reason, "no space left for the journal"),
            (Some(_), None) => tracing::info!("the journal has space again"),
            _ => {}
        }
        *no_space = reason;
    }

    /// Names damage; the cash box in it, if any, is refused from now on.
    pub fn add_damage(&self, damage: Damage) {
        let mut damages = self.damages.lock();
        if damages.contains(&damage) {
            return;
        }
        tracing::error!(
            segment = damage.segment,
            offset = damage.offset,
            cash_box = damage.cash_box.map(tracing::field::display),
            row = damage.row,
            reason = %damage.reason,
            "the journal is damaged"
        );
        if let Some(cash_box) = damage.cash_box {
            self.refused.write().entry(cash_box).or_insert_with(|| damage.clone());
        }
        if damages.len() < DAMAGES_MAX {
            damages.push(damage);
        }
    }

    /// Notes a place where records are missing; false when a pass was there before.
    pub fn meets_hole(&self, position: Position) -> bool {
        self.holes.lock().insert(position)
    }

    /// While the cash boxes of all records missing in `hole` are not told, whoever has no record after it is refused.
    pub fn hold_unproven(&self, hole: &Hole) {
        let mut unproven = self.unproven.write();
        unproven.retain(|(position, _)| *position != hole.position);
        if hole.missing > hole.attributed {
            let damage = Damage {
                segment: hole.position.segment,
                offset: hole.position.offset,
                cash_box: None,
                row: None,
                reason: format!(
                    "{} records are missing from number {} on and nothing tells their cash boxes: {}",
                    hole.missing.saturating_sub(hole.attributed),
                    hole.first_number,
                    hole.reason
                ),
            };
            unproven.push((hole.position, damage.clone()));
            drop(unproven);
            self.add_damage(damage);
        }
    }

    /// All damage known.
    #[must_use]
    pub fn damages(&self) -> Vec<Damage> {
        self.damages.lock().clone()
    }

    /// Why a cash box is refused, whatever its head.
    #[must_use]
    pub fn refusal(&self, cash_box: CashBoxId) -> Option<Damage> {
        self.refused.read().get(&cash_box).cloned()
    }

    /// Why a cash box with its last record at `head` (none: it has no record) is refused.
    #[must_use]
    pub fn refusal_at(&self, cash_box: CashBoxId, head: Option<Position>) -> Option<Damage> {
        self.refusal(cash_box).or_else(|| {
            // Whoever has no record at all may have lost its first one.
            let unproven = self.unproven.read();
            unproven
                .iter()
                .find(|(position, _)| head.is_none_or(|head| head < *position))
                .map(|(_, damage)| Damage { cash_box: Some(cash_box), ..damage.clone() })
        })
    }

    /// Whether the head of a cash box decides whether it is refused.
    #[must_use]
    pub fn has_unproven(&self) -> bool {
        !self.unproven.read().is_empty()
    }

    /// Fails when the cash box is refused.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] with the place.
    pub fn admit(&self, cash_box: CashBoxId, head: Option<Position>) -> Result<(), JournalError> {
        self.refusal_at(cash_box, head).map_or(Ok(()), |damage| Err(JournalError::Damaged(damage)))
    }
}
