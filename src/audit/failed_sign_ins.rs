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

use super::{Actor, AuditEntry, AuditEvent};
use crate::{
    auth_method::AuthMethod,
    clock::Timestamp,
    id::{EventId, UserId},
    visitor::{Device, Visitor, ip_network},
};

/// Time for which a budget is.
const WINDOW: Duration = Duration::from_hours(1);
/// Own lines with the same name typed.
const MAX_BY_NAME: u32 = 20;
/// Own lines from the same address (IPv6: /64).
const MAX_BY_ADDRESS: u32 = 60;
/// Own lines in all.
const MAX_TOTAL: u32 = 500;
/// Addresses that have a counting line of their own for names that nobody has; the others share one.
const MAX_COUNTED_ADDRESSES: usize = 200;

/// Failed sign-ins of the present window.
#[derive(Debug, Default)]
pub(super) struct FailedSignIns {
    window: Mutex<FailureWindow>,
    key: RandomState,
}

#[derive(Debug, Default)]
struct FailureWindow {
    started: Option<Timestamp>,
    entries: u32,
    by_name: HashMap<u64, u32>,
    by_address: HashMap<IpAddr, u32>,
    counts: HashMap<CountGroup, FailureCount>,
    /// Groups of [`Group::NobodyFrom`].
    counted_addresses: usize,
    /// Of earlier windows, and not written yet.
    unwritten: Vec<FailureCount>,
}

/// Tries that share a counting line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum CountGroup {
    Account(UserId),
    UnknownFrom(IpAddr),
    Unknown,
}

/// A counting line.
#[derive(Clone, Debug)]
struct FailureCount {
    id: EventId,
    user: Option<UserId>,
    /// None: several networks.
    ip: Option<IpAddr>,
    /// None: several, or unknown.
    device: Option<Device>,
    step: AuthMethod,
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
    pub step: AuthMethod,
}

impl FailedSignIns {
    /// Whether this try gets a line of its own. Otherwise it is counted.
    pub(super) fn claim_entry(&self, failed: &FailedSignIn<'_>, now: Timestamp) -> bool {
        let name = self.key.hash_one(failed.login);
        let address = ip_network(failed.from.ip);
        let mut window = self.window(now);
        let name_count = window.by_name.get(&name).copied().unwrap_or_default();
        let address_count = window.by_address.get(&address).copied().unwrap_or_default();
        if name_count >= MAX_BY_NAME || address_count >= MAX_BY_ADDRESS || window.entries >= MAX_TOTAL {
            window.count(failed, now);
            return false;
        }
        window.by_name.insert(name, name_count + 1);
        window.by_address.insert(address, address_count + 1);
        window.entries += 1;
        true
    }

    /// Counts a try, whatever is left of the budget.
    pub(super) fn count(&self, failed: &FailedSignIn<'_>, now: Timestamp) {
        self.window(now).count(failed, now);
    }

    /// Counting lines that have grown since they were written.
    pub(super) fn unwritten_entries(&self, now: Timestamp) -> Vec<AuditEntry> {
        let window = self.window(now);
        let has_grown = |counted: &&FailureCount| counted.count > counted.written;
        window.unwritten.iter().chain(window.counts.values()).filter(has_grown).map(FailureCount::entry).collect()
    }

    /// Notes that the store has these lines; tells how many of them are new there.
    pub(super) fn mark_written(&self, entries: &[AuditEntry]) -> usize {
        let counts: HashMap<EventId, u64> = entries.iter().map(|entry| (entry.id, entry.event.attempts())).collect();
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let FailureWindow { counts: counted, unwritten: closed, .. } = &mut *window;
        let mut new = 0;
        for counted in counted.values_mut().chain(closed.iter_mut()) {
            if let Some(count) = counts.get(&counted.id) {
                new += usize::from(counted.written == 0);
                counted.written = *count;
            }
        }
        closed.retain(|counted| counted.count > counted.written);
        new
    }

    /// Notes that the store did not take these lines; tells how many of them it has refused for the first time.
    pub(super) fn mark_refused(&self, entries: &[AuditEntry]) -> usize {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let FailureWindow { counts: counted, unwritten: closed, .. } = &mut *window;
        let lines = counted.values_mut().chain(closed.iter_mut());
        let refused_now = lines.filter(|counted| entries.iter().any(|entry| entry.id == counted.id));
        refused_now.map(|counted| usize::from(!std::mem::replace(&mut counted.refused, true))).sum()
    }

    /// The window of now. A new one begins also when the clock has stepped back.
    fn window(&self, now: Timestamp) -> MutexGuard<'_, FailureWindow> {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if window.started.is_none_or(|began| began > now || now.since(began) >= WINDOW) {
            let FailureWindow { counts: counted, unwritten: mut closed, .. } = std::mem::take(&mut *window);
            closed.extend(counted.into_values().filter(|counted| counted.count > counted.written));
            *window = FailureWindow { started: Some(now), unwritten: closed, ..FailureWindow::default() };
        }
        window
    }
}

impl FailureWindow {
    fn count(&mut self, failed: &FailedSignIn<'_>, now: Timestamp) {
        let FailedSignIn { user, from, step, .. } = *failed;
        let of_nobody = || {
            let one = CountGroup::UnknownFrom(ip_network(from.ip));
            if self.counts.contains_key(&one) || self.counted_addresses < MAX_COUNTED_ADDRESSES {
                one
            } else {
                CountGroup::Unknown
            }
        };
        let group = user.map_or_else(of_nobody, CountGroup::Account);
        if matches!(group, CountGroup::UnknownFrom(_)) && !self.counts.contains_key(&group) {
            self.counted_addresses += 1;
        }
        let counted = self.counts.entry(group).or_insert_with(|| FailureCount {
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
        counted.count += 1;
        counted.until = counted.until.max(now);
        counted.ip = counted.ip.filter(|ip| ip_network(*ip) == ip_network(from.ip));
        if counted.device.as_ref().is_some_and(|device| *device != from.device) {
            counted.device = None;
        }
    }
}

impl FailureCount {
    fn entry(&self) -> AuditEntry {
        let Self { id, user, ip, device, step, since, until, count, written: _, refused: _ } = self.clone();
        let event = AuditEvent::SignInsFailed { step, count, until };
        AuditEntry { id, at: since, user, actor: Actor::Visitor, ip, device, event }
    }
}
