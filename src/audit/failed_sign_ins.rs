//! Budget of failed sign-ins: so many of an hour have a line of their own, by name, by address and in all; the others are
//! counted, and a line tells how many.
//!
//! Whether a try gets a line depends on what was typed and where it came from, never on whether anybody has that name.
//! Invariant: of each process, own lines and counts together are the tries. Held by `scenarios::failed_sign_ins`.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{Actor, Entry, Fact};
use crate::{
    clock::Timestamp,
    id::{EventId, UserId},
    session::Method,
    visitor::{Device, Visitor, network_of},
};

/// Time for which a budget is.
const WINDOW: Duration = Duration::from_hours(1);
/// Own lines with the same name typed.
const BY_NAME: u32 = 20;
/// Own lines from the same address (IPv6: /64).
const BY_ADDRESS: u32 = 60;
/// Own lines in all.
const IN_ALL: u32 = 500;
/// Addresses that have a counting line of their own for names that nobody has; the others share one.
const ADDRESSES: usize = 200;

/// Failed sign-ins of the present window.
#[derive(Debug, Default)]
pub(super) struct FailedSignIns {
    window: Mutex<Window>,
    key: RandomState,
}

#[derive(Debug, Default)]
struct Window {
    began: Option<Timestamp>,
    lines: u32,
    by_name: HashMap<u64, u32>,
    by_address: HashMap<IpAddr, u32>,
    merged: HashMap<Group, Merged>,
    /// Groups of [`Group::NobodyFrom`].
    addresses: usize,
    /// Of earlier windows, and not written yet.
    closed: Vec<Merged>,
}

/// Tries that share a counting line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Group {
    User(UserId),
    NobodyFrom(IpAddr),
    Nobody,
}

/// A counting line.
#[derive(Clone, Debug)]
struct Merged {
    id: EventId,
    user: Option<UserId>,
    /// None: several networks.
    ip: Option<IpAddr>,
    /// None: several, or unknown.
    device: Option<Device>,
    step: Method,
    since: Timestamp,
    until: Timestamp,
    count: u64,
    /// Of these, those that the store has.
    written: u64,
    /// The store has refused the line before.
    refused: bool,
}

/// A failed try to sign in.
#[derive(Clone, Copy, Debug)]
pub struct FailedSignIn<'a> {
    /// The folded name or address that was typed.
    pub login: &'a str,
    /// Owner of that name.
    pub user: Option<UserId>,
    /// Place and device.
    pub from: &'a Visitor,
    /// Step that failed.
    pub step: Method,
}

impl FailedSignIns {
    /// Whether this try gets a line of its own. Otherwise it is counted.
    pub(super) fn take_line(&self, failed: &FailedSignIn<'_>, now: Timestamp) -> bool {
        let name = self.key.hash_one(failed.login);
        let address = network_of(failed.from.ip);
        let mut window = self.window(now);
        let of_name = window.by_name.get(&name).copied().unwrap_or_default();
        let of_address = window.by_address.get(&address).copied().unwrap_or_default();
        if of_name >= BY_NAME || of_address >= BY_ADDRESS || window.lines >= IN_ALL {
            window.count(failed, now);
            return false;
        }
        window.by_name.insert(name, of_name + 1);
        window.by_address.insert(address, of_address + 1);
        window.lines += 1;
        true
    }

    /// Counts a try, whatever is left of the budget.
    pub(super) fn count(&self, failed: &FailedSignIn<'_>, now: Timestamp) {
        self.window(now).count(failed, now);
    }

    /// Counting lines that have grown since they were written.
    pub(super) fn unwritten(&self, now: Timestamp) -> Vec<Entry> {
        let window = self.window(now);
        let grown = |merged: &&Merged| merged.count > merged.written;
        window.closed.iter().chain(window.merged.values()).filter(grown).map(Merged::entry).collect()
    }

    /// Notes that the store has these lines; tells how many of them are new there.
    pub(super) fn written(&self, entries: &[Entry]) -> usize {
        let counts: HashMap<EventId, u64> = entries.iter().map(|entry| (entry.id, entry.fact.tries())).collect();
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let Window { merged, closed, .. } = &mut *window;
        let mut new = 0;
        for merged in merged.values_mut().chain(closed.iter_mut()) {
            if let Some(count) = counts.get(&merged.id) {
                new += usize::from(merged.written == 0);
                merged.written = *count;
            }
        }
        closed.retain(|merged| merged.count > merged.written);
        new
    }

    /// Notes that the store did not take these lines; tells how many of them it has refused for the first time.
    pub(super) fn refused(&self, entries: &[Entry]) -> usize {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let Window { merged, closed, .. } = &mut *window;
        let lines = merged.values_mut().chain(closed.iter_mut());
        let of_these = lines.filter(|merged| entries.iter().any(|entry| entry.id == merged.id));
        of_these.map(|merged| usize::from(!std::mem::replace(&mut merged.refused, true))).sum()
    }

    /// The window of now. A new one begins also when the clock has stepped back.
    fn window(&self, now: Timestamp) -> MutexGuard<'_, Window> {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if window.began.is_none_or(|began| began > now || now.since(began) >= WINDOW) {
            let Window { merged, mut closed, .. } = std::mem::take(&mut *window);
            closed.extend(merged.into_values().filter(|merged| merged.count > merged.written));
            *window = Window { began: Some(now), closed, ..Window::default() };
        }
        window
    }
}

impl Window {
    fn count(&mut self, failed: &FailedSignIn<'_>, now: Timestamp) {
        let FailedSignIn { user, from, step, .. } = *failed;
        let of_nobody = || {
            let one = Group::NobodyFrom(network_of(from.ip));
            if self.merged.contains_key(&one) || self.addresses < ADDRESSES { one } else { Group::Nobody }
        };
        let group = user.map_or_else(of_nobody, Group::User);
        if matches!(group, Group::NobodyFrom(_)) && !self.merged.contains_key(&group) {
            self.addresses += 1;
        }
        let merged = self.merged.entry(group).or_insert_with(|| Merged {
            id: EventId::mint(),
            user,
            ip: Some(from.ip),
            device: Some(from.device.clone()),
            step,
            since: now,
            until: now,
            count: 0,
            written: 0,
            refused: false,
        });
        merged.count += 1;
        merged.until = merged.until.max(now);
        merged.ip = merged.ip.filter(|ip| network_of(*ip) == network_of(from.ip));
        if merged.device.as_ref().is_some_and(|device| *device != from.device) {
            merged.device = None;
        }
    }
}

impl Merged {
    fn entry(&self) -> Entry {
        let Self { id, user, ip, device, step, since, until, count, written: _, refused: _ } = self.clone();
        let fact = Fact::SignInsFailed { step, count, until };
        Entry { id, at: since, user, actor: Actor::Visitor, ip, device, fact }
    }
}
