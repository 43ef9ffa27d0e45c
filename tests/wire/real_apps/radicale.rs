use std::{fs, process::Command};

use reqwest::Method;

use super::{Guarded, from_pypi};

const EVENT: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:1\r\n\
                     DTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\nSUMMARY:Tea\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

#[tokio::test]
#[ignore = "installs an app: ./tests/run --apps"]
async fn radicale_knows_whose_calendar_it_is() {
    let home = from_pypi("radicale==3.9.0");
    let guarded = Guarded::start("radicale", |folder, port| {
        let settings = format!(
            "[server]\nhosts = 127.0.0.1:{port}\n[auth]\ntype = http_x_remote_user\n[web]\nprefer_browser_login = True\n\
             [storage]\nfilesystem_folder = {}\n",
            folder.join("collections").display()
        );
        fs::write(folder.join("config"), settings).unwrap();
        let mut command = Command::new(home.join("bin/radicale"));
        command.args(["--config", "config"]);
        command
    })
    .await;

    let send = async |who: &crate::harness::Person, method: &str, path: &str, body: &'static str| {
        who.request(Method::from_bytes(method.as_bytes()).unwrap(), path).body(body).send().await.unwrap()
    };
    let (alice, bob) = (&guarded.alice, &guarded.bob);
    assert_eq!(send(alice, "MKCALENDAR", "/alice/work/", "").await.status(), 201);
    assert_eq!(send(alice, "PUT", "/alice/work/1.ics", EVENT).await.status(), 201);
    assert!(alice.get("/alice/work/1.ics").await.text().await.unwrap().contains("SUMMARY:Tea"));
    assert_eq!(bob.status("/alice/work/1.ics").await, 403);
    let claimed = bob.request(Method::GET, "/alice/work/1.ics").header("X_Remote-User", "alice");
    assert_eq!(claimed.send().await.unwrap().status(), 403, "a name that Bob claims is not believed");
    // Its page looks for who is signed in with the cookies of the browser.
    let script = alice.get("/.web/js/config.js").await.text().await.unwrap();
    assert!(script.contains("PREFER_BROWSER_LOGIN = true"), "{script}");
    guarded.strangers_get_nowhere(&["/", "/.web/", "/alice/work/1.ics"]).await;

    guarded.end_alice().await;
    assert_eq!(alice.status("/alice/work/1.ics").await, 401);
}
