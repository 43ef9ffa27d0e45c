//! From nothing to a guarded app, as the manual says.

use reqwest::Method;
use serde_json::json;

use crate::harness::{App, Child, Installation, PASSWORD, Person, Running, Said, free_port, portcullis};

#[tokio::test]
async fn from_nothing_to_a_guarded_app() {
    let app = App::ok().await;
    let folder = tempfile::tempdir().unwrap();
    let public = format!("127.0.0.1:{}", free_port()).parse().unwrap();
    let cli = |words: &[&str], input: &str| Said::by(portcullis(folder.path()).args(words), input).ok();

    let (app_url, public_url) = (format!("http://{}", app.address), format!("http://{public}"));
    let admin = format!("127.0.0.1:{}", free_port());
    let said = cli(&["init", "--app", &app_url, "--public-url", &public_url, "--admin-listen", &admin], "");
    assert!(said.contains("portcullis users"), "{said}");
    let yaml = std::fs::read_to_string(folder.path().join("portcullis.yaml")).unwrap();
    assert!(yaml.lines().count() < 50 && yaml.contains('#'), "{yaml}");
    let secret = std::fs::metadata(folder.path().join("portcullis.secret")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&secret.permissions()) & 0o777, 0o600);

    cli(&["config", "check"], "");
    cli(
        &[
            "users",
            "add",
            "alice",
            "--email",
            "alice@example.com",
            "--display-name",
            "Alice",
            "--role",
            "admin",
            "--role",
            "staff",
            "--password-stdin",
        ],
        "Correct-horse-7-battery\n",
    );
    let server = Child::start(portcullis(folder.path()).arg("run"));
    let server = Running::when_ready(server, public, admin.parse().unwrap()).await;

    let alice = Person::at(public);
    let page = alice.visit("/orders?open=1").await;
    assert_eq!(page.status(), 302);
    assert_eq!(page.headers()["location"], "/security/sign-in?rd=/orders?open=1");
    assert_eq!(alice.status("/orders").await, 401);
    assert_eq!(app.requests(), 0, "no byte reaches the app");
    alice.sign_in("ALICE@example.com").await;
    assert_eq!(alice.visit("/orders?open=1").await.text().await.unwrap(), "ok");
    assert_eq!(app.header("Remote-User"), ["alice"]);
    assert_eq!(app.header("Remote-Name"), ["Alice"]);
    assert_eq!(app.header("Remote-Email"), ["alice@example.com"]);
    assert_eq!(app.header("Remote-Groups"), ["admin,staff"]);
    assert!(!app.received().contains("portcullis="), "our cookie stays here");
    assert_eq!(alice.call(Method::POST, "/sign-out", &json!({})).await.status(), 204);
    assert_eq!(alice.status("/orders").await, 401);
    assert_eq!(app.requests(), 1);
    assert_eq!(server.stop().await, 0);
}

#[tokio::test]
async fn a_one_time_link_sets_the_password_once() {
    let app = App::ok().await;
    let house = Installation::before(app.address);
    let said = house.cli(&["users", "add", "bob"]).ok();
    let link = said.lines().find(|line| line.starts_with("http://")).unwrap().trim();
    let path = link.strip_prefix(&format!("http://{}", house.public)).unwrap();
    let token = path.split_once("token=").unwrap().1;
    let _server = house.run().await;
    let bob = house.person();
    // Looking at the link does not use it up.
    for _ in 0..2 {
        let page = bob.visit(path).await;
        assert_eq!(page.status(), 200);
        assert!(page.text().await.unwrap().contains("name=\"new_password\""));
    }
    let fields = |password| [("token", token), ("new_password", password), ("new_password_again", password)];
    assert_eq!(bob.submit("/security/set-password", &fields("short")).await.status(), 422);
    assert_eq!(bob.submit("/security/set-password", &fields(PASSWORD)).await.status(), 303);
    bob.sign_in("bob").await;
    assert_eq!(bob.status("/").await, 200);
    let again = bob.submit("/security/set-password", &fields("Another-horse-8-battery")).await;
    assert!(again.status().is_client_error(), "{}", again.status());
    assert_eq!(house.person().try_to_sign_in("bob", "Another-horse-8-battery").await.status(), 401);
    assert!(bob.visit(path).await.status().is_client_error());
}

#[tokio::test]
async fn a_new_link_makes_the_old_one_worthless() {
    let house = Installation::before(App::ok().await.address);
    house.user("bob", &[]);
    let link = |said: String| said.split_whitespace().last().unwrap().split_once("/security").unwrap().1.to_owned();
    let old = link(house.cli(&["users", "set-password", "bob"]).ok());
    let new = link(house.cli(&["users", "set-password", "bob"]).ok());
    let _server = house.run().await;
    let bob = house.person();
    assert!(bob.visit(&format!("/security{old}")).await.status().is_client_error());
    assert_eq!(bob.visit(&format!("/security{new}")).await.status(), 200);
    // Until it is used, the password of before is good.
    bob.sign_in("bob").await;
}
