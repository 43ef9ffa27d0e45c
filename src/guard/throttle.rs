//! Throttling of sign-in: by account, known or not, and by address. Part of sign-in from its first day (finding 18).

use std::{net::IpAddr, sync::Arc, time::Duration};

use arc_swap::ArcSwap;

use super::{Attempt, Counter, ThrottleStore, Verdict};
use crate::{clock::Clock, id::UserId, metrics::Metrics, outage::StoreError, secret::Key, visitor::network_of};

/// Tries per address and five minutes, whatever accounts they aim at: far above a person, far below a list of passwords.
const ADDRESS_TRIES: u32 = 50;
const ADDRESS_WITHIN: Duration = Duration::from_mins(5);
const ADDRESS_COOL_OFF: Duration = Duration::from_mins(5);

/// The scopes of lockouts, in the order in which their counters are asked.
const SCOPES: [&str; 2] = ["account", "address"];

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

/// Whose tries are counted together.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// An account, by whichever of its names.
    User(UserId),
    /// A folded name that nobody has: it is counted just the same, and kept as a keyed digest only, because people type
    /// passwords into the wrong field.
    Nobody(&'a str),
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
    pub async fn attempt(&self, target: Target<'_>, ip: IpAddr) -> Result<Verdict, StoreError> {
        let policy = self.policy.load();
        let account = Counter {
            name: self.account(target),
            tries: policy.failures,
            within: policy.within,
            cool_off: policy.cool_off,
        };
        let address =
            Counter { name: address(ip), tries: ADDRESS_TRIES, within: ADDRESS_WITHIN, cool_off: ADDRESS_COOL_OFF };
        let counters = [account, address];
        let asked = if self.by_address { &counters[..] } else { &counters[..1] };
        self.store.attempt(asked, self.clock.now()).await
    }

    /// The try failed; tells the metrics when that locked somebody out.
    pub fn failed(&self, attempt: Attempt) {
        if let Some(place) = attempt.closed {
            self.metrics.locked_out(SCOPES[place.min(SCOPES.len() - 1)]);
        }
    }

    /// The try succeeded: the account starts anew, and the address gets this one try back, no more, so that nobody can
    /// buy tries on other accounts with an own one.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn succeeded(&self, target: Target<'_>, ip: IpAddr) -> Result<(), StoreError> {
        self.store.clear(&self.account(target)).await?;
        self.take_back_address(ip).await
    }

    /// Somebody proved in another way that the account is theirs (a one-time link): it starts anew.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn forgive(&self, user: UserId) -> Result<(), StoreError> {
        self.store.clear(&self.account(Target::User(user))).await
    }

    /// The try was not looked at: it does not count.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn take_back(&self, target: Target<'_>, ip: IpAddr) -> Result<(), StoreError> {
        self.store.take_back(&self.account(target)).await?;
        self.take_back_address(ip).await
    }

    async fn take_back_address(&self, ip: IpAddr) -> Result<(), StoreError> {
        if self.by_address { self.store.take_back(&address(ip)).await } else { Ok(()) }
    }

    fn account(&self, target: Target<'_>) -> String {
        match target {
            Target::User(id) => format!("user:{id}"),
            Target::Nobody(folded) => format!("name:{}", self.key.blind("throttle", folded)),
        }
    }
}

fn address(ip: IpAddr) -> String {
    format!("address:{}", network_of(ip))
}
