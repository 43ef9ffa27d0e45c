//! A user's list of sessions as a page, from the request's head to the last byte.

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion};
use portcullis::gate::Decision;
use tokio::runtime::Runtime;

use crate::house::{House, get, headers};

pub(crate) fn measure(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let mut group = criterion.benchmark_group("list of sessions, as a page");
    for sessions in [1, 10, 100] {
        let house = House::of(&runtime, 1, sessions);
        let headers = headers(house.tokens.first());
        let head = get("/security/sessions", &headers);
        group.bench_function(BenchmarkId::from_parameter(sessions), |bencher| {
            bencher.iter(|| {
                runtime.block_on(async {
                    let Decision::Serve(own) = house.portcullis.evaluate(&head).await else {
                        panic!("the page is ours");
                    };
                    let own = house.portcullis.record(&head, own);
                    let page = house.portcullis.serve(own, head.to_owned_head(), Bytes::new()).await;
                    assert_eq!(page.status(), 200);
                    page
                })
            });
        });
    }
    group.finish();
}
