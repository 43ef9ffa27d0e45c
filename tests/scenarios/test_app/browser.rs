//! A browser: its name, its cookie jar, and what it says of where a request comes from. It follows nothing by itself.

use std::{collections::BTreeMap, net::IpAddr, sync::Mutex};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use portcullis::{
    gate::{Decision, Evaluated, Explanation, Permit, RequestHead},
    session::UserSnapshot,
    web::FormDecision,
};
use serde_json::Value;

use super::{
    ForwardedRequest, RequestOutcome, TestApp, TestResponse,
    response::{self, SetCookie},
};

pub(crate) const MAC: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
pub(crate) const WINDOWS: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0";
pub(crate) const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1";
pub(crate) const ANDROID: &str =
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36";
pub(crate) const CURL: &str = "curl/8.5.0";

/// A browser, or a tool where it says so.
pub(crate) struct Browser<'t> {
    pub(crate) app: &'t TestApp,
    user_agent: String,
    ip: IpAddr,
    jar: Mutex<BTreeMap<String, StoredCookie>>,
}

#[derive(Clone)]
struct StoredCookie {
    value: String,
    /// It outlives the browser's window.
    is_persistent: bool,
}

impl<'t> Browser<'t> {
    pub(crate) fn new(app: &'t TestApp, user_agent: &str) -> Self {
        Self { app, user_agent: user_agent.to_owned(), ip: [203, 0, 113, 7].into(), jar: Mutex::default() }
    }

    /// The same browser on another network.
    pub(crate) fn with_ip(mut self, ip: &str) -> Self {
        self.ip = ip.parse().unwrap();
        self
    }

    /// A second window of the same browser: what it holds now, and a jar of its own from here on.
    pub(crate) fn clone_with_cookies(&self) -> Self {
        let jar = Mutex::new(self.jar.lock().unwrap().clone());
        Self { app: self.app, user_agent: self.user_agent.clone(), ip: self.ip, jar }
    }

    /// Closes all windows: what was not to outlive them is forgotten.
    pub(crate) fn close(&self) {
        self.jar.lock().unwrap().retain(|_, kept| kept.is_persistent);
    }

    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        self.jar.lock().unwrap().get(name).map(|kept| kept.value.clone())
    }

    /// The value of the session's cookie.
    pub(crate) fn session_cookie(&self) -> String {
        self.cookie(self.app.cookie_name()).expect("this browser holds a session")
    }

    /// The public id of the session that it holds.
    pub(crate) fn session_id(&self) -> String {
        format!("sess_{}", self.session_cookie().split('.').next().unwrap())
    }

    pub(crate) fn set_cookie(&self, name: &str, value: &str) {
        let kept = StoredCookie { value: value.to_owned(), is_persistent: false };
        self.jar.lock().unwrap().insert(name.to_owned(), kept);
    }

    /// Goes to a page, as a click on a link of the same site does.
    pub(crate) async fn get(&self, target: &str) -> RequestOutcome {
        self.navigation(Method::GET, target).send().await
    }

    /// Sends a form of one of our pages.
    pub(crate) async fn post_form(&self, target: &str, fields: &[(&str, &str)]) -> RequestOutcome {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        self.navigation(Method::POST, target)
            .header("origin", self.app.origin())
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.finish())
            .send()
            .await
    }

    /// Asks the API, as a script of the same site does. `Value::Null` is no body.
    pub(crate) async fn api(&self, method: &str, path: &str, json: Value) -> TestResponse {
        let asks = self.fetch(method.parse().unwrap(), &format!("/security/api/v1{path}"));
        let asks = match json {
            Value::Null => asks,
            json => asks.header("content-type", "application/json").body(json.to_string()),
        };
        asks.send().await.response()
    }

    /// Sends the sign-in form.
    pub(crate) async fn sign_in(&self, name: &str, password: &str) -> TestResponse {
        self.post_form("/security/sign-in", &[("username", name), ("password", password)]).await.response()
    }

    /// The items of a list of the API.
    pub(crate) async fn items(&self, path: &str) -> Vec<Value> {
        let answer = self.api("GET", path, Value::Null).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["items"].as_array().unwrap().clone()
    }

    /// Whether it is let through to the app.
    pub(crate) async fn reaches_app(&self) -> bool {
        matches!(self.get("/").await, RequestOutcome::Forwarded(_))
    }

    /// A request for a page.
    pub(crate) fn navigation(&self, method: Method, target: &str) -> TestRequest<'_> {
        self.bare_request(method, target)
            .header("accept", "text/html,application/xhtml+xml,*/*;q=0.8")
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-dest", "document")
            .header("sec-fetch-site", "same-origin")
    }

    /// A request by a script of the page.
    pub(crate) fn fetch(&self, method: Method, target: &str) -> TestRequest<'_> {
        let is_get = method == Method::GET;
        let ask = self
            .bare_request(method, target)
            .header("accept", "*/*")
            .header("sec-fetch-mode", "cors")
            .header("sec-fetch-dest", "empty")
            .header("sec-fetch-site", "same-origin");
        if is_get { ask } else { ask.header("origin", self.app.origin()) }
    }

    /// A request with a host, a name and cookies, and nothing else.
    pub(crate) fn bare_request(&self, method: Method, target: &str) -> TestRequest<'_> {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static(self.app.host()));
        if let Ok(name) = HeaderValue::from_str(&self.user_agent) {
            headers.insert(header::USER_AGENT, name);
        }
        let cookies: Vec<String> =
            self.jar.lock().unwrap().iter().map(|(name, kept)| format!("{name}={}", kept.value)).collect();
        if !cookies.is_empty() {
            headers.insert(header::COOKIE, HeaderValue::from_str(&cookies.join("; ")).unwrap());
        }
        TestRequest { browser: self, method, target: target.to_owned(), headers, body: Bytes::new() }
    }

    fn store_cookies(&self, set: &[SetCookie]) {
        for cookie in set {
            assert_eq!(cookie.name.starts_with("__Host-"), self.app.is_https(), "{cookie:?}");
            let mut jar = self.jar.lock().unwrap();
            if cookie.max_age == Some(0) {
                jar.remove(&cookie.name);
                continue;
            }
            if self.app.components.cookie_names.session == cookie.name {
                self.app.add_secret(cookie.value.split('.').nth(1).unwrap());
            }
            let kept = StoredCookie { value: cookie.value.clone(), is_persistent: cookie.max_age.is_some() };
            jar.insert(cookie.name.clone(), kept);
        }
    }
}

/// A request that is about to be sent.
pub(crate) struct TestRequest<'b> {
    browser: &'b Browser<'b>,
    method: Method,
    target: String,
    headers: HeaderMap,
    body: Bytes,
}

impl TestRequest<'_> {
    /// With this header instead of any that was there.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        self
    }

    /// With one more header of this name, of any bytes.
    pub(crate) fn append_header(mut self, name: &'static str, value: &[u8]) -> Self {
        self.headers.append(HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap());
        self
    }

    pub(crate) fn without_header(mut self, name: &'static str) -> Self {
        self.headers.remove(name);
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// What an operator is told of it, who supposes that this person sends it.
    pub(crate) async fn explain(&self, supposed: Option<&UserSnapshot>) -> (Explanation, Option<u16>) {
        let (explained, status) = self.browser.app.portcullis.explain(&self.head("explained"), supposed).await;
        (explained, status.map(|status| status.as_u16()))
    }

    fn head<'h>(&'h self, request_id: &'h str) -> RequestHead<'h> {
        RequestHead {
            method: &self.method,
            target: self.target.as_bytes(),
            authority: None,
            headers: &self.headers,
            ip: portcullis::visitor::canonical_ip(self.browser.ip),
            forwarded_host: None,
            request_id,
        }
    }

    /// Goes no further than the claim of its form.
    pub(crate) async fn claim_form_only(self) {
        let app = self.browser.app;
        let request_id = app.next_request_id();
        let head = self.head(&request_id);
        let evaluation = app.portcullis.evaluate(&head).await;
        let Decision::Form(form) = evaluation else { panic!("it is no form of another site") };
        assert!(matches!(app.portcullis.claim_form(form, &head).await, FormDecision::Forward(..)));
    }

    pub(crate) async fn send(self) -> RequestOutcome {
        let app = self.browser.app;
        let request_id = app.next_request_id();
        let head = self.head(&request_id);
        let portcullis = &app.portcullis;
        let arrived = |permit| {
            let permit: Permit = portcullis.record(&head, permit);
            RequestOutcome::Forwarded(ForwardedRequest {
                route: permit.route().to_owned(),
                path: permit.path().with_query(),
                user: permit.user().cloned(),
                session: permit.session(),
            })
        };
        let record = |outcome: Evaluated<Permit>| match outcome {
            Ok(permit) => drop(portcullis.record(&head, permit)),
            Err(refusal) => drop(portcullis.record(&head, refusal)),
        };
        let answer = match portcullis.evaluate(&head).await {
            Decision::Forward(permit) => return arrived(permit),
            Decision::Serve(own) | Decision::Stream(own) => {
                portcullis.serve(portcullis.record(&head, own), head.to_owned_head(), self.body.clone()).await
            }
            Decision::Refuse(refusal) => portcullis.refuse(&portcullis.record(&head, refusal), &head).await,
            Decision::Form(form) => match portcullis.claim_form(form, &head).await {
                FormDecision::Respond(answer, outcome) => {
                    record(outcome);
                    answer
                }
                FormDecision::Confirm(form) => {
                    let page = portcullis.confirm_form(&form, &head, &self.body).await;
                    match (page, form.outcome) {
                        (Some(page), outcome) => {
                            record(outcome);
                            page
                        }
                        (None, Err(refusal)) => portcullis.refuse(&portcullis.record(&head, refusal), &head).await,
                        (None, Ok(permit)) => return arrived(permit),
                    }
                }
                FormDecision::Forward(form, permit) => match portcullis.mark_form_sent(&form, &head).await {
                    Some(answer) => answer,
                    None => return arrived(permit),
                },
            },
        };
        let answer = TestResponse::from_response(answer);
        response::assert_response_rules(&answer, &self.target, &request_id, &app.secrets());
        self.browser.store_cookies(&answer.cookies());
        RequestOutcome::Responded(answer)
    }
}
