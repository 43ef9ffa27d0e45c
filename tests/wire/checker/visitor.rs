//! A visitor of a run: signs in, asks for pages through any replica, ends sessions, and tries old cookies again.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use serde_json::{Value, json};

use super::{
    board::{Board, Chance},
    history::{Came, Outcome, Session, What},
    line::{Broken, Line, Reply},
};
use crate::harness::PASSWORD;

/// One of them, with a connection of its own to each replica.
pub(crate) struct Visitor {
    pub(crate) board: Arc<Board>,
    pub(crate) user: String,
    pub(crate) from: IpAddr,
    pub(crate) replicas: Vec<SocketAddr>,
    pub(crate) chance: Chance,
    /// Of 1,000 steps, so many are acts; the others are requests to the app.
    pub(crate) acts: usize,
    /// Between two steps.
    pub(crate) pause: Duration,
    pub(crate) lines: Vec<Option<Line>>,
    pub(crate) mine: Option<usize>,
}

impl Visitor {
    pub(crate) async fn live(mut self) {
        while !self.board.is_over() {
            let open = self.board.open();
            let replica = open[self.chance.below(open.len())];
            if let Some(mine) = self.mine {
                self.step(mine, replica).await;
            } else if !self.sign_in(replica).await {
                // Who is disabled, or put off, comes again.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            tokio::time::sleep(self.pause).await;
        }
    }

    async fn step(&mut self, mine: usize, replica: usize) {
        if self.chance.below(1_000) < self.acts {
            return self.act(mine, replica).await;
        }
        // Every third request tries a cookie of anybody, dead or alive, on the same connection.
        let all = self.board.sessions();
        let session = if self.chance.below(3) == 0 { self.chance.below(all) } else { mine };
        if self.look(session, replica).await == Some(401) && session == mine {
            self.mine = None;
        }
    }

    /// Asks for a page of the app with the cookie of a session; the status of the answer.
    pub(crate) async fn look(&mut self, session: usize, replica: usize) -> Option<u16> {
        if self.chance.below(5) == 0 {
            self.lines[replica] = None;
        }
        // A kept connection may be closed at any moment; a new one then serves.
        for _ in 0..2 {
            let mark = self.board.begin(Some(session), replica);
            let came = self.ask_the_app(mark, &self.board.cookie(session), replica).await;
            self.board.came(mark, came.clone());
            match came {
                Came::KeptAliveClosed => {}
                Came::Answer { status, .. } => return Some(status),
                _ => return None,
            }
        }
        None
    }

    async fn ask_the_app(&mut self, mark: usize, cookie: &str, replica: usize) -> Came {
        let line = match self.lines[replica].take() {
            Some(line) => Ok(line),
            None => Line::from_to(self.from, self.replicas[replica]).await,
        };
        let mut line = match line {
            Ok(line) => line,
            Err(why) => return Came::Broken(why.to_string()),
        };
        let host = self.replicas[0];
        let kept_alive = line.has_served;
        let request = format!("GET /r/{mark} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n");
        match line.ask(&request).await {
            Ok(reply) => {
                let echo = reply.body.split_once(' ').filter(|_| reply.status == 200);
                let echo = echo.and_then(|(mark, user)| Some((mark.parse().ok()?, user.to_owned())));
                let retry_after = reply.header("retry-after").is_some();
                if !reply.closes() {
                    self.lines[replica] = Some(line);
                }
                Came::Answer { status: reply.status, retry_after, echo }
            }
            Err(Broken::WithoutAByte) if kept_alive => Came::KeptAliveClosed,
            Err(Broken::WithoutAByte) => Came::Broken("closed without a byte".to_owned()),
            Err(Broken::Otherwise(why)) => Came::Broken(why),
        }
    }

    async fn act(&mut self, mine: usize, replica: usize) {
        let user = self.user.clone();
        match self.chance.below(10) {
            0 => {
                self.end(What::EndAll { user }, "POST", "/security/api/v1/sessions/revoke-all", mine, replica).await;
            }
            1 | 2 => {
                let what = What::EndOthers { user, keep: mine };
                self.end(what, "POST", "/security/api/v1/sessions/revoke-others", mine, replica).await;
            }
            3 => {
                self.end(What::End { session: mine }, "POST", "/security/api/v1/sign-out", mine, replica).await;
            }
            4 => {
                self.end(What::End { session: mine }, "POST", "/security/sign-out", mine, replica).await;
            }
            5 | 6 => {
                // Another device of the same user: a new session beside the old one.
                self.sign_in(replica).await;
            }
            kind => self.end_another(mine, replica, kind == 7).await,
        }
    }

    /// Ends the newest other session of the same user, by the page or the API.
    async fn end_another(&mut self, mine: usize, replica: usize, by_page: bool) {
        let other = {
            let history = self.board.history();
            let others = history.sessions.iter().enumerate().rev();
            others.filter(|(place, session)| *place != mine && session.user == self.user).map(|(place, _)| place).next()
        };
        let Some(session) = other else { return };
        let id = self.board.session(session).id;
        if by_page {
            let path = format!("/security/sessions/{id}/sign-out");
            self.end(What::End { session }, "POST", &path, mine, replica).await;
        } else {
            self.end(What::End { session }, "DELETE", &format!("/security/api/v1/sessions/{id}"), mine, replica).await;
        }
    }

    /// Asks a replica to end sessions, on a connection of its own.
    pub(crate) async fn end(&mut self, what: What, method: &str, path: &str, mine: usize, replica: usize) {
        let asked = self.board.now();
        let cookie = format!("Cookie: {}\r\n", self.board.cookie(mine));
        let sent = self.call(method, path, &cookie, None, replica).await;
        let listed = sent.as_ref().map(|reply| ids(&reply.json()["items"])).unwrap_or_default();
        let outcome = outcome(&sent, |reply| match reply.status {
            200 | 204 => true,
            303 => matches!(reply.header("location"), Some("/security/signed-out" | "/security/sessions")),
            _ => false,
        });
        self.board.act(what, Some(replica), asked, outcome, listed);
    }

    /// Signs in; whether it worked.
    pub(crate) async fn sign_in(&mut self, replica: usize) -> bool {
        let asked = self.board.now();
        let body = json!({ "username": self.user, "password": PASSWORD }).to_string();
        let sent = self.call("POST", "/security/api/v1/sign-in", "", Some(&body), replica).await;
        let opened =
            sent.as_ref().ok().filter(|reply| reply.status == 200).and_then(|reply| {
                Some((reply.json()["session"]["id"].as_str()?.to_owned(), reply.cookie()?.to_owned()))
            });
        let outcome = outcome(&sent, |_| opened.is_some());
        let (user, done) = (self.user.clone(), self.board.now());
        self.board.act(What::SignIn { user: user.clone() }, Some(replica), asked, outcome, Vec::new());
        let Some((id, cookie)) = opened else { return false };
        self.mine = Some(self.board.signed_in(Session { user, id, asked, done }, &cookie));
        true
    }

    async fn call(
        &self,
        method: &str,
        path: &str,
        lines: &str,
        body: Option<&str>,
        replica: usize,
    ) -> Result<Reply, Broken> {
        let connecting = Line::from_to(self.from, self.replicas[replica]).await;
        let mut line = connecting.map_err(|why| Broken::Otherwise(why.to_string()))?;
        let kind = body.map_or("", |_| "Content-Type: application/json\r\n");
        let body = body.unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\n{lines}{kind}Sec-Fetch-Site: same-origin\r\nContent-Length: {}\r\n\r\n{body}",
            self.replicas[0],
            body.len()
        );
        line.ask(&request).await
    }
}

/// What became of an act: a refusal is certain, a failure is not.
fn outcome(sent: &Result<Reply, Broken>, done: impl Fn(&Reply) -> bool) -> Outcome {
    match sent {
        Ok(reply) if done(reply) => Outcome::Acknowledged,
        Ok(reply) if reply.status < 500 => Outcome::Refused(reply.status.to_string()),
        Ok(reply) => Outcome::Unknown(format!("{} {}", reply.status, reply.body)),
        Err(broken) => Outcome::Unknown(format!("{broken:?}")),
    }
}

fn ids(items: &Value) -> Vec<String> {
    items.as_array().into_iter().flatten().filter_map(|item| item["id"].as_str().map(str::to_owned)).collect()
}
