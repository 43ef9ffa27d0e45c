//! Ends that the store could not write while it could be read: they hold in this process, from the act until they are written
//! or the process stops.
//!
//! Invariant: without such an end the gate pays one relaxed load of an atomic. A write of it is followed by the lock, and by
//! the answer to whoever asked for the end, before anybody can rely on it. Held by `unconfirmed_ends`.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::Notify;

use super::{Ended, Ending, Parting, Which};
use crate::{
    id::{SessionId, UserId},
    outage::StoreError,
};

/// Most ended sessions that are held. An act with which there would be more ends nothing.
const MOST: usize = 10_000;

/// Why sessions have not ended, or not for good.
#[derive(Debug, thiserror::Error)]
pub enum EndError {
    /// The end holds in this process alone, and is not written yet.
    #[error("the end is not written yet")]
    Unconfirmed,
    /// The store is away; which sessions ended is unknown.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Ended sessions of which the store does not know yet.
#[derive(Debug, Default)]
pub struct UnconfirmedEnds {
    count: AtomicUsize,
    held: Mutex<Held>,
    added: Notify,
}

#[derive(Debug, Default)]
struct Held {
    partings: HashMap<SessionId, Arc<Parting>>,
    /// The order in which they are written.
    queue: VecDeque<SessionId>,
    /// Those of which requests in flight were not cut yet.
    uncut: Vec<(SessionId, Ending)>,
    /// Ends of all sessions of a user that nobody has looked after yet: one that was opened before such an act and is found
    /// later ends, too.
    of_all: Vec<(Which, Arc<Parting>)>,
}

impl UnconfirmedEnds {
    /// Holds the ends of these sessions; one that is held already keeps its first reason. False: there is no room for all of
    /// them, and none is held.
    pub(super) fn hold(&self, sessions: &[SessionId], which: Which, parting: Parting) -> bool {
        let mut held = self.held();
        let new: Vec<_> = sessions.iter().copied().filter(|id| !held.partings.contains_key(id)).collect();
        if held.partings.len() + new.len() > MOST {
            return false;
        }
        let parting = Arc::new(parting);
        if which.of_all().is_some() {
            held.of_all.retain(|(all, before)| *all != which || before.story.at > parting.story.at);
            if !held.of_all.iter().any(|(all, _)| *all == which) {
                held.of_all.push((which, parting.clone()));
            }
        }
        for id in new {
            held.partings.insert(id, parting.clone());
            held.queue.push_back(id);
            held.uncut.push((id, parting.ending(id).clone()));
        }
        self.count.store(held.partings.len(), Ordering::SeqCst);
        drop(held);
        self.added.notify_one();
        true
    }

    /// Whether the end of this session is held: the gate asks with each request.
    #[must_use]
    pub fn holds(&self, id: SessionId) -> bool {
        self.count.load(Ordering::Relaxed) != 0 && self.held().partings.contains_key(&id)
    }

    /// The end of a session, where it is held.
    pub(super) fn ended(&self, id: SessionId) -> Option<Ended> {
        let parting = self.held().partings.get(&id).cloned()?;
        Some(Ended { ending: parting.ending(id).clone(), at: parting.story.at })
    }

    /// The next end to be written.
    pub(super) fn next(&self) -> Option<(SessionId, Arc<Parting>)> {
        let held = self.held();
        let id = *held.queue.front()?;
        Some((id, held.partings.get(&id)?.clone()))
    }

    /// Ends of all sessions of a user that nobody has looked after yet.
    pub(super) fn of_all(&self) -> Vec<(UserId, Which, Arc<Parting>)> {
        let held = self.held();
        held.of_all.iter().filter_map(|(which, parting)| Some((which.of_all()?, *which, parting.clone()))).collect()
    }

    /// Lets go of an end of all sessions: those that it did not see are found, and have ended.
    pub(super) fn looked_after(&self, parting: &Arc<Parting>) {
        self.held().of_all.retain(|(_, held)| !Arc::ptr_eq(held, parting));
    }

    /// Lets go of an end that is written.
    pub(super) fn confirm(&self, id: SessionId) {
        let mut held = self.held();
        held.partings.remove(&id);
        held.queue.retain(|queued| *queued != id);
        self.count.store(held.partings.len(), Ordering::SeqCst);
    }

    /// Puts an end that could not be written behind the others.
    pub(super) fn put_off(&self, id: SessionId) {
        let queue = &mut self.held().queue;
        if queue.front() == Some(&id) {
            queue.rotate_left(1);
        }
    }

    /// Number of sessions.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    /// Sessions that ended since this was last asked, and how.
    #[must_use]
    pub fn take_uncut(&self) -> Vec<(SessionId, Ending)> {
        std::mem::take(&mut self.held().uncut)
    }

    /// Waits until one is added.
    pub async fn added(&self) {
        self.added.notified().await;
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{audit::Story, clock::Timestamp};

    fn parting(ending: Ending) -> Parting {
        Parting::new(ending, Story::of_the_system(Timestamp::from_millis(1_000)))
    }

    fn an_end() -> Which {
        let owner = UserId::mint();
        Which::One { owner, id: SessionId::mint(owner) }
    }

    #[test]
    fn an_act_that_finds_no_room_holds_nothing() {
        let (ends, user) = (UnconfirmedEnds::default(), UserId::mint());
        let [first, rest] = [1, MOST].map(|count| (0..count).map(|_| SessionId::mint(user)).collect::<Vec<_>>());
        assert!(ends.hold(&first, an_end(), parting(Ending::SignedOut)));
        assert!(!ends.hold(&rest, an_end(), parting(Ending::SignedOut)));
        assert!(!ends.holds(rest[0]) && ends.holds(first[0]) && ends.count() == 1);
        assert!(ends.hold(&rest[1..], an_end(), parting(Ending::SignedOut)), "exactly as many as there is room for");
    }

    #[test]
    fn the_first_reason_stays_and_each_is_cut_once() {
        let (ends, id) = (UnconfirmedEnds::default(), SessionId::mint(UserId::mint()));
        assert!(ends.hold(&[id], an_end(), parting(Ending::SignedOut)));
        assert!(ends.hold(&[id], an_end(), parting(Ending::PasswordChanged)));
        assert_eq!(ends.ended(id).unwrap().ending, Ending::SignedOut);
        assert_eq!(ends.take_uncut(), [(id, Ending::SignedOut)]);
        assert!(ends.take_uncut().is_empty());
        ends.confirm(id);
        assert!(!ends.holds(id) && ends.next().is_none() && ends.count() == 0);
    }

    #[test]
    fn one_that_cannot_be_written_keeps_no_other_waiting() {
        let ends = UnconfirmedEnds::default();
        let [one, other] = [(); 2].map(|()| SessionId::mint(UserId::mint()));
        assert!(ends.hold(&[one, other], an_end(), parting(Ending::SignedOut)));
        ends.put_off(one);
        assert_eq!(ends.next().unwrap().0, other);
    }
}
