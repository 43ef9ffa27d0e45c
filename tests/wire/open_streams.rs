//! What is in flight for a session ends with it, within a second, however silent it is and whoever ends the session.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::{io::AsyncReadExt as _, time::timeout};

use crate::harness::{Client, Installation, KINDS, Person, Running, Streaming};

/// A second is promised; the rest is for a machine that is busy with other tests.
const IN_TIME: Duration = Duration::from_millis(1_500);

/// Alice and Bob at a running server, before an app with everything that may take long.
struct Scene {
    house: Installation,
    app: Streaming,
    server: Running,
}

impl Scene {
    async fn set(more: &str) -> Self {
        let app = Streaming::open().await;
        let house = Installation::with(&format!(
            "upstreams: {{ app: {{ servers: [\"http://{}\"] }} }}\nroutes:\n\
             - {{ path: /public, access: public, upstream: app }}\n- {{ path: /, access: signed_in, upstream: app }}\n{more}",
            app.address
        ));
        house.user("alice", &[]);
        house.user("bob", &[]);
        let server = house.run().await;
        Self { house, app, server }
    }

    /// One of each kind of this person, under this name.
    async fn all_of(&self, person: &Person, name: &str) -> Vec<Open> {
        let mut open = Vec::new();
        for kind in KINDS {
            open.push(self.one_of(person, &format!("/{name}/{kind}")).await);
        }
        open
    }

    async fn one_of(&self, person: &Person, target: &str) -> Open {
        Open { client: self.app.start(self.house.public, &person.cookie(), target).await, target: target.to_owned() }
    }

    /// Cut on both sides.
    async fn is_cut(&self, open: &mut Open) {
        let Open { client, target } = open;
        let mut rest = Vec::new();
        let end = timeout(IN_TIME, client.0.read_to_end(&mut rest)).await;
        assert!(end.is_ok(), "{target} goes on");
        self.app.has_lost(target).await;
    }

    /// Open on both sides; where the app can say something, it arrives.
    async fn goes_on(&self, open: &mut Open) {
        let Open { client, target } = open;
        assert!(!self.app.has_closed(target), "{target} was cut");
        if target.ends_with("/ws") || target.ends_with("/events") {
            self.app.say_something();
            client.exactly(4).await;
        }
        let mut byte = [0];
        let read = timeout(Duration::from_millis(20), client.0.peek(&mut byte)).await;
        assert!(!matches!(read, Ok(Ok(0) | Err(_))), "{target} was cut");
    }
}

/// What is in flight.
struct Open {
    client: Client,
    target: String,
}

#[tokio::test]
async fn each_kind_is_cut_and_those_of_others_go_on() {
    let scene = Scene::set("").await;
    let (here, there) = (scene.house.signed_in("alice").await, scene.house.signed_in("alice").await);
    let bob = scene.house.signed_in("bob").await;
    let (mut ends, mut stays) = (scene.all_of(&there, "there").await, scene.all_of(&here, "here").await);
    stays.extend(scene.all_of(&bob, "bob").await);
    // Who shows the session on a public route is nobody there.
    stays.extend(scene.all_of(&there, "public").await);
    let id = there.session().await;
    let open = |kind| format!("portcullis_open_streams{{kind=\"{kind}\"}}");
    scene.server.metric_becomes(&open("websocket"), 4.0).await;

    assert_eq!(here.call(Method::DELETE, &format!("/sessions/{id}"), &json!({})).await.status(), 204);

    for open in &mut ends {
        scene.is_cut(open).await;
    }
    for open in &mut stays {
        scene.goes_on(open).await;
    }
    scene.server.metric_becomes(&open("websocket"), 3.0).await;
    scene.server.metric_becomes(&open("sse"), 3.0).await;
    scene.server.metric_becomes("portcullis_streams_cut_total{reason=\"other_device\"}", 5.0).await;
    scene.server.metric_becomes("portcullis_revocation_propagation_seconds_count", 1.0).await;
    assert!(scene.server.metric("portcullis_revocation_propagation_seconds_sum").await < 1.0);
    for (kind, status) in [("ws", 101), ("events", 200), ("download", 200), ("upload", 0), ("held", 0)] {
        let line = scene.server.says(&format!("\"path\":\"/there/{kind}\"")).await;
        assert_eq!((&line["cut"], &line["status"]), (&json!("other_device"), &json!(status)), "{line}");
        assert_eq!(line["session"], id);
    }
    assert_eq!(there.status("/there/ws").await, 401);
}

#[tokio::test]
async fn whoever_ends_the_session_and_from_wherever() {
    let scene = Scene::set("sessions: { max_per_user: 2 }\n").await;
    let house = &scene.house;
    let newcomer = house.person();
    for (way, label) in [
        ("page", "signed_out"),
        ("api", "other_device"),
        ("one", "administrator"),
        ("user", "administrator"),
        ("all", "administrator"),
        ("password", "password_changed"),
        ("too many", "too_many"),
        ("again", "signed_out"),
        ("disable", "account_disabled"),
    ] {
        let alice = house.signed_in("alice").await;
        let name = way.replace(' ', "-");
        let mut open = [
            scene.one_of(&alice, &format!("/{name}/events")).await,
            scene.one_of(&alice, &format!("/{name}/held")).await,
        ];
        let series = format!("portcullis_streams_cut_total{{reason=\"{label}\"}}");
        let before = scene.server.metric(&series).await;
        match way {
            "page" => assert_eq!(alice.submit("/security/sign-out", &[]).await.status(), 303),
            "api" => {
                let other = house.signed_in("alice").await;
                assert_eq!(other.call(Method::POST, "/sessions/revoke-others", &json!({})).await.status(), 200);
            }
            "one" => drop(house.cli(&["sessions", "revoke", &alice.session().await]).ok()),
            "user" => drop(house.cli(&["sessions", "revoke", "--user", "alice", "--reason", "lost"]).ok()),
            "all" => drop(house.cli(&["sessions", "revoke", "--all", "--reason", "stolen"]).ok()),
            "password" => {
                let words = ["users", "set-password", "alice", "--password-stdin"];
                house.cli_typing(&words, crate::harness::PASSWORD).ok();
            }
            "too many" => {
                for _ in 0..2 {
                    newcomer.sign_in("bob").await;
                    house.signed_in("alice").await;
                }
            }
            // The browser signs in once more: the session that it held is replaced.
            "again" => drop(alice.sign_in("alice").await),
            _ => drop(house.cli(&["users", "disable", "alice", "--reason", "left"]).ok()),
        }
        for open in &mut open {
            scene.is_cut(open).await;
        }
        scene.server.metric_becomes(&series, before + 2.0).await;
    }
}

#[tokio::test]
async fn a_session_that_reaches_its_end_takes_its_streams_along() {
    let scene = Scene::set("sessions: { absolute_timeout: 4s }\n").await;
    let alice = scene.house.signed_in("alice").await;
    let mut open = scene.one_of(&alice, "/x/events").await;
    scene.goes_on(&mut open).await;
    // Nobody asks for anything meanwhile.
    let line = scene.server.says("\"cut\":\"expired\"").await;
    scene.is_cut(&mut open).await;
    let lived = line["duration_ms"].as_f64().unwrap();
    assert!((2_000.0..5_500.0).contains(&lived), "{lived}");
    assert_eq!(alice.status("/x").await, 401);
}

#[tokio::test]
async fn a_connection_that_another_session_uses_now_is_not_harmed() {
    let scene = Scene::set("").await;
    let (alice, bob) = (scene.house.signed_in("alice").await, scene.house.signed_in("bob").await);
    let (of_alice, of_bob) = (alice.cookie(), bob.cookie());
    let ask = |cookie: &str, target: &str| {
        format!("GET {target} HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}\r\n\r\n", scene.house.public)
    };
    // Alice's request comes to its end on each, and another follows on the same connection: Bob's, nobody's, or none yet.
    let mut open = Vec::new();
    for (cookie, target) in [(of_bob.as_str(), "/bob/events"), ("", "/public/events"), ("", "")] {
        let mut client = Client::connect(scene.house.public).await;
        assert_eq!(client.ask(ask(&of_alice, "/alice/ok")).await.text(), "ok");
        if !target.is_empty() {
            client.send(ask(cookie, target)).await;
            assert!(client.head().await.starts_with("HTTP/1.1 200"));
        }
        open.push(Open { client, target: target.to_owned() });
    }
    let mut witness = scene.one_of(&alice, "/alice/events").await;
    scene.house.cli(&["sessions", "revoke", "--user", "alice", "--reason", "lost"]).ok();
    scene.is_cut(&mut witness).await;
    for open in &mut open {
        scene.goes_on(open).await;
    }
    assert_eq!(open[2].client.ask(ask(&of_bob, "/bob/ok")).await.text(), "ok");
}

/// Requests begin all the time while sessions end: none that was let through outlives its session.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_races_the_end_is_cut_too() {
    let scene = Scene::set("sessions: { max_per_user: 1000 }\n").await;
    let here = scene.house.signed_in("alice").await;
    for turn in 0..5 {
        let there = scene.house.signed_in("alice").await;
        let (id, cookie) = (there.session().await, there.cookie());
        let ending = async {
            assert_eq!(here.call(Method::DELETE, &format!("/sessions/{id}"), &json!({})).await.status(), 204);
        };
        let begun = futures_util::future::join_all((0..40).map(async |place: usize| {
            let mut client = Client::connect(scene.house.public).await;
            let target = format!("/{turn}/{place}/held");
            client
                .send(format!("GET {target} HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}\r\n\r\n", scene.house.public))
                .await;
            client
        }));
        let (begun, ()) = tokio::join!(begun, ending);
        for mut client in begun {
            let mut answer = Vec::new();
            timeout(IN_TIME, client.0.read_buf(&mut answer)).await.expect("no answer and no end").ok();
            assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 401"), "{}", String::from_utf8_lossy(&answer));
        }
    }
}

#[tokio::test]
async fn without_the_store_guarded_streams_end_and_public_ones_go_on() {
    for (outlive, ends) in [("1s", true), ("1h", false)] {
        let scene = Scene::set(&format!("sessions: {{ streams_outlive_store: {outlive} }}\n")).await;
        let alice = scene.house.signed_in("alice").await;
        let mut guarded = scene.all_of(&alice, "guarded").await;
        let mut public = scene.all_of(&alice, "public").await;
        std::fs::rename(scene.house.path("portcullis.db"), scene.house.path("aside.db")).unwrap();
        scene.server.says("End log unreadable").await;
        if ends {
            scene.server.says("Streams cut, sessions cannot be checked").await;
            for open in &mut guarded {
                scene.is_cut(open).await;
            }
            scene.server.metric_becomes("portcullis_streams_cut_total{reason=\"store_away\"}", 5.0).await;
        }
        let stays = if ends {
            &mut public
        } else {
            public.extend(guarded);
            &mut public
        };
        tokio::time::sleep(IN_TIME).await;
        for open in stays {
            scene.goes_on(open).await;
        }
        assert_eq!(alice.status("/guarded/events").await, 503);
    }
}
