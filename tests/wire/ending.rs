//! An ended session is refused on the very next request, whoever ends it and from wherever.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{App, Client, Installation, PASSWORD, Person, Running};

/// Alice and Bob at a running server, before an app that answers `ok`.
struct Scene {
    house: Installation,
    app: App,
    server: Running,
}

impl Scene {
    async fn set() -> Self {
        let app = App::ok().await;
        let house = Installation::with(&format!(
            "upstreams: {{ app: {{ servers: [\"http://{}\"] }} }}\nroutes:\n\
             - {{ path: /admin, access: {{ roles: [admin] }}, upstream: app }}\n\
             - {{ path: /, access: signed_in, upstream: app }}\n",
            app.address
        ));
        house.user("alice", &["--role", "staff"]);
        house.user("bob", &[]);
        let server = house.run().await;
        Self { house, app, server }
    }

    /// Refused now, and nothing of it reaches the app.
    async fn is_out(&self, person: &Person) {
        let before = self.app.requests();
        assert_eq!(person.status("/x").await, 401);
        assert_eq!(self.app.requests(), before);
        assert_eq!(person.get("/security/api/v1/me").await.status(), 401);
    }

    /// Let through now, to the app.
    async fn is_in(&self, person: &Person) {
        let before = self.app.requests();
        assert_eq!(person.status("/x").await, 200);
        assert_eq!(self.app.requests(), before + 1);
    }
}

#[tokio::test]
async fn from_another_browser() {
    let scene = Scene::set().await;
    let (here, there, bob) = (
        scene.house.signed_in("alice").await,
        scene.house.signed_in("alice").await,
        scene.house.signed_in("bob").await,
    );
    let id = there.session().await;
    assert_eq!(bob.call(Method::DELETE, &format!("/sessions/{id}"), &json!({})).await.status(), 404);
    scene.is_in(&there).await;
    assert_eq!(here.call(Method::DELETE, &format!("/sessions/{id}"), &json!({})).await.status(), 204);
    scene.is_out(&there).await;
    let page = there.visit("/x").await;
    assert_eq!(page.status(), 302);
    let why = there.visit(page.headers()["location"].to_str().unwrap()).await.text().await.unwrap();
    assert!(why.contains("Chrome on macOS"), "{why}");
    scene.is_in(&here).await;
    scene.is_in(&bob).await;
    assert_eq!(here.sessions().await, [here.session().await]);
    assert!((scene.server.metric("portcullis_sessions_ended_total{reason=\"other_device\"}").await - 1.0).abs() < 0.1);
}

#[tokio::test]
async fn by_a_page_without_javascript() {
    let scene = Scene::set().await;
    let (here, there) = (scene.house.signed_in("alice").await, scene.house.signed_in("alice").await);
    let page = format!("/security/sessions/{}/sign-out", there.session().await);
    assert_eq!(here.visit(&page).await.status(), 200);
    scene.is_in(&there).await;
    assert_eq!(here.submit(&page, &[]).await.status(), 303);
    scene.is_out(&there).await;
    let page = here.visit("/security/sessions").await.text().await.unwrap();
    assert!(page.contains("Signed out 1 session"), "{page}");
    scene.is_in(&here).await;
}

#[tokio::test]
async fn all_others_and_then_all() {
    let scene = Scene::set().await;
    let (here, one, two, bob) = (
        scene.house.signed_in("alice").await,
        scene.house.signed_in("alice").await,
        scene.house.signed_in("alice").await,
        scene.house.signed_in("bob").await,
    );
    let said: Value = here.call(Method::POST, "/sessions/revoke-others", &json!({})).await.json().await.unwrap();
    assert_eq!((&said["revoked"], said["items"].as_array().unwrap().len()), (&json!(2), 2));
    scene.is_out(&one).await;
    scene.is_out(&two).await;
    scene.is_in(&here).await;
    one.sign_in("alice").await;
    let said: Value = here.call(Method::POST, "/sessions/revoke-all", &json!({})).await.json().await.unwrap();
    assert_eq!(said["revoked"], 2);
    scene.is_out(&here).await;
    scene.is_out(&one).await;
    scene.is_in(&bob).await;
}

#[tokio::test]
async fn by_signing_out_and_the_kept_cookie_is_worthless() {
    let scene = Scene::set().await;
    let alice = scene.house.signed_in("alice").await;
    let cookie = alice.cookie();
    assert_eq!(alice.visit("/security/sign-out").await.status(), 200, "a page that asks");
    scene.is_in(&alice).await;
    assert_eq!(alice.submit("/security/sign-out", &[]).await.status(), 303);
    let replay = scene.house.person().request(Method::GET, "/x").header("cookie", cookie);
    assert_eq!(replay.send().await.unwrap().status(), 401);
    scene.is_out(&alice).await;
}

#[tokio::test]
async fn from_the_command_line_by_its_id() {
    let scene = Scene::set().await;
    let (one, two) = (scene.house.signed_in("alice").await, scene.house.signed_in("alice").await);
    let said = scene.house.cli(&["sessions", "revoke", &one.session().await]).ok();
    scene.is_out(&one).await;
    assert!(said.contains("Signed out Chrome on macOS"), "{said}");
    scene.is_in(&two).await;
    let gone = two.session().await;
    scene.house.cli(&["sessions", "revoke", &gone]).ok();
    let again = scene.house.cli(&["sessions", "revoke", &gone]).refused(1);
    assert!(again.contains(&gone), "{again}");
}

#[tokio::test]
async fn from_the_command_line_with_a_reason() {
    let scene = Scene::set().await;
    let (one, two, bob) = (
        scene.house.signed_in("alice").await,
        scene.house.signed_in("alice").await,
        scene.house.signed_in("bob").await,
    );
    scene.house.cli(&["sessions", "revoke", "--user", "alice"]).refused(2);
    scene.house.cli(&["sessions", "revoke", "--all"]).refused(2);
    scene.is_in(&one).await;
    let said = scene.house.cli(&["sessions", "revoke", "--user", "alice", "--reason", "lost laptop"]).ok();
    scene.is_out(&one).await;
    scene.is_out(&two).await;
    assert!(said.contains("Signed out 2 sessions"), "{said}");
    scene.is_in(&bob).await;
    one.sign_in("alice").await;
    scene.house.cli(&["sessions", "revoke", "--all", "--reason", "a stolen backup"]).ok();
    scene.is_out(&one).await;
    scene.is_out(&bob).await;
}

#[tokio::test]
async fn a_disabled_user_is_out_until_enabled_and_signed_in_again() {
    let scene = Scene::set().await;
    let (one, two, bob) = (
        scene.house.signed_in("alice").await,
        scene.house.signed_in("alice").await,
        scene.house.signed_in("bob").await,
    );
    let said = scene.house.cli(&["users", "disable", "alice", "--reason", "left"]).ok();
    scene.is_out(&one).await;
    scene.is_out(&two).await;
    assert!(said.contains("signed out 2 sessions"), "{said}");
    scene.is_in(&bob).await;
    assert_eq!(one.try_to_sign_in("alice", PASSWORD).await.status(), 401);
    scene.house.cli(&["users", "enable", "alice", "--reason", "a test"]).ok();
    scene.is_out(&one).await;
    one.sign_in("alice").await;
    scene.is_in(&one).await;
    scene.house.cli(&["users", "remove", "alice"]).ok();
    scene.is_out(&one).await;
}

#[tokio::test]
async fn a_password_set_at_the_command_line_ends_what_the_old_one_opened() {
    let scene = Scene::set().await;
    let alice = scene.house.signed_in("alice").await;
    scene.house.cli_typing(&["users", "set-password", "alice", "--password-stdin"], "Another-horse-8-battery").ok();
    scene.is_out(&alice).await;
    assert_eq!(scene.house.person().try_to_sign_in("alice", PASSWORD).await.status(), 401);
    assert_eq!(scene.house.person().try_to_sign_in("alice", "Another-horse-8-battery").await.status(), 200);
}

#[tokio::test]
async fn roles_count_on_the_next_request() {
    let scene = Scene::set().await;
    let alice = scene.house.signed_in("alice").await;
    assert_eq!(alice.status("/admin").await, 403);
    scene.house.cli(&["users", "roles", "alice", "admin", "staff"]).ok();
    assert_eq!(alice.status("/admin").await, 200);
    assert_eq!(scene.app.header("Remote-Groups"), ["admin,staff"]);
    scene.house.cli(&["users", "roles", "alice", "--none"]).ok();
    let before = scene.app.requests();
    assert_eq!(alice.status("/admin").await, 403);
    assert_eq!(scene.app.requests(), before);
    scene.is_in(&alice).await;
}

/// A request to our own pages whose body is still on its way when its session ends changes nothing any more.
#[tokio::test]
async fn while_a_body_is_on_its_way() {
    let scene = Scene::set().await;
    let (here, there) = (scene.house.signed_in("alice").await, scene.house.signed_in("alice").await);
    let body = format!("{{\"current_password\":\"{PASSWORD}\",\"new_password\":\"Stolen-and-Changed-1\"}}");
    let mut held = Client::connect(scene.house.public).await;
    let begun = format!(
        "PUT /security/api/v1/password HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nSec-Fetch-Site: same-origin\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{{",
        scene.house.public,
        there.cookie(),
        body.len()
    );
    held.send(begun).await;
    // The head is in, and judged, when another request on another connection has been answered.
    scene.is_in(&there).await;
    let id = there.session().await;
    assert_eq!(here.call(Method::DELETE, &format!("/sessions/{id}"), &json!({})).await.status(), 204);

    let answer = held.ask(&body[1..]).await;

    assert_eq!(answer.status, 401);
    assert_eq!(scene.house.person().try_to_sign_in("alice", PASSWORD).await.status(), 200, "the password is as it was");
}
