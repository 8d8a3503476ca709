//! Settled messages in the sled store: a tree for each day, so that forgetting a day is to drop its trees.

use std::collections::BTreeMap;

use super::bytes::{settled_from, settled_key, settled_value};
use super::{CallbackError, Ending, SettledMessage};

pub(super) type Handle = crate::sled_files::Handle<CallbackError>;

const DAY_NS: i64 = 86_400_000_000_000;
/// Keys in one batch of sled: larger ones are slower and take gigabytes of memory (measured for the index).
pub(super) const BATCH_KEYS: usize = 64;

/// Day (UTC) in which something was settled.
pub(super) const fn day_of(settled_ns: i64) -> i64 {
    settled_ns.div_euclid(DAY_NS)
}

/// Which tree: the day, and whether it holds the dead letters of it or the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Drawer {
    pub(super) day: i64,
    pub(super) dead: bool,
}

impl Drawer {
    pub(super) fn of(settled: &SettledMessage) -> Self {
        Self { day: day_of(settled.settled_ns), dead: settled.ending == Ending::DeadLetter }
    }

    /// `s`, or `d` for dead letters, and the day.
    fn name(self) -> Vec<u8> {
        let mut name = vec![if self.dead { b'd' } else { b's' }];
        name.extend_from_slice(&self.day.to_be_bytes());
        name
    }

    fn from_name(name: &[u8]) -> Option<Self> {
        let (kind, day) = name.split_first()?;
        let day = i64::from_be_bytes(day.try_into().ok()?);
        match kind {
            b's' => Some(Self { day, dead: false }),
            b'd' => Some(Self { day, dead: true }),
            _ => None,
        }
    }
}

/// The trees that there are.
#[derive(Debug, Default)]
pub(super) struct Drawers {
    trees: BTreeMap<Drawer, sled::Tree>,
}

impl Drawers {
    pub(super) fn open(handle: &Handle) -> Result<Self, CallbackError> {
        let names = handle.run("list the days", |db| Ok(db.tree_names()))?;
        let mut trees = BTreeMap::new();
        for drawer in names.iter().filter_map(|name| Drawer::from_name(name)) {
            trees.insert(drawer, handle.run("open a day", |db| db.open_tree(drawer.name()))?);
        }
        Ok(Self { trees })
    }

    /// Newest day first.
    pub(super) fn all(&self) -> Vec<(Drawer, sled::Tree)> {
        self.trees.iter().rev().map(|(drawer, tree)| (*drawer, tree.clone())).collect()
    }

    pub(super) fn dead_letters(&self, handle: &Handle) -> Result<u64, CallbackError> {
        let mut count = 0_u64;
        for (_, tree) in self.trees.iter().filter(|(drawer, _)| drawer.dead) {
            let found = handle.run("count dead letters", |_| {
                tree.iter().try_fold(0_u64, |sum, item| item.map(|_| sum.saturating_add(1)))
            })?;
            count = count.saturating_add(found);
        }
        Ok(count)
    }

    fn tree(&mut self, handle: &Handle, drawer: Drawer) -> Result<sled::Tree, CallbackError> {
        if let Some(tree) = self.trees.get(&drawer) {
            return Ok(tree.clone());
        }
        let tree = handle.run("begin a day", |db| db.open_tree(drawer.name()))?;
        self.trees.insert(drawer, tree.clone());
        Ok(tree)
    }

    /// Gives the number of dead letters among them that were not there before.
    pub(super) fn put(&mut self, handle: &Handle, settled: &[&SettledMessage]) -> Result<u64, CallbackError> {
        let mut of_drawers: BTreeMap<Drawer, Vec<&SettledMessage>> = BTreeMap::new();
        for settled in settled {
            of_drawers.entry(Drawer::of(settled)).or_default().push(settled);
        }
        let mut dead = 0_u64;
        for (drawer, messages) in of_drawers {
            let tree = self.tree(handle, drawer)?;
            for some in messages.chunks(BATCH_KEYS) {
                let mut batch = sled::Batch::default();
                for settled in some {
                    let key = settled_key(&settled.message);
                    if drawer.dead && !handle.run("look for a dead letter", |_| tree.contains_key(&key))? {
                        dead = dead.saturating_add(1);
                    }
                    batch.insert(key.as_slice(), settled_value(&key, settled));
                }
                handle.run("write what has ended", |_| tree.apply_batch(batch))?;
            }
        }
        Ok(dead)
    }

    /// The stored form of a settled message, if it is there.
    pub(super) fn get(
        &self,
        handle: &Handle,
        settled: &SettledMessage,
    ) -> Result<Option<SettledMessage>, CallbackError> {
        let Some(tree) = self.trees.get(&Drawer::of(settled)) else { return Ok(None) };
        let key = settled_key(&settled.message);
        let Some(value) = handle.run("look for a settled message", |_| tree.get(&key))? else { return Ok(None) };
        settled_from(&key, &value).map(Some).ok_or_else(|| handle.fail("a settled message is malformed"))
    }

    pub(super) fn remove(&self, handle: &Handle, settled: &SettledMessage) -> Result<(), CallbackError> {
        let Some(tree) = self.trees.get(&Drawer::of(settled)) else { return Ok(()) };
        handle.run("remove a settled message", |_| tree.remove(settled_key(&settled.message)))?;
        Ok(())
    }

    /// Drops all days before that of `settled_ns`.
    pub(super) fn forget_before(&mut self, handle: &Handle, settled_ns: i64) -> Result<(), CallbackError> {
        let first = Drawer { day: day_of(settled_ns), dead: false };
        let kept = self.trees.split_off(&first);
        let gone = std::mem::replace(&mut self.trees, kept);
        for (drawer, tree) in gone {
            drop(tree);
            handle.run("forget a day", |db| db.drop_tree(drawer.name()))?;
        }
        Ok(())
    }
}
