//! However a path is spelled, it falls under one rule, and the app gets the spelling that the rule was read on.

use http::Method;
use portcullis::gate::{Access, CanonicalPath, InvalidPath, Route, RouteTable};
use proptest::{prelude::*, sample::Index};

use crate::test_app::{MAC, RequestOutcome, TestApp};

const WIKI: &str = "
  - { path: /@admin, access: { roles: [admin] }, upstream: app }
  - { path: '/wiki/Special:UserRights', access: { roles: [admin] }, upstream: app }
  - { path: \"/a!$&'()+,=b\", access: { roles: [admin] }, upstream: app }
  - { path: /, access: public, upstream: app }";
const NESTED: &str = "
  - { path: /admin/public, access: public, upstream: app }
  - { path: /admin, access: { roles: [admin] }, upstream: app }
  - { path: /shop, access: public, upstream: app }";
const OPEN: &str = "
  - { path: /, access: public, upstream: app }";
const PROBE: &str = "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200";

#[tokio::test]
async fn no_encoded_letter_leads_around_a_rule() {
    let app = TestApp::with_routes(WIKI);
    let alice = app.add_user("alice").await.signed_in_on(MAC).await;
    for (path, place) in [
        ("/@admin/x", "/@admin/x"),
        ("/%40admin/x", "/@admin/x"),
        ("/%40%61dmin/x", "/@admin/x"),
        ("/wiki/Special:UserRights", "/wiki/Special:UserRights"),
        ("/wiki/Special%3AUserRights", "/wiki/Special:UserRights"),
        ("/wiki/Special%3aUserRights/x", "/wiki/Special:UserRights/x"),
        ("/a%21%24%26%27%28%29%2B%2C%3Db", "/a!$&'()+,=b"),
        ("/a%21$%26'%28)%2b,%3db", "/a!$&'()+,=b"),
    ] {
        assert_eq!(app.new_browser().fetch(Method::GET, path).send().await.status(), 401, "{path}");
        assert_eq!(alice.fetch(Method::GET, path).send().await.status(), 403, "{path}");
        assert_eq!(CanonicalPath::parse(path.as_bytes()).unwrap().path(), place);
    }
    let arrived = app.new_browser().get("/files/a%2Ab%3D%40c;v=%3A").await.forwarded();
    assert_eq!(arrived.path, "/files/a*b=@c;v=:", "the app gets the one spelling, too");
}

#[tokio::test]
async fn parameters_lead_to_no_other_rule() {
    let app = TestApp::with_routes(NESTED);
    let root = app.add_user_with_roles("root", &["admin"]).await.signed_in_on(MAC).await;
    for path in ["/admin;x/public", "/admin/;/public", "/admin/;x/public/y", "/admin/public;x", "/;/admin", "/shop;v=1"]
    {
        for caller in [&root, &app.new_browser()] {
            let answer = caller.fetch(Method::GET, path).send().await.response();
            assert_eq!((answer.status, answer.problem_type().as_str()), (400, "bad-request"), "{path}");
        }
    }
    for (path, route) in [
        ("/shop/a;v=1", "/shop"),
        ("/shop/;v=1", "/shop"),
        ("/shop/a;v=1/b;w", "/shop"),
        ("/admin/public/a;x", "/admin/public"),
        ("/admin/a;x/public", "/admin"),
    ] {
        let arrived = root.get(path).await.forwarded();
        assert_eq!((arrived.route.as_str(), arrived.path.as_str()), (route, path));
    }
    assert_eq!(app.new_browser().get("/other;x").await.status(), 404, "by no rule, either way");
}

#[tokio::test]
async fn another_host_is_served_our_files_and_never_what_climbs_out_of_them() {
    let app = TestApp::with_routes(OPEN);
    for path in [
        "/security/assets/../../x",
        "/security/assets/../../../x",
        "/security/assets/%2e%2e/%2e%2E/x",
        "/security/assets/../sign-in",
        "/security/assets/..",
        "/security/assets",
        "/security/assets/;x",
        "/security/assets;x/y",
        "/security/assets/%2f",
        "/x/../y",
    ] {
        for method in [Method::GET, Method::POST] {
            let answer = app.new_browser().fetch(method, path).header("host", "evil.test").send().await.response();
            assert_eq!((answer.status, answer.problem_type().as_str()), (421, "wrong-host"), "{path}");
        }
    }
    for (path, status) in [("/security/assets/nothing", 404), ("/x/..//security/./assets/nothing", 404)] {
        let answer = app.new_browser().fetch(Method::GET, path).header("host", "evil.test").send().await.response();
        assert_eq!(answer.status, status, "{path}");
    }
}

#[tokio::test]
async fn a_way_back_that_is_too_long_is_its_path_or_left_out() {
    let app = TestApp::new();
    let at_most = format!("/{}", "a".repeat(2047));
    let answer = app.new_browser().get(&at_most).await.response();
    assert_eq!(answer.location(), format!("/security/sign-in?rd=/{}", "a".repeat(2047)));
    for (target, leads_to) in [
        (format!("{at_most}a"), "/security/sign-in"),
        (format!("/{}", "\u{e9}".repeat(350)), "/security/sign-in"),
        (format!("/orders?{}", "=".repeat(30_000)), "/security/sign-in?rd=/orders"),
        (format!("/orders?{}", "a=%C3%A9&".repeat(150)), "/security/sign-in?rd=/orders"),
    ] {
        let answer = app.new_browser().get(&target).await.response();
        assert_eq!((answer.status, answer.location()), (302, leads_to));
        let problem = app.new_browser().fetch(Method::GET, &target).send().await.response();
        assert_eq!(problem.json()["sign_in_url"], "https://app.example.com/security/sign-in");
    }
}

#[tokio::test]
async fn what_should_not_exist_does_not() {
    for app in [TestApp::with_routes(OPEN), TestApp::new()] {
        let alice = app.add_user("alice").await.signed_in_on(MAC).await;
        let asked = app.store_calls("find");
        for caller in [&alice, &app.new_browser()] {
            for method in [Method::GET, Method::HEAD] {
                assert!(
                    matches!(caller.fetch(method, PROBE).send().await, RequestOutcome::Responded(no) if no.status == 404)
                );
            }
            assert!(matches!(caller.get(PROBE).await, RequestOutcome::Responded(no) if no.status == 404));
        }
        assert_eq!(app.store_calls("find"), asked, "no look-up");
    }
}

/// Segments that rules, dots, parameters and encodings make interesting.
fn targets() -> impl Strategy<Value = String> {
    let known = [
        "admin",
        "@admin",
        "%40admin",
        "public",
        "Special:UserRights",
        "a+b",
        "a*b",
        "(c)",
        "d=e&f,g",
        "",
        ".",
        "..",
        "%2e",
        "x;y",
        ";",
        ";v=1",
        "%25",
        "%2540admin",
        "caf\u{e9}",
        "%c3%A9",
        "x y",
        "~z",
        "'!$",
        "[q]|^`{}\"<>",
    ];
    let segment =
        prop_oneof![3 => prop::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => "[ -~\u{e9}]{0,6}"];
    prop::collection::vec(segment, 0..6).prop_map(|segments| format!("/{}", segments.join("/")))
}

fn route_table() -> RouteTable {
    let paths = ["/@admin", "/admin/public", "/admin", "/Special:UserRights", "/a+b/(c)", "/d=e&f,g", "/caf\u{e9}"];
    RouteTable::new(paths.iter().map(|path| Route::new(path, Access::SignedIn, 0, true).unwrap()).collect())
}

fn matching_rule(path: &CanonicalPath) -> Result<Option<usize>, InvalidPath> {
    let table = route_table();
    let path = table.parse_path(path.with_query().as_bytes())?;
    Ok(table.find(&path).map(|(place, _)| place))
}

/// The places of bytes in a path that stand for themselves: no `%`, and nothing that belongs to one.
fn plain_indexes(path: &[u8]) -> Vec<usize> {
    let mut places = Vec::new();
    let mut at = 0;
    while at < path.len() {
        if path[at] == b'%' {
            at += 3;
        } else {
            places.push(at);
            at += 1;
        }
    }
    places
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(2000), ..ProptestConfig::default() })]

    #[test]
    fn encoding_a_byte_changes_neither_path_nor_rule(target in targets(), which: Index, lower: bool) {
        let Ok(path) = CanonicalPath::parse(target.as_bytes()) else { return Ok(()) };
        let sent = target.split('?').next().unwrap().as_bytes();
        let places = plain_indexes(&sent[1..]);
        if places.is_empty() {
            return Ok(());
        }
        let place = 1 + which.get(&places);
        let byte = sent[place];
        let code = if lower { format!("%{byte:02x}") } else { format!("%{byte:02X}") };
        let encoded = [&sent[..place], code.as_bytes(), &target.as_bytes()[place + 1..]].concat();
        match CanonicalPath::parse(&encoded) {
            Ok(again) => {
                prop_assert_eq!(matching_rule(&again), matching_rule(&path));
                prop_assert_eq!(again, path);
            }
            Err(_) => prop_assert!(matches!(byte, b'/' | b';'), "only delimiters may not be encoded"),
        }
    }

    #[test]
    fn what_is_forwarded_falls_under_the_same_rule_when_it_comes_in_again(target in targets()) {
        let Ok(path) = CanonicalPath::parse(target.as_bytes()) else { return Ok(()) };
        let again = CanonicalPath::parse(path.with_query().as_bytes()).unwrap();
        prop_assert_eq!(matching_rule(&again), matching_rule(&path));
        prop_assert_eq!(again, path);
    }
}
