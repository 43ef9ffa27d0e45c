//! A client of HTTP/2 that says what it is told to.

use std::net::SocketAddr;

use bytes::Bytes;
use h2::{
    RecvStream, SendStream,
    client::{Builder, ResponseFuture, SendRequest},
};
use http::{HeaderMap, Method, Request, Response};
use rustls::version::TLS13;
use tokio::{io::AsyncWriteExt as _, net::TcpStream, sync::oneshot, time::timeout};

use super::{PASSWORD, PATIENCE, Shown, beside, secure::Tls};

/// A connection.
#[derive(Clone)]
pub(crate) struct Http2 {
    requests: SendRequest<Bytes>,
    to: SocketAddr,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Came {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Came {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// What a browser would send back of the cookies that it was given.
    pub(crate) fn cookies(&self) -> String {
        let given = self.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap());
        let pairs: Vec<_> = given.map(|line| line.split(';').next().unwrap()).collect();
        pairs.join("; ")
    }
}

impl Http2 {
    pub(crate) async fn connect(to: SocketAddr, shown: &Shown) -> Self {
        Self::connect_with(to, shown, &Builder::new()).await.0
    }

    /// With these settings; says when the connection is over.
    pub(crate) async fn connect_with(
        to: SocketAddr,
        shown: &Shown,
        settings: &Builder,
    ) -> (Self, oneshot::Receiver<Result<(), h2::Error>>) {
        Self::speak(to, shown.connect(to, &["h2"]).await.unwrap(), settings).await
    }

    /// By way of a balancer that says this first.
    pub(crate) async fn connect_behind(to: SocketAddr, shown: &Shown, introduction: &[u8]) -> Self {
        let mut stream = TcpStream::connect(to).await.unwrap();
        stream.write_all(introduction).await.unwrap();
        let stream = shown.over(stream, &["h2"], &[&TLS13]).await.unwrap();
        Self::speak(to, stream, &Builder::new()).await.0
    }

    async fn speak(
        to: SocketAddr,
        stream: Tls,
        settings: &Builder,
    ) -> (Self, oneshot::Receiver<Result<(), h2::Error>>) {
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (requests, connection) = settings.handshake(stream).await.unwrap();
        let (over, is_over) = oneshot::channel();
        beside(async move {
            let _ = over.send(connection.await);
        });
        (Self { requests, to }, is_over)
    }

    /// A request for this path of the origin.
    pub(crate) fn request(&self, method: Method, path: &str) -> http::request::Builder {
        Request::builder().method(method).uri(format!("https://{}{path}", self.to))
    }

    /// Sends a head; its body may follow.
    pub(crate) async fn begin(&self, request: Request<()>, end: bool) -> (ResponseFuture, SendStream<Bytes>) {
        let mut ready = self.requests.clone().ready().await.unwrap();
        ready.send_request(request, end).unwrap()
    }

    /// Sends a request with a body, and reads the whole answer.
    pub(crate) async fn ask(&self, request: http::request::Builder, body: &str) -> Came {
        self.try_to_ask(request, body).await.unwrap()
    }

    pub(crate) async fn try_to_ask(&self, request: http::request::Builder, body: &str) -> Result<Came, h2::Error> {
        let (answer, mut sending) = self.begin(request.body(()).unwrap(), body.is_empty()).await;
        if !body.is_empty() {
            sending.send_data(Bytes::copy_from_slice(body.as_bytes()), true)?;
        }
        came(answer).await
    }

    pub(crate) async fn get(&self, path: &str, cookie: &str) -> Came {
        let request = self.request(Method::GET, path);
        self.ask(if cookie.is_empty() { request } else { request.header("cookie", cookie) }, "").await
    }

    /// Signs in; what a browser sends from then on as `Cookie`.
    pub(crate) async fn sign_in(&self, name: &str) -> String {
        let request = self.request(Method::POST, "/security/api/v1/sign-in").header("content-type", "application/json");
        let answer = self.ask(request, &format!(r#"{{"username":"{name}","password":"{PASSWORD}"}}"#)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.cookies()
    }
}

/// Reads a whole answer.
pub(crate) async fn came(answer: ResponseFuture) -> Result<Came, h2::Error> {
    let (head, mut receiving) = timeout(PATIENCE, answer).await.expect("an answer in time")?.into_parts();
    let mut body = Vec::new();
    while let Some(part) = next_part(&mut receiving).await? {
        body.extend_from_slice(&part);
    }
    let head: Response<()> = Response::from_parts(head, ());
    Ok(Came { status: head.status().as_u16(), headers: head.headers().clone(), body })
}

/// Reads the next part of a body, and lets more come.
pub(crate) async fn next_part(receiving: &mut RecvStream) -> Result<Option<Bytes>, h2::Error> {
    let part = timeout(PATIENCE, receiving.data()).await.expect("a part in time").transpose()?;
    if let Some(part) = &part {
        receiving.flow_control().release_capacity(part.len())?;
    }
    Ok(part)
}
