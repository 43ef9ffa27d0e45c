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

use self::memory::HashMemory;
use super::PasswordHash;
use crate::{
    clock::Clock,
    metrics::Metrics,
    secret::{Password, random_bytes},
};

/// How many passwords may wait for each one that is being hashed.
const WAITING_PER_CORE: usize = 16;

/// How many hash at once where nothing is said of memory: what waits for them waits for a fraction of a second.
const DEFAULT_CONCURRENCY: usize = 8;

/// How many more of those may wait who are known.
const RESERVED_PER_CORE: usize = 8;

/// The most memory, in KiB, that a hash from elsewhere may ask for.
const MAX_FOREIGN_MEMORY: u32 = 1024 * 1024;

/// The most passes that it may ask for.
const MAX_FOREIGN_PASSES: u32 = 100;

/// Cost of a hash. The default is OWASP's: 19 MiB, two passes, one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashCost {
    /// KiB.
    pub memory: u32,
    /// Passes over it.
    pub passes: u32,
}

impl Default for HashCost {
    fn default() -> Self {
        Self { memory: 19 * 1024, passes: 2 }
    }
}

/// Too many passwords are waiting already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are waiting to be checked")]
pub struct HasherBusy;

/// Outcome of checking a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordMatch {
    /// It is not the password.
    Mismatch,
    /// It is.
    Match,
    /// It is, and its hash was made at another cost or of another spelling: hash it anew.
    NeedsRehash,
}

/// Priority of whoever asks for a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashPriority {
    /// Somebody of whom nothing is known.
    Stranger,
    /// A device that the account has signed in from before, or somebody who is signed in: some places are kept free for
    /// them, so that strangers cannot take all.
    Known,
}

/// Hashes and checks passwords. Cheap to clone.
#[derive(Clone)]
pub struct Hasher {
    argon2: Argon2<'static>,
    memory: Arc<HashMemory>,
    /// One permit for each password that may be in here at all.
    queue_permits: Arc<Semaphore>,
    /// Further permits, for [`Queue::Known`] only.
    reserved_permits: Arc<Semaphore>,
    /// One permit for each core that may hash.
    core_permits: Arc<Semaphore>,
    /// Hash that an unknown name is checked against.
    dummy_hash: Arc<str>,
    clock: Clock,
    metrics: Arc<Metrics>,
}

impl Hasher {
    /// A hasher at this cost, for so many cores, and within so many bytes of memory; one hash is always done.
    ///
    /// # Panics
    /// When the cost is not one that argon2 knows: it is a constant of this program.
    #[must_use]
    pub fn new(cost: HashCost, cores: usize, memory: Option<u64>, clock: Clock, metrics: Arc<Metrics>) -> Self {
        let params = Params::new(cost.memory, cost.passes, 1, None).expect("argon2 knows this cost");
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let blocks = argon2.params().block_count();
        let max_blocks =
            memory.map_or(DEFAULT_CONCURRENCY * blocks, |bytes| usize::try_from(bytes / 1024).unwrap_or(usize::MAX));
        let cores = cores.min(max_blocks / blocks).max(1);
        let memory = HashMemory::new(blocks, max_blocks.min(cores * blocks), &clock);
        // No password is behind it, and none was hashed to make it: nobody has signed in yet.
        let dummy_hash =
            to_phc(argon2.params(), &random_bytes(), &random_bytes::<{ Params::DEFAULT_OUTPUT_LEN }>()).into();
        Self {
            memory: Arc::new(memory),
            argon2,
            queue_permits: Arc::new(Semaphore::new(cores * (1 + WAITING_PER_CORE))),
            reserved_permits: Arc::new(Semaphore::new(cores * RESERVED_PER_CORE)),
            core_permits: Arc::new(Semaphore::new(cores)),
            dummy_hash,
            clock,
            metrics,
        }
    }

    /// Takes a place, before anything else is done for a password: whoever cannot be served costs nothing.
    ///
    /// # Errors
    /// When too many are waiting.
    pub fn acquire(&self, priority: HashPriority) -> Result<HashPermit, HasherBusy> {
        let taken = match (Arc::clone(&self.queue_permits).try_acquire_owned(), priority) {
            (Err(_), HashPriority::Known) => Arc::clone(&self.reserved_permits).try_acquire_owned(),
            (taken, _) => taken,
        };
        let Ok(permit) = taken else {
            self.metrics.password_rejected();
            return Err(HasherBusy);
        };
        Ok(HashPermit { hasher: self.clone(), _permit: permit })
    }

    /// Gives back what was hashed in, where nothing was for so long. Tells how many bytes.
    #[must_use]
    pub fn free_unused(&self, quiet: Duration) -> usize {
        self.memory.free_unused(quiet)
    }

    async fn run_blocking<T: Send + 'static>(&self, blocks: usize, hashing: impl FnOnce() -> T + Send + 'static) -> T {
        let core = Arc::clone(&self.core_permits).acquire_owned().await.expect("the semaphore is never closed");
        let room = self.memory.acquire(blocks).await;
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
pub struct HashPermit {
    hasher: Hasher,
    _permit: OwnedSemaphorePermit,
}

impl HashPermit {
    /// Hashes a new password, normalised.
    ///
    /// # Panics
    /// Never: argon2 hashes whatever was accepted as a password.
    pub async fn hash(&self, password: Password) -> PasswordHash {
        let password = password.normalized();
        let (argon2, memory) = (self.hasher.argon2.clone(), Arc::clone(&self.hasher.memory));
        let hash = self.hasher.run_blocking(argon2.params().block_count(), move || {
            let (salt, mut hash) = (random_bytes(), [0; Params::DEFAULT_OUTPUT_LEN]);
            memory.hash(&argon2, &password, &salt, &mut hash).expect("argon2 hashes what was accepted");
            to_phc(argon2.params(), &salt, &hash)
        });
        PasswordHash::new(hash.await)
    }

    /// Checks a password against a hash, or against nobody's: that costs the same and is always wrong. One that is not typed
    /// as it is normalised is checked as typed, too, whatever the first check said: hashes from before are of what was typed.
    pub async fn check(&self, password: Password, hash: Option<&PasswordHash>) -> PasswordMatch {
        let normalized = password.normalized();
        let differs = normalized.expose() != password.expose();
        let verdict = self.check_exact(normalized, hash).await;
        let as_typed = if differs { self.check_exact(password, hash).await } else { PasswordMatch::Mismatch };
        match (verdict, as_typed) {
            (PasswordMatch::Mismatch, PasswordMatch::Match | PasswordMatch::NeedsRehash) => PasswordMatch::NeedsRehash,
            (verdict, _) => verdict,
        }
    }

    async fn check_exact(&self, password: Password, hash: Option<&PasswordHash>) -> PasswordMatch {
        let known = hash.is_some();
        let phc: String = hash.map_or(&*self.hasher.dummy_hash, PasswordHash::as_phc).to_owned();
        let (argon2, memory) = (self.hasher.argon2.clone(), Arc::clone(&self.hasher.memory));
        let read = parse_phc(&phc);
        let blocks = read.as_ref().map_or(0, |(its, ..)| its.params().block_count());
        let check = move || {
            let Some((its, salt, expected)) = read else { return PasswordMatch::Mismatch };
            let mut hash = [0; Output::MAX_LENGTH];
            let hash = &mut hash[..expected.len()];
            let hashed = memory.hash(&its, &password, &salt, hash).is_ok();
            // Compares in constant time.
            let right = hashed && Output::new(hash).is_ok_and(|hash| hash == expected);
            match (known && right, same_cost(its.params(), argon2.params())) {
                (false, _) => PasswordMatch::Mismatch,
                (true, true) => PasswordMatch::Match,
                (true, false) => PasswordMatch::NeedsRehash,
            }
        };
        self.hasher.run_blocking(blocks, check).await
    }
}

/// A hash as it is kept.
fn to_phc(params: &Params, salt: &[u8; Salt::RECOMMENDED_LENGTH], hash: &[u8]) -> String {
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
    pub fn from_foreign(phc: String) -> Option<Self> {
        let (argon2, ..) = parse_phc(&phc)?;
        let bounded = argon2.params().m_cost() <= MAX_FOREIGN_MEMORY && argon2.params().t_cost() <= MAX_FOREIGN_PASSES;
        bounded.then(|| Self::new(phc))
    }
}

/// How a kept hash was made, with its salt and itself.
fn parse_phc(phc: &str) -> Option<(Argon2<'static>, Salt, Output)> {
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
        Hasher::new(HashCost { memory: 8, passes }, cores, None, Clock::system(), Arc::new(Metrics::new()))
    }

    fn typed(text: &str) -> Password {
        Password::new(text.to_owned())
    }

    #[tokio::test]
    async fn only_the_right_password_is_right() {
        let permit = hasher(1, 2).acquire(HashPriority::Stranger).unwrap();
        let hash = permit.hash(typed("correct horse")).await;
        assert!(hash.as_phc().starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
        assert_eq!(permit.check(typed("correct horse"), Some(&hash)).await, PasswordMatch::Match);
        assert_eq!(permit.check(typed("correct horsf"), Some(&hash)).await, PasswordMatch::Mismatch);
        assert_eq!(permit.check(typed("nobody"), None).await, PasswordMatch::Mismatch);
    }

    #[tokio::test]
    async fn a_password_is_the_same_however_its_letters_are_composed() {
        let permit = hasher(1, 2).acquire(HashPriority::Stranger).unwrap();
        let hash = permit.hash(typed("cafe\u{301}-7")).await;
        for same in ["caf\u{e9}-7", "cafe\u{301}-7"] {
            assert_eq!(permit.check(typed(same), Some(&hash)).await, PasswordMatch::Match);
        }
        let hashed = |text: &'static str| {
            let (argon2, memory) = (permit.hasher.argon2.clone(), Arc::clone(&permit.hasher.memory));
            let (salt, mut hash) = (random_bytes(), [0; Params::DEFAULT_OUTPUT_LEN]);
            memory.hash(&argon2, &typed(text), &salt, &mut hash).unwrap();
            PasswordHash::new(to_phc(argon2.params(), &salt, &hash))
        };
        let old = hashed("cafe\u{301}-7");
        assert_eq!(permit.check(typed("cafe\u{301}-7"), Some(&old)).await, PasswordMatch::NeedsRehash, "to be renewed");
        assert_eq!(permit.check(typed("cafe-7"), Some(&old)).await, PasswordMatch::Mismatch);
    }

    #[tokio::test]
    async fn a_hash_of_another_cost_is_right_and_old() {
        let hash = hasher(1, 2).acquire(HashPriority::Stranger).unwrap().hash(typed("x")).await;
        assert_eq!(
            hasher(2, 2).acquire(HashPriority::Stranger).unwrap().check(typed("x"), Some(&hash)).await,
            PasswordMatch::NeedsRehash
        );
    }

    #[test]
    fn above_the_bound_one_is_told_at_once() {
        let hasher = hasher(1, 1);
        let mut all: Vec<HashPermit> =
            (0..=WAITING_PER_CORE).map(|_| hasher.acquire(HashPriority::Stranger).unwrap()).collect();
        assert!(hasher.acquire(HashPriority::Stranger).is_err());
        let known: Vec<_> = (0..=RESERVED_PER_CORE).map(|_| hasher.acquire(HashPriority::Known)).collect();
        let served = known.iter().filter(|known| known.is_ok()).count();
        assert_eq!(served, RESERVED_PER_CORE, "some places are kept free for those who are known");
        all.pop();
        assert!(hasher.acquire(HashPriority::Stranger).is_ok());
    }
}
