//! Throttling of sign-in, part of it from its first day (finding 18): by what was typed, by account, and by address.
//!
//! - A stranger's tries close an account, but not to a device that this account has signed in from before: such a device
//!   has a counter of its own. Otherwise whoever knows a name could keep its owner out.
//! - Somebody is told to wait only for what they typed themselves. An account that others closed under its other name
//!   answers as a wrong password does: otherwise waiting would tell which address belongs to which name.

use std::{net::IpAddr, sync::Arc, time::Duration};

use arc_swap::ArcSwap;

use super::{Counter, Tally, ThrottleStore};
use crate::{
    clock::{Clock, Timestamp},
    id::{DeviceId, UserId},
    metrics::Metrics,
    outage::StoreError,
    secret::Key,
    visitor::network_of,
};

/// Tries per address and five minutes, whatever accounts they aim at: far above a person, far below a list of passwords.
const ADDRESS_TRIES: u32 = 50;
const ADDRESS_WITHIN: Duration = Duration::from_mins(5);
const ADDRESS_COOL_OFF: Duration = Duration::from_mins(5);

/// After how many failures an account cools off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockoutPolicy {
    /// With so many failures …
    pub failures: u32,
    /// … within this time …
    pub within: Duration,
    /// … nobody gets in for so long, not even with the right password.
    pub cool_off: Duration,
}

/// Who tries to prove what.
#[derive(Clone, Copy, Debug)]
pub struct Try<'a> {
    /// The folded name or address that was typed.
    pub login: &'a str,
    /// Whose it is, if it is anybody's.
    pub user: Option<UserId>,
    /// The device that shows itself, if that user has signed in from it before.
    pub device: Option<DeviceId>,
    /// Where it comes from.
    pub ip: IpAddr,
}

/// Whether a try may be looked at.
#[derive(Debug)]
pub enum Leave {
    /// It may.
    Granted(Counted),
    /// It may not, and a stranger may not be told either: answer as if it had been wrong, at the same cost.
    Withheld {
        /// When the counter opens.
        until: Timestamp,
    },
    /// It may not before then.
    Refused {
        /// When the counter opens.
        until: Timestamp,
    },
}

/// A try that was counted, for whoever learns how it ended.
#[derive(Debug)]
#[must_use = "say how the try ended"]
pub struct Counted {
    /// Counters that begin anew when the try succeeds.
    own: Vec<String>,
    /// Counters that get this one try back when it succeeds, no more: nobody can buy tries on other accounts with an own
    /// account, nor can a stranger hope for the owner to come by.
    shared: Vec<String>,
    /// What closed with this try, for the metrics.
    closed: Option<&'static str>,
}

/// Counts tries to prove who one is.
#[derive(Clone)]
pub struct Throttle {
    store: Arc<dyn ThrottleStore>,
    policy: Arc<ArcSwap<LockoutPolicy>>,
    key: Key,
    clock: Clock,
    metrics: Arc<Metrics>,
    by_address: bool,
}

impl Throttle {
    /// A throttle over one store.
    #[must_use]
    pub const fn new(
        store: Arc<dyn ThrottleStore>,
        policy: Arc<ArcSwap<LockoutPolicy>>,
        key: Key,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self { store, policy, key, clock, metrics, by_address: true }
    }

    /// The same, by account only: where all visitors come from one address (what ends TLS in front of us), one of them
    /// could stop the others.
    #[must_use]
    pub fn by_account_only(self) -> Self {
        Self { by_address: false, ..self }
    }

    /// Counts a try before it is checked.
    ///
    /// # Errors
    /// When the store is away: then nothing is checked either.
    pub async fn attempt(&self, tried: Try<'_>) -> Result<Leave, StoreError> {
        match tried.device {
            Some(device) => self.by_known_device(tried, device).await,
            None => self.by_anybody(tried).await,
        }
    }

    /// The try failed; tells the metrics when that locked somebody out.
    pub fn failed(&self, counted: &Counted) {
        if let Some(scope) = counted.closed {
            self.metrics.locked_out(scope);
        }
    }

    /// The try succeeded: whoever it was starts anew.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn succeeded(&self, counted: &Counted) -> Result<(), StoreError> {
        for name in &counted.own {
            self.store.clear(name).await?;
        }
        for name in &counted.shared {
            self.store.take_back(name).await?;
        }
        Ok(())
    }

    /// An account starts anew, under each of these folded names and on each of these devices: somebody proved in another
    /// way that it is theirs, or the operator says so.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn forgive(&self, user: UserId, logins: &[String], devices: &[DeviceId]) -> Result<(), StoreError> {
        let logins = logins.iter().map(|login| self.of_login(login));
        let devices = devices.iter().copied().map(of_device);
        for name in std::iter::once(of_user(user)).chain(logins).chain(devices) {
            self.store.clear(&name).await?;
        }
        Ok(())
    }

    async fn by_anybody(&self, tried: Try<'_>) -> Result<Leave, StoreError> {
        let typed = self.counter(self.of_login(tried.login));
        let address = self.by_address.then(|| of_address(tried.ip));
        let own = typed.name.clone();
        let shared = address.iter().map(|address| address.name.clone()).collect();
        let by_typing = match self.count([typed].into_iter().chain(address).collect()).await? {
            Tally::Counted { closed } => closed,
            Tally::Closed { until } => return Ok(Leave::Refused { until }),
        };
        // A name that nobody has is counted twice, too: it must not be quicker.
        let account = self.counter(tried.user.map_or_else(|| self.of_nobody(tried.login), of_user));
        let own = vec![own, account.name.clone()];
        let by_account = match self.count(vec![account]).await? {
            Tally::Counted { closed } => closed,
            Tally::Closed { until } => return Ok(Leave::Withheld { until }),
        };
        let closed = if by_typing == Some(1) { Some("address") } else { by_account.map(|_| "account") };
        Ok(Leave::Granted(Counted { own, shared, closed }))
    }

    /// Its failures count for the account, too, whether that is closed or not.
    async fn by_known_device(&self, tried: Try<'_>, device: DeviceId) -> Result<Leave, StoreError> {
        let device = self.counter(of_device(device));
        let own = vec![device.name.clone()];
        let closed = match self.count(vec![device]).await? {
            Tally::Counted { closed } => closed.map(|_| "device"),
            Tally::Closed { until } => return Ok(Leave::Refused { until }),
        };
        let mut shared = Vec::new();
        for name in [Some(self.of_login(tried.login)), tried.user.map(of_user)].into_iter().flatten() {
            if let Tally::Counted { .. } = self.count(vec![self.counter(name.clone())]).await? {
                shared.push(name);
            }
        }
        Ok(Leave::Granted(Counted { own, shared, closed }))
    }

    async fn count(&self, counters: Vec<Counter>) -> Result<Tally, StoreError> {
        self.store.attempt(&counters, self.clock.now()).await
    }

    fn counter(&self, name: String) -> Counter {
        let LockoutPolicy { failures: tries, within, cool_off } = **self.policy.load();
        Counter { name, tries, within, cool_off }
    }

    /// Kept as a keyed digest only, because people type passwords into the wrong field.
    fn of_login(&self, folded: &str) -> String {
        format!("login:{}", self.key.blind("throttle", folded))
    }

    fn of_nobody(&self, folded: &str) -> String {
        format!("nobody:{}", self.key.blind("throttle", folded))
    }
}

fn of_user(user: UserId) -> String {
    format!("user:{user}")
}

fn of_device(device: DeviceId) -> String {
    format!("device:{device}")
}

fn of_address(ip: IpAddr) -> Counter {
    Counter {
        name: format!("address:{}", network_of(ip)),
        tries: ADDRESS_TRIES,
        within: ADDRESS_WITHIN,
        cool_off: ADDRESS_COOL_OFF,
    }
}
