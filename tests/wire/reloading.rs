//! SIGHUP, or a file that has changed: a new configuration counts without a request being dropped, and a broken one does not count at all.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::harness::{App, Installation, Running};

fn one_app(app: &App) -> String {
    format!("upstream: http://{}\n", app.address)
}

async fn answering(words: &'static str) -> App {
    App::answering(Box::leak(
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{words}", words.len()).into_bytes().into_boxed_slice(),
    ))
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_dropped_under_load() {
    let apps = [answering("one").await, answering("two").await];
    let house = Installation::with(&one_app(&apps[0]));
    house.user("alice", &[]);
    let server = house.run().await;
    let (done, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut people = Vec::new();
    for _ in 0..8 {
        people.push(house.signed_in("alice").await);
    }
    let load = futures_util::future::join_all(people.iter().map(async |person| {
        while !done.load(Ordering::SeqCst) {
            let answer = person.get("/x").await;
            assert_eq!(answer.status(), 200);
            let text = answer.text().await.unwrap();
            assert!(text == "one" || text == "two", "{text}");
            answered.fetch_add(1, Ordering::SeqCst);
        }
    }));
    let reloads = async {
        for round in 1..=10 {
            let before = answered.load(Ordering::SeqCst);
            house.configure(&one_app(&apps[round % 2]));
            server.child.signal("HUP");
            let words = ["one", "two"][round % 2];
            crate::harness::until("the other app to answer", async || {
                (people[0].get("/x").await.text().await.unwrap() == words).then_some(())
            })
            .await;
            crate::harness::until("the load to go on", async || {
                (answered.load(Ordering::SeqCst) > before + 20).then_some(())
            })
            .await;
        }
        done.store(true, Ordering::SeqCst);
    };
    tokio::join!(load, reloads);
    let read_again = server.log().iter().filter(|line| line["message"] == "Configuration reloaded").count();
    assert_eq!(read_again, 10);
}

#[tokio::test]
async fn a_broken_file_keeps_the_old_configuration_and_says_why() {
    let app = App::ok().await;
    let house = Installation::with(&one_app(&app));
    house.user("alice", &[]);
    let server = house.run().await;
    let alice = house.signed_in("alice").await;
    let good = std::fs::read_to_string(house.file()).unwrap();
    std::fs::write(house.file(), good.replace("upstream:", "upstraem:")).unwrap();
    server.child.signal("HUP");
    let why = server.says("upstraem").await;
    assert_eq!(why["level"], "ERROR");
    assert!(why["message"].as_str().unwrap().contains("portcullis.yaml:6:1: upstraem: unknown key"), "{why}");
    assert!((server.metric("portcullis_config_last_reload_successful").await).abs() < 0.1);
    assert_eq!(alice.status("/x").await, 200);
    std::fs::remove_file(house.file()).unwrap();
    server.child.signal("HUP");
    server.says("there is no such file").await;
    assert_eq!(alice.status("/x").await, 200);
    std::fs::write(house.file(), good).unwrap();
    server.child.signal("HUP");
    server.metric_becomes("portcullis_config_last_reload_successful", 1.0).await;
    assert_eq!(alice.status("/x").await, 200);
}

#[tokio::test]
async fn new_routes_and_new_upstreams_count_and_old_ones_do_not() {
    let (one, two) = (answering("one").await, answering("two").await);
    let routes = |admin: &str, more: &str| {
        format!(
            "upstreams: {{ one: {{ servers: [\"http://{}\"] }}{more} }}\nroutes:\n\
             - {{ path: /admin, access: {admin} }}\n- {{ path: /, access: signed_in, upstream: one }}\n",
            one.address
        )
    };
    let house = Installation::with(&routes("public, upstream: one", ""));
    house.user("alice", &[]);
    let server = house.run().await;
    let alice = house.signed_in("alice").await;
    assert_eq!(house.person().get("/admin").await.text().await.unwrap(), "one");
    let more = format!(", two: {{ servers: [\"http://{}\"] }}", two.address);
    house.configure(&routes("signed_in, upstream: two", &more));
    server.child.signal("HUP");
    server.says("Configuration reloaded").await;
    assert_eq!(house.person().status("/admin").await, 401);
    assert_eq!(alice.get("/admin").await.text().await.unwrap(), "two");
    assert_eq!(alice.get("/x").await.text().await.unwrap(), "one");
    assert!(server.metric("portcullis_upstream_requests_total{code_class=\"2xx\",upstream=\"two\"}").await > 0.9);
}

#[tokio::test]
async fn a_shorter_idle_time_ends_sessions_that_already_live() {
    let app = App::ok().await;
    let house = Installation::with(&one_app(&app));
    house.user("alice", &[]);
    let server = house.run().await;
    let alice = house.signed_in("alice").await;
    house.configure(
        &(one_app(&app)
            + "sessions: { idle_timeout: 1m, heartbeat_interval: 1s, max_per_user: 7 }\nlisten: 127.0.0.1:1\n"),
    );
    server.child.signal("HUP");
    server.says("Configuration key listen changed: counts after a restart").await;
    server.says("Configuration reloaded").await;
    server.child.signal("HUP");
    crate::harness::until("the second reload to warn of it too", async || {
        let warned =
            |line: &&serde_json::Value| line["message"] == "Configuration key listen changed: counts after a restart";
        (server.log().iter().filter(warned).count() == 2).then_some(())
    })
    .await;
    let session = alice.get("/security/api/v1/sessions/current").await.json::<serde_json::Value>().await.unwrap();
    let [seen, end] = ["last_active_at", "idle_expires_at"].map(|key| session[key].as_str().unwrap().to_owned());
    assert!(seen[..11] == end[..11] || end > seen, "{session}");
    let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
    assert_eq!(at(&end).as_second() - at(&seen).as_second(), 60, "{session}");
}

/// How often it has said this.
fn said(server: &Running, message: &str) -> usize {
    server.log().iter().filter(|line| line["message"].as_str().is_some_and(|said| said.contains(message))).count()
}

/// Lets so many looks at the file pass, each of which tells of itself.
async fn looks_pass(server: &Running, many: usize) {
    const LOOKED: &str = "Configuration file polled";
    let before = said(server, LOOKED);
    crate::harness::until("it to look at the file", async || (said(server, LOOKED) >= before + many).then_some(()))
        .await;
}

/// Before this app, telling of each look at the file.
fn telling(app: &App) -> String {
    format!("{}log: {{ level: trace }}\n", one_app(app))
}

#[tokio::test]
async fn a_changed_file_counts_by_itself() {
    let (one, two) = (answering("one").await, answering("two").await);
    let house = Installation::with(&telling(&one));
    house.user("alice", &[]);
    let server = house.run().await;
    let alice = house.signed_in("alice").await;
    assert_eq!(alice.get("/x").await.text().await.unwrap(), "one");
    house.configure(&telling(&two));
    crate::harness::until("the other app to answer", async || {
        (alice.get("/x").await.text().await.unwrap() == "two").then_some(())
    })
    .await;
    // What was read at a signal is not read once more.
    house.configure(&telling(&one));
    server.child.signal("HUP");
    crate::harness::until("the first app to answer", async || {
        (alice.get("/x").await.text().await.unwrap() == "one").then_some(())
    })
    .await;
    looks_pass(&server, 3).await;
    assert_eq!(said(&server, "Configuration reloaded"), 2);
}

#[tokio::test]
async fn a_link_that_leads_to_another_file_counts_by_itself() {
    let (one, two) = (answering("one").await, answering("two").await);
    let house = Installation::with(&one_app(&two));
    house.user("alice", &[]);
    // As Kubernetes mounts a ConfigMap: the file is a link into a folder that is a link, which is swapped.
    let (old, new) = (house.path("..old"), house.path("..new"));
    for folder in [&old, &new] {
        std::fs::create_dir(folder).unwrap();
    }
    std::fs::rename(house.file(), new.join("portcullis.yaml")).unwrap();
    house.configure(&one_app(&one));
    std::fs::rename(house.file(), old.join("portcullis.yaml")).unwrap();
    std::os::unix::fs::symlink("..old", house.path("..data")).unwrap();
    std::os::unix::fs::symlink("..data/portcullis.yaml", house.file()).unwrap();
    let server = house.run().await;
    let alice = house.signed_in("alice").await;
    assert_eq!(alice.get("/x").await.text().await.unwrap(), "one");
    std::os::unix::fs::symlink("..new", house.path("..swap")).unwrap();
    std::fs::rename(house.path("..swap"), house.path("..data")).unwrap();
    server.says("Configuration reloaded").await;
    assert_eq!(alice.get("/x").await.text().await.unwrap(), "two");
}

#[tokio::test]
async fn a_changed_file_that_is_broken_is_complained_about_once() {
    let app = App::ok().await;
    let house = Installation::with(&telling(&app));
    house.user("alice", &[]);
    let server = house.run().await;
    let alice = house.signed_in("alice").await;
    let good = std::fs::read_to_string(house.file()).unwrap();
    for round in 1..=2 {
        std::fs::write(house.file(), good.replace("upstream:", &format!("upstraem{round}:"))).unwrap();
        server.says(&format!("upstraem{round}")).await;
        looks_pass(&server, 3).await;
        assert_eq!(said(&server, "the file has a complaint"), round, "one is not \"1 complaints\"");
        assert_eq!(alice.status("/x").await, 200);
    }
    assert!((server.metric("portcullis_config_last_reload_successful").await).abs() < 0.1);
    std::fs::write(house.file(), good).unwrap();
    server.metric_becomes("portcullis_config_last_reload_successful", 1.0).await;
}
