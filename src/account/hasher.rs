//! Password hashing: argon2id on the blocking pool, behind a bounded queue.
//!
//! As many hashes run at once as there are cores and memory; a bounded number waits; whoever comes on top is told so at once. A
//! name that nobody has costs the same hash as one that somebody has.

mod memory;

use std::{sync::Arc, time::Duration};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::phc::{self, Output, ParamsString, Salt},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task,
};

use self::memory::Memory;
use super::PasswordHash;
use crate::{
    clock::Clock,
    metrics::Metrics,
    secret::{Password, random},
};

/// How many passwords may wait for each one that is being hashed.
const WAITING_PER_CORE: usize = 16;

/// How many hash at once where nothing is said of memory: what waits for them waits for a fraction of a second.
const AT_ONCE: usize = 8;

/// How many more of those may wait who are known.
const KEPT_FREE_PER_CORE: usize = 8;

/// The most memory, in KiB, that a hash from elsewhere may ask for.
const FOREIGN_MEMORY: u32 = 1024 * 1024;

/// The most passes that it may ask for.
const FOREIGN_PASSES: u32 = 100;

/// What a hash costs. The default is OWASP's: 19 MiB, two passes, one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// KiB.
    pub memory: u32,
    /// Passes over it.
    pub passes: u32,
}

impl Default for Cost {
    fn default() -> Self {
        Self { memory: 19 * 1024, passes: 2 }
    }
}

/// Too many passwords are waiting already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are waiting to be checked")]
pub struct Busy;

/// What checking a password said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is not the password.
    Wrong,
    /// It is.
    Right,
    /// It is, and its hash was made at another cost or of another spelling: hash it anew.
    RightButOld,
}

/// Who asks for a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// Somebody of whom nothing is known.
    Anybody,
    /// A device that the account has signed in from before, or somebody who is signed in: some places are kept free for
    /// them, so that strangers cannot take all.
    Known,
}

/// Hashes and checks passwords. Cheap to clone.
#[derive(Clone)]
pub struct Hasher {
    argon2: Argon2<'static>,
    memory: Arc<Memory>,
    /// One permit for each password that may be in here at all.
    slots: Arc<Semaphore>,
    /// Further permits, for [`Queue::Known`] only.
    kept_free: Arc<Semaphore>,
    /// One permit for each core that may hash.
    cores: Arc<Semaphore>,
    /// What an unknown name is checked against.
    nobody: Arc<str>,
    clock: Clock,
    metrics: Arc<Metrics>,
}

impl Hasher {
    /// A hasher at this cost, for so many cores, and within so many bytes of memory; one hash is always done.
    ///
    /// # Panics
    /// When the cost is not one that argon2 knows: it is a constant of this program.
    #[must_use]
    pub fn new(cost: Cost, cores: usize, memory: Option<u64>, clock: Clock, metrics: Arc<Metrics>) -> Self {
        let params = Params::new(cost.memory, cost.passes, 1, None).expect("argon2 knows this cost");
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let blocks = argon2.params().block_count();
        let most = memory.map_or(AT_ONCE * blocks, |bytes| usize::try_from(bytes / 1024).unwrap_or(usize::MAX));
        let cores = cores.min(most / blocks).max(1);
        let memory = Memory::new(blocks, most.min(cores * blocks), &clock);
        // No password is behind it, and none was hashed to make it: nobody has signed in yet.
        let nobody = written(argon2.params(), &random(), &random::<{ Params::DEFAULT_OUTPUT_LEN }>()).into();
        Self {
            memory: Arc::new(memory),
            argon2,
            slots: Arc::new(Semaphore::new(cores * (1 + WAITING_PER_CORE))),
            kept_free: Arc::new(Semaphore::new(cores * KEPT_FREE_PER_CORE)),
            cores: Arc::new(Semaphore::new(cores)),
            nobody,
            clock,
            metrics,
        }
    }

    /// Takes a place, before anything else is done for a password: whoever cannot be served costs nothing.
    ///
    /// # Errors
    /// When too many are waiting.
    pub fn reserve(&self, queue: Queue) -> Result<Slot, Busy> {
        let taken = match (Arc::clone(&self.slots).try_acquire_owned(), queue) {
            (Err(_), Queue::Known) => Arc::clone(&self.kept_free).try_acquire_owned(),
            (taken, _) => taken,
        };
        let Ok(slot) = taken else {
            self.metrics.password_rejected();
            return Err(Busy);
        };
        Ok(Slot { hasher: self.clone(), _slot: slot })
    }

    /// Gives back what was hashed in, where nothing was for so long. Tells how many bytes.
    #[must_use]
    pub fn free_unused(&self, quiet: Duration) -> usize {
        self.memory.free_unused(quiet)
    }

    async fn work<T: Send + 'static>(&self, blocks: usize, hashing: impl FnOnce() -> T + Send + 'static) -> T {
        let core = Arc::clone(&self.cores).acquire_owned().await.expect("the semaphore is never closed");
        let room = self.memory.room(blocks).await;
        let watch = self.clock.stopwatch();
        let done = task::spawn_blocking(move || {
            let done = hashing();
            drop((room, core));
            done
        });
        let done = done.await.expect("hashing does not panic");
        self.metrics.password_hashed(watch.elapsed());
        done
    }
}

/// A place in the queue: good for one visitor's passwords, one after the other.
pub struct Slot {
    hasher: Hasher,
    _slot: OwnedSemaphorePermit,
}

impl Slot {
    /// Hashes a new password, normalised.
    ///
    /// # Panics
    /// Never: argon2 hashes whatever was accepted as a password.
    pub async fn hash(&self, password: Password) -> PasswordHash {
        let password = password.normalized();
        let (argon2, memory) = (self.hasher.argon2.clone(), Arc::clone(&self.hasher.memory));
        let hash = self.hasher.work(argon2.params().block_count(), move || {
            let (salt, mut hash) = (random(), [0; Params::DEFAULT_OUTPUT_LEN]);
            memory.hash(&argon2, &password, &salt, &mut hash).expect("argon2 hashes what was accepted");
            written(argon2.params(), &salt, &hash)
        });
        PasswordHash::new(hash.await)
    }

    /// Checks a password against a hash, or against nobody's: that costs the same and is always wrong. One that is not typed
    /// as it is normalised is checked as typed, too, whatever the first check said: hashes from before are of what was typed.
    pub async fn check(&self, password: Password, hash: Option<&PasswordHash>) -> Verdict {
        let normalized = password.normalized();
        let differs = normalized.expose() != password.expose();
        let verdict = self.check_as_it_is(normalized, hash).await;
        let as_typed = if differs { self.check_as_it_is(password, hash).await } else { Verdict::Wrong };
        match (verdict, as_typed) {
            (Verdict::Wrong, Verdict::Right | Verdict::RightButOld) => Verdict::RightButOld,
            (verdict, _) => verdict,
        }
    }

    async fn check_as_it_is(&self, password: Password, hash: Option<&PasswordHash>) -> Verdict {
        let known = hash.is_some();
        let phc: String = hash.map_or(&*self.hasher.nobody, PasswordHash::as_phc).to_owned();
        let (argon2, memory) = (self.hasher.argon2.clone(), Arc::clone(&self.hasher.memory));
        let read = read(&phc);
        let blocks = read.as_ref().map_or(0, |(its, ..)| its.params().block_count());
        let check = move || {
            let Some((its, salt, expected)) = read else { return Verdict::Wrong };
            let mut hash = [0; Output::MAX_LENGTH];
            let hash = &mut hash[..expected.len()];
            let hashed = memory.hash(&its, &password, &salt, hash).is_ok();
            // Compares in constant time.
            let right = hashed && Output::new(hash).is_ok_and(|hash| hash == expected);
            match (known && right, same_cost(its.params(), argon2.params())) {
                (false, _) => Verdict::Wrong,
                (true, true) => Verdict::Right,
                (true, false) => Verdict::RightButOld,
            }
        };
        self.hasher.work(blocks, check).await
    }
}

/// A hash as it is kept.
fn written(params: &Params, salt: &[u8; Salt::RECOMMENDED_LENGTH], hash: &[u8]) -> String {
    let whole = phc::PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).expect("argon2 writes its own parameters"),
        salt: Some(Salt::new(salt).expect("a salt of this length can be written")),
        hash: Some(Output::new(hash).expect("argon2 makes hashes of a length that can be written")),
    };
    whole.to_string()
}

impl PasswordHash {
    /// A hash from elsewhere: none where argon2 could not check it here, in time and in memory.
    #[must_use]
    pub fn checked(phc: String) -> Option<Self> {
        let (argon2, ..) = read(&phc)?;
        let bounded = argon2.params().m_cost() <= FOREIGN_MEMORY && argon2.params().t_cost() <= FOREIGN_PASSES;
        bounded.then(|| Self::new(phc))
    }
}

/// How a kept hash was made, with its salt and itself.
fn read(phc: &str) -> Option<(Argon2<'static>, Salt, Output)> {
    let whole = phc::PasswordHash::new(phc).ok()?;
    let algorithm = Algorithm::try_from(whole.algorithm.as_str()).ok()?;
    let version = whole.version.map_or(Ok(Version::default()), Version::try_from).ok()?;
    let argon2 = Argon2::new(algorithm, version, Params::try_from(&whole).ok()?);
    Some((argon2, whole.salt?, whole.hash?))
}

fn same_cost(one: &Params, other: &Params) -> bool {
    one.m_cost() == other.m_cost() && one.t_cost() == other.t_cost() && one.p_cost() == other.p_cost()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher(passes: u32, cores: usize) -> Hasher {
        Hasher::new(Cost { memory: 8, passes }, cores, None, Clock::machine(), Arc::new(Metrics::new()))
    }

    fn typed(text: &str) -> Password {
        Password::new(text.to_owned())
    }

    #[tokio::test]
    async fn only_the_right_password_is_right() {
        let slot = hasher(1, 2).reserve(Queue::Anybody).unwrap();
        let hash = slot.hash(typed("correct horse")).await;
        assert!(hash.as_phc().starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
        assert_eq!(slot.check(typed("correct horse"), Some(&hash)).await, Verdict::Right);
        assert_eq!(slot.check(typed("correct horsf"), Some(&hash)).await, Verdict::Wrong);
        assert_eq!(slot.check(typed("nobody"), None).await, Verdict::Wrong);
    }

    #[tokio::test]
    async fn a_password_is_the_same_however_its_letters_are_composed() {
        let slot = hasher(1, 2).reserve(Queue::Anybody).unwrap();
        let hash = slot.hash(typed("cafe\u{301}-7")).await;
        for same in ["caf\u{e9}-7", "cafe\u{301}-7"] {
            assert_eq!(slot.check(typed(same), Some(&hash)).await, Verdict::Right);
        }
        let hashed = |text: &'static str| {
            let (argon2, memory) = (slot.hasher.argon2.clone(), Arc::clone(&slot.hasher.memory));
            let (salt, mut hash) = (random(), [0; Params::DEFAULT_OUTPUT_LEN]);
            memory.hash(&argon2, &typed(text), &salt, &mut hash).unwrap();
            PasswordHash::new(written(argon2.params(), &salt, &hash))
        };
        let old = hashed("cafe\u{301}-7");
        assert_eq!(slot.check(typed("cafe\u{301}-7"), Some(&old)).await, Verdict::RightButOld, "to be renewed");
        assert_eq!(slot.check(typed("cafe-7"), Some(&old)).await, Verdict::Wrong);
    }

    #[tokio::test]
    async fn a_hash_of_another_cost_is_right_and_old() {
        let hash = hasher(1, 2).reserve(Queue::Anybody).unwrap().hash(typed("x")).await;
        assert_eq!(
            hasher(2, 2).reserve(Queue::Anybody).unwrap().check(typed("x"), Some(&hash)).await,
            Verdict::RightButOld
        );
    }

    #[test]
    fn above_the_bound_one_is_told_at_once() {
        let hasher = hasher(1, 1);
        let mut all: Vec<Slot> = (0..=WAITING_PER_CORE).map(|_| hasher.reserve(Queue::Anybody).unwrap()).collect();
        assert!(hasher.reserve(Queue::Anybody).is_err());
        let known: Vec<_> = (0..=KEPT_FREE_PER_CORE).map(|_| hasher.reserve(Queue::Known)).collect();
        let served = known.iter().filter(|known| known.is_ok()).count();
        assert_eq!(served, KEPT_FREE_PER_CORE, "some places are kept free for those who are known");
        all.pop();
        assert!(hasher.reserve(Queue::Anybody).is_ok());
    }
}
