//! Memory of argon2: bounded, kept from one password to the next, and given back to the system when nobody needs it.
//!
//! Given back each time, it would have to be asked for and zeroed for each password; kept for ever, it would be most of what
//! Portcullis takes.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use argon2::{Argon2, Block};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroize as _;

use crate::{
    clock::{Clock, Stopwatch},
    secret::Password,
};

/// Fewest blocks of 1 KiB that are asked for, whatever is used of them. glibc gives what is freed back to the system at once
/// where it was above 32 MiB (`DEFAULT_MMAP_THRESHOLD_MAX`), and else keeps it in the arena of a thread. Pages that nobody writes
/// take no memory.
const MIN_BLOCKS: usize = 33 * 1024;

/// Memory of all hashes.
///
/// Invariant: what is in use and what is kept is together never above the bound, but for one hash alone. Held by
/// `hasher::memory::tests`.
pub(super) struct HashMemory {
    /// How many blocks a hash of ours needs. What one of another cost needs is given back.
    blocks_per_hash: usize,
    /// Permits for all blocks.
    permits: Arc<Semaphore>,
    max_blocks: usize,
    clock: Clock,
    free: Mutex<FreeBuffers>,
}

struct FreeBuffers {
    buffers: Vec<Vec<Block>>,
    last_used: Stopwatch,
}

impl HashMemory {
    /// For hashes of so many blocks each, within so many.
    pub(super) fn new(blocks: usize, max_blocks: usize, clock: &Clock) -> Self {
        let max_blocks = max_blocks.clamp(blocks, Semaphore::MAX_PERMITS);
        let kept = Mutex::new(FreeBuffers { buffers: Vec::new(), last_used: clock.stopwatch() });
        Self {
            blocks_per_hash: blocks,
            permits: Arc::new(Semaphore::new(max_blocks)),
            max_blocks,
            clock: clock.clone(),
            free: kept,
        }
    }

    /// Waits for room for one hash; one that needs more than there is waits for all.
    pub(super) async fn acquire(&self, blocks: usize) -> OwnedSemaphorePermit {
        let needed = u32::try_from(blocks.min(self.max_blocks)).unwrap_or(u32::MAX);
        Arc::clone(&self.permits).acquire_many_owned(needed).await.expect("the semaphore is never closed")
    }

    /// Hashes, for whoever has room for it.
    pub(super) fn hash(
        &self,
        argon2: &Argon2<'_>,
        password: &Password,
        salt: &[u8],
        hash: &mut [u8],
    ) -> argon2::Result<()> {
        let needed = argon2.params().block_count();
        let mut blocks = self.take_buffer(needed);
        let done = argon2.hash_password_into_with_memory(password.expose().as_bytes(), salt, hash, &mut blocks);
        // It stays in memory for long, and helps whoever reads it there to find the password.
        blocks.iter_mut().for_each(Block::zeroize);
        let mut kept = self.lock();
        kept.last_used = self.clock.stopwatch();
        if needed == self.blocks_per_hash {
            kept.buffers.push(blocks);
        }
        done
    }

    /// Gives back what is kept, where nothing was hashed for so long. Tells how many bytes.
    pub(super) fn free_unused(&self, quiet: Duration) -> usize {
        let mut kept = self.lock();
        if kept.last_used.elapsed() < quiet {
            return 0;
        }
        std::mem::take(&mut kept.buffers).iter().map(Vec::len).sum::<usize>() * Block::SIZE
    }

    fn take_buffer(&self, needed: usize) -> Vec<Block> {
        let mut kept = self.lock();
        if needed != self.blocks_per_hash {
            // The room that it has may be that of pieces which wait for a hash of ours.
            kept.buffers.clear();
        } else if let Some(piece) = kept.buffers.pop() {
            return piece;
        }
        drop(kept);
        let mut blocks = Vec::with_capacity(needed.max(MIN_BLOCKS));
        blocks.resize(needed, Block::new());
        blocks
    }

    fn lock(&self) -> MutexGuard<'_, FreeBuffers> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use argon2::{Algorithm, Params, Version};
    use futures_util::FutureExt as _;

    use super::*;

    fn memory(max_blocks: usize) -> HashMemory {
        HashMemory::new(8, max_blocks, &Clock::system())
    }

    fn hash(memory: &HashMemory, blocks: u32) {
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(blocks, 1, 1, None).unwrap());
        memory.hash(&argon2, &Password::new("x".to_owned()), b"saltsalt", &mut [0; 32]).unwrap();
    }

    #[test]
    fn it_is_kept_for_the_next_hash_and_holds_nothing_of_the_last_one() {
        let memory = memory(16);
        for _ in 0..3 {
            hash(&memory, 8);
        }
        let kept = memory.lock();
        assert_eq!(kept.buffers.iter().map(Vec::len).collect::<Vec<_>>(), [8]);
        assert!(kept.buffers[0].iter().flat_map(AsRef::<[u64]>::as_ref).all(|word| *word == 0));
        assert!(kept.buffers[0].capacity() * Block::SIZE > 32 << 20, "so that glibc gives it back when it is freed");
    }

    #[test]
    fn it_is_given_back_once_it_is_quiet() {
        let memory = memory(16);
        hash(&memory, 8);
        assert_eq!(memory.free_unused(Duration::from_hours(1)), 0, "somebody may come");
        assert_eq!(memory.free_unused(Duration::ZERO), 8 * 1024);
        assert_eq!((memory.free_unused(Duration::ZERO), memory.lock().buffers.len()), (0, 0));
    }

    #[test]
    fn a_hash_of_another_cost_leaves_nothing_kept() {
        let memory = memory(16);
        hash(&memory, 8);
        hash(&memory, 16);
        assert!(memory.lock().buffers.is_empty(), "neither its own nor what would be above the bound with it");
    }

    #[test]
    fn room_is_bounded_and_what_needs_more_has_all_of_it() {
        let memory = memory(20);
        let two = [8, 8].map(|blocks| memory.acquire(blocks).now_or_never().unwrap());
        assert!(memory.acquire(8).now_or_never().is_none(), "the third waits");
        drop(two);
        let whole = memory.acquire(1_000).now_or_never().unwrap();
        assert!(memory.acquire(1).now_or_never().is_none());
        drop(whole);
        assert!(memory.acquire(8).now_or_never().is_some());
    }
}
