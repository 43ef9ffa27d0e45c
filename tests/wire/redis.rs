//! Replicas on one Redis that nothing is wrong with, or nothing that anybody should notice.

use std::time::Duration;

use crate::{
    checker::{Act, Checker, Habits, Line, Outcome, What},
    harness::{Faults, Redis, StoreKind, until},
    replicas::{one_after_the_other, race, while_killed},
};

#[tokio::test(flavor = "multi_thread")]
async fn three_replicas_on_a_quiet_day() {
    let redis = Redis::plan().lasting().start().await;
    let mut run = Checker::set(&redis.stores(3), "", Habits::default()).await;
    run.replicas.start().await;
    run.begin();
    run.go_on(Duration::from_secs(2)).await;
    run.operator().run(What::EndEveryone, &["sessions", "revoke", "--all", "--reason", "a test"]).await;
    run.go_on(Duration::from_secs(2)).await;
    run.end().await.must_be_good();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_on_one_is_refused_there_at_once_and_on_the_other_within_a_second() {
    one_after_the_other(&Redis::start().await.stores(2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_requests_race_the_ends_of_their_sessions() {
    race(&Redis::start().await.stores(2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_replicas_are_killed() {
    let redis = Redis::start().await;
    let beside_a_file = redis.stores(2).into_iter().map(StoreKind::with_records_in_a_file).collect::<Vec<_>>();
    while_killed(&beside_a_file).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_notices_that_scripts_are_forgotten() {
    let redis = Redis::start().await;
    let mut run = Checker::set(&redis.stores(2), "", Habits::default()).await;
    run.replicas.start().await;
    run.begin();
    for _ in 0..20 {
        run.let_through(20).await;
        redis.ask(&["SCRIPT", "FLUSH"]).await.text();
    }
    run.end().await.must_be_good();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_needs_400_ms_for_an_answer_is_slow_and_not_away() {
    let redis = Redis::start().await;
    let (roads, stores) = redis.roads(2);
    // Few people: what is left of the time to wait is for a machine that is busy with other tests.
    let habits = Habits { users: 2, browsers: 2, acts: 100, commands: None, ..Habits::default() };
    let mut run = Checker::set(&stores, "", habits).await;
    run.replicas.start().await;
    for road in &roads {
        road.delay(Duration::from_millis(200));
    }
    run.begin();
    run.go_on(Duration::from_secs(7)).await;
    run.quiet().await;
    roads.iter().for_each(Faults::pass);
    run.end().await.has_no_violation();
}

/// A connection to one that is as slow comes about as well, for a server and for the command line.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_redis_is_found_again() {
    let redis = Redis::start().await;
    let (roads, stores) = redis.roads(1);
    let mut run = Checker::set(&stores, "", Habits { commands: None, ..Habits::default() }).await;
    run.replicas.start().await;
    let mut alice = run.visitor(0);
    assert!(alice.sign_in(0).await);
    roads[0].delay(Duration::from_millis(200));
    assert_eq!(alice.look(0, 0).await, Some(200));
    run.trouble(None, async |_| {
        roads[0].cut();
        until("it to be found again", async || (alice.look(0, 0).await? == 200).then_some(())).await;
    })
    .await;
    run.operator()
        .run(What::Disable { user: "user0".to_owned() }, &["users", "disable", "user0", "--reason", "left"])
        .await;
    roads[0].pass();
    run.end().await.has_no_violation();
}

/// Whatever a cookie says, it is looked up by one command or not at all.
#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_is_never_a_pattern_and_costs_one_look() {
    let redis = Redis::start().await;
    let mut run = Checker::set(&redis.stores(1), "", Habits::default()).await;
    run.replicas.start().await;
    let mut alice = run.visitor(0);
    assert!(alice.sign_in(0).await);
    let (session, cookie) = (alice.mine.unwrap(), run.board.cookie(0));
    let monitor = redis.monitor().await;
    for _ in 0..5 {
        assert_eq!(alice.look(session, 0).await, Some(200));
    }
    redis.ask(&["SET", "the-middle", "1"]).await.text();
    monitor.reaches("the-middle").await;
    let looks = monitor.commands("MGET");
    assert_eq!(looks.len(), 5, "{looks:#?}");
    let (name, token) = cookie.split_once('=').unwrap();
    let (first, last) = token.split_at(token.len() / 2);
    let long = "x".repeat(4096);
    let hostile = [
        "*",
        "{}",
        ":",
        "sess_*",
        "a\r\nX-Injected: b",
        "%0d%0aFLUSHALL%0d%0a",
        &long,
        "",
        "\0",
        "{a}:*",
        &format!("{first}*"),
        &format!("{first}:{last}"),
        &format!("{token}{token}"),
        &format!("{{{token}}}"),
        &token.to_uppercase(),
        "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n",
    ];
    for shape in hostile {
        let host = run.replicas.addresses()[0];
        let mut line = Line::from_to([127, 0, 0, 1].into(), host).await.unwrap();
        let request = format!("GET /r/0 HTTP/1.1\r\nHost: {host}\r\nCookie: {name}={shape}\r\n\r\n");
        let status = line.ask(&request).await.unwrap().status;
        assert!(status == 401 || (status == 400 && shape.contains(['\r', '\0'])), "{shape:?}: {status}");
    }
    assert_eq!(alice.look(session, 0).await, Some(200));
    redis.ask(&["SET", "the-end", "1"]).await.text();
    monitor.reaches("the-end").await;
    let looks = monitor.commands("MGET").len();
    assert!((6..=6 + hostile.len()).contains(&looks), "{looks} looks");
    for wide in ["KEYS", "SCAN", "SSCAN", "HSCAN", "ZSCAN", "FLUSHALL", "FLUSHDB"] {
        assert_eq!(monitor.commands(wide), [""; 0]);
    }
    let (_, metrics) = run.replicas.running(0).admin("/metrics").await.unwrap();
    let failed =
        |line: &&str| line.starts_with("portcullis_store_operations_total") && line.contains("result=\"error\"");
    assert!(metrics.lines().filter(failed).all(|line| line.ends_with(" 0")), "{metrics}");
    assert_eq!(run.board.history().seen.len(), 6, "nothing of it reached the app");
}

/// What can only be looked up goes on, and who wants something written is told to come again.
#[tokio::test(flavor = "multi_thread")]
async fn a_redis_without_memory_still_lets_in_whoever_has_signed_in() {
    let redis = Redis::start().await;
    let mut run = Checker::set(&redis.stores(2), "", Habits { commands: None, ..Habits::default() }).await;
    run.replicas.start().await;
    run.begin();
    run.let_through(100).await;
    // Of users whom nobody else signs in as, and so nobody signs out, nor supersedes while they sign in.
    let (mut alice, mut newcomer) = (run.visitor(20), run.visitor(21));
    for (visitor, name) in [(&mut alice, "alice"), (&mut newcomer, "nora")] {
        run.replicas.user(name);
        name.clone_into(&mut visitor.user);
    }
    assert!(alice.sign_in(0).await);
    run.trouble(None, async |run| {
        redis.ask(&["CONFIG", "SET", "maxmemory", "1"]).await.text();
        assert!(!newcomer.sign_in(0).await && !newcomer.sign_in(1).await);
        let acts = run.board.history().acts.clone();
        let put_off = |act: &&Act| matches!(&act.outcome, Outcome::Unknown(why) if why.starts_with("503"));
        assert!(acts.iter().filter(put_off).count() >= 2);
        assert_eq!(alice.look(alice.mine.unwrap(), 1).await, Some(200), "what only looks goes on");
        run.go_on(Duration::from_secs(2)).await;
        redis.ask(&["CONFIG", "SET", "maxmemory", "0"]).await.text();
    })
    .await;
    assert!(newcomer.sign_in(0).await);
    run.let_through(100).await;
    run.end().await.must_be_good();
}

/// An end that takes effect is told, whatever its own answer was.
#[tokio::test(flavor = "multi_thread")]
async fn what_ends_while_there_is_no_memory_is_told_in_the_end() {
    let redis = Redis::start().await;
    let mut run = Checker::set(&redis.stores(1), "", Habits { commands: None, ..Habits::default() }).await;
    run.replicas.start().await;
    let mut alice = run.visitor(0);
    assert!(alice.sign_in(0).await);
    run.trouble(None, async |_| {
        redis.ask(&["CONFIG", "SET", "maxmemory", "1"]).await.text();
        for _ in 0..2 {
            alice.end(What::End { session: 0 }, "POST", "/security/api/v1/sign-out", 0, 0).await;
        }
        assert_eq!(alice.look(0, 0).await, Some(401));
        redis.ask(&["CONFIG", "SET", "maxmemory", "0"]).await.text();
    })
    .await;
    run.end().await.has_no_violation();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_wants_a_password_is_reached_over_tls() {
    let redis = Redis::plan().password("a-Secret-of-Redis").tls().start().await;
    let url = format!("rediss://:a-Secret-of-Redis@{}/0?ca_file={}", redis.tls.unwrap(), redis.ca().display());
    let stores = vec![StoreKind::Redis { url }; 2];
    one_after_the_other(&stores).await;
}
