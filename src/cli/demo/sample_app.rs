//! The app that the demo guards. It knows nothing of Portcullis: it reads who is calling from request headers.

use std::{convert::Infallible, time::Duration};

use askama::Template;
use axum::{
    Router,
    body::{Body, Bytes},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use http::{HeaderMap, StatusCode, header};

/// A page of the sample app.
#[derive(Template)]
#[template(path = "sample_app.html")]
struct SampleAppPage {
    title: &'static str,
    text: &'static str,
    /// Nobody, on the public page.
    name: Option<String>,
    headers: Vec<(String, String)>,
}

/// The sample app.
pub(super) fn router() -> Router {
    let at = |title, text| get(async move |headers: HeaderMap| page(title, text, &headers));
    Router::new()
        .route("/", at("Home", "This app asks nobody to sign in. Portcullis does."))
        .route("/reports", at("Reports", "Figures that are nobody else's business."))
        .route("/admin", at("Administration", "Only the role admin gets here."))
        .route("/about", at("About", "Anybody may read this page."))
        .route("/clock", get(clock))
        .fallback(async |headers: HeaderMap| {
            (StatusCode::NOT_FOUND, page("Not found", "The app has no such page.", &headers))
        })
}

fn page(title: &'static str, text: &'static str, headers: &HeaderMap) -> Response {
    let shown = ["remote-user", "remote-name", "remote-email", "remote-groups", "x-request-id", "x-forwarded-for"];
    let value = |name: &str| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let page = SampleAppPage {
        title,
        text,
        name: value("remote-name").or_else(|| value("remote-user")),
        headers: shown.iter().filter_map(|name| Some(((*name).to_owned(), value(name)?))).collect(),
    };
    match page.render() {
        Ok(html) => Html(html).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The time, once a second, as server-sent events.
async fn clock() -> Response {
    let events = tick_events(Duration::from_secs(1));
    ([(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")], Body::from_stream(events))
        .into_response()
}

fn tick_events(period: Duration) -> impl futures_util::Stream<Item = Result<Bytes, Infallible>> {
    let clock = crate::clock::Clock::system();
    futures_util::stream::unfold(tokio::time::interval(period), move |mut ticks| {
        let clock = clock.clone();
        async move {
            ticks.tick().await;
            Some((Ok(Bytes::from(format!("data: {}\n\n", clock.now().rfc3339()))), ticks))
        }
    })
}
