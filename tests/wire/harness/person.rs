//! Somebody with a browser: it keeps cookies, says where its requests come from, and follows no redirect unseen.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use reqwest::{
    Client, ClientBuilder, Method, RequestBuilder, Response,
    cookie::{CookieStore as _, Jar},
    redirect::Policy,
};
use serde_json::{Value, json};

use super::{LONG_PATIENCE, installation::PASSWORD};

/// Chrome on macOS.
pub(crate) const CHROME: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) \
                                 Chrome/142.0.0.0 Safari/537.36";

/// A browser of its own.
pub(crate) struct Person {
    client: Client,
    jar: Arc<Jar>,
    origin: String,
}

impl Person {
    /// With nothing but an address.
    pub(crate) fn at(address: SocketAddr) -> Self {
        Self::with(&format!("http://{address}"), Client::builder().user_agent(CHROME))
    }

    /// With nothing but a URL.
    pub(crate) fn at_url(url: &str) -> Self {
        Self::with(url, Client::builder().user_agent(CHROME))
    }

    /// From another address of this machine.
    pub(crate) fn from(ip: IpAddr, address: SocketAddr) -> Self {
        Self::with(&format!("http://{address}"), Client::builder().user_agent(CHROME).local_address(ip))
    }

    /// With nothing but an address, and a browser that calls itself this.
    pub(crate) fn with_user_agent(address: SocketAddr, user_agent: &str) -> Self {
        Self::with(&format!("http://{address}"), Client::builder().user_agent(user_agent))
    }

    fn with(origin: &str, client: ClientBuilder) -> Self {
        let jar = Arc::<Jar>::default();
        let client =
            client.cookie_provider(Arc::clone(&jar)).redirect(Policy::none()).timeout(LONG_PATIENCE * 4).build();
        Self { client: client.unwrap(), jar, origin: origin.to_owned() }
    }

    /// A request from a page of the same origin.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.origin));
        request.header("sec-fetch-site", "same-origin").header("sec-fetch-mode", "cors")
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    /// Goes to a page.
    pub(crate) async fn visit(&self, path: &str) -> Response {
        let request = self.client.get(format!("{}{path}", self.origin));
        request.header("sec-fetch-mode", "navigate").header("accept", "text/html").send().await.unwrap()
    }

    pub(crate) async fn status(&self, path: &str) -> u16 {
        self.get(path).await.status().as_u16()
    }

    /// Sends a form of a page.
    pub(crate) async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        let mut form = form_urlencoded::Serializer::new(String::new());
        let request = self.request(Method::POST, path).header("content-type", "application/x-www-form-urlencoded");
        request.body(form.extend_pairs(fields).finish()).send().await.unwrap()
    }

    /// Calls the API.
    pub(crate) async fn call(&self, method: Method, path: &str, body: &Value) -> Response {
        self.request(method, &format!("/security/api/v1{path}")).json(body).send().await.unwrap()
    }

    /// Tries to sign in with a password.
    pub(crate) async fn try_to_sign_in(&self, name: &str, password: &str) -> Response {
        self.call(Method::POST, "/sign-in", &json!({ "username": name, "password": password })).await
    }

    /// Signs in; the id of the new session.
    pub(crate) async fn sign_in(&self, name: &str) -> String {
        let answer = self.try_to_sign_in(name, PASSWORD).await;
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        assert_eq!((status.as_u16(), &body["state"]), (200, &json!("complete")), "{body}");
        body["session"]["id"].as_str().unwrap().to_owned()
    }

    /// The id of the session.
    pub(crate) async fn session(&self) -> String {
        let me: Value = self.get("/security/api/v1/me").await.json().await.unwrap();
        me["session"]["id"].as_str().unwrap_or_else(|| panic!("{me}")).to_owned()
    }

    /// The ids of all sessions of this user.
    pub(crate) async fn sessions(&self) -> Vec<String> {
        let list: Value = self.get("/security/api/v1/sessions").await.json().await.unwrap();
        let items = list["items"].as_array().unwrap_or_else(|| panic!("{list}"));
        items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    }

    /// What it would send as `Cookie`.
    pub(crate) fn cookie(&self) -> String {
        let cookies = self.jar.cookies(&self.origin.parse().unwrap());
        cookies.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    }
}
