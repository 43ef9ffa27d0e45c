//! P3 under every preset: what an app is told of who is calling comes from the session alone.

use crate::harness::{App, Door, Installation};

/// Every preset as it is written, and what an app is told of Alice: her id is left out.
const PRESETS: [(&str, &[(&str, &str)]); 6] = [
    (
        "identity: { preset: remote, extra: [{ header: X-Employee_No, value: email }] }\n",
        &[
            ("Remote-User", "alice"),
            ("Remote-Name", "Alice Ångström"),
            ("Remote-Email", "alice@example.com"),
            ("Remote-Groups", "admin,staff"),
            ("X-Employee_No", "alice@example.com"),
        ],
    ),
    (
        "identity: { preset: webauth, extra: [{ header: X-WEBAUTH-ROLE, value: roles }] }\n",
        &[
            ("X-WEBAUTH-USER", "alice"),
            ("X-WEBAUTH-NAME", "Alice Ångström"),
            ("X-WEBAUTH-FULLNAME", "Alice Ångström"),
            ("X-WEBAUTH-EMAIL", "alice@example.com"),
            ("X-WEBAUTH-GROUPS", "admin,staff"),
            ("X-WEBAUTH-ROLE", "admin,staff"),
        ],
    ),
    (
        "identity: { preset: forwarded, extra: [{ header: Teams, value: roles }] }\n",
        &[
            ("X-Forwarded-User", "alice"),
            ("X-Forwarded-Preferred-Username", "alice"),
            ("X-Forwarded-Email", "alice@example.com"),
            ("X-Forwarded-Groups", "admin,staff"),
            ("Teams", "admin,staff"),
        ],
    ),
    (
        "identity: { preset: jenkins, extra: [{ header: Teams, value: roles }] }\n",
        &[
            ("X-Forwarded-User", "alice"),
            ("X-Forwarded-DisplayName", "Alice Ångström"),
            ("X-Forwarded-Mail", "alice@example.com"),
            ("X-Forwarded-Groups", "admin|staff"),
            ("Teams", "admin|staff"),
        ],
    ),
    (
        "identity: { preset: opensearch, extra: [{ header: x-who, value: display_name }] }\n",
        &[("x-proxy-user", "alice"), ("x-proxy-roles", "admin,staff"), ("x-who", "Alice Ångström")],
    ),
    (
        "identity: { preset: siteminder, extra: [{ header: SM_USERLOGINNAME, value: name }] }\n",
        &[("SM_USER", "alice"), ("SM_USERGROUPS", "admin^staff"), ("SM_USERLOGINNAME", "alice")],
    ),
];

/// All names by which these presets tell apps who somebody is, and those of the gateways that say it in another way.
fn all_names() -> Vec<&'static str> {
    let mut names: Vec<_> = PRESETS.iter().flat_map(|(_, told)| told.iter().map(|(name, _)| *name)).collect();
    names.retain(|name| !["X-Employee_No", "Teams", "x-who"].contains(name));
    names.extend(["SM_UNIVERSALID", "X-Auth-User", "X-Authentik-Username", "X-Goog-Authenticated-User-Email"]);
    names.extend(["X-Goog-Iap-Jwt-Assertion", "X-Amzn-Oidc-Identity", "X-Ms-Client-Principal-Name", "X-Userinfo"]);
    names.extend(["X-Ssl-Client-Dn", "X-Client-Cert", "Ssl-Client-Cert", "X-Forwarded-Client-Cert", "X-Token-Sub"]);
    names.extend(["Cf-Access-Jwt-Assertion", "Tailscale-User-Login"]);
    names.sort_unstable();
    names.dedup();
    names
}

/// The spellings of a name that some app takes for it.
fn spellings(name: &str) -> [String; 5] {
    let plain = name.replace('_', "-");
    [name.to_owned(), plain.to_lowercase(), plain.replace('-', "_").to_uppercase(), plain.replace('-', "."), {
        let mut odd = plain.replace('-', "~");
        odd.make_ascii_lowercase();
        odd
    }]
}

/// Each kind of request, with these lines, and whether it is Alice's.
fn requests(door: &Door, lines: &str) -> Vec<(String, bool)> {
    let public = |line: &str| format!("{line} HTTP/1.1\r\nHost: app.test\r\n{lines}\r\n");
    let upgrade = format!("Connection: Upgrade\r\nUpgrade: websocket\r\n{lines}");
    vec![
        (door.as_alice("GET /x", lines), true),
        (door.as_alice("POST /x", &format!("Content-Length: 0\r\n{lines}")), true),
        (door.as_alice("GET /admin/x", lines), true),
        (door.as_alice("OPTIONS /x", lines), true),
        (door.as_alice("GET /x", &upgrade), true),
        (door.as_alice("GET /public", lines), false),
        (public("GET /public"), false),
        (public("OPTIONS /public"), false),
        (public("HEAD /public"), false),
        (format!("GET /public HTTP/1.1\r\nHost: app.test\r\n{upgrade}\r\n"), false),
    ]
}

#[tokio::test]
async fn a_client_says_nothing_of_who_it_is_under_any_preset() {
    for (keys, told) in PRESETS {
        let app = App::ok().await;
        let door = Door::plan(&[app.address]).keys(keys).open().await;
        let mut names = all_names();
        names.extend(told.iter().map(|(name, _)| *name));
        let mut alices = 0;
        for spelling in 0..5 {
            // In two, so that a head stays below its bound; each twice.
            for some in names.chunks(20) {
                let lie = |name: &&str| format!("{}: root\r\n", spellings(name)[spelling]).repeat(2);
                let lies: String = some.iter().map(lie).collect();
                for (request, is_alice) in requests(&door, &lies) {
                    let answer = door.client().await.ask(request).await;
                    assert_eq!(answer.status, 200);
                    alices += usize::from(is_alice);
                }
            }
        }
        assert!(!app.received().contains("root"), "{keys}: {}", app.received());
        for (name, value) in told {
            let values = app.header(name);
            assert_eq!(values.len(), alices, "{name} on each request of hers and on no public one");
            assert!(values.iter().all(|said| said == value), "{name}: {values:?}");
        }
    }
}

#[tokio::test]
async fn no_preset_can_be_nominated_away() {
    for (keys, told) in PRESETS {
        let app = App::ok().await;
        let door = Door::plan(&[app.address]).keys(keys).open().await;
        let names: Vec<_> = told.iter().map(|(name, _)| *name).collect();
        let lines = format!("Connection: close, {} ,X-REQUEST-ID\r\n", names.join(" , "));
        assert_eq!(door.client().await.ask(door.as_alice("GET /x", &lines)).await.status, 200);
        for (name, value) in told {
            assert_eq!(app.header(name), [*value], "{keys}");
        }
        assert_eq!(app.header("x-request-id").len(), 1);
        for name in
            ["Host", "x-forwarded-for", "X-Forwarded-Host", "X-Forwarded-Proto", "\"X-Forwarded-For\"", ":authority"]
        {
            let nominated = door.as_alice("GET /x", &format!("Connection: close, {name}\r\n"));
            assert_eq!(door.client().await.ask(nominated).await.status, 400, "{name}");
        }
        assert_eq!(app.requests(), 1);
    }
}

#[tokio::test]
async fn the_id_is_the_users_own() {
    let app = App::ok().await;
    let keys = "identity: { preset: siteminder, extra: [{ header: X-Id, value: user_id }] }\n";
    let door = Door::plan(&[app.address]).keys(keys).open().await;
    assert_eq!(
        door.client().await.ask(door.as_alice("GET /x", "SM-UniversalId: root\r\nX_ID: root\r\n")).await.status,
        200
    );
    let id = app.header("sm_universalid");
    assert!(id.len() == 1 && id == app.header("x-id") && id[0].starts_with("usr_"), "{id:?}");
    assert!(!app.received().contains("root"));
}

#[tokio::test]
async fn a_name_of_any_script_arrives_byte_for_byte_and_makes_no_group() {
    for name in [
        "Liddell, Alice",
        "Alice  of  Spaces",
        "a,admin|admin^admin;admin:admin",
        "محمد علي",
        "山田 太郎",
        "👩\u{200d}💻 Åsa",
        "\"quoted\" \\ <b>",
        "=?utf-8?Q?root?=",
        "%0d%0aRemote-Groups: admin",
    ] {
        for (keys, told) in [PRESETS[0], PRESETS[3]] {
            let app = App::ok().await;
            let door = Door::plan(&[app.address]).keys(keys).called(name).open().await;
            assert_eq!(door.client().await.ask(door.as_alice("GET /x", "")).await.status, 200);
            let [shown, groups, expected] = [told[1].0, told[3].0, told[3].1];
            assert_eq!(app.header(shown), [name], "{keys}");
            assert_eq!(app.header(groups), [expected], "{keys}");
        }
    }
}

#[tokio::test]
async fn a_reload_changes_what_the_app_is_told() {
    let app = App::ok().await;
    let keys = |identity: &str| {
        format!(
            "upstreams: {{ app: {{ servers: [\"http://{}\"] }} }}\nroutes:\n- {{ path: /public, access: public, upstream: \
             app }}\n- {{ path: /, upstream: app }}\n{identity}",
            app.address
        )
    };
    let house = Installation::with(&keys(""));
    house.user("alice", &["--role", "admin", "--role", "staff"]);
    let server = house.run().await;
    let alice = house.signed_in("alice").await;
    let ask = async |path: &str| {
        let lie = alice.request(reqwest::Method::GET, path).header("x-employee", "root");
        assert_eq!(lie.send().await.unwrap().status(), 200);
    };
    ask("/x").await;
    assert_eq!((app.header("remote-user").len(), app.header("x-employee")), (1, vec!["root".to_owned()]));
    house.configure(&keys("identity: { preset: jenkins, extra: [{ header: X_EMPLOYEE, value: name }] }\n"));
    server.child.signal("HUP");
    server.says("Configuration reloaded").await;
    ask("/x").await;
    ask("/public").await;
    assert_eq!(app.header("remote-user").len(), 1, "not any more");
    assert_eq!(app.header("x-forwarded-groups"), ["admin|staff"]);
    assert_eq!(app.header("x_employee"), ["alice"]);
    assert_eq!(app.header("x-employee").len(), 1, "that of before");
}

#[tokio::test]
async fn a_name_with_a_line_break_cannot_be_made() {
    let app = App::ok().await;
    let house = Installation::before(app.address);
    for name in ["a\r\nRemote-Groups: admin", "a\nb", "a\u{2028}b"] {
        let said = house.cli_typing(&["users", "add", "mallory", "--display-name", name, "--password-stdin"], "x");
        assert!(said.code != 0 && said.err.contains("the display name"), "{}", said.err);
    }
}

#[tokio::test]
async fn each_upstream_gets_names_in_its_own_encoding() {
    let app = App::ok().await;
    let server = format!("servers: [\"http://{}\"]", app.address);
    let house = Installation::with(&format!(
        "upstreams:\n  plain: {{ {server} }}\n  extended: {{ {server}, identity_encoding: rfc8187 }}\n  ascii: {{ {server}, \
         identity_encoding: ascii }}\nroutes:\n- {{ path: /extended, upstream: extended }}\n- {{ path: /ascii, upstream: \
         ascii }}\n- {{ path: /, upstream: plain }}\n"
    ));
    house.user("alice", &["--display-name", "Ana Mar\u{ed}a 100%", "--role", "admin"]);
    let _server = house.run().await;
    let alice = house.signed_in("alice").await;
    for path in ["/", "/extended", "/ascii"] {
        assert_eq!(alice.request(reqwest::Method::GET, path).send().await.unwrap().status(), 200, "{path}");
    }
    assert_eq!(
        app.header("remote-name"),
        ["Ana Mar\u{ed}a 100%", "UTF-8''Ana%20Mar%C3%ADa%20100%25", "Ana Mar%C3%ADa 100%25"]
    );
    assert_eq!(app.header("remote-user"), ["alice"; 3]);
    assert_eq!(app.header("remote-groups"), ["admin"; 3]);
}
