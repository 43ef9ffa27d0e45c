//! A secret by which an app knows that a request came through here: sent with an identity, and with nothing else.

use std::{fs, os::unix::fs::PermissionsExt as _};

use reqwest::Method;

use crate::harness::{App, Http2, Installation};

const SECRET: &str = "kept between us: 100% \"Caf\\e\"";
const NAMES: [&str; 5] = ["X-App_Secret", "x-app-secret", "x_app_secret", "X.App.Secret", "x~app-secret"];

fn keys(app: &App) -> String {
    format!(
        "upstreams: {{ app: {{ servers: [\"http://{}\"], identity_encoding: ascii }} }}\nroutes:\n\
         - {{ path: /public, access: public, upstream: app }}\n- {{ path: /, upstream: app }}\n\
         identity: {{ extra: [{{ header: X-App_Secret, value_file: app.secret }}] }}\n",
        app.address
    )
}

fn write(house: &Installation, text: &str, mode: u32) {
    fs::write(house.path("app.secret"), text).unwrap();
    fs::set_permissions(house.path("app.secret"), fs::Permissions::from_mode(mode)).unwrap();
}

/// What the app was told under any spelling of the name.
fn told(app: &App) -> Vec<String> {
    NAMES.iter().flat_map(|name| app.header(name)).collect()
}

#[tokio::test]
async fn it_goes_where_an_identity_goes_and_no_client_says_it() {
    let app = App::ok().await;
    let house = Installation::with(&keys(&app));
    write(&house, &format!("{SECRET}\n"), 0o440);
    house.user("alice", &[]);
    let server = house.run().await;
    let alice = house.signed_in("alice").await;
    let nobody = house.person();
    let mut hers = 0;
    for method in [Method::GET, Method::POST, Method::OPTIONS, Method::HEAD] {
        for upgrade in [false, true] {
            for (person, path) in [(&alice, "/x"), (&alice, "/public"), (&nobody, "/public")] {
                let mut request = person.request(method.clone(), path);
                for name in NAMES {
                    request = request.header(name, "forged");
                }
                if upgrade && method == Method::GET {
                    request = request.header("connection", "upgrade").header("upgrade", "websocket");
                }
                assert_eq!(request.send().await.unwrap().status(), 200, "{method} {path}");
                hers += usize::from(path == "/x");
            }
        }
    }
    assert!(!app.received().contains("forged"));
    assert_eq!(told(&app), vec![SECRET; hers], "as it is, with hers and with no other");
    let own = alice.get("/security/sessions").await;
    assert!(!format!("{:?}", own.headers()).contains(SECRET) && !own.text().await.unwrap().contains(SECRET));
    let shown = house.cli(&["config", "show"]).ok();
    assert!(shown.contains("header: X-App_Secret") && shown.contains("(redacted)") && !shown.contains("kept between"));
    let metrics = server.admin("/metrics").await.unwrap().1;
    assert!(!metrics.contains("kept between") && !format!("{:?}", server.log()).contains("kept between"));
}

#[tokio::test]
async fn over_http2_it_is_the_same() {
    let app = App::ok().await;
    let (house, shown) = Installation::over_tls(&keys(&app));
    write(&house, SECRET, 0o600);
    house.user("alice", &[]);
    let _server = house.run().await;
    let client = Http2::connect(house.public, &shown).await;
    let alice = client.sign_in("alice").await;
    for path in ["/x", "/public"] {
        let mut request = client.request(Method::GET, path).header("cookie", &alice);
        for name in NAMES {
            request = request.header(name, "forged");
        }
        assert_eq!(client.ask(request, "").await.status, 200, "{path}");
    }
    assert_eq!((told(&app), app.received().contains("forged")), (vec![SECRET.to_owned()], false));
}

#[tokio::test]
async fn a_reload_reads_it_again_and_a_broken_file_changes_nothing() {
    let app = App::ok().await;
    let house = Installation::with(&keys(&app));
    write(&house, "first", 0o600);
    house.user("alice", &[]);
    let server = house.run().await;
    let alice = house.signed_in("alice").await;
    let told_now = async || {
        assert_eq!(alice.status("/x").await, 200);
        told(&app).pop().unwrap()
    };
    assert_eq!(told_now().await, "first");
    write(&house, "second\n", 0o600);
    server.child.signal("HUP");
    server.says("Configuration reloaded").await;
    assert_eq!(told_now().await, "second");
    for (text, mode, why) in [
        ("third\nfourth", 0o600, "names a file of several lines"),
        ("", 0o600, "names a file that is empty"),
        ("third", 0o604, "everybody on this machine may read it"),
    ] {
        write(&house, text, mode);
        server.child.signal("HUP");
        server.says(&format!("identity.extra[0].value_file: {why}")).await;
        assert_eq!(told_now().await, "second", "{why}");
    }
    assert!(!format!("{:?}", server.log()).contains("third"));
}
