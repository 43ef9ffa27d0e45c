//! What one decision costs, over the embedded store.

use std::hint::black_box;

use criterion::Criterion;
use futures_util::FutureExt as _;
use portcullis::gate::Decision;
use tokio::runtime::Runtime;

use crate::house::{House, get, headers};

pub(crate) fn measure(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let house = House::of(&runtime, 100, 10);
    let signed_in: Vec<_> = house.tokens.iter().map(|token| headers(Some(token))).collect();
    let nobody = headers(None);
    let mut group = criterion.benchmark_group("gate");
    for (name, target, all) in [
        ("signed in", "/reports/2026?page=3", signed_in.as_slice()),
        ("nobody", "/reports/2026?page=3", std::slice::from_ref(&nobody)),
        ("public route", "/public/logo.svg", std::slice::from_ref(&nobody)),
    ] {
        let mut turns = all.iter().cycle();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let head = get(target, turns.next().expect("a cycle does not end"));
                let decision = house.portcullis.evaluate(black_box(&head)).now_or_never();
                let permit = match decision.expect("the embedded store answers at once") {
                    Decision::Forward(permit) => Some(house.portcullis.record(&head, permit)),
                    Decision::Refuse(refusal) => {
                        black_box(house.portcullis.record(&head, refusal));
                        None
                    }
                    other => panic!("{other:?}"),
                };
                assert_eq!(permit.is_some(), name != "nobody");
                permit
            });
        });
    }
    group.finish();
}
