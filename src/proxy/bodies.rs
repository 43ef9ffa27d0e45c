//! How many requests may wait for bodies that are for us, or for nobody.
//!
//! Anybody may send such a body, and as slowly as they like: a request that waits for one holds some 70 KB, more with the
//! body. What is there when it is asked for waits for nothing and needs no place, so that whoever sends what they have to say
//! at once gets in, however many others take their time.

use tokio::sync::{Semaphore, SemaphorePermit};

/// Bodies of those who are signed in that may be waited for at a time.
const KNOWN: usize = 64;
/// Bodies of strangers; places of their own, so that strangers keep nobody out who is signed in.
const STRANGERS: usize = 192;
/// Bodies that nobody wants.
const UNWANTED: usize = 192;

/// Places for those who wait.
#[derive(Debug)]
pub struct Bodies {
    known: Semaphore,
    strangers: Semaphore,
    unwanted: Semaphore,
}

/// Whose body it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// Somebody's who is signed in.
    Known,
    /// Somebody's who is not.
    Stranger,
    /// Of a request that was answered without it.
    Unwanted,
}

impl Bodies {
    fn places(&self, whose: Whose) -> &Semaphore {
        match whose {
            Whose::Known => &self.known,
            Whose::Stranger => &self.strangers,
            Whose::Unwanted => &self.unwanted,
        }
    }

    /// What comes of `reading`, where it waits for nothing or there is a place to wait; else nothing.
    pub(super) async fn wait_for<T>(&self, whose: Whose, reading: impl Future<Output = T>) -> Option<T> {
        let mut reading = std::pin::pin!(reading);
        tokio::select! {
            biased;
            read = reading.as_mut() => return Some(read),
            () = std::future::ready(()) => {}
        }
        let _place: SemaphorePermit<'_> = self.places(whose).try_acquire().ok()?;
        Some(reading.await)
    }
}

impl Default for Bodies {
    fn default() -> Self {
        Self { known: Semaphore::new(KNOWN), strangers: Semaphore::new(STRANGERS), unwanted: Semaphore::new(UNWANTED) }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use futures_util::poll;

    use super::*;

    #[tokio::test]
    async fn who_need_not_wait_needs_no_place() {
        let bodies = Bodies::default();
        let mut waiting: Vec<_> =
            (0..STRANGERS).map(|_| Box::pin(bodies.wait_for(Whose::Stranger, pending::<()>()))).collect();
        for one in &mut waiting {
            assert!(poll!(one).is_pending());
        }
        assert_eq!(bodies.wait_for(Whose::Stranger, pending::<()>()).await, None, "there is no place to wait");
        assert_eq!(bodies.wait_for(Whose::Stranger, ready(1)).await, Some(1));
        let mut known = Box::pin(bodies.wait_for(Whose::Known, pending::<()>()));
        assert!(poll!(&mut known).is_pending(), "strangers do not take the places of others");
        drop(waiting.pop());
        let mut another = Box::pin(bodies.wait_for(Whose::Stranger, pending::<()>()));
        assert!(poll!(&mut another).is_pending());
    }
}
