//! `%2f` and `//`, where a route permits them: whichever way they are read, it is under that route.

use http::Method;
use percent_encoding::percent_decode;
use portcullis::gate::{Access, CanonicalPath, PathPolicy, Route, RouteTable};
use proptest::prelude::*;

use crate::test_app::{MAC, RequestOutcome, TestApp};

const ROUTES: &str = "
  - { path: /admin, access: { roles: [admin] }, upstream: app }
  - { path: /api/inner, access: { roles: [admin] }, upstream: app, allow_encoded_slash: true, keep_double_slash: true }
  - { path: /api, access: public, upstream: app, allow_encoded_slash: true, keep_double_slash: true }
  - { path: /names, access: public, upstream: app, allow_encoded_slash: true }
  - { path: /files, access: public, upstream: app, keep_double_slash: true }
  - { path: /plain, access: public, upstream: app }
  - { path: /, access: signed_in, upstream: app }";

#[tokio::test]
async fn a_path_arrives_as_it_came_where_its_route_permits_it() {
    let app = TestApp::with_routes(ROUTES);
    for (sent, arrives) in [
        ("/api/a%2fb", "/api/a%2fb"),
        ("/api/a%2Fb//c?d=%2f//", "/api/a%2Fb//c?d=%2f//"),
        ("/api//a///b//", "/api//a///b//"),
        ("/api/%61%2f%c3%a9/./x/../y", "/api/a%2f%C3%A9/y"),
        ("/api/a%2f%2fb", "/api/a%2f%2fb"),
        ("/api/a%2f;v=1", "/api/a%2f;v=1"),
        ("/names/@scope%2fname//x", "/names/@scope%2fname/x"),
        ("//api/a%2fb", "/api/a%2fb"),
        ("/files//a//b", "/files//a//b"),
        ("//files//a", "/files//a"),
        ("/files//../files/b", "/files/files/b"),
        ("/files/a//../b", "/files/a/b"),
        ("/plain//a//b", "/plain/a/b"),
        ("/plain/a%252fb", "/plain/a%252fb"),
    ] {
        let arrived = app.new_browser().get(sent).await.forwarded();
        let query = sent.split_once('?').map_or(String::new(), |(_, query)| format!("?{query}"));
        assert_eq!(format!("{}{query}", arrived.path.trim_end_matches(&query)), arrives, "{sent}");
    }
}

#[tokio::test]
async fn no_slash_leads_out_of_a_route() {
    let app = TestApp::with_routes(ROUTES);
    let root = app.add_user_with_roles("root", &["admin"]).await.signed_in_on(MAC).await;
    for path in [
        "/api/..%2fadmin",
        "/api/..%2Fadmin/x",
        "/api/%2e%2e%2fadmin",
        "/api/x%2f..%2f..%2fadmin",
        "/api/x%2f../..%2fadmin",
        "/api%2f..%2fadmin",
        "/api%2fx",
        "/api%2finner/x",
        "/api/inner%2f..",
        "/api/x/..%2finner",
        "/api/inner%2fx/../../x",
        "/api/..%2fsecurity/sign-in",
        "/api/x%2f..%2f..%2fsecurity",
        "/api/;x/..%2finner",
        "/api/..;%2fadmin",
        "/api/..;x%2fadmin",
        "/api/x%2f..%2f..%2f..%2fadmin",
        "/api/.;%2fx",
        "/%2fapi",
        "/%2fapi/x",
        "/%2f%2fevil.test/api",
        "/api/../%2fadmin",
        "/api//..//..%2fadmin",
        "/api/a%2fb%00",
        "/api/a%2f..%5cadmin",
        "/api%5cinner%2fx",
        "/api/a%2f%",
        "/admin%2f..%2fapi%2fx",
        "/security%2fsign-in",
        "/security/..%2fapi/x",
        "/names/..%2fapi",
        "/plain/a%2fb",
        "/files/a%2fb",
        "/other/a%2fb",
        "/api//../inner/x",
        "/api//inner/x",
        "/files/x/../../api//inner",
    ] {
        for caller in [&root, &app.new_browser()] {
            for method in [Method::GET, Method::POST] {
                let RequestOutcome::Responded(answer) = caller.fetch(method, path).send().await else {
                    // Merged, it is one canonical path, and its own rule has been asked.
                    let arrived = caller.get(path).await.forwarded();
                    assert!(!path.contains('%') && !arrived.path.contains("//"), "{path}: {arrived:?}");
                    assert!(caller.get(path).await.forwarded().user_name() == Some("root"), "{path}: {arrived:?}");
                    continue;
                };
                assert!(matches!(answer.status, 400 | 401), "{path}: {answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn our_own_pages_take_neither() {
    let app = TestApp::with_routes(
        "\n  - { path: /, access: public, upstream: app, allow_encoded_slash: true, keep_double_slash: true }",
    );
    for path in [
        "/security%2fsign-in",
        "/security/%2fsign-in",
        "/x/..%2fsecurity/sign-in",
        "/x%2f..%2fsecurity",
        "/security/x%2f..%2f..%2f..%2fx",
        "/security%2f..%2fx",
        "/.well-known/portcullis%2fx",
        "/.well-known%2fchange-password",
        "/a/../.well-known%2Fchange-password",
        "/security//../x",
        "/security%2f",
    ] {
        let answer = app.new_browser().fetch(Method::GET, path).send().await.response();
        assert_eq!((answer.status, answer.problem_type().as_str()), (400, "bad-request"), "{path}");
    }
    for (path, status) in [("//security//sign-in", 200), ("/x//../security/y", 404)] {
        assert_eq!(app.new_browser().get(path).await.response().status, status, "{path}: one slash, as ever");
    }
    for (path, arrives) in [("/securityx%2fy", "/securityx%2fy"), ("/a//security/y", "/a//security/y")] {
        assert_eq!(app.new_browser().get(path).await.forwarded().path, arrives);
    }
}

#[tokio::test]
async fn whoever_was_sent_to_sign_in_comes_back_to_the_same_path() {
    let app = TestApp::with_routes(
        "\n  - { path: /, access: signed_in, upstream: app, allow_encoded_slash: true, keep_double_slash: true }",
    );
    let answer = app.new_browser().get("/a%2fb//c").await.response();
    assert_eq!(answer.location(), "/security/sign-in?rd=/a%252fb//c");
}

const RULES: [&str; 5] = ["/admin", "/api/open", "/api", "/names", "/"];

/// A table of these rules, of which the bits say what each permits.
fn route_table(permits: u16) -> RouteTable {
    let routes = RULES.iter().enumerate().map(|(place, path)| {
        let bit = |at: usize| permits >> (2 * place + at) & 1 == 1;
        let paths = PathPolicy { allow_encoded_slash: bit(0), keep_double_slash: bit(1), ..PathPolicy::default() };
        Route::new(path, Access::SignedIn, 0, true).unwrap().with_paths(paths)
    });
    RouteTable::new(routes.collect())
}

fn is_below(path: &str, root: &str) -> bool {
    root == "/" || path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_own_path(path: &str) -> bool {
    is_below(path, "/security")
}

/// The rule of a path as one app reads it.
fn matching_rule(path: &str) -> Option<usize> {
    RULES.iter().position(|rule| is_below(path, rule))
}

/// What servers do with a path, in the order in which they may do it.
#[derive(Clone, Copy, Debug)]
enum SlashStep {
    Decode,
    Merge,
    Resolve,
    Cut,
}

fn apply(path: &str, step: SlashStep) -> String {
    match step {
        SlashStep::Decode => percent_decode(path.as_bytes()).decode_utf8_lossy().into_owned(),
        SlashStep::Merge => {
            let mut merged = path.to_owned();
            while merged.contains("//") {
                merged = merged.replace("//", "/");
            }
            merged
        }
        SlashStep::Resolve => {
            let mut segments: Vec<&str> = Vec::new();
            let mut ends = "";
            for segment in path.split('/').skip(1) {
                ends = "";
                match segment {
                    "." => ends = "/",
                    ".." => {
                        segments.pop();
                        ends = "/";
                    }
                    name => segments.push(name),
                }
            }
            format!("/{}{}", segments.join("/"), if segments.is_empty() { "" } else { ends })
        }
        SlashStep::Cut => {
            let cut: Vec<_> = path.split('/').map(|segment| segment.split(';').next().unwrap_or_default()).collect();
            cut.join("/")
        }
    }
}

/// Servers, by the steps that they take.
const SERVERS: [&[SlashStep]; 14] = [
    &[],
    &[SlashStep::Resolve],
    &[SlashStep::Merge],
    &[SlashStep::Cut],
    &[SlashStep::Decode],
    &[SlashStep::Decode, SlashStep::Resolve],
    &[SlashStep::Decode, SlashStep::Resolve, SlashStep::Merge],
    &[SlashStep::Decode, SlashStep::Merge, SlashStep::Resolve],
    &[SlashStep::Merge, SlashStep::Resolve, SlashStep::Decode],
    &[SlashStep::Cut, SlashStep::Decode, SlashStep::Merge, SlashStep::Resolve],
    &[SlashStep::Decode, SlashStep::Cut, SlashStep::Merge, SlashStep::Resolve],
    &[SlashStep::Decode, SlashStep::Cut, SlashStep::Resolve],
    &[SlashStep::Resolve, SlashStep::Decode, SlashStep::Resolve],
    &[SlashStep::Resolve, SlashStep::Merge, SlashStep::Cut],
];

fn targets() -> impl Strategy<Value = String> {
    let parts = [
        "admin", "api", "open", "names", "security", "..", ".", "%2e%2e", "x", ";v", ";", "x;y", "%61dmin", "sign-in",
        "",
    ];
    let slashes = ["/", "/", "//", "%2f", "%2F", "/%2f", "%2f/", "/../", "%2f..%2f", "/..%2f"];
    let part = (prop::sample::select(slashes.to_vec()), prop::sample::select(parts.to_vec()));
    prop::collection::vec(part, 1..7).prop_map(|parts| {
        let path: String = parts.iter().flat_map(|(slash, part)| [*slash, *part]).collect();
        if path.starts_with('/') { path } else { format!("/{path}") }
    })
}

proptest! {
    #[test]
    fn however_a_server_reads_what_it_gets_it_is_under_the_rule_that_was_asked(target in targets(), permits in 0..1_u16 << 10) {
        let table = route_table(permits);
        let Ok(path) = table.parse_path(target.as_bytes()) else { return Ok(()) };
        if is_own_path(path.path()) {
            prop_assert_eq!(Ok(path), CanonicalPath::parse(target.as_bytes()));
            return Ok(());
        }
        let Some((place, route)) = table.find(&path) else { return Ok(()) };
        prop_assert!(route.paths.allow_encoded_slash || !path.path().to_lowercase().contains("%2f"));
        prop_assert!(route.paths.keep_double_slash || !path.path().contains("//"));
        for steps in SERVERS {
            let read = steps.iter().fold(path.path().to_owned(), |path, step| apply(&path, *step));
            prop_assert_eq!(matching_rule(&read), Some(place), "{} sent on as {}, which {:?} reads as {}", target, path.path(), steps, read);
            prop_assert!(!is_own_path(&read), "{} is ours to {:?}", path.path(), steps);
            if path.path().to_lowercase().contains("%2f") && steps.iter().any(|step| matches!(step, SlashStep::Decode)) {
                // What came is read so, too, by whoever resolves dots.
                let read = steps.iter().fold(target.clone(), |path, step| apply(&path, *step));
                let read = apply(&apply(&read, SlashStep::Merge), SlashStep::Resolve);
                prop_assert_eq!(matching_rule(&read), Some(place), "{} is read by {:?} as {}", target, steps, read);
            }
        }
    }

    #[test]
    fn what_no_rule_permits_is_as_if_there_were_no_such_keys(target in targets(), permits in 0..1_u16 << 10) {
        let [none, some] = [0, permits].map(|permits| route_table(permits).parse_path(target.as_bytes()));
        if !target.contains("//") && !target.to_lowercase().contains("%2f") {
            prop_assert_eq!(some, none);
        } else if let Ok(path) = &some && some != none {
            let kept = CanonicalPath::parse_verbatim(target.as_bytes()).unwrap();
            prop_assert!(path.path() == kept.path() || !path.path().contains("//"), "{}", target);
        }
    }
}
