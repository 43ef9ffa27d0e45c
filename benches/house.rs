//! A whole program without a socket, over a new store in a file.

use std::{net::SocketAddr, sync::Arc};

use http::{HeaderMap, HeaderValue, Method, header};
use portcullis::{
    account::HashCost,
    clock::Clock,
    config::{Config, RouteAccess, RouteSettings},
    gate::RequestHead,
    portcullis::Portcullis,
    server::{Components, Stores},
    session::SessionToken,
    store::embedded::EmbeddedStore,
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::people;

/// The program, and whoever is signed in to it.
pub(crate) struct House {
    pub(crate) portcullis: Portcullis,
    pub(crate) tokens: Vec<SessionToken>,
    _folder: TempDir,
}

impl House {
    /// With `people` people of `each` sessions; `/public` is for everybody, the rest for whoever is signed in.
    pub(crate) fn of(runtime: &Runtime, people: usize, each: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = EmbeddedStore::open(&folder.path().join("portcullis.db")).expect("a new store opens");
        let (listen, app) = (SocketAddr::from(([127, 0, 0, 1], 8080)), SocketAddr::from(([127, 0, 0, 1], 3000)));
        let mut config = Config::demo(listen, app);
        config.routes.insert(
            0,
            RouteSettings { path: "/public".to_owned(), access: RouteAccess::Public, ..config.routes[0].clone() },
        );
        let clock = Clock::system();
        let settled = runtime.block_on(people::settle(&store, people, each, clock.now()));
        let parts = Components::new(&config, Stores::from_single(Arc::new(store)), clock, HashCost::default());
        Self { portcullis: parts.portcullis(), tokens: settled.expect("the store takes them"), _folder: folder }
    }
}

/// What a browser sends with a request of a page's script.
pub(crate) fn headers(token: Option<&SessionToken>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::HOST, HeaderValue::from_static("127.0.0.1:8080"));
    headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert("sec-fetch-mode", HeaderValue::from_static("cors"));
    if let Some(token) = token {
        let cookie = format!("theme=dark; portcullis={}", token.to_cookie_value());
        headers.insert(header::COOKIE, cookie.parse().expect("a token is plain text"));
    }
    headers
}

/// The head of a GET.
pub(crate) fn get<'a>(target: &'a str, headers: &'a HeaderMap) -> RequestHead<'a> {
    RequestHead {
        method: &Method::GET,
        target: target.as_bytes(),
        authority: None,
        headers,
        ip: [192, 0, 2, 1].into(),
        forwarded_host: None,
        request_id: "0123456789abcdef0123456789abcdef",
    }
}
