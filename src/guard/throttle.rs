//! Throttling of sign-in: by what was typed, by account, and by address.
//!
//! - A stranger's tries close an account, but not to a device that this account has signed in from before: such a device
//!   has a counter of its own. Otherwise whoever knows a name could keep its owner out.
//! - So has a session that asks for a change of the password, whatever device it is on.
//! - Somebody is told to wait only for what they typed themselves. An account that others closed under its other name
//!   answers as a wrong password does: otherwise waiting would tell which address belongs to which name.

use std::{net::IpAddr, sync::Arc, time::Duration};

use arc_swap::ArcSwap;

use super::{Caller, Counter, Tally, ThrottleStore};
use crate::{
    clock::{Clock, Timestamp},
    id::{DeviceId, SessionId, UserId},
    metrics::Metrics,
    outage::StoreError,
    secret::Key,
    visitor::{TrustedProxies, network_of},
};

/// Tries per address and five minutes, whatever accounts they aim at: far above a person, far below a list of passwords.
const ADDRESS_TRIES: u32 = 50;
const ADDRESS_WITHIN: Duration = Duration::from_mins(5);
const ADDRESS_COOL_OFF: Duration = Duration::from_mins(5);

/// Tries per session and hour, right ones too: each is written on a full disk as well.
const SESSION_TRIES: u32 = 60;
const SESSION_WITHIN: Duration = Duration::from_hours(1);
const SESSION_COOL_OFF: Duration = Duration::from_hours(1);

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
    /// The session of that user in which the password is asked for once more; its tries are counted by it.
    pub session: Option<SessionId>,
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
    /// The scopes of what closed with this try.
    closed: Vec<Scope>,
    caller: Caller,
}

/// What closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Account,
    Address,
    Device,
    Session,
}

impl Scope {
    const ALL: [Self; 4] = [Self::Account, Self::Address, Self::Device, Self::Session];

    /// Its value of the label `scope`.
    const fn label(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Address => "address",
            Self::Device => "device",
            Self::Session => "session",
        }
    }
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
    /// What comes from one of them, and says of nobody else that it was theirs, may be of any visitor.
    shared: TrustedProxies,
}

impl Throttle {
    /// A throttle over one store.
    #[must_use]
    pub fn new(
        store: Arc<dyn ThrottleStore>,
        policy: Arc<ArcSwap<LockoutPolicy>>,
        key: Key,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Self {
        metrics.register_lockout_scopes(&Scope::ALL.map(Scope::label));
        Self { store, policy, key, clock, metrics, by_address: true, shared: TrustedProxies::default() }
    }

    /// The same, by account only: where all visitors come from one address (what ends TLS in front of us), one of them
    /// could stop the others.
    #[must_use]
    pub fn by_account_only(self) -> Self {
        Self { by_address: false, ..self }
    }

    /// The same, but by account only for what comes from one of these addresses.
    #[must_use]
    pub fn shared_by(self, shared: TrustedProxies) -> Self {
        Self { shared, ..self }
    }

    /// Counts a try before it is checked.
    ///
    /// # Errors
    /// When the store is away: then nothing is checked either.
    pub async fn attempt(&self, tried: Try<'_>) -> Result<Leave, StoreError> {
        match (tried.session, tried.device) {
            (Some(session), _) => {
                let all = of_session_in_all(session);
                self.by_own_counter(tried, of_session(session), Scope::Session, Some(all)).await
            }
            (None, Some(device)) => self.by_own_counter(tried, of_device(device), Scope::Device, None).await,
            (None, None) => self.by_anybody(tried).await,
        }
    }

    /// The try failed; tells the metrics when that locked somebody out.
    pub fn failed(&self, counted: &Counted) {
        for scope in &counted.closed {
            self.metrics.locked_out(scope.label());
        }
    }

    /// The try succeeded: whoever it was starts anew.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn succeeded(&self, counted: &Counted) -> Result<(), StoreError> {
        self.store.settle(&counted.own, &counted.shared, counted.caller).await
    }

    /// An account starts anew, under each of these folded names, on each of these devices and in each of these sessions:
    /// somebody proved in another way that it is theirs, or the operator says so.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn forgive(
        &self,
        user: UserId,
        logins: &[String],
        devices: &[DeviceId],
        sessions: &[SessionId],
    ) -> Result<(), StoreError> {
        let logins = logins.iter().map(|login| self.of_login(login));
        let devices = devices.iter().copied().map(of_device);
        let sessions = sessions.iter().copied().map(of_session);
        let all: Vec<String> = std::iter::once(of_user(user)).chain(logins).chain(devices).chain(sessions).collect();
        self.store.settle(&all, &[], Caller::Anybody).await
    }

    async fn by_anybody(&self, tried: Try<'_>) -> Result<Leave, StoreError> {
        let typed = self.counter(self.of_login(tried.login));
        // A name that nobody has is counted as often, too: it must not be quicker.
        let account = self.counter(tried.user.map_or_else(|| self.of_nobody(tried.login), of_user));
        let by_address = self.by_address && !self.shared.trusts(tried.ip);
        let address = by_address.then(|| of_address(tried.ip));
        let own = vec![typed.name.clone(), account.name.clone()];
        let shared: Vec<String> = address.iter().map(|address| address.name.clone()).collect();
        let asked: Vec<Counter> = std::iter::once(typed).chain(address).collect();
        let tally =
            self.store.attempt(&asked, std::slice::from_ref(&account), Caller::Anybody, self.clock.now()).await?;
        Ok(match tally {
            Tally::Closed { until } => Leave::Refused { until },
            Tally::Counted { beside_until: Some(until), .. } => Leave::Withheld { until },
            Tally::Counted { closed, beside_until: None } => {
                let scope = |name: &String| match name {
                    name if *name == account.name => Some(Scope::Account),
                    name if shared.contains(name) => Some(Scope::Address),
                    _ => None, // what was typed closes with its account
                };
                let closed = closed.iter().filter_map(scope).collect();
                Leave::Granted(Counted { own, shared, closed, caller: Caller::Anybody })
            }
        })
    }

    /// Asks one counter that no stranger can close, and one of all tries where there is one. Their failures count for the
    /// account, too, whether that is closed or not.
    async fn by_own_counter(
        &self,
        tried: Try<'_>,
        name: String,
        own: Scope,
        in_all: Option<Counter>,
    ) -> Result<Leave, StoreError> {
        let counter = self.counter(name.clone());
        let caller = if tried.session.is_some() { Caller::SignedIn } else { Caller::Anybody };
        let asked: Vec<Counter> = std::iter::once(counter).chain(in_all).collect();
        let beside: Vec<Counter> = std::iter::once(self.of_login(tried.login))
            .chain(tried.user.map(of_user))
            .map(|name| self.counter(name))
            .collect();
        Ok(match self.store.attempt(&asked, &beside, caller, self.clock.now()).await? {
            Tally::Closed { until } => Leave::Refused { until },
            Tally::Counted { closed, beside_until } => {
                let is_asked = |name: &String| asked.iter().any(|counter| counter.name == *name);
                let scope = |name: &String| if is_asked(name) { own } else { Scope::Account };
                // What was closed already was not counted, and has no try to give back.
                let shared = match beside_until {
                    None => beside.into_iter().map(|counter| counter.name).collect(),
                    Some(_) => Vec::new(),
                };
                let mut closed: Vec<Scope> = closed.iter().map(scope).collect();
                closed.dedup();
                Leave::Granted(Counted { own: vec![name], shared, closed, caller })
            }
        })
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

fn of_session(session: SessionId) -> String {
    format!("session:{session}")
}

fn of_session_in_all(session: SessionId) -> Counter {
    Counter {
        name: format!("session-tries:{session}"),
        tries: SESSION_TRIES,
        within: SESSION_WITHIN,
        cool_off: SESSION_COOL_OFF,
    }
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
