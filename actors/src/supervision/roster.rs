//! The children of a supervisor, which may change while it runs.

use std::sync::Arc;

use parking_lot::RwLock;
use tokio::sync::Notify;

use super::blueprint::Blueprint;
use super::supervisor_spec::Subtree;

/// Names a child that was added to a running tree. Never given twice by one roster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RosterKey(u64);

/// A place in the roster; what is there keeps its place until its supervisor has seen it go.
#[derive(Clone)]
pub(super) enum Place {
    Free,
    Taken { key: RosterKey, blueprint: Arc<dyn Blueprint>, leaving: bool },
}

#[derive(Default)]
struct Inside {
    places: Vec<Place>,
    keys: u64,
    /// Whoever waits for a restart shall not wait any longer.
    try_now: bool,
}

/// The children of one supervisor in start order; shared by those who add and remove them and by the supervisor's loop. What stands in
/// it outlives restarts of the supervisor.
#[derive(Clone, Default)]
pub struct Roster {
    inside: Arc<RwLock<Inside>>,
    changed: Arc<Notify>,
}

impl Roster {
    /// Adds a subtree; it is started soon, behind those that are there. For supervisors with the strategy one_for_one: in a group a new
    /// child could take a free place between those that build on each other.
    pub fn add(&self, subtree: Subtree) -> RosterKey {
        let key = self.put(Arc::new(subtree));
        self.changed.notify_one();
        key
    }

    /// Takes a child out: it is stopped within its deadline, and its place is free when it is gone. Does nothing when it is not there.
    pub fn remove(&self, key: RosterKey) {
        for place in &mut self.inside.write().places {
            if let Place::Taken { key: there, leaving, .. } = place
                && *there == key
            {
                *leaving = true;
            }
        }
        self.changed.notify_one();
    }

    /// Lets every child that waits for its restart be started now: what it failed for may be over.
    pub fn try_now(&self) {
        self.inside.write().try_now = true;
        self.changed.notify_one();
    }

    pub(super) fn put(&self, blueprint: Arc<dyn Blueprint>) -> RosterKey {
        let mut inside = self.inside.write();
        inside.keys = inside.keys.saturating_add(1);
        let key = RosterKey(inside.keys);
        let taken = Place::Taken { key, blueprint, leaving: false };
        match inside.places.iter_mut().find(|place| matches!(place, Place::Free)) {
            Some(free) => *free = taken,
            None => inside.places.push(taken),
        }
        key
    }

    /// All children that are not leaving.
    pub(super) fn blueprints(&self) -> Vec<Arc<dyn Blueprint>> {
        let inside = self.inside.read();
        let there = inside.places.iter().filter_map(|place| match place {
            Place::Taken { blueprint, leaving: false, .. } => Some(Arc::clone(blueprint)),
            _ => None,
        });
        there.collect()
    }

    /// A supervisor begins: who was leaving is gone with the one before.
    pub(super) fn begin(&self) -> Vec<(RosterKey, Arc<dyn Blueprint>)> {
        let mut inside = self.inside.write();
        inside.places.retain(|place| matches!(place, Place::Taken { leaving: false, .. }));
        inside.try_now = false;
        let all = inside.places.iter().filter_map(|place| match place {
            Place::Taken { key, blueprint, .. } => Some((*key, Arc::clone(blueprint))),
            Place::Free => None,
        });
        all.collect()
    }

    pub(super) fn places(&self) -> Vec<Place> {
        self.inside.read().places.clone()
    }

    pub(super) fn take_try_now(&self) -> bool {
        std::mem::take(&mut self.inside.write().try_now)
    }

    /// The child in this place has left.
    pub(super) fn vacate(&self, index: usize) {
        if let Some(place) = self.inside.write().places.get_mut(index)
            && matches!(place, Place::Taken { leaving: true, .. })
        {
            *place = Place::Free;
        }
    }

    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }
}
