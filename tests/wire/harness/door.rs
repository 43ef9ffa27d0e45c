//! A proxy before some apps: the real gate over a store of two people, and pages of one line.

use std::{collections::HashMap, net::SocketAddr, os::fd::AsRawFd as _, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use bytes::Bytes;
use http::Response;
use pingora::{
    apps::ServerApp as _,
    protocols::{GetSocketDigest as _, SocketDigest, l4::stream::Stream},
};
use portcullis::{
    clock::{Clock, Timestamp},
    gate::{Access, Decision, Gate, GateParts, Head, Refusal, Route, RouteTable, Visit},
    id::{SessionId, UserId},
    metrics::Metrics,
    outage::StoreError,
    proxy::{Connections, Front, Limits, Proxy, ProxyParts, Room, ServerAddress, UpstreamPlan, Upstreams},
    public_url::PublicUrl,
    secret::Digest,
    session::{
        AppPolicy, Beat, Ended, Found, Heart, Kind, NewSession, Opened, Owner, Parting, RememberMe, Secrets, Session,
        SessionPolicy, SessionStore, SessionToken, Span, Terms, Which,
    },
};
use tokio::{net::TcpListener, sync::watch};

use super::{App, Client, beside};

/// A running proxy: `/public` is for all, `/admin` for administrators, the rest for whoever is signed in.
pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    /// Alice's `Cookie`, without the name of the header. She is an administrator.
    pub(crate) alice: String,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) open: Arc<watch::Sender<usize>>,
    connections: Arc<Connections<pingora::proxy::HttpProxy<Proxy<Guarded>>>>,
}

/// How a test wants its proxy.
pub(crate) struct Plan {
    servers: Vec<SocketAddr>,
    limits: Limits,
    read: Duration,
    public_url: &'static str,
}

impl Door {
    /// Before one app.
    pub(crate) async fn before(app: &App) -> Self {
        Self::plan(&[app.address]).open().await
    }

    /// Before these servers of one app.
    pub(crate) fn plan(servers: &[SocketAddr]) -> Plan {
        Plan {
            servers: servers.to_vec(),
            limits: Limits::default(),
            read: Duration::from_secs(5),
            public_url: "http://app.test",
        }
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    /// A request of Alice: request line, her cookie, and these lines.
    pub(crate) fn as_alice(&self, request_line: &str, lines: &str) -> String {
        format!("{request_line} HTTP/1.1\r\nHost: app.test\r\nCookie: {}\r\n{lines}\r\n", self.alice)
    }

    /// The listener is closed; what is under way goes on.
    pub(crate) async fn close(&self) {
        self.stop.send_replace(true);
        self.connections.cleanup().await;
    }
}

impl Plan {
    pub(crate) fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    pub(crate) fn read(mut self, read: Duration) -> Self {
        self.read = read;
        self
    }

    pub(crate) fn public_url(mut self, public_url: &'static str) -> Self {
        self.public_url = public_url;
        self
    }

    pub(crate) async fn open(self) -> Door {
        let metrics = Arc::new(Metrics::new());
        let routes = Arc::new(ArcSwap::from_pointee(routes()));
        let public_url: PublicUrl = self.public_url.parse().unwrap();
        let (guarded, alice) = Guarded::new(public_url.clone(), routes, Arc::clone(&metrics));
        let servers =
            self.servers.iter().map(|at| ServerAddress { tls: false, host: at.ip().to_string(), port: at.port() });
        let plan = UpstreamPlan {
            id: 0,
            name: "app".to_owned(),
            servers: servers.collect(),
            connect: Duration::from_secs(1),
            read: self.read,
        };
        let parts = ProxyParts {
            front: Arc::new(guarded),
            upstreams: Arc::new(ArcSwap::from_pointee(Upstreams::resolve(vec![plan]).await)),
            public_url,
            clock: Clock::machine(),
            metrics: Arc::clone(&metrics),
        };
        let open = Arc::new(watch::Sender::new(0));
        let connections = Arc::new(Connections::new(
            Proxy::app(parts, 1),
            self.limits,
            Arc::clone(&open),
            Room::for_clients(usize::MAX),
        ));
        let (stop, stopped) = watch::channel(false);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = Arc::clone(&connections);
        beside(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let digest = SocketDigest::from_raw_fd(tcp.as_raw_fd());
                let mut stream = Stream::from(tcp);
                stream.set_socket_digest(digest);
                let (connections, stopped) = (Arc::clone(&serving), stopped.clone());
                beside(async move {
                    connections.process_new(Box::new(stream), &stopped).await;
                });
            }
        });
        Door { address, alice, metrics, stop, open, connections }
    }
}

fn routes() -> RouteTable {
    let route = |path, access| Route::new(path, access, 0, true).unwrap();
    RouteTable::new(vec![
        route("/public", Access::Public),
        route("/admin", Access::Roles(vec!["admin".to_owned()])),
        route("/", Access::SignedIn),
    ])
}

/// The gate, and one line for each page and refusal.
pub(crate) struct Guarded(Gate);

impl Guarded {
    fn new(public_url: PublicUrl, routes: Arc<ArcSwap<RouteTable>>, metrics: Arc<Metrics>) -> (Self, String) {
        let id = SessionId::mint(UserId::mint());
        let token = SessionToken::mint(id);
        let sessions = Arc::new(Known(HashMap::from([(id, found(id, token.digest()))])));
        let gate = Gate::new(GateParts {
            public_url,
            routes,
            sessions,
            policy: Arc::new(ArcSwap::from_pointee(policy())),
            heart: Heart::default(),
            clock: Clock::machine(),
            metrics,
        });
        let cookie = format!("{}={}", gate.cookies().session, token.hand_over());
        (Self(gate), cookie)
    }
}

impl Front for Guarded {
    async fn decide(&self, head: &Head<'_>) -> Decision {
        self.0.decide(head).await
    }

    async fn serve(&self, visit: Visit, _: &Head<'_>, body: Bytes) -> Response<Bytes> {
        if visit.path.path() == "/security/empty" {
            return Response::builder().status(204).body(Bytes::new()).unwrap();
        }
        Response::new(format!("our page {} got {} bytes", visit.path.path(), body.len()).into())
    }

    async fn fail(&self, refusal: &Refusal, person: Option<&Owner>, head: &Head<'_>) -> Response<Bytes> {
        let mut answer = self.refuse(refusal, head).await;
        if let Some(person) = person {
            answer.headers_mut().insert("x-person", person.name.parse().unwrap());
        }
        answer
    }

    async fn refuse(&self, refusal: &Refusal, _: &Head<'_>) -> Response<Bytes> {
        let status = match refusal {
            Refusal::SignIn { .. } => 401,
            Refusal::NotAllowed { .. } | Refusal::CrossSite => 403,
            Refusal::NoRoute => 404,
            Refusal::WrongHost => 421,
            Refusal::Path(_) | Refusal::Host => 400,
            Refusal::Method => 405,
            Refusal::StoreAway => 503,
            Refusal::BodyTooLarge => 413,
            Refusal::BodyIncomplete => 408,
            Refusal::AppAway | Refusal::AppGarbled => 502,
            Refusal::AppSilent => 504,
            Refusal::Broken => 500,
        };
        Response::builder().status(status).body(format!("Example says {refusal:?}").into()).unwrap()
    }
}

fn found(id: SessionId, secret: Digest) -> Found {
    let now = Clock::machine().now();
    Found {
        secrets: Secrets { current: secret, former: None },
        terms: Terms { opened: now, remembered: false, kind: Kind::Web },
        latest: now,
        assurance: 1,
        owner: Owner {
            id: id.owner(),
            name: "alice".to_owned(),
            display_name: Some("Alice \u{c5}ngstr\u{f6}m".to_owned()),
            email: Some("alice@example.com".to_owned()),
            roles: vec!["admin".to_owned(), "staff".to_owned()],
            disabled: false,
            version: 1,
        },
    }
}

fn policy() -> SessionPolicy {
    let day = Duration::from_hours(24);
    SessionPolicy {
        idle_timeout: Span::For(day),
        remember_me: RememberMe { allowed: true, lifetime: Span::For(day) },
        unremembered_lifetime: day,
        app: AppPolicy { idle_timeout: Span::For(day), lifetime: Span::For(day) },
        absolute_timeout: day,
        max_per_user: 100,
        heartbeat_interval: Duration::from_secs(5),
    }
}

/// Sessions that are found, and nothing else.
struct Known(HashMap<SessionId, Found>);

#[async_trait]
impl SessionStore for Known {
    async fn find(&self, id: SessionId) -> Result<Option<Found>, StoreError> {
        Ok(self.0.get(&id).cloned())
    }
    async fn get(&self, _: SessionId) -> Result<Option<Session>, StoreError> {
        unreachable!()
    }
    async fn list(&self, _: UserId) -> Result<Vec<Session>, StoreError> {
        unreachable!()
    }
    async fn put_owner(&self, _: &Owner) -> Result<u64, StoreError> {
        unreachable!()
    }
    async fn open(&self, _: NewSession) -> Result<Opened, StoreError> {
        unreachable!()
    }
    async fn touch(&self, _: &[Beat]) -> Result<(), StoreError> {
        Ok(())
    }
    async fn end(&self, _: Which, _: &Parting) -> Result<Vec<Session>, StoreError> {
        unreachable!()
    }
    async fn expire(&self, _: SessionId, _: Timestamp, _: &Parting) -> Result<Option<Session>, StoreError> {
        unreachable!()
    }
    async fn ended(&self, _: SessionId, _: Digest) -> Result<Option<Ended>, StoreError> {
        unreachable!()
    }
    async fn scan(&self, _: Option<SessionId>, _: usize) -> Result<Vec<Session>, StoreError> {
        unreachable!()
    }
    async fn count(&self) -> Result<u64, StoreError> {
        unreachable!()
    }
    async fn forget_ended(&self, _: Timestamp) -> Result<(), StoreError> {
        unreachable!()
    }
    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
