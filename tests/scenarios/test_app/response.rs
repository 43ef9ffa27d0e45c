//! What becomes of a request: it arrives at the app, or Portcullis answers.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, Response, header};
use portcullis::{id::SessionId, session::UserSnapshot};
use serde_json::Value;

const PAGE_CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                   form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Of the one page that may be framed.
const FRAMED_CSP: &str =
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'none'; base-uri 'none'";

/// What became of a request.
#[derive(Debug)]
pub(crate) enum RequestOutcome {
    /// It went to the app.
    Forwarded(ForwardedRequest),
    /// It did not.
    Responded(TestResponse),
}

/// A request as the app would meet it.
#[derive(Debug)]
pub(crate) struct ForwardedRequest {
    /// The rule that let it pass, as the operator wrote it.
    pub(crate) route: String,
    /// Path and query as forwarded.
    pub(crate) path: String,
    pub(crate) user: Option<UserSnapshot>,
    pub(crate) session: Option<SessionId>,
}

/// An answer of Portcullis.
#[derive(Clone, Debug)]
pub(crate) struct TestResponse {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A cookie as it was set.
#[derive(Clone, Debug)]
pub(crate) struct SetCookie {
    pub(crate) name: String,
    pub(crate) value: String,
    /// Everything after the value.
    pub(crate) attributes: Vec<String>,
    pub(crate) max_age: Option<i64>,
}

impl RequestOutcome {
    #[track_caller]
    pub(crate) fn forwarded(self) -> ForwardedRequest {
        match self {
            Self::Forwarded(arrived) => arrived,
            Self::Responded(answer) => panic!("it should have arrived, but: {} {}", answer.status, answer.text()),
        }
    }

    #[track_caller]
    pub(crate) fn response(self) -> TestResponse {
        match self {
            Self::Forwarded(arrived) => panic!("it should not have arrived: {arrived:?}"),
            Self::Responded(answer) => answer,
        }
    }

    /// The status of the answer; what arrives at the app is 200.
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::Forwarded(_) => 200,
            Self::Responded(answer) => answer.status,
        }
    }
}

impl ForwardedRequest {
    /// The name of whoever is calling.
    pub(crate) fn user_name(&self) -> Option<&str> {
        self.user.as_ref().map(|user| user.name.as_str())
    }
}

impl TestResponse {
    pub(super) fn from_response(response: Response<Bytes>) -> Self {
        let (parts, body) = response.into_parts();
        Self { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|why| panic!("{why}: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The same, with `TOKEN` for the token of its form, which is another one each time.
    pub(crate) fn text_without_form_token(&self) -> String {
        let field = "name=\"form\" value=\"";
        let Some((before, token)) = self.text().split_once(field) else { return self.text().to_owned() };
        let (_, after) = token.split_once('"').unwrap();
        format!("{before}{field}TOKEN\"{after}")
    }

    /// Where it sends the browser.
    pub(crate) fn location(&self) -> &str {
        self.header("location").unwrap_or_else(|| panic!("{} leads nowhere: {}", self.status, self.text()))
    }

    /// What the problem is called.
    #[track_caller]
    pub(crate) fn problem_type(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.text());
        let kind = self.json()["type"].as_str().unwrap().to_owned();
        kind.strip_prefix("urn:portcullis:problem:").unwrap().to_owned()
    }

    pub(crate) fn cookies(&self) -> Vec<SetCookie> {
        self.headers.get_all(header::SET_COOKIE).iter().map(|line| SetCookie::parse(line.to_str().unwrap())).collect()
    }

    /// A cookie that it sets.
    pub(crate) fn cookie(&self, name: &str) -> Option<SetCookie> {
        self.cookies().into_iter().find(|cookie| cookie.name == name)
    }

    /// All headers as text, without those that name the request.
    pub(crate) fn all_headers(&self) -> BTreeMap<String, String> {
        self.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect()
    }

    /// Whether the page says this; markup does not count, escaped characters do.
    pub(crate) fn contains_text(&self, sentence: &str) -> bool {
        self.count_text(sentence) > 0
    }

    /// How often the page says this.
    pub(crate) fn count_text(&self, sentence: &str) -> usize {
        self.visible_text().matches(sentence).count()
    }

    /// The words of a page, without its markup.
    pub(crate) fn visible_text(&self) -> String {
        let mut words = String::new();
        for piece in self.text().split('<') {
            words.push_str(piece.split_once('>').map_or("", |(_, text)| text));
        }
        words.replace("&#38;", "&").replace("&amp;", "&").replace("&#39;", "'").replace("&#34;", "\"")
    }
}

impl SetCookie {
    fn parse(line: &str) -> Self {
        let mut parts = line.split("; ");
        let (name, value) = parts.next().unwrap().split_once('=').unwrap();
        let attributes: Vec<String> = parts.map(str::to_owned).collect();
        let max_age = attributes.iter().find_map(|it| it.strip_prefix("Max-Age=")).map(|age| age.parse().unwrap());
        Self { name: name.to_owned(), value: value.to_owned(), attributes, max_age }
    }
}

/// What holds for every answer, whatever its story is about.
pub(super) fn assert_response_rules(answer: &TestResponse, target: &str, request_id: &str, secrets: &[String]) {
    let at = format!("{target} answered {}", answer.status);
    let may_be_framed = answer.header("x-frame-options").is_none();
    let policy = answer.header("content-security-policy").unwrap_or_default();
    // A page that carries a form of another site lets its answer lead back there.
    let expected = match policy.split_once("form-action 'self' ").and_then(|(_, rest)| rest.split_once(';')) {
        Some((sender, _)) if answer.text().contains(sender) && answer.text().contains("accept-charset=") => {
            PAGE_CSP.replace("form-action 'self'", &format!("form-action 'self' {sender}"))
        }
        _ => if may_be_framed { FRAMED_CSP } else { PAGE_CSP }.to_owned(),
    };
    assert_eq!(policy, expected, "{at}");
    let carries_a_form = expected != PAGE_CSP && !may_be_framed;
    for (name, value) in [
        ("referrer-policy", if carries_a_form { "strict-origin" } else { "same-origin" }),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{at}: {name}");
    }
    if may_be_framed {
        let text = answer.text();
        assert!(answer.status == 401 && !target.starts_with("/security"), "{at}: {text}");
        for acts in ["<form", "<button", "<input", "<script"] {
            assert!(!text.contains(acts), "{at}: {text}");
        }
        assert_eq!(text.matches("<a ").count(), 1, "{at}: {text}");
    } else {
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{at}");
    }
    let may_be_kept = target.starts_with("/security/assets/") && answer.status == 200;
    if !may_be_kept {
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{at}");
    }
    assert_ne!(answer.header("www-authenticate"), Some("Basic"), "{at}");
    for cookie in answer.cookies() {
        assert!(cookie.attributes.iter().any(|it| it == "HttpOnly"), "{at}: {cookie:?}");
    }
    if answer.status >= 400 {
        assert!(
            answer
                .header("content-type")
                .is_some_and(|kind| kind.starts_with("text/html") || kind == "application/problem+json"),
            "{at}: {:?} {}",
            answer.header("content-type"),
            answer.text()
        );
    }
    if answer.header("content-type") == Some("application/problem+json") {
        let problem = answer.json();
        assert_eq!(problem["status"], answer.status, "{at}");
        assert_eq!(problem["instance"], request_id, "{at}");
        assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()), "{at}");
        assert!(problem["type"].as_str().unwrap().starts_with("urn:portcullis:problem:"), "{at}");
    }
    let said = String::from_utf8_lossy(&answer.body);
    let location = answer.header("location").unwrap_or_default();
    for secret in secrets {
        assert!(!said.contains(secret.as_str()), "{at} repeats a secret: {said}");
        assert!(!location.contains(secret.as_str()), "{at} leads to a secret: {location}");
    }
}
