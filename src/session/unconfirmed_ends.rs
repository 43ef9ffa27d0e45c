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

use super::{EndNote, EndReason, EndRecord, EndTarget};
use crate::{
    id::{SessionId, UserId},
    store_error::StoreError,
};

/// Most ended sessions that are held. An act with which there would be more ends nothing.
const MAX_HELD: usize = 10_000;

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
    ends: Mutex<HeldEnds>,
    added: Notify,
}

#[derive(Debug, Default)]
struct HeldEnds {
    records: HashMap<SessionId, Arc<EndRecord>>,
    /// The order in which they are written.
    queue: VecDeque<SessionId>,
    /// Those of which requests in flight were not cut yet.
    uncancelled: Vec<(SessionId, EndReason)>,
    /// Ends of all sessions of a user that nobody has looked after yet: one that was opened before such an act and is found
    /// later ends, too.
    all_of_user: Vec<(EndTarget, Arc<EndRecord>)>,
}

impl UnconfirmedEnds {
    /// Holds the ends of these sessions; one that is held already keeps its first reason. False: there is no room for all of
    /// them, and none is held.
    pub(super) fn hold(&self, sessions: &[SessionId], target: EndTarget, end_record: EndRecord) -> bool {
        let mut held = self.lock();
        let new: Vec<_> = sessions.iter().copied().filter(|id| !held.records.contains_key(id)).collect();
        if held.records.len() + new.len() > MAX_HELD {
            return false;
        }
        let end_record = Arc::new(end_record);
        if target.all_of_user().is_some() {
            held.all_of_user.retain(|(all, before)| *all != target || before.context.at > end_record.context.at);
            if !held.all_of_user.iter().any(|(all, _)| *all == target) {
                held.all_of_user.push((target, end_record.clone()));
            }
        }
        for id in new {
            held.records.insert(id, end_record.clone());
            held.queue.push_back(id);
            held.uncancelled.push((id, end_record.reason_for(id).clone()));
        }
        self.count.store(held.records.len(), Ordering::SeqCst);
        drop(held);
        self.added.notify_one();
        true
    }

    /// Whether the end of this session is held: the gate asks with each request.
    #[must_use]
    pub fn holds(&self, id: SessionId) -> bool {
        self.count.load(Ordering::Relaxed) != 0 && self.lock().records.contains_key(&id)
    }

    /// The end of a session, where it is held.
    pub(super) fn end_note(&self, id: SessionId) -> Option<EndNote> {
        let end_record = self.lock().records.get(&id).cloned()?;
        Some(EndNote { reason: end_record.reason_for(id).clone(), at: end_record.context.at })
    }

    /// The next end to be written.
    pub(super) fn next(&self) -> Option<(SessionId, Arc<EndRecord>)> {
        let held = self.lock();
        let id = *held.queue.front()?;
        Some((id, held.records.get(&id)?.clone()))
    }

    /// Ends of all sessions of a user that nobody has looked after yet.
    pub(super) fn all_of_user(&self) -> Vec<(UserId, EndTarget, Arc<EndRecord>)> {
        let held = self.lock();
        held.all_of_user
            .iter()
            .filter_map(|(target, end_record)| Some((target.all_of_user()?, *target, end_record.clone())))
            .collect()
    }

    /// Lets go of an end of all sessions: those that it did not see are found, and have ended.
    pub(super) fn release_all_of_user(&self, end_record: &Arc<EndRecord>) {
        self.lock().all_of_user.retain(|(_, held)| !Arc::ptr_eq(held, end_record));
    }

    /// Lets go of an end that is written.
    pub(super) fn confirm(&self, id: SessionId) {
        let mut held = self.lock();
        held.records.remove(&id);
        held.queue.retain(|queued| *queued != id);
        self.count.store(held.records.len(), Ordering::SeqCst);
    }

    /// Puts an end that could not be written behind the others.
    pub(super) fn requeue(&self, id: SessionId) {
        let queue = &mut self.lock().queue;
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
    pub fn take_uncancelled(&self) -> Vec<(SessionId, EndReason)> {
        std::mem::take(&mut self.lock().uncancelled)
    }

    /// Waits until one is added.
    pub async fn added(&self) {
        self.added.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, HeldEnds> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{audit::AuditContext, clock::Timestamp};

    fn parting(ending: EndReason) -> EndRecord {
        EndRecord::new(ending, AuditContext::system(Timestamp::from_millis(1_000)))
    }

    fn an_end() -> EndTarget {
        let owner = UserId::mint();
        EndTarget::One { owner, id: SessionId::mint(owner) }
    }

    #[test]
    fn an_act_that_finds_no_room_holds_nothing() {
        let (ends, user) = (UnconfirmedEnds::default(), UserId::mint());
        let [first, rest] = [1, MAX_HELD].map(|count| (0..count).map(|_| SessionId::mint(user)).collect::<Vec<_>>());
        assert!(ends.hold(&first, an_end(), parting(EndReason::SignedOut)));
        assert!(!ends.hold(&rest, an_end(), parting(EndReason::SignedOut)));
        assert!(!ends.holds(rest[0]) && ends.holds(first[0]) && ends.count() == 1);
        assert!(ends.hold(&rest[1..], an_end(), parting(EndReason::SignedOut)), "exactly as many as there is room for");
    }

    #[test]
    fn the_first_reason_stays_and_each_is_cut_once() {
        let (ends, id) = (UnconfirmedEnds::default(), SessionId::mint(UserId::mint()));
        assert!(ends.hold(&[id], an_end(), parting(EndReason::SignedOut)));
        assert!(ends.hold(&[id], an_end(), parting(EndReason::PasswordChanged)));
        assert_eq!(ends.end_note(id).unwrap().reason, EndReason::SignedOut);
        assert_eq!(ends.take_uncancelled(), [(id, EndReason::SignedOut)]);
        assert!(ends.take_uncancelled().is_empty());
        ends.confirm(id);
        assert!(!ends.holds(id) && ends.next().is_none() && ends.count() == 0);
    }

    #[test]
    fn one_that_cannot_be_written_keeps_no_other_waiting() {
        let ends = UnconfirmedEnds::default();
        let [one, other] = [(); 2].map(|()| SessionId::mint(UserId::mint()));
        assert!(ends.hold(&[one, other], an_end(), parting(EndReason::SignedOut)));
        ends.requeue(one);
        assert_eq!(ends.next().unwrap().0, other);
    }
}
