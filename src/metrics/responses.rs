//! Counter and time of what answers, by its name: of each route, of each upstream.
//!
//! Each request moves some of these. To find a series by its labels takes a hash, a lock and an allocation or two; so each
//! name's series are found once.

use std::{collections::HashMap, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec};

/// The last one is of requests whose client went, or was cut off, before there was an answer.
const CODE_CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "none"];

/// Series of all names.
pub(super) struct ResponseMetrics {
    counters: IntCounterVec,
    durations: HistogramVec,
    by_name: ArcSwap<HashMap<String, Arc<ResponseSeries>>>,
}

/// Series of one name.
struct ResponseSeries {
    by_class: [IntCounter; CODE_CLASSES.len()],
    duration: Histogram,
}

impl ResponseMetrics {
    /// `counters` are labelled with name and class of status, `times` with the name.
    pub(super) fn new(counters: IntCounterVec, times: HistogramVec) -> Self {
        Self { counters, durations: times, by_name: ArcSwap::default() }
    }

    /// Initializes the series of a name.
    pub(super) fn register(&self, name: &str) {
        let series = Arc::new(ResponseSeries {
            by_class: CODE_CLASSES.map(|class| self.counters.with_label_values(&[name, class])),
            duration: self.durations.with_label_values(&[name]),
        });
        self.by_name.rcu(|known| {
            let mut known = HashMap::clone(known);
            known.insert(name.to_owned(), Arc::clone(&series));
            known
        });
    }

    /// Counts a response with this status; 0 is no response.
    pub(super) fn count(&self, name: &str, status: u16, took: Duration) {
        if let Some(series) = self.by_name.load().get(name) {
            return series.count(status, took);
        }
        self.register(name);
        if let Some(series) = self.by_name.load().get(name) {
            series.count(status, took);
        }
    }
}

impl ResponseSeries {
    fn count(&self, status: u16, took: Duration) {
        self.by_class[code_class(status)].inc();
        self.duration.observe(took.as_secs_f64());
    }
}

/// Index in [`CODE_CLASSES`].
const fn code_class(status: u16) -> usize {
    match status {
        0 => 5,
        1..200 => 0,
        200..300 => 1,
        300..400 => 2,
        400..500 => 3,
        500.. => 4,
    }
}
