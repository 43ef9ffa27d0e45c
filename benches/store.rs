//! The embedded store, in a file: look-ups among few and many sessions, and what is written.
//!
//! `PORTCULLIS_BENCH_MANY=1` looks among a million, too; filling them in takes a minute.

use std::{env, hint::black_box};

use criterion::{BenchmarkId, Criterion, Throughput};
use futures_util::FutureExt as _;
use portcullis::{
    clock::Clock,
    session::{Heartbeat, SessionStore, SessionToken},
    store::embedded::EmbeddedStore,
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::people;

const EACH: usize = 10;
/// Beats of one flush.
const BEATS: [usize; 2] = [1, 500];

pub(crate) fn measure(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    find(criterion, &runtime);
    write(criterion, &runtime);
}

fn store(runtime: &Runtime, sessions: usize) -> (EmbeddedStore, Vec<SessionToken>, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = EmbeddedStore::open(&folder.path().join("portcullis.db")).expect("a new store opens");
    let settled = runtime.block_on(people::settle(&store, sessions / EACH, EACH, Clock::system().now()));
    (store, settled.expect("the store takes them"), folder)
}

fn find(criterion: &mut Criterion, runtime: &Runtime) {
    let mut group = criterion.benchmark_group("store/find");
    let many = env::var_os("PORTCULLIS_BENCH_MANY").map(|_| 1_000_000);
    for sessions in [1_000, 10_000, 100_000].into_iter().chain(many) {
        let (store, tokens, _folder) = store(runtime, sessions);
        let mut place = 0;
        group.bench_function(BenchmarkId::from_parameter(sessions), |bencher| {
            bencher.iter(|| {
                // A step that shares no factor with their number: each in turn, none beside the one before.
                place = (place + 618_033_989) % tokens.len();
                let found = store.find(black_box(tokens[place].id())).now_or_never();
                let found = found.expect("a look-up is answered at once").expect("the store answers");
                assert!(found.is_some());
                found
            });
        });
    }
    group.finish();
}

fn write(criterion: &mut Criterion, runtime: &Runtime) {
    let (store, tokens, _folder) = store(runtime, 10_000);
    let clock = Clock::system();
    let mut group = criterion.benchmark_group("store");
    let mut owners = tokens.iter().map(|token| token.id().owner()).cycle();
    group.bench_function("open", |bencher| {
        bencher.iter(|| {
            let owner = owners.next().expect("a cycle does not end");
            // Nobody has ended all sessions of theirs yet: the generation is the first.
            let (new, _) = people::session(owner, clock.now(), 0);
            runtime.block_on(store.open(new)).expect("the store takes it")
        });
    });
    for heartbeats in BEATS {
        group.throughput(Throughput::Elements(heartbeats as u64));
        group.bench_function(BenchmarkId::new("touch", heartbeats), |bencher| {
            bencher.iter(|| {
                let at = clock.now();
                let heartbeat = |token: &SessionToken| Heartbeat {
                    id: token.id(),
                    at,
                    ip: [192, 0, 2, 1].into(),
                    actions: 1,
                    path: None,
                };
                let heartbeats: Vec<Heartbeat> =
                    tokens.iter().step_by(tokens.len() / heartbeats).map(heartbeat).collect();
                runtime.block_on(store.touch(&heartbeats)).expect("the store takes them");
            });
        });
    }
    group.finish();
}
