//! Upstreams: the apps, and the endpoints of their servers, resolved beforehand and taken in turn.
//!
//! An endpoint that refused a connection is passed over for a short while. An upstream has an id that is its own for the life
//! of the process ([`UpstreamIds`]), so that a request that was decided before a reload cannot reach another app after it.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use futures_util::future::join_all;
use pingora::upstreams::peer::HttpPeer;
use tokio::{net::lookup_host, time::timeout};

use crate::{
    clock::Timestamp, gate::cookie::ForgetOn, identity_headers::IdentityEncoding, proxy::forward::endpoint::Endpoint,
};

/// Longest look-up of a host. A resolver that is silent must hold up neither the start nor a reload.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(2);
/// Ids of upstreams by name: the same one for the same name, and never another's.
#[derive(Debug, Default)]
pub struct UpstreamIds(HashMap<String, usize>);

impl UpstreamIds {
    /// Id of this name.
    pub fn id_for(&mut self, name: &str) -> usize {
        let next = self.0.len();
        *self.0.entry(name.to_owned()).or_insert(next)
    }
}

/// Upstream as configured.
#[derive(Clone, Debug)]
pub struct UpstreamSpec {
    /// Id from [`UpstreamIds`], which routes refer to.
    pub id: usize,
    /// Name in the configuration.
    pub name: String,
    /// Servers, at least one.
    pub servers: Vec<HostPort>,
    /// Longest time to connect.
    pub connect_timeout: Duration,
    /// Longest silence of the app, before its response and in it.
    pub read_timeout: Duration,
    /// Occasions on which the cookies of the app are taken from a browser.
    pub forget_on: ForgetOn,
    /// Encoding of the values of identity headers.
    pub identity_encoding: IdentityEncoding,
}

/// Server of an upstream, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// Name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// All upstreams; replaced as a whole when the configuration is read again.
#[derive(Debug, Default)]
pub struct Upstreams {
    current: HashMap<usize, Arc<Upstream>>,
    /// Upstreams of the configuration before this one that are gone from it.
    former: HashMap<usize, Arc<Upstream>>,
}

impl Upstreams {
    /// Resolves upstreams. A host that cannot be resolved is tried again by [`Upstreams::refresh`].
    pub async fn resolve(specs: Vec<UpstreamSpec>) -> Self {
        Self::resolve_reusing(&Self::default(), specs).await
    }

    /// Resolves upstreams that replace `earlier` ones. Of a server that is in both are kept its addresses, where its host cannot be
    /// resolved just now, and that it refused lately.
    pub async fn resolve_reusing(earlier: &Self, specs: Vec<UpstreamSpec>) -> Self {
        let upstream = |spec: UpstreamSpec| {
            let known =
                earlier.current.get(&spec.id).map(|upstream| upstream.known_endpoints(&spec)).unwrap_or_default();
            (
                spec.id,
                Arc::new(Upstream { spec, endpoints: ArcSwap::from_pointee(known), round_robin: AtomicUsize::new(0) }),
            )
        };
        let this = Self { current: specs.into_iter().map(upstream).collect(), former: HashMap::new() };
        this.refresh().await;
        this
    }

    /// Resolves all hosts again, all at once, but for those that are gone from the configuration. A host that cannot be resolved
    /// keeps its addresses.
    pub async fn refresh(&self) {
        join_all(self.current.values().map(|upstream| upstream.refresh(resolve_host))).await;
    }

    /// Keeps the upstreams of `earlier`, the configuration before, that are gone: a request that was decided before a reload still
    /// reaches its app after it. Those that were gone in `earlier` already are forgotten.
    #[must_use]
    pub fn keep_former(mut self, earlier: &Self) -> Self {
        let gone = earlier.current.iter().filter(|(id, _)| !self.current.contains_key(id));
        self.former = gone.map(|(id, upstream)| (*id, Arc::clone(upstream))).collect();
        self
    }

    /// Upstream with this id.
    #[must_use]
    pub fn get(&self, id: usize) -> Option<Arc<Upstream>> {
        self.current.get(&id).or_else(|| self.former.get(&id)).cloned()
    }
}

/// Upstream: an app, and the endpoints of its servers.
#[derive(Debug)]
pub struct Upstream {
    spec: UpstreamSpec,
    endpoints: ArcSwap<Vec<Endpoint>>,
    round_robin: AtomicUsize,
}

impl Upstream {
    /// Occasions on which the cookies of the app are taken from a browser.
    pub(super) const fn forget_on(&self) -> ForgetOn {
        self.spec.forget_on
    }

    /// Encoding of the values of identity headers.
    pub(super) const fn identity_encoding(&self) -> IdentityEncoding {
        self.spec.identity_encoding
    }

    /// Name in the configuration.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// Longest silence of the app, where its route says nothing.
    pub(super) const fn read_timeout(&self) -> Duration {
        self.spec.read_timeout
    }

    /// Next endpoint that is not among `tried`; those that refused lately come last.
    pub(super) fn next_endpoint(&self, tried: &[SocketAddr], now: Timestamp) -> Option<(SocketAddr, Box<HttpPeer>)> {
        let endpoints = self.endpoints.load();
        let first = self.round_robin.fetch_add(1, Ordering::Relaxed);
        let mut untried = (0..endpoints.len())
            .map(|step| &endpoints[first.wrapping_add(step) % endpoints.len()])
            .filter(|endpoint| endpoint.address().is_some_and(|address| !tried.contains(&address)));
        let up = untried.clone().find(|endpoint| !endpoint.is_passed_over(now));
        let chosen = up.or_else(|| untried.next())?;
        let peer = chosen.peer();
        chosen.address().map(|address| (address, peer))
    }

    /// Peer of the endpoint at this address, while there is one.
    pub(super) fn endpoint_at(&self, at: SocketAddr) -> Option<Box<HttpPeer>> {
        let endpoints = self.endpoints.load();
        endpoints.iter().find(|endpoint| endpoint.address() == Some(at)).map(Endpoint::peer)
    }

    /// Records that the last endpoint of `tried` refused a connection. Whether there is another one to try.
    pub(super) fn mark_refused(&self, tried: &[SocketAddr], now: Timestamp) -> bool {
        let endpoints = self.endpoints.load();
        let last = tried.last();
        for endpoint in endpoints.iter().filter(|endpoint| endpoint.address().as_ref() == last) {
            endpoint.mark_refused(now);
        }
        endpoints.iter().any(|endpoint| endpoint.address().is_some_and(|address| !tried.contains(&address)))
    }

    async fn refresh<L>(&self, look_up: impl Fn(HostPort) -> L)
    where
        L: Future<Output = io::Result<Vec<SocketAddr>>>,
    {
        let lookups = join_all(self.spec.servers.iter().cloned().map(look_up)).await;
        let before = self.endpoints.load_full();
        let mut endpoints = Vec::new();
        for (index, (address, lookup)) in self.spec.servers.iter().zip(lookups).enumerate() {
            let found = match lookup {
                Ok(found) => found,
                Err(error) => {
                    tracing::warn!(
                        upstream = self.spec.name,
                        host = address.host,
                        %error,
                        "Upstream host lookup failed: its addresses stay as they were"
                    );
                    before
                        .iter()
                        .filter(|endpoint| endpoint.spec_index() == index)
                        .filter_map(Endpoint::address)
                        .collect()
                }
            };
            endpoints.extend(found.into_iter().map(|at| Endpoint::new(at, index, &self.spec, &before)));
        }
        self.endpoints.store(Arc::new(endpoints));
    }

    /// Known endpoints of the servers of `spec`, with their indexes in it.
    fn known_endpoints(&self, spec: &UpstreamSpec) -> Vec<Endpoint> {
        let before = self.endpoints.load();
        let at_place = |(index, address): (usize, &HostPort)| {
            let same = |endpoint: &&Endpoint| self.spec.servers.get(endpoint.spec_index()) == Some(address);
            let known: Vec<_> = before.iter().filter(same).filter_map(Endpoint::address).collect();
            known.into_iter().map(|at| Endpoint::new(at, index, spec, &before)).collect::<Vec<_>>()
        };
        spec.servers.iter().enumerate().flat_map(at_place).collect()
    }
}

async fn resolve_host(address: HostPort) -> io::Result<Vec<SocketAddr>> {
    let found: Vec<_> = timeout(LOOKUP_TIMEOUT, lookup_host((address.host.as_str(), address.port))).await??.collect();
    if found.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::forward::endpoint::REFUSED_BACKOFF;

    fn server(host: &str, port: u16) -> HostPort {
        HostPort { host: host.into(), port }
    }

    fn plan(id: usize, endpoints: Vec<HostPort>) -> UpstreamSpec {
        let second = Duration::from_secs(1);
        UpstreamSpec {
            id,
            name: "app".into(),
            servers: endpoints,
            connect_timeout: second,
            read_timeout: second,
            forget_on: ForgetOn::ALWAYS,
            identity_encoding: IdentityEncoding::Utf8,
        }
    }

    async fn upstream(ports: &[u16]) -> Arc<Upstream> {
        let endpoints = ports.iter().map(|port| server("127.0.0.1", *port)).collect();
        Upstreams::resolve(vec![plan(7, endpoints)]).await.get(7).unwrap()
    }

    fn ports(upstream: &Upstream, now: Timestamp, times: usize) -> Vec<u16> {
        (0..times).map(|_| upstream.next_endpoint(&[], now).unwrap().0.port()).collect()
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
        let (first, _) = upstream.next_endpoint(&[], now).unwrap();
        assert!(upstream.mark_refused(&[first], now));
        assert_eq!(ports(&upstream, now, 4), [2, 2, 2, 2]);
        assert_eq!(upstream.next_endpoint(&[first], now).unwrap().0.port(), 2);
        upstream.refresh(resolve_host).await;
        assert_eq!(ports(&upstream, now, 2), [2, 2], "a look-up does not forget it");
        assert!(ports(&upstream, now.plus(REFUSED_BACKOFF), 4).contains(&1));
    }

    #[tokio::test]
    async fn where_all_refused_one_is_tried_all_the_same() {
        let upstream = upstream(&[1]).await;
        let now = Timestamp::from_millis(0);
        let (only, _) = upstream.next_endpoint(&[], now).unwrap();
        assert!(!upstream.mark_refused(&[only], now));
        assert_eq!(ports(&upstream, now, 1), [1]);
        assert!(upstream.next_endpoint(&[only], now).is_none());
    }

    #[tokio::test]
    async fn what_a_reload_removes_is_kept_until_the_next_one() {
        let only = async |id| Upstreams::resolve(vec![plan(id, vec![server("127.0.0.1", 1)])]).await;
        let second = only(2).await.keep_former(&only(1).await);
        assert!(second.get(1).is_some() && second.get(2).is_some());
        let third = only(3).await.keep_former(&second);
        assert!(third.get(1).is_none() && third.get(2).is_some() && third.get(3).is_some());
    }

    #[tokio::test]
    async fn each_name_that_cannot_be_looked_up_keeps_its_addresses() {
        // No name has an empty label: no resolver is asked.
        let spec = plan(7, vec![server("127.0.0.1", 1), server("no..name", 2)]);
        let known = |index, port| Endpoint::new(SocketAddr::from(([127, 0, 0, 1], port)), index, &spec, &[]);
        let endpoints = ArcSwap::from_pointee(vec![known(0, 9), known(1, 2)]);
        let upstream = Upstream { spec: spec.clone(), endpoints, round_robin: AtomicUsize::new(0) };
        upstream.refresh(resolve_host).await;
        assert_eq!(ports(&upstream, Timestamp::from_millis(0), 2), [1, 2]);
    }

    #[tokio::test]
    async fn a_reload_keeps_what_is_known_of_a_server_and_forgets_what_has_left() {
        let known = |index, port, spec: &UpstreamSpec| {
            Endpoint::new(SocketAddr::from(([127, 0, 0, 1], port)), index, spec, &[])
        };
        // No name has an empty label: no resolver is asked.
        let (app, gone) = (server("no..app", 2), server("no..gone", 3));
        let before = plan(7, vec![gone.clone(), app.clone()]);
        let endpoints = vec![known(0, 3, &before), known(1, 2, &before)];
        let upstream =
            Upstream { spec: before, endpoints: ArcSwap::from_pointee(endpoints), round_robin: AtomicUsize::new(0) };
        let now = Timestamp::from_millis(1_000);
        upstream.mark_refused(&[SocketAddr::from(([127, 0, 0, 1], 2))], now);
        let earlier = Upstreams { current: HashMap::from([(7, Arc::new(upstream))]), former: HashMap::new() };

        let after = plan(7, vec![app, server("127.0.0.1", 1)]);
        let later = Upstreams::resolve_reusing(&earlier, vec![after]).await;
        let upstream = later.get(7).unwrap();
        assert_eq!(ports(&upstream, now, 2), [1, 1], "a reload does not forget who refused");
        let mut all = ports(&upstream, now.plus(REFUSED_BACKOFF), 2);
        all.sort_unstable();
        assert_eq!(all, [1, 2]);

        let other = Upstreams::resolve_reusing(&earlier, vec![plan(8, vec![gone])]).await;
        assert!(other.get(8).unwrap().next_endpoint(&[], now).is_none(), "what is known is another app's");
    }

    #[tokio::test]
    async fn names_are_looked_up_all_at_once() {
        let names = vec![server("a", 1), server("b", 2), server("c", 3)];
        let all = tokio::sync::Barrier::new(names.len());
        let upstream =
            Upstream { spec: plan(7, names), endpoints: ArcSwap::default(), round_robin: AtomicUsize::new(0) };
        let look_up = async |address: HostPort| {
            all.wait().await;
            Ok(vec![SocketAddr::from(([127, 0, 0, 1], address.port))])
        };
        timeout(Duration::from_secs(5), upstream.refresh(look_up)).await.expect("none waits for another");
        assert_eq!(ports(&upstream, Timestamp::from_millis(0), 3), [1, 2, 3], "in the order of the configuration");
    }

    #[test]
    fn a_name_keeps_its_id_and_nobody_else_gets_it() {
        let mut ids = UpstreamIds::default();
        let (app, api) = (ids.id_for("app"), ids.id_for("api"));
        assert_ne!(app, api);
        assert_eq!((ids.id_for("api"), ids.id_for("app"), ids.id_for("new")), (api, app, 2));
    }
}
