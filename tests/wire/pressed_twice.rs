//! One form, sent to two replicas at once: one of them acts, and both answer alike.

use reqwest::{Client, Response, header, redirect::Policy};

use crate::harness::{App, PASSWORD, Redis, Replicas, StoreKind};

/// One browser before a balancer: what it sends goes to any of the replicas, under one host.
struct Balanced<'r> {
    client: Client,
    replicas: &'r Replicas,
    cookies: String,
}

impl Balanced<'_> {
    async fn get(&self, place: usize, path: &str) -> Response {
        let request = self.client.get(format!("http://{}{path}", self.replicas.addresses()[place]));
        let request = request.header("host", self.replicas.addresses()[0].to_string()).header("cookie", &self.cookies);
        request.header("accept", "text/html").header("sec-fetch-mode", "navigate").send().await.unwrap()
    }

    async fn post(&self, place: usize, path: &str, form: &str) -> Response {
        let request = self.client.post(format!("http://{}{path}", self.replicas.addresses()[place]));
        let request = request.header("host", self.replicas.addresses()[0].to_string()).header("cookie", &self.cookies);
        let request = request.header("sec-fetch-site", "same-origin").header("sec-fetch-mode", "navigate");
        request.header("content-type", "application/x-www-form-urlencoded").body(form.to_owned()).send().await.unwrap()
    }

    /// Keeps the cookies of an answer.
    fn keep(&mut self, answer: &Response) {
        for line in answer.headers().get_all(header::SET_COOKIE) {
            let pair = line.to_str().unwrap().split(';').next().unwrap();
            if !self.cookies.is_empty() {
                self.cookies.push_str("; ");
            }
            self.cookies.push_str(pair);
        }
    }
}

fn token_on(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"form\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

fn led_to(answer: &Response) -> (u16, &str) {
    (answer.status().as_u16(), answer.headers()[header::LOCATION].to_str().unwrap())
}

fn session_in(answer: &Response) -> String {
    let lines = answer.headers().get_all(header::SET_COOKIE).iter().map(|line| line.to_str().unwrap().to_owned());
    let mut ours = lines.filter(|line| line.starts_with("portcullis="));
    ours.next().unwrap().split(';').next().unwrap().to_owned()
}

async fn one_of_two_acts(stores: &[StoreKind]) {
    let mut replicas = Replicas::before(App::ok().await.address, stores, "shutdown: { drain: 0s }\n");
    replicas.user("alice");
    replicas.start().await;
    let client = Client::builder().redirect(Policy::none()).user_agent("Mozilla/5.0").build().unwrap();
    for round in 0..5 {
        let mut browser = Balanced { client: client.clone(), replicas: &replicas, cookies: String::new() };
        let page = browser.get(round % 2, "/security/sign-in").await;
        browser.keep(&page);
        let token = token_on(&page.text().await.unwrap());
        let form = format!("form={token}&username=alice&password={PASSWORD}&rd=%2Forders");
        let (one, other) =
            tokio::join!(browser.post(0, "/security/sign-in", &form), browser.post(1, "/security/sign-in", &form));
        for answer in [&one, &other] {
            assert_eq!(led_to(answer), (303, "/orders"));
        }
        assert_eq!(session_in(&one), session_in(&other));
        let third = browser.post(0, "/security/sign-in", &form).await;
        assert_eq!(session_in(&third), session_in(&one));
        browser.cookies = format!("{}; {}", browser.cookies, session_in(&one));
        assert_eq!(browser.get(1, "/").await.status(), 200);

        let token = token_on(&browser.get(0, "/security/sessions/sign-out-all").await.text().await.unwrap());
        let form = format!("form={token}");
        let path = "/security/sessions/sign-out-all";
        let (one, other) = tokio::join!(browser.post(0, path, &form), browser.post(1, path, &form));
        for answer in [one, other] {
            assert_eq!(led_to(&answer), (303, "/security/signed-out"));
        }
    }
    let told = replicas.cli(&["audit", "export"]).ok();
    assert_eq!((told.matches("signed_in").count(), told.matches("session_ended").count()), (5, 5), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_one_redis() {
    one_of_two_acts(&Redis::start().await.stores(2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_one_file() {
    one_of_two_acts(&[StoreKind::File, StoreKind::File]).await;
}
