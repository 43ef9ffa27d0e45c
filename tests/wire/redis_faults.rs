//! Everything that can happen to a Redis, and to the road there, while people are at work on two replicas: nobody passes who
//! was signed out, nobody is signed out for nothing, and who must wait is told so in time.

use std::time::Duration;

use tokio::time::sleep;

use crate::{
    checker::{Checker, Habits, Outcome, What, rounds},
    harness::{App, Data, Faults, Redis, RedisSaid, Replicas, StoreKind, Way, until},
};

/// Two replicas, each on a road of its own to this Redis, with everybody at work.
async fn at_work(redis: &Redis) -> (Vec<Faults>, Checker) {
    let (roads, stores) = redis.roads(2);
    at_work_on(roads, stores).await
}

/// The same, with records in a file that is never away.
async fn at_work_beside_a_file(redis: &Redis) -> (Vec<Faults>, Checker) {
    let (roads, stores) = redis.roads(2);
    at_work_on(roads, stores.into_iter().map(StoreKind::with_records_in_a_file).collect()).await
}

async fn at_work_on(roads: Vec<Faults>, stores: Vec<StoreKind>) -> (Vec<Faults>, Checker) {
    let mut run = Checker::set(&stores, "", Habits::default()).await;
    run.replicas.start().await;
    run.begin();
    run.let_through(100).await;
    (roads, run)
}

/// Waits until a protected page is put off.
async fn protected_pages_close(run: &Checker) {
    let mut visitor = run.visitor(50);
    until("protected pages to close", async || (visitor.look(0, 0).await? == 503).then_some(())).await;
    until("the other's, too", async || (visitor.look(0, 1).await? == 503).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_killed_and_started_again() {
    for beside_a_file in [false, true] {
        let mut redis = Redis::plan().lasting().start().await;
        let people = if beside_a_file { at_work_beside_a_file(&redis).await } else { at_work(&redis).await };
        it_is_killed_and_started_again_before(&mut redis, people.1).await;
    }
}

async fn it_is_killed_and_started_again_before(redis: &mut Redis, mut run: Checker) {
    for _ in 0..2 {
        run.trouble(None, async |run| {
            redis.kill().await;
            protected_pages_close(run).await;
            run.go_on(Duration::from_millis(500)).await;
            redis.start_again(Data::Kept).await;
        })
        .await;
        run.let_through(100).await;
    }
    run.end().await.must_be_good();
}

/// It says nothing for so long, and then answers everything that it was asked.
async fn it_falls_silent_for(time: Duration) {
    let redis = Redis::start().await;
    let (_roads, mut run) = at_work(&redis).await;
    run.trouble(None, async |run| {
        redis.stop();
        protected_pages_close(run).await;
        run.go_on(time).await;
        redis.go_on();
    })
    .await;
    run.let_through(100).await;
    run.end().await.must_be_good();
}

#[tokio::test(flavor = "multi_thread")]
async fn it_falls_silent() {
    it_falls_silent_for(Duration::from_secs(3)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute"]
async fn it_falls_silent_for_half_a_minute() {
    it_falls_silent_for(Duration::from_secs(30)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_road_is_cut_in_the_middle_of_what_is_said() {
    let redis = Redis::start().await;
    let (roads, mut run) = at_work(&redis).await;
    for (turn, (way, bytes)) in
        [(Way::There, 20), (Way::Back, 1), (Way::There, 700), (Way::Back, 60), (Way::Back, 300), (Way::There, 1)]
            .into_iter()
            .enumerate()
    {
        let place = turn % 2;
        run.trouble(Some(place), async |_| {
            roads[place].cut_after(way, bytes);
            until("the cut", async || roads[place].has_cut().then_some(())).await;
        })
        .await;
        run.let_through(40).await;
    }
    run.end().await.must_be_good();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_replica_loses_the_way_there_and_the_other_does_not_notice() {
    let redis = Redis::start().await;
    let (roads, mut run) = at_work(&redis).await;
    run.trouble(Some(1), async |run| {
        roads[1].fall_silent();
        run.go_on(Duration::from_secs(3)).await;
        roads[1].pass();
    })
    .await;
    run.let_through(50).await;
    run.trouble(Some(0), async |run| {
        roads[0].refuse();
        roads[0].cut();
        run.go_on(Duration::from_secs(1)).await;
        roads[0].pass();
    })
    .await;
    run.let_through(50).await;
    run.end().await.must_be_good();
}

#[tokio::test(flavor = "multi_thread")]
async fn it_comes_back_empty_and_everybody_is_signed_out() {
    let mut redis = Redis::plan().lasting().start().await;
    let (_roads, mut run) = at_work_beside_a_file(&redis).await;
    run.trouble(None, async |run| {
        let asked = run.board.now();
        redis.kill().await;
        protected_pages_close(run).await;
        redis.start_again(Data::Lost).await;
        run.board.act(What::Lose, None, asked, Outcome::Acknowledged, Vec::new());
    })
    .await;
    run.let_through(100).await;
    run.end().await.must_be_good();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_redis_is_a_new_one_to_everybody() {
    let mut redis = Redis::plan().lasting().start().await;
    let mut replicas = Replicas::before(App::ok().await.address, &redis.stores(2), "shutdown: { drain: 0s }\n");
    replicas.user("alice");
    replicas.start().await;
    replicas.houses[0].signed_in("alice").await;
    redis.kill().await;
    redis.start_again(Data::Lost).await;
    for place in 0..2 {
        until("a replica to be ready", async || replicas.is_ready(place).await.then_some(())).await;
    }
    replicas.user("alice");
    let alice = replicas.houses[0].signed_in("alice").await;
    assert_eq!(alice.status("/").await, 200);
    // And to who comes later.
    replicas.kill(1).await;
    replicas.start_one(1).await;
    until("a new replica to be ready", async || replicas.is_ready(1).await.then_some(())).await;
    assert!(replicas.cli(&["users", "list"]).ok().contains("alice"));
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_are_emptied_apart_from_the_sessions_are_told() {
    let (redis, records) = (Redis::start().await, Redis::start().await);
    let app = App::ok().await;
    let keys = format!("records: redis://{}/0\nshutdown: {{ drain: 0s }}\n", records.address);
    let mut replicas = Replicas::before(app.address, &redis.stores(1), &keys);
    replicas.user("alice");
    replicas.start().await;
    assert!(replicas.is_ready(0).await);
    records.ask(&["FLUSHALL"]).await.text();
    until("it to be told", async || (!replicas.is_ready(0).await).then_some(())).await;
    let doctor = replicas.cli(&["doctor"]);
    assert_eq!(doctor.code, 1, "{doctor:?}");
    redis.ask(&["FLUSHALL"]).await.text();
    until("a new installation", async || replicas.is_ready(0).await.then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_hands_over_to_another() {
    let (redis, other) = (Redis::start().await, Redis::start().await);
    let (roads, mut run) = at_work(&redis).await;
    other.follow(&redis).await;
    run.let_through(50).await;
    run.trouble(None, async |run| {
        // Nothing is lost in between: it takes no writes until the other has everything.
        redis.ask(&["FAILOVER"]).await.text();
        until("the other to lead", async || (other.info("replication", "role").await == "master").then_some(())).await;
        assert_eq!(redis.info("replication", "role").await, "slave");
        protected_pages_close(run).await;
        run.go_on(Duration::from_millis(500)).await;
        for road in &roads {
            road.turn_to(other.address);
        }
    })
    .await;
    run.let_through(100).await;
    run.end().await.must_be_good();
}

/// What was acknowledged was confirmed by a replica, so that it is there when that one takes over.
#[tokio::test(flavor = "multi_thread")]
async fn it_dies_for_good_and_its_replica_takes_over() {
    let (mut redis, heir, second) = (Redis::start().await, Redis::start().await, Redis::start().await);
    heir.follow(&redis).await;
    // Whoever confirms what the heir is told, once it leads.
    second.follow(&heir).await;
    let (roads, stores) = redis.roads(2);
    let confirmed = |store| match store {
        StoreKind::Redis { url } => StoreKind::Redis { url: format!("{url}?wait_replicas=1") },
        other => other,
    };
    let (roads, mut run) = at_work_on(roads, stores.into_iter().map(confirmed).collect()).await;
    run.trouble(None, async |run| {
        redis.kill().await;
        heir.lead().await;
        protected_pages_close(run).await;
        for road in &roads {
            road.turn_to(heir.address);
        }
    })
    .await;
    run.let_through(100).await;
    run.end().await.although_broken_off_ends_may_be_gone().must_be_good();
}

#[tokio::test(flavor = "multi_thread")]
async fn it_takes_its_time_to_load() {
    let slowly = Redis::plan().lasting().line("key-load-delay 1000").line("loading-process-events-interval-bytes 1024");
    let mut redis = slowly.start().await;
    redis.ask(&["DEBUG", "POPULATE", "2000", "filler", "100"]).await.text();
    let (_roads, mut run) = at_work(&redis).await;
    // What is loaded is then one file, in which it looks up now and again to say that it is loading.
    redis.ask(&["BGREWRITEAOF"]).await.text();
    until("the file to be written", async || {
        let done = redis.info("persistence", "aof_rewrite_in_progress").await == "0"
            && redis.info("persistence", "aof_rewrite_scheduled").await == "0";
        done.then_some(())
    })
    .await;
    run.trouble(None, async |run| {
        redis.kill().await;
        redis.begin(Data::Kept);
        until("Redis to be loading", async || match redis.try_to_ask(&["PING"]).await? {
            RedisSaid::Error(why) => why.starts_with("LOADING").then_some(()),
            _ => None,
        })
        .await;
        protected_pages_close(run).await;
    })
    .await;
    run.let_through(100).await;
    run.end().await.must_be_good();
}

/// One thing after the other goes wrong, in an order that the seed decides. `PORTCULLIS_TEST_ROUNDS` makes it longer.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute and more"]
async fn everything_goes_wrong() {
    let mut redis = Redis::plan().lasting().start().await;
    let (roads, mut run) = at_work(&redis).await;
    let mut chance = run.chance();
    for _ in 0..20 * rounds() {
        let (what, place) = (chance.below(7), chance.below(2));
        let bytes = 1 + chance.below(1_000);
        let one = Some(place).filter(|_| what > 1);
        run.trouble(one, async |run| match what {
            0 => {
                redis.kill().await;
                redis.start_again(Data::Kept).await;
            }
            1 => {
                redis.stop();
                sleep(Duration::from_millis(1_500)).await;
                redis.go_on();
            }
            2 | 3 => {
                roads[place].cut_after(if what == 2 { Way::There } else { Way::Back }, bytes);
                until("the cut", async || roads[place].has_cut().then_some(())).await;
            }
            4 => {
                roads[place].fall_silent();
                sleep(Duration::from_millis(1_500)).await;
                roads[place].pass();
            }
            5 => {
                redis.ask(&["SCRIPT", "FLUSH"]).await.text();
            }
            _ => {
                run.replicas.kill(place).await;
                run.replicas.start_one(place).await;
            }
        })
        .await;
        run.let_through(30).await;
    }
    run.end().await.must_be_good();
}
