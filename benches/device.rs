//! Reading a User-Agent: the first time, and when it is remembered. Neither is on the path of a request.

use std::hint::black_box;

use criterion::Criterion;
use portcullis::visitor::DeviceDetector;

pub(crate) fn measure(criterion: &mut Criterion) {
    let recogniser = DeviceDetector::start();
    let user_agent = |build: u32| {
        format!(
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) \
             Chrome/142.0.{build}.0 Safari/537.36"
        )
    };
    let known = user_agent(0);
    drop(recogniser.detect(Some(&known)));
    let mut group = criterion.benchmark_group("device");
    let mut build = 0;
    group.bench_function("for the first time", |bencher| {
        bencher.iter(|| {
            build += 1;
            recogniser.detect(Some(&user_agent(build)))
        });
    });
    group.bench_function("again", |bencher| bencher.iter(|| recogniser.detect(Some(black_box(&known)))));
    group.finish();
}
