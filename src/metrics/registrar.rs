//! Makes series and registers them.

use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    core::Collector,
};

/// Makes series and registers them.
pub(super) struct Registrar<'a>(pub(super) &'a Registry);

const REGISTERED_ONCE: &str = "each name is registered once and is a valid name";

impl Registrar<'_> {
    fn register<C: Collector + Clone + 'static>(&self, series: C) -> C {
        self.0.register(Box::new(series.clone())).expect(REGISTERED_ONCE);
        series
    }

    pub(super) fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.register(IntCounterVec::new(Opts::new(name, help).namespace("portcullis"), labels).expect(REGISTERED_ONCE))
    }

    pub(super) fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.register(IntCounter::with_opts(Opts::new(name, help).namespace("portcullis")).expect(REGISTERED_ONCE))
    }

    pub(super) fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.register(IntGaugeVec::new(Opts::new(name, help).namespace("portcullis"), labels).expect(REGISTERED_ONCE))
    }

    pub(super) fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.register(IntGauge::with_opts(Opts::new(name, help).namespace("portcullis")).expect(REGISTERED_ONCE))
    }

    pub(super) fn histograms(&self, name: &str, help: &str, labels: &[&str], buckets: &[f64]) -> HistogramVec {
        let opts = HistogramOpts::new(name, help).namespace("portcullis").buckets(buckets.to_vec());
        self.register(HistogramVec::new(opts, labels).expect(REGISTERED_ONCE))
    }

    pub(super) fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Histogram {
        let opts = HistogramOpts::new(name, help).namespace("portcullis").buckets(buckets.to_vec());
        self.register(Histogram::with_opts(opts).expect(REGISTERED_ONCE))
    }
}
