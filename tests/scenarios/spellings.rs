//! However a path is spelled, it falls under one rule, and the app gets the spelling that the rule was read on.

use http::Method;

use crate::town::Town;

const OPEN: &str = "
  - { path: /, access: public, upstream: app }";

#[tokio::test]
async fn another_host_is_served_our_files_and_never_what_climbs_out_of_them() {
    let town = Town::with_routes(OPEN);
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
            let answer = town.stranger().fetch(method, path).with("host", "evil.test").send().await.answer();
            assert_eq!((answer.status, answer.problem().as_str()), (421, "wrong-host"), "{path}");
        }
    }
    for (path, status) in [("/security/assets/nothing", 404), ("/x/..//security/./assets/nothing", 404)] {
        let answer = town.stranger().fetch(Method::GET, path).with("host", "evil.test").send().await.answer();
        assert_eq!(answer.status, status, "{path}");
    }
}
