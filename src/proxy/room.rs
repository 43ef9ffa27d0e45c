//! How many clients may be connected at once. Without a bound, idle connections would take every descriptor, and none would
//! be left for apps, the store and the admin listener.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::clock::{Clock, Stopwatch};

/// How often it is told that there is no room.
const TELL: Duration = Duration::from_mins(1);

/// Room for clients, which listeners may share.
#[derive(Debug)]
pub struct Room {
    most: usize,
    taken: AtomicUsize,
    told: Mutex<Option<Stopwatch>>,
}

/// A place in it, for as long as this lives.
#[derive(Debug)]
pub(super) struct Seat(Arc<Room>);

impl Room {
    /// Room for this many.
    #[must_use]
    pub fn for_clients(most: usize) -> Arc<Self> {
        Arc::new(Self { most, taken: AtomicUsize::new(0), told: Mutex::default() })
    }

    /// What a limit of open files leaves for clients: each of them may need another one for its app.
    #[must_use]
    pub fn within(open_files: Option<u64>) -> Arc<Self> {
        let most = open_files.map_or(u64::MAX, |limit| (limit / 2).saturating_sub(64).max(limit / 4));
        Self::for_clients(usize::try_from(most).unwrap_or(usize::MAX))
    }

    /// A seat, if one is free; else, now and then, a line in the log.
    pub(super) fn seat(self: &Arc<Self>) -> Option<Seat> {
        let seat = Seat(Arc::clone(self));
        if self.taken.fetch_add(1, Ordering::Relaxed) < self.most {
            return Some(seat);
        }
        self.tell();
        None
    }

    fn tell(&self) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|last| last.elapsed() >= TELL) {
            *told = Some(Clock::machine().stopwatch());
            tracing::warn!(
                connections = self.most,
                "Closing new connections: as many are open as the limit of open files leaves room for; raise it (LimitNOFILE, \
                 ulimit -n)"
            );
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_leaves_makes_room() {
        let room = Room::for_clients(2);
        let seats = (room.seat(), room.seat());
        assert!(seats.0.is_some() && seats.1.is_some() && room.seat().is_none() && room.seat().is_none());
        drop(seats.0);
        let third = room.seat();
        assert!(third.is_some() && room.seat().is_none());
    }

    #[test]
    fn half_of_the_open_files_and_more_are_for_what_is_behind() {
        let most = |limit| Room::within(limit).most;
        assert_eq!([most(Some(64)), most(Some(256)), most(Some(1000)), most(Some(65_536))], [16, 64, 436, 32_704]);
        assert_eq!(most(None), usize::MAX);
    }
}
