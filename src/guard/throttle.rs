//! Throttling of sign-in: by what was typed, by account, and by address.
//!
//! - A stranger's tries close an account, but not to a device that this account has signed in from before: such a device
//!   has a counter of its own. Otherwise whoever knows a name could keep its owner out.
//! - So has a session that asks for a change of the password, whatever device it is on.
//! - Somebody is told to wait only for what they typed themselves. An account that others closed under its other name
//!   answers as a wrong password does: otherwise waiting would tell which address belongs to which name.

use std::{net::IpAddr, sync::Arc, time::Duration};

use arc_swap::ArcSwap;

use super::{AttemptCounter, CallerClass, CountResult, ThrottleStore};
use crate::{
    clock::{Clock, Timestamp},
    id::{DeviceId, SessionId, UserId},
    metrics::Metrics,
    secret::SecretKey,
    store_error::StoreError,
    visitor::{TrustedProxies, ip_network},
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
    pub window: Duration,
    /// … nobody gets in for so long, not even with the right password.
    pub cool_off: Duration,
}

/// A try, as it is counted.
#[derive(Clone, Copy, Debug)]
pub struct ThrottledAttempt<'a> {
    /// The folded name or address that was typed.
    pub login: &'a str,
    /// Whose it is, if it is anybody's.
    pub user: Option<UserId>,
    /// The device that shows itself, if that user has signed in from it before.
    pub device: Option<DeviceId>,
    /// The session of that user in which the password is asked for once more; its tries are counted by it.
    pub session: Option<SessionId>,
    /// Address that it comes from.
    pub ip: IpAddr,
}

/// Whether a try may be looked at.
#[derive(Debug)]
pub enum ThrottleDecision {
    /// It may.
    Allow(CountedAttempt),
    /// It may not, and a stranger may not be told either: answer as if it had been wrong, at the same cost.
    DenySilently {
        /// When the counter opens.
        until: Timestamp,
    },
    /// It may not before then.
    Deny {
        /// When the counter opens.
        until: Timestamp,
    },
}

/// A try that was counted, for whoever learns how it ended.
#[derive(Debug)]
#[must_use = "say how the try ended"]
pub struct CountedAttempt {
    /// Counters that begin anew when the try succeeds.
    reset_on_success: Vec<String>,
    /// Counters that get this one try back when it succeeds, no more: nobody can buy tries on other accounts with an own
    /// account, nor can a stranger hope for the owner to come by.
    refund_on_success: Vec<String>,
    /// The scopes of what closed with this try.
    closed: Vec<LockoutScope>,
    caller: CallerClass,
}

/// Kind of counter that closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LockoutScope {
    Account,
    Address,
    Device,
    Session,
}

impl LockoutScope {
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
    key: SecretKey,
    clock: Clock,
    metrics: Arc<Metrics>,
    by_address: bool,
    /// What comes from one of them, and says of nobody else that it was theirs, may be of any visitor.
    shared_addresses: TrustedProxies,
}

impl Throttle {
    /// A throttle over one store.
    #[must_use]
    pub fn new(
        store: Arc<dyn ThrottleStore>,
        policy: Arc<ArcSwap<LockoutPolicy>>,
        key: SecretKey,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Self {
        metrics.register_lockout_scopes(&LockoutScope::ALL.map(LockoutScope::label));
        Self { store, policy, key, clock, metrics, by_address: true, shared_addresses: TrustedProxies::default() }
    }

    /// The same, by account only: where all visitors come from one address (what ends TLS in front of us), one of them
    /// could stop the others.
    #[must_use]
    pub fn by_account_only(self) -> Self {
        Self { by_address: false, ..self }
    }

    /// The same, but by account only for what comes from one of these addresses.
    #[must_use]
    pub fn with_shared_addresses(self, shared: TrustedProxies) -> Self {
        Self { shared_addresses: shared, ..self }
    }

    /// Counts a try before it is checked.
    ///
    /// # Errors
    /// When the store is away: then nothing is checked either.
    pub async fn attempt(&self, attempt: ThrottledAttempt<'_>) -> Result<ThrottleDecision, StoreError> {
        match (attempt.session, attempt.device) {
            (Some(session), _) => {
                let all = session_total_counter(session);
                self.attempt_with_counter(attempt, session_key(session), LockoutScope::Session, Some(all)).await
            }
            (None, Some(device)) => {
                self.attempt_with_counter(attempt, device_key(device), LockoutScope::Device, None).await
            }
            (None, None) => self.attempt_as_stranger(attempt).await,
        }
    }

    /// The try failed; tells the metrics when that locked somebody out.
    pub fn record_failure(&self, counted: &CountedAttempt) {
        for scope in &counted.closed {
            self.metrics.locked_out(scope.label());
        }
    }

    /// The try succeeded: whoever it was starts anew.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn record_success(&self, counted: &CountedAttempt) -> Result<(), StoreError> {
        self.store.finish(&counted.reset_on_success, &counted.refund_on_success, counted.caller).await
    }

    /// An account starts anew, under each of these folded names, on each of these devices and in each of these sessions:
    /// somebody proved in another way that it is theirs, or the operator says so.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn reset(
        &self,
        user: UserId,
        logins: &[String],
        devices: &[DeviceId],
        sessions: &[SessionId],
    ) -> Result<(), StoreError> {
        let logins = logins.iter().map(|login| self.login_key(login));
        let devices = devices.iter().copied().map(device_key);
        let sessions = sessions.iter().copied().map(session_key);
        let all: Vec<String> = std::iter::once(user_key(user)).chain(logins).chain(devices).chain(sessions).collect();
        self.store.finish(&all, &[], CallerClass::Stranger).await
    }

    async fn attempt_as_stranger(&self, attempt: ThrottledAttempt<'_>) -> Result<ThrottleDecision, StoreError> {
        let typed = self.counter(self.login_key(attempt.login));
        // A name that nobody has is counted as often, too: it must not be quicker.
        let account = self.counter(attempt.user.map_or_else(|| self.unknown_login_key(attempt.login), user_key));
        let by_address = self.by_address && !self.shared_addresses.trusts(attempt.ip);
        let address = by_address.then(|| address_counter(attempt.ip));
        let own = vec![typed.name.clone(), account.name.clone()];
        let shared: Vec<String> = address.iter().map(|address| address.name.clone()).collect();
        let required: Vec<AttemptCounter> = std::iter::once(typed).chain(address).collect();
        let result = self
            .store
            .attempt(&required, std::slice::from_ref(&account), CallerClass::Stranger, self.clock.now())
            .await?;
        Ok(match result {
            CountResult::Closed { until } => ThrottleDecision::Deny { until },
            CountResult::Counted { account_closed_until: Some(until), .. } => ThrottleDecision::DenySilently { until },
            CountResult::Counted { newly_closed: closed, account_closed_until: None } => {
                let scope = |name: &String| match name {
                    name if *name == account.name => Some(LockoutScope::Account),
                    name if shared.contains(name) => Some(LockoutScope::Address),
                    _ => None, // what was typed closes with its account
                };
                let closed = closed.iter().filter_map(scope).collect();
                ThrottleDecision::Allow(CountedAttempt {
                    reset_on_success: own,
                    refund_on_success: shared,
                    closed,
                    caller: CallerClass::Stranger,
                })
            }
        })
    }

    /// Asks one counter that no stranger can close, and one of all tries where there is one. Their failures count for the
    /// account, too, whether that is closed or not.
    async fn attempt_with_counter(
        &self,
        attempt: ThrottledAttempt<'_>,
        name: String,
        own: LockoutScope,
        total: Option<AttemptCounter>,
    ) -> Result<ThrottleDecision, StoreError> {
        let counter = self.counter(name.clone());
        let caller = if attempt.session.is_some() { CallerClass::SignedIn } else { CallerClass::Stranger };
        let required: Vec<AttemptCounter> = std::iter::once(counter).chain(total).collect();
        let beside: Vec<AttemptCounter> = std::iter::once(self.login_key(attempt.login))
            .chain(attempt.user.map(user_key))
            .map(|name| self.counter(name))
            .collect();
        Ok(match self.store.attempt(&required, &beside, caller, self.clock.now()).await? {
            CountResult::Closed { until } => ThrottleDecision::Deny { until },
            CountResult::Counted { newly_closed: closed, account_closed_until: beside_until } => {
                let is_asked = |name: &String| required.iter().any(|counter| counter.name == *name);
                let scope = |name: &String| if is_asked(name) { own } else { LockoutScope::Account };
                // What was closed already was not counted, and has no try to give back.
                let shared = match beside_until {
                    None => beside.into_iter().map(|counter| counter.name).collect(),
                    Some(_) => Vec::new(),
                };
                let mut closed: Vec<LockoutScope> = closed.iter().map(scope).collect();
                closed.dedup();
                ThrottleDecision::Allow(CountedAttempt {
                    reset_on_success: vec![name],
                    refund_on_success: shared,
                    closed,
                    caller,
                })
            }
        })
    }

    fn counter(&self, name: String) -> AttemptCounter {
        let LockoutPolicy { failures: tries, window: within, cool_off } = **self.policy.load();
        AttemptCounter { name, limit: tries, window: within, cool_off }
    }

    /// Kept as a keyed digest only, because people type passwords into the wrong field.
    fn login_key(&self, folded: &str) -> String {
        format!("login:{}", self.key.keyed_digest("throttle", folded))
    }

    fn unknown_login_key(&self, folded: &str) -> String {
        format!("nobody:{}", self.key.keyed_digest("throttle", folded))
    }
}

fn user_key(user: UserId) -> String {
    format!("user:{user}")
}

fn session_key(session: SessionId) -> String {
    format!("session:{session}")
}

fn session_total_counter(session: SessionId) -> AttemptCounter {
    AttemptCounter {
        name: format!("session-tries:{session}"),
        limit: SESSION_TRIES,
        window: SESSION_WITHIN,
        cool_off: SESSION_COOL_OFF,
    }
}

fn device_key(device: DeviceId) -> String {
    format!("device:{device}")
}

fn address_counter(ip: IpAddr) -> AttemptCounter {
    AttemptCounter {
        name: format!("address:{}", ip_network(ip)),
        limit: ADDRESS_TRIES,
        window: ADDRESS_WITHIN,
        cool_off: ADDRESS_COOL_OFF,
    }
}
