//! Where apps are: their servers, resolved beforehand, taken in turn.
//!
//! A server that refused a connection is passed over for a short while. An upstream has an id that is its own for the life
//! of the process ([`UpstreamIds`]), so that a request that was decided before a reload cannot reach another app after it.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use futures_util::future::join_all;
use pingora::upstreams::peer::HttpPeer;
use tokio::{net::lookup_host, time::timeout};

use super::{IdentityEncoding, connection::keepalive};
use crate::{clock::Timestamp, gate::cookie::ForgetOn};

/// How long a server that refused a connection is passed over.
const PASSED_OVER: Duration = Duration::from_secs(5);
/// How long a look-up may take. A resolver that is silent must hold up neither the start nor a reload.
const LOOK_UP: Duration = Duration::from_secs(2);
/// Shorter than what app servers commonly wait (Node.js: 5 s), so that we close an idle connection before they do: a request
/// sent into a connection that is being closed would be lost, and not each may be sent once more (`retry`).
const IDLE: Duration = Duration::from_secs(4);

/// Gives each name its id: the same one for the same name, and never another's.
#[derive(Debug, Default)]
pub struct UpstreamIds(HashMap<String, usize>);

impl UpstreamIds {
    /// The id of this name.
    pub fn of(&mut self, name: &str) -> usize {
        let next = self.0.len();
        *self.0.entry(name.to_owned()).or_insert(next)
    }
}

/// An upstream as the configuration means it.
#[derive(Clone, Debug)]
pub struct UpstreamPlan {
    /// From [`UpstreamIds`]; what a route points to.
    pub id: usize,
    /// As the operator calls it.
    pub name: String,
    /// At least one.
    pub servers: Vec<ServerAddress>,
    /// How long a connection may take.
    pub connect: Duration,
    /// How long the app may be silent, before its answer and in it.
    pub read: Duration,
    /// When its cookies are taken from a browser.
    pub forget_on: ForgetOn,
    /// How the values of identity headers are written for it.
    pub identity_encoding: IdentityEncoding,
}

/// One server of an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAddress {
    /// Name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// All upstreams; replaced as a whole when the configuration is read again.
#[derive(Debug, Default)]
pub struct Upstreams {
    current: HashMap<usize, Arc<Upstream>>,
    /// Those of the configuration before this one that are gone from it.
    former: HashMap<usize, Arc<Upstream>>,
}

impl Upstreams {
    /// Upstreams whose servers are looked up now. A name that cannot be resolved is tried again by [`Upstreams::refresh`].
    pub async fn resolve(plans: Vec<UpstreamPlan>) -> Self {
        Self::resolve_after(&Self::default(), plans).await
    }

    /// The same, after `earlier` ones: what is known of a server that is in both is kept, its addresses where its name cannot
    /// be resolved just now, and that it refused lately.
    pub async fn resolve_after(earlier: &Self, plans: Vec<UpstreamPlan>) -> Self {
        let upstream = |plan: UpstreamPlan| {
            let known = earlier.current.get(&plan.id).map(|upstream| upstream.known_to(&plan)).unwrap_or_default();
            (plan.id, Arc::new(Upstream { plan, servers: ArcSwap::from_pointee(known), turn: AtomicUsize::new(0) }))
        };
        let this = Self { current: plans.into_iter().map(upstream).collect(), former: HashMap::new() };
        this.refresh().await;
        this
    }

    /// Looks all names up again, all at once, but for those that are gone from the configuration. A name that cannot be
    /// resolved keeps its addresses.
    pub async fn refresh(&self) {
        join_all(self.current.values().map(|upstream| upstream.refresh(look_up))).await;
    }

    /// These, and those of the configuration before, which `earlier` is of, that are not among them: a request that was
    /// decided before a reload still reaches its app after it. What was gone in `earlier` already is forgotten.
    #[must_use]
    pub fn and_those_of(mut self, earlier: &Self) -> Self {
        let gone = earlier.current.iter().filter(|(id, _)| !self.current.contains_key(id));
        self.former = gone.map(|(id, upstream)| (*id, Arc::clone(upstream))).collect();
        self
    }

    /// The upstream with this id.
    #[must_use]
    pub fn get(&self, id: usize) -> Option<Arc<Upstream>> {
        self.current.get(&id).or_else(|| self.former.get(&id)).cloned()
    }
}

/// An app and the servers it runs on.
#[derive(Debug)]
pub struct Upstream {
    plan: UpstreamPlan,
    servers: ArcSwap<Vec<Server>>,
    turn: AtomicUsize,
}

/// One address of a server. A name with several addresses is several servers.
#[derive(Debug)]
struct Server {
    /// Place in the plan of what was looked up.
    place: usize,
    peer: HttpPeer,
    /// In milliseconds since 1970.
    passed_over_until: AtomicI64,
}

impl Upstream {
    /// When its cookies are taken from a browser.
    pub(super) const fn forget_on(&self) -> ForgetOn {
        self.plan.forget_on
    }

    /// How the values of identity headers are written for it.
    pub(super) const fn identity_encoding(&self) -> IdentityEncoding {
        self.plan.identity_encoding
    }

    /// As the operator calls it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.plan.name
    }

    /// How long the app may be silent, where its route says nothing.
    pub(super) const fn read_timeout(&self) -> Duration {
        self.plan.read
    }

    /// The next server that is not among `tried`; those that refused lately come last.
    pub(super) fn next(&self, tried: &[SocketAddr], now: Timestamp) -> Option<(SocketAddr, Box<HttpPeer>)> {
        let servers = self.servers.load();
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut untried = (0..servers.len())
            .map(|step| &servers[first.wrapping_add(step) % servers.len()])
            .filter(|server| server.address().is_some_and(|address| !tried.contains(&address)));
        let up = untried.clone().find(|server| server.passed_over_until.load(Ordering::Relaxed) <= now.as_millis());
        let chosen = up.or_else(|| untried.next())?;
        let peer = chosen.peer();
        chosen.address().map(|address| (address, peer))
    }

    /// The peer at this address, while it is one of its servers.
    pub(super) fn server(&self, at: SocketAddr) -> Option<Box<HttpPeer>> {
        let servers = self.servers.load();
        servers.iter().find(|server| server.address() == Some(at)).map(Server::peer)
    }

    /// A server refused a connection. Tells whether there is another one to try.
    pub(super) fn refused(&self, tried: &[SocketAddr], now: Timestamp) -> bool {
        let servers = self.servers.load();
        let last = tried.last();
        for server in servers.iter().filter(|server| server.address().as_ref() == last) {
            server.passed_over_until.store(now.plus(PASSED_OVER).as_millis(), Ordering::Relaxed);
        }
        servers.iter().any(|server| server.address().is_some_and(|address| !tried.contains(&address)))
    }

    async fn refresh<L>(&self, look_up: impl Fn(ServerAddress) -> L)
    where
        L: Future<Output = io::Result<Vec<SocketAddr>>>,
    {
        let looks = join_all(self.plan.servers.iter().cloned().map(look_up)).await;
        let before = self.servers.load_full();
        let mut servers = Vec::new();
        for (place, (address, look)) in self.plan.servers.iter().zip(looks).enumerate() {
            let found = match look {
                Ok(found) => found,
                Err(error) => {
                    tracing::warn!(
                        upstream = self.plan.name, host = address.host, %error,
                        "Could not look up a server of upstream {}", self.plan.name
                    );
                    before.iter().filter(|server| server.place == place).filter_map(Server::address).collect()
                }
            };
            servers.extend(found.into_iter().map(|at| Server::new(at, place, &self.plan, &before)));
        }
        self.servers.store(Arc::new(servers));
    }

    /// What is known here of the servers of `plan`, at their places in it.
    fn known_to(&self, plan: &UpstreamPlan) -> Vec<Server> {
        let before = self.servers.load();
        let at_place = |(place, address): (usize, &ServerAddress)| {
            let same = |server: &&Server| self.plan.servers.get(server.place) == Some(address);
            let known: Vec<_> = before.iter().filter(same).filter_map(Server::address).collect();
            known.into_iter().map(|at| Server::new(at, place, plan, &before)).collect::<Vec<_>>()
        };
        plan.servers.iter().enumerate().flat_map(at_place).collect()
    }
}

async fn look_up(address: ServerAddress) -> io::Result<Vec<SocketAddr>> {
    let found: Vec<_> = timeout(LOOK_UP, lookup_host((address.host.as_str(), address.port))).await??.collect();
    if found.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(found) }
}

impl Server {
    fn new(at: SocketAddr, place: usize, plan: &UpstreamPlan, before: &[Self]) -> Self {
        let mut peer = HttpPeer::new(at, false, String::new());
        peer.options.connection_timeout = Some(plan.connect);
        peer.options.total_connection_timeout = Some(plan.connect.saturating_mul(2));
        peer.options.write_timeout = Some(plan.read);
        peer.options.idle_timeout = Some(IDLE);
        peer.options.tcp_keepalive = Some(keepalive());
        let refused = before.iter().find(|server| server.address() == Some(at));
        let until = refused.map_or(0, |server| server.passed_over_until.load(Ordering::Relaxed));
        Self { place, peer, passed_over_until: AtomicI64::new(until) }
    }

    /// For one request.
    fn peer(&self) -> Box<HttpPeer> {
        Box::new(self.peer.clone())
    }

    fn address(&self) -> Option<SocketAddr> {
        self.peer._address.as_inet().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(host: &str, port: u16) -> ServerAddress {
        ServerAddress { host: host.into(), port }
    }

    fn plan(id: usize, servers: Vec<ServerAddress>) -> UpstreamPlan {
        let second = Duration::from_secs(1);
        UpstreamPlan {
            id,
            name: "app".into(),
            servers,
            connect: second,
            read: second,
            forget_on: ForgetOn::ALWAYS,
            identity_encoding: IdentityEncoding::Utf8,
        }
    }

    async fn upstream(ports: &[u16]) -> Arc<Upstream> {
        let servers = ports.iter().map(|port| server("127.0.0.1", *port)).collect();
        Upstreams::resolve(vec![plan(7, servers)]).await.get(7).unwrap()
    }

    fn ports(upstream: &Upstream, now: Timestamp, times: usize) -> Vec<u16> {
        (0..times).map(|_| upstream.next(&[], now).unwrap().0.port()).collect()
    }

    #[tokio::test]
    async fn servers_take_turns() {
        let upstream = upstream(&[1, 2, 3]).await;
        assert_eq!(ports(&upstream, Timestamp::from_millis(0), 6), [1, 2, 3, 1, 2, 3]);
    }

    #[tokio::test]
    async fn a_server_that_refused_is_passed_over_for_a_while() {
        let upstream = upstream(&[1, 2]).await;
        let now = Timestamp::from_millis(1_000);
        let (first, _) = upstream.next(&[], now).unwrap();
        assert!(upstream.refused(&[first], now));
        assert_eq!(ports(&upstream, now, 4), [2, 2, 2, 2]);
        assert_eq!(upstream.next(&[first], now).unwrap().0.port(), 2);
        upstream.refresh(look_up).await;
        assert_eq!(ports(&upstream, now, 2), [2, 2], "a look-up does not forget it");
        assert!(ports(&upstream, now.plus(PASSED_OVER), 4).contains(&1));
    }

    #[tokio::test]
    async fn where_all_refused_one_is_tried_all_the_same() {
        let upstream = upstream(&[1]).await;
        let now = Timestamp::from_millis(0);
        let (only, _) = upstream.next(&[], now).unwrap();
        assert!(!upstream.refused(&[only], now));
        assert_eq!(ports(&upstream, now, 1), [1]);
        assert!(upstream.next(&[only], now).is_none());
    }

    #[tokio::test]
    async fn what_a_reload_removes_is_kept_until_the_next_one() {
        let only = async |id| Upstreams::resolve(vec![plan(id, vec![server("127.0.0.1", 1)])]).await;
        let second = only(2).await.and_those_of(&only(1).await);
        assert!(second.get(1).is_some() && second.get(2).is_some());
        let third = only(3).await.and_those_of(&second);
        assert!(third.get(1).is_none() && third.get(2).is_some() && third.get(3).is_some());
    }

    #[tokio::test]
    async fn each_name_that_cannot_be_looked_up_keeps_its_addresses() {
        // No name has an empty label: no resolver is asked.
        let plan = plan(7, vec![server("127.0.0.1", 1), server("no..name", 2)]);
        let known = |place, port| Server::new(SocketAddr::from(([127, 0, 0, 1], port)), place, &plan, &[]);
        let servers = ArcSwap::from_pointee(vec![known(0, 9), known(1, 2)]);
        let upstream = Upstream { plan: plan.clone(), servers, turn: AtomicUsize::new(0) };
        upstream.refresh(look_up).await;
        assert_eq!(ports(&upstream, Timestamp::from_millis(0), 2), [1, 2]);
    }

    #[tokio::test]
    async fn a_reload_keeps_what_is_known_of_a_server_and_forgets_what_has_left() {
        let known =
            |place, port, plan: &UpstreamPlan| Server::new(SocketAddr::from(([127, 0, 0, 1], port)), place, plan, &[]);
        // No name has an empty label: no resolver is asked.
        let (app, gone) = (server("no..app", 2), server("no..gone", 3));
        let before = plan(7, vec![gone.clone(), app.clone()]);
        let servers = vec![known(0, 3, &before), known(1, 2, &before)];
        let upstream = Upstream { plan: before, servers: ArcSwap::from_pointee(servers), turn: AtomicUsize::new(0) };
        let now = Timestamp::from_millis(1_000);
        upstream.refused(&[SocketAddr::from(([127, 0, 0, 1], 2))], now);
        let earlier = Upstreams { current: HashMap::from([(7, Arc::new(upstream))]), former: HashMap::new() };

        let after = plan(7, vec![app, server("127.0.0.1", 1)]);
        let later = Upstreams::resolve_after(&earlier, vec![after]).await;
        let upstream = later.get(7).unwrap();
        assert_eq!(ports(&upstream, now, 2), [1, 1], "a reload does not forget who refused");
        let mut all = ports(&upstream, now.plus(PASSED_OVER), 2);
        all.sort_unstable();
        assert_eq!(all, [1, 2]);

        let other = Upstreams::resolve_after(&earlier, vec![plan(8, vec![gone])]).await;
        assert!(other.get(8).unwrap().next(&[], now).is_none(), "what is known is another app's");
    }

    #[tokio::test]
    async fn names_are_looked_up_all_at_once() {
        let names = vec![server("a", 1), server("b", 2), server("c", 3)];
        let all = tokio::sync::Barrier::new(names.len());
        let upstream = Upstream { plan: plan(7, names), servers: ArcSwap::default(), turn: AtomicUsize::new(0) };
        let look_up = async |address: ServerAddress| {
            all.wait().await;
            Ok(vec![SocketAddr::from(([127, 0, 0, 1], address.port))])
        };
        timeout(Duration::from_secs(5), upstream.refresh(look_up)).await.expect("none waits for another");
        assert_eq!(ports(&upstream, Timestamp::from_millis(0), 3), [1, 2, 3], "in the order of the configuration");
    }

    #[test]
    fn a_name_keeps_its_id_and_nobody_else_gets_it() {
        let mut ids = UpstreamIds::default();
        let (app, api) = (ids.of("app"), ids.of("api"));
        assert_ne!(app, api);
        assert_eq!((ids.of("api"), ids.of("app"), ids.of("new")), (api, app, 2));
    }
}
