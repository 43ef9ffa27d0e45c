//! How many requests may wait for bodies that are for us, or for nobody.
//!
//! Anybody may send such a body, and as slowly as they like: a request that waits for one holds some 70 KB, more with the
//! body. What is there soon after it is asked for needs no place, so that whoever sends what they have to say at once gets in,
//! however many others take their time.

use std::time::Duration;

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

/// How soon: a body comes right behind its head, but not always in the same packet.
const FREE_WAIT: Duration = Duration::from_millis(500);

/// Bodies of those who are signed in that may be waited for at a time.
const KNOWN_PERMITS: usize = 64;
/// Bodies of strangers; places of their own, so that strangers keep nobody out who is signed in.
const STRANGER_PERMITS: usize = 192;
/// Bodies that nobody wants.
const DISCARD_PERMITS: usize = 192;

/// Places for those who wait.
#[derive(Debug)]
pub struct BodyReadLimiter {
    known: Semaphore,
    strangers: Semaphore,
    discarded: Semaphore,
    free_wait: Duration,
}

/// Whose body it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::proxy) enum BodyClass {
    /// Somebody's who is signed in.
    Known,
    /// Somebody's who is not.
    Stranger,
    /// A form of another site, which a page of ours carries on.
    CrossSiteForm,
    /// Of a request that was answered without it.
    Discarded,
}

impl BodyReadLimiter {
    fn semaphore(&self, class: BodyClass) -> &Semaphore {
        match class {
            BodyClass::Known => &self.known,
            BodyClass::Stranger | BodyClass::CrossSiteForm => &self.strangers,
            BodyClass::Discarded => &self.discarded,
        }
    }

    /// What comes of `reading`, where it does so soon, or there is a place to wait; else nothing.
    pub(in crate::proxy) async fn wait_for<T>(&self, class: BodyClass, reading: impl Future<Output = T>) -> Option<T> {
        let mut reading = std::pin::pin!(reading);
        if let Ok(read) = timeout(self.free_wait, reading.as_mut()).await {
            return Some(read);
        }
        let _permit: SemaphorePermit<'_> = self.semaphore(class).try_acquire().ok()?;
        Some(reading.await)
    }
}

impl Default for BodyReadLimiter {
    fn default() -> Self {
        let [known, strangers, unwanted] = [KNOWN_PERMITS, STRANGER_PERMITS, DISCARD_PERMITS].map(Semaphore::new);
        Self { known, strangers, discarded: unwanted, free_wait: FREE_WAIT }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use futures_util::poll;

    use super::*;

    #[tokio::test]
    async fn who_need_not_wait_needs_no_place() {
        let body_limiter = BodyReadLimiter { free_wait: Duration::ZERO, ..BodyReadLimiter::default() };
        let mut waiting: Vec<_> = (0..STRANGER_PERMITS)
            .map(|_| Box::pin(body_limiter.wait_for(BodyClass::Stranger, pending::<()>())))
            .collect();
        for one in &mut waiting {
            takes_a_place(one).await;
        }
        assert_eq!(
            body_limiter.wait_for(BodyClass::Stranger, pending::<()>()).await,
            None,
            "there is no place to wait"
        );
        assert_eq!(body_limiter.wait_for(BodyClass::Stranger, ready(1)).await, Some(1));
        let mut known = Box::pin(body_limiter.wait_for(BodyClass::Known, pending::<()>()));
        takes_a_place(&mut known).await;
        drop(waiting.pop());
        let mut another = Box::pin(body_limiter.wait_for(BodyClass::Stranger, pending::<()>()));
        takes_a_place(&mut another).await;
    }

    #[tokio::test]
    async fn who_comes_soon_needs_no_place_either() {
        let body_limiter = BodyReadLimiter {
            strangers: Semaphore::new(0),
            free_wait: Duration::from_mins(1),
            ..BodyReadLimiter::default()
        };
        let soon = async {
            tokio::task::yield_now().await;
            1
        };
        assert_eq!(body_limiter.wait_for(BodyClass::Stranger, soon).await, Some(1));
        let mut late = Box::pin(body_limiter.wait_for(BodyClass::Stranger, pending::<()>()));
        assert!(poll!(&mut late).is_pending());
    }

    /// It waits, and is not sent away.
    async fn takes_a_place(waiting: &mut (impl Future<Output = Option<()>> + Unpin)) {
        for _ in 0..3 {
            assert!(poll!(&mut *waiting).is_pending());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
