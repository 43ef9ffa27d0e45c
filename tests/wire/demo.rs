//! `portcullis demo`: nothing is needed, and it looks alive.

use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Child, Person, Said, free_port, portcullis, until};

#[tokio::test]
async fn one_command_shows_a_guarded_app_with_a_past() {
    let folder = tempfile::tempdir().unwrap();
    let (port, app) = (free_port(), free_port());
    let (listen, app) = (format!("127.0.0.1:{port}"), format!("127.0.0.1:{app}"));
    let mut demo = Child::start(portcullis(folder.path()).args(["demo", "--listen", &listen, "--app", &app]));
    let said = async |words: &str| demo.line(|line| line.contains(words)).await;
    let address = format!("http://localhost:{port}");
    assert!(said("Open ").await.contains(&address));
    let password = async |who: &str| said(who).await.split_whitespace().rev().nth(1).unwrap().to_owned();
    let (alice, admin) = (password("Visitor ").await, password("Administrator ").await);

    let visitor = Person::at_url(&address);
    until("the demo to listen", async || visitor.request(Method::GET, "/").send().await.ok()).await;
    assert_eq!(visitor.visit("/").await.status(), 302);
    assert_eq!(visitor.try_to_sign_in("alice", &alice).await.status(), 200);
    assert!(visitor.visit("/").await.text().await.unwrap().contains("alice"), "the app knows who it is");
    assert!(visitor.sessions().await.len() >= 3, "some earlier sessions");
    let history: Value = visitor.get("/security/api/v1/login-history").await.json().await.unwrap();
    assert!(history["items"].as_array().unwrap().len() >= 4, "{history}");
    assert_eq!(visitor.status("/admin").await, 403);
    let administrator = Person::at_url(&address);
    assert_eq!(administrator.try_to_sign_in("admin", &admin).await.status(), 200);
    assert_eq!(administrator.status("/admin").await, 200);

    let said: Value = visitor.call(Method::POST, "/sessions/revoke-others", &json!({})).await.json().await.unwrap();
    assert!(said["revoked"].as_u64() >= Some(2), "{said}");
    assert_eq!(administrator.status("/").await, 200);
    assert!(!demo.printed().join("\n").contains("portcullis="), "no cookie is printed");
    demo.signal("INT");
    assert_eq!(demo.end().await.code(), Some(0));
    let left = Command::new("ls").arg("-A").arg(folder.path()).output().unwrap();
    assert_eq!(String::from_utf8(left.stdout).unwrap(), "", "nothing is kept");
    // Behind it, since two that start at once may want one port for metrics.
    where_the_usual_port_is_taken_it_takes_the_next().await;
}

async fn where_the_usual_port_is_taken_it_takes_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let _taken = std::net::TcpListener::bind("127.0.0.1:8080");
    let mut demo = Child::start(portcullis(folder.path()).arg("demo"));
    let opened = demo.line(|line| line.contains("Open ")).await;
    assert!(opened.contains("http://localhost:80") && !opened.contains(":8080"), "{opened}");
    demo.signal("INT");
    assert_eq!(demo.end().await.code(), Some(0));
}

#[test]
fn a_port_that_is_taken_is_told_with_a_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for option in ["--listen", "--app"] {
        let free = format!("127.0.0.1:{}", free_port());
        let other = if option == "--app" { "--listen" } else { "--app" };
        let words = ["demo", option, &address, other, &free];
        let why = Said::by(portcullis(folder.path()).args(words), "").refused(1);
        assert!(why.starts_with(&format!("cannot listen on {address}: ")), "{why}");
        assert!(why.contains(&format!("choose another address, such as: {option} 127.0.0.1:")), "{why}");
    }
}
