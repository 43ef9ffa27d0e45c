//! Limits of requests that wait for a body which Portcullis reads itself: for its own pages, or to discard it.
//!
//! Anybody may send such a body, and as slowly as they like: a request that waits for one holds some 70 KB, more with the
//! body. A body that is there soon after it is asked for needs no permit, so that a client that sends at once is served, however
//! many others take their time. Bodies for apps are not limited here: they are never read as a whole.

use std::time::Duration;

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

/// Longest wait without a permit: a body comes right behind its head, but not always in the same packet.
const FREE_WAIT: Duration = Duration::from_millis(500);

/// Most bodies of signed-in users that are waited for at a time.
const KNOWN_PERMITS: usize = 64;
/// Most bodies of strangers; permits of their own, so that strangers keep no signed-in user out.
const STRANGER_PERMITS: usize = 192;
/// Most bodies that are read to be discarded.
const DISCARD_PERMITS: usize = 192;

/// Limiter of bodies that are waited for.
#[derive(Debug)]
pub struct BodyReadLimiter {
    known: Semaphore,
    strangers: Semaphore,
    discarded: Semaphore,
    free_wait: Duration,
}

/// Class of a body, by its sender and what it is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::proxy) enum BodyClass {
    /// Body of a signed-in user.
    Known,
    /// Body of somebody who is not signed in.
    Stranger,
    /// Form of another site, which a page of Portcullis carries on.
    CrossSiteForm,
    /// Body of a request that was answered without it.
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

    /// Waits for a body: the result of `reading`, where it comes soon or there is a permit to wait; else none.
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

    /// Asserts that it waits, and is not turned away.
    async fn takes_a_place(waiting: &mut (impl Future<Output = Option<()>> + Unpin)) {
        for _ in 0..3 {
            assert!(poll!(&mut *waiting).is_pending());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
