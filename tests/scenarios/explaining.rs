//! What an operator is told of a request is what becomes of it.

use http::Method;
use portcullis::{
    gate::ExplainedDecision,
    session::{Admin, UserSnapshot},
};

use crate::test_app::{Browser, MAC, RequestOutcome, TestApp};

const TARGETS: [&str; 14] = [
    "/",
    "/assets/app.css?v=2",
    "/assets",
    "/admin/users",
    "/admin;x/y",
    "/reports/2026?full=1",
    "/api/poll",
    "/a%2fb",
    "/..",
    "/security",
    "/security/assets/portcullis.css",
    "/security/sign-in",
    "/.well-known/change-password",
    "//x/../admin",
];

#[tokio::test]
async fn nobody_is_told_anything_but_what_becomes_of_the_request() {
    let app = TestApp::new();
    let mut callers: Vec<(Browser<'_>, Option<UserSnapshot>)> = vec![(app.new_browser(), None)];
    for (name, roles) in [("alice", &[][..]), ("bob", &["editor"]), ("root", &["admin"]), ("dave", &["admin"])] {
        let user = app.add_user_with_roles(name, roles).await;
        let browser = user.signed_in_on(MAC).await;
        if name == "dave" {
            app.components.accounts.disable(user.id(), &Admin::operator(), &"because".parse().unwrap()).await.unwrap();
        }
        let account = app.components.accounts.get(user.id()).await.unwrap().unwrap();
        callers.push((browser, Some(account.snapshot())));
    }
    let methods = [Method::GET, Method::POST, Method::CONNECT, Method::TRACE, Method::OPTIONS];
    let hosts = ["app.example.com", "APP.example.com:443", "evil.test", "app.example.com:8443"];
    let mut refusals = std::collections::BTreeSet::new();
    for (browser, owner) in &callers {
        for target in TARGETS {
            for (method, host) in methods.iter().flat_map(|method| hosts.map(|host| (method, host))) {
                let ask = || browser.navigation(method.clone(), target).header("host", host);
                let (explained, status) = ask().explain(owner.as_ref()).await;
                let case =
                    format!("{:?} {method} {host}{target}: {explained:?}", owner.as_ref().map(|owner| &owner.name));
                let rule = explained.route.as_ref().map(|(_, rule)| rule.path.clone());
                match (explained.decision, ask().send().await) {
                    (ExplainedDecision::Forward { user }, RequestOutcome::Forwarded(arrived)) => {
                        assert_eq!(rule, Some(arrived.route.into()), "{case}");
                        assert_eq!(user, arrived.user, "{case}");
                    }
                    (ExplainedDecision::Refuse(_), RequestOutcome::Responded(answer)) => {
                        assert_eq!(status, Some(answer.status), "{case}");
                        refusals.extend(status);
                    }
                    (ExplainedDecision::Serve, RequestOutcome::Responded(_)) => {
                        assert!(!target.starts_with("/a"), "{case}");
                    }
                    (_, reply) => panic!("{case}: but {reply:?}"),
                }
            }
        }
    }
    assert_eq!(refusals.into_iter().collect::<Vec<_>>(), [302, 303, 400, 403, 405, 421]);
}

#[tokio::test]
async fn asking_leaves_no_trace() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let browser = alice.signed_in_on(MAC).await;
    app.flush().await;
    let counted = || (app.store_calls("find"), app.metric("auth_decisions_total{decision=\"allow\",mode=\"proxy\"}"));
    let before = counted();
    let owner = alice.account.snapshot();
    for target in ["/", "/security", "/admin"] {
        browser.navigation(Method::GET, target).explain(Some(&owner)).await;
        browser.navigation(Method::POST, target).header("sec-fetch-site", "cross-site").explain(Some(&owner)).await;
    }
    assert_eq!(counted(), before);
    assert_eq!(app.metric("csrf_rejections_total"), 0);
    assert_eq!(app.flush().await, 0, "no session is used by it");
}
