//! Any store, with its operations counted and timed.

use std::{future::Future, sync::Arc};

use async_trait::async_trait;

use crate::{
    account::{AccountCommand, AccountStore, ChangeOutcome},
    audit::{AuditContext, Recorded},
    clock::{Clock, Timestamp},
    guard::{AttemptCounter, CallerClass, CountResult, ThrottleStore},
    live_operations,
    metrics::{Metrics, StoreOperationMetrics},
    record_operations,
    store_error::StoreError,
};

/// A store whose operations are counted and timed.
pub struct MeasuredStore<S: ?Sized> {
    store: Arc<S>,
    clock: Clock,
    series: StoreMetrics,
}

struct StoreMetrics {
    find: StoreOperationMetrics,
    list: StoreOperationMetrics,
    open: StoreOperationMetrics,
    touch: StoreOperationMetrics,
    end: StoreOperationMetrics,
    expire: StoreOperationMetrics,
    owner: StoreOperationMetrics,
    account: StoreOperationMetrics,
    journal: StoreOperationMetrics,
    throttle: StoreOperationMetrics,
    sweep: StoreOperationMetrics,
    ends: StoreOperationMetrics,
    ping: StoreOperationMetrics,
}

impl<S: ?Sized> MeasuredStore<S> {
    /// `store`, measured.
    #[must_use]
    pub fn new(store: Arc<S>, clock: Clock, metrics: &Metrics) -> Self {
        let series = StoreMetrics {
            find: metrics.store_operation("find"),
            list: metrics.store_operation("list"),
            open: metrics.store_operation("open"),
            touch: metrics.store_operation("touch"),
            end: metrics.store_operation("end"),
            expire: metrics.store_operation("expire"),
            owner: metrics.store_operation("owner"),
            account: metrics.store_operation("account"),
            journal: metrics.store_operation("journal"),
            throttle: metrics.store_operation("throttle"),
            sweep: metrics.store_operation("sweep"),
            ends: metrics.store_operation("ends"),
            ping: metrics.store_operation("ping"),
        };
        Self { store, clock, series }
    }

    async fn measure<T>(
        &self,
        operation: &StoreOperationMetrics,
        doing: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let watch = self.clock.stopwatch();
        let done = doing.await;
        operation.record(done.is_ok(), watch.elapsed());
        done
    }
}

/// Each method measures the one of the same name.
macro_rules! measured {
    ($($capability:path as $_handle:ident {
        $($method:ident($($arg:ident: $kind:ty),*) -> $answer:ty, $series:ident, $_name:literal, $_access:ident;)*
        $(~ $hint:ident();)?
        $(+ $state:ident() -> $state_kind:ty;)?
    })*) => {$(
        #[async_trait]
        impl<S: $capability + ?Sized> $capability for MeasuredStore<S> {
            $(async fn $method(&self, $($arg: $kind),*) -> Result<$answer, StoreError> {
                self.measure(&self.series.$series, self.store.$method($($arg),*)).await
            })*

            $(async fn $hint(&self) {
                self.store.$hint().await;
            })?

            $(fn $state(&self) -> $state_kind {
                self.store.$state()
            })?
        }
    )*};
}

live_operations!(measured);
record_operations!(measured);

measured!(AccountStore as accounts {
    apply(command: AccountCommand, context: &AuditContext) -> Recorded<Option<ChangeOutcome>>, account, "apply", write;
});

measured!(ThrottleStore as throttle {
    attempt(asked: &[AttemptCounter], beside: &[AttemptCounter], caller: CallerClass, now: Timestamp) -> CountResult,
        throttle, "attempt", write;
    is_closed(name: &str, now: Timestamp) -> bool, throttle, "is_closed", read;
    finish(anew: &[String], take_back: &[String], caller: CallerClass) -> (), throttle, "settle", write;
    delete_stale(now: Timestamp) -> (), sweep, "forget_tries", write;
});
