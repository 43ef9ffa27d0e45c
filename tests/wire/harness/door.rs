//! A proxy before some apps: the whole program over a store in memory, in which Alice has signed in.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    os::fd::AsRawFd as _,
    path::Path,
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use http::{HeaderMap, HeaderValue, Method, header};
use pingora::{
    apps::ServerApp as _,
    protocols::{GetSocketDigest as _, SocketDigest, l4::stream::Stream},
    proxy::HttpProxy,
};
use portcullis::{
    account::{DisplayName, Email, HashCost, NewUser, Role, UserName},
    audit::Actor,
    clock::Clock,
    config::Config,
    gate::{Decision, RequestHead},
    metrics::Metrics,
    portcullis::Portcullis,
    proxy::{
        ConnectionAcceptor, ConnectionHandler, ConnectionLimiter, ConnectionLimits, InFlight, Proxy, ProxyParts,
        Upstreams,
    },
    secret::Password,
    server::{Components, Stores, trusted_proxies},
    tasks::Task as _,
};
use serde_json::json;
use tokio::{net::TcpListener, sync::watch};

use super::{App, Client, PASSWORD, beside};

/// What Alice is called, unless a test calls her otherwise.
const ALICE: &str = "Alice \u{c5}ngstr\u{f6}m";
const ROUTES: &str = "routes:
  - { path: /public, access: public, upstream: app }
  - { path: /admin, access: { roles: [admin] }, upstream: app }
  - { path: /, access: signed_in, upstream: app }
";

/// A running proxy: `/public` is for all, `/admin` for administrators, the rest for whoever is signed in.
pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    /// Alice's `Cookie`, without the name of the header. She is an administrator.
    pub(crate) alice: String,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) open: Arc<watch::Sender<usize>>,
    connections: Arc<ConnectionHandler<HttpProxy<Proxy>>>,
}

/// A proxy that nobody has connected to yet.
struct Unconnected {
    proxy: HttpProxy<Proxy>,
    alice: String,
    metrics: Arc<Metrics>,
    lines: Arc<InFlight>,
}

/// How a test wants its proxy.
pub(crate) struct Plan {
    servers: Vec<SocketAddr>,
    limits: ConnectionLimits,
    read: Duration,
    public_url: &'static str,
    called: &'static str,
    keys: &'static str,
    routes: &'static str,
    seats_each: Option<u32>,
    peer: Option<IpAddr>,
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
            limits: ConnectionLimits::default(),
            read: Duration::from_secs(5),
            public_url: "http://app.test",
            called: ALICE,
            keys: "",
            routes: ROUTES,
            seats_each: None,
            peer: None,
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
    pub(crate) fn limits(mut self, limits: ConnectionLimits) -> Self {
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

    /// What Alice is called.
    pub(crate) fn called(mut self, name: &'static str) -> Self {
        self.called = name;
        self
    }

    /// With these keys besides.
    pub(crate) fn keys(mut self, keys: &'static str) -> Self {
        self.keys = keys;
        self
    }

    /// With these routes, in YAML.
    pub(crate) fn routes(mut self, routes: &'static str) -> Self {
        self.routes = routes;
        self
    }

    /// With so many seats for each address; all clients come from this one.
    pub(crate) fn seats_for(mut self, peer: IpAddr, seats: u32) -> Self {
        (self.peer, self.seats_each) = (Some(peer), Some(seats));
        self
    }

    fn config(&self) -> Config {
        let servers: Vec<_> = self.servers.iter().map(|at| format!("http://{at}")).collect();
        let text = format!(
            "public_url: http://localhost\nlisten: 127.0.0.1:8080\nstore: memory\nupstreams:\n  app: {{ servers: [{}], \
             timeouts: {{ connect: 1s }} }}\n{}{}",
            servers.join(", "),
            self.routes,
            self.keys
        );
        let config = Config::from_text(&text, Path::new("portcullis.yaml"), Path::new("/nowhere"), &|_| None);
        let mut config = config.unwrap_or_else(|complaints| panic!("{complaints}"));
        // A name that an operator may only use over https.
        config.public_url = self.public_url.parse().unwrap();
        config
    }

    /// The proxy by itself, as an application of Pingora; and Alice's `Cookie`.
    pub(crate) async fn proxy(self) -> (HttpProxy<Proxy>, String) {
        let Unconnected { proxy, alice, .. } = self.unconnected().await;
        (proxy, alice)
    }

    async fn unconnected(&self) -> Unconnected {
        let config = self.config();
        let stores = Stores::in_memory().unwrap();
        let parts = Components::new(&config, stores, Clock::system(), HashCost { memory: 8, passes: 1 });
        let portcullis = parts.portcullis();
        add_alice(&parts, self.called).await;
        let alice = sign_alice_in(&portcullis, config.public_url.authority()).await;
        let mut plans = parts.settings.upstream_plans(&config);
        for plan in &mut plans {
            plan.read_timeout = self.read;
        }
        let (metrics, lines) = (parts.metrics.clone(), parts.in_flight.clone());
        let (watch, check) = parts.revocation_tasks();
        watch.run_once().await;
        beside(async move {
            loop {
                watch.due().await;
                watch.run_once().await;
                check.run_once().await.unwrap();
            }
        });
        let parts = ProxyParts {
            portcullis: Arc::new(portcullis),
            upstreams: Arc::new(ArcSwap::from_pointee(Upstreams::resolve(plans).await)),
            cookies: parts.cookie_names,
            app_cookies: parts.app_cookies,
            trusted_proxies: trusted_proxies(&config),
            public_url: config.public_url.clone(),
            identity_headers: parts.settings.identity,
            clock: parts.clock,
            metrics: metrics.clone(),
            hsts: None,
            body_limiter: Arc::default(),
        };
        Unconnected { proxy: Proxy::build_app(parts, 1), alice, metrics, lines }
    }

    pub(crate) async fn open(self) -> Door {
        let Unconnected { proxy, alice, metrics, lines } = self.unconnected().await;
        let room = self.seats_each.map_or_else(
            || ConnectionLimiter::new(usize::MAX),
            |seats| {
                Arc::new(
                    ConnectionLimiter::for_open_files(None)
                        .per_address(seats, trusted_proxies(&self.config()))
                        .with_metrics(&metrics),
                )
            },
        );
        let open = Arc::new(watch::Sender::new(0));
        let connections = Arc::new(ConnectionHandler::new(
            proxy,
            ConnectionAcceptor::new(self.limits, room),
            Arc::clone(&open),
            lines,
        ));
        let (stop, stopped) = watch::channel(false);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = Arc::clone(&connections);
        beside(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let digest = SocketDigest::from_raw_fd(tcp.as_raw_fd());
                if let Some(peer) = self.peer {
                    digest.peer_addr.set(Some(SocketAddr::new(peer, 4711).into())).unwrap();
                }
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

async fn add_alice(parts: &Components, called: &str) {
    let new = NewUser {
        name: UserName::new("alice").unwrap(),
        email: Some(Email::new("alice@example.com").unwrap()),
        display_name: Some(DisplayName::new(called).unwrap()),
        roles: ["admin", "staff"].into_iter().map(|role| Role::new(role).unwrap()).collect(),
    };
    let alice = parts.accounts.add(new, Actor::Operator).await.unwrap();
    parts.accounts.set_password(&alice, Password::new(PASSWORD.to_owned()), Actor::Operator).await.unwrap();
}

/// Signs Alice in, without a socket; the cookie of her session.
async fn sign_alice_in(portcullis: &Portcullis, host: &str) -> String {
    let headers: HeaderMap = [
        (header::HOST, HeaderValue::from_str(host).unwrap()),
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
    ]
    .into_iter()
    .collect();
    let head = RequestHead {
        method: &Method::POST,
        target: b"/security/api/v1/sign-in",
        authority: None,
        headers: &headers,
        ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        forwarded_host: None,
        request_id: "before the test",
    };
    let Decision::Serve(own) = portcullis.evaluate(&head).await else { panic!("signing in is open to all") };
    let visit = portcullis.record(&head, own);
    let body = json!({ "username": "alice", "password": PASSWORD }).to_string();
    let answer = portcullis.serve(visit, head.to_owned_head(), body.into()).await;
    let cookie = answer.headers()[header::SET_COOKIE].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}
