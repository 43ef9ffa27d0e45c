//! Private connections to apps, for sign-ins that hold for a connection and not for a request: NTLM, Negotiate, Kerberos
//! (RFC 4559, 6).
//!
//! Whoever uses such a connection is whoever signed in on it. So it is lent to nobody else: it belongs to one connection of
//! a client, one session and one server, and is closed with the first of them that ends. Two things hold that. It has a
//! place of its own in Pingora's pool, by a key that is used once; and what keeps it can close it wherever it is, by a second
//! handle to its socket. A pooled connection on which such a sign-in was offered is not used again.

use std::{
    io,
    net::{Shutdown, SocketAddr, TcpStream},
    os::fd::AsFd as _,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use pingora::{
    Error,
    ErrorType::{self, ConnectTimedout, InternalError},
    OrErr as _, Result,
    connectors::L4Connect,
    protocols::{
        Digest, SocketDigest,
        l4::{ext, socket, stream::Stream},
    },
    upstreams::peer::HttpPeer,
};
use tokio::time::timeout;

use super::{InFlightSlot, request_head::IS_TOKEN_BYTE};
use crate::{gate::Decision, id::SessionId};

/// Error of a pooled connection that is not used again.
pub(super) const NOT_REUSABLE: ErrorType = ErrorType::new("a connection that somebody signed in on");

/// Schemes that sign a connection in.
const CONNECTION_AUTH_SCHEMES: [&[u8]; 5] = [b"ntlm", b"negotiate", b"kerberos", b"nego2", b"gss-negotiate"];
static PERSISTENT_AUTH: HeaderName = HeaderName::from_static("persistent-auth");

/// Next key of the pool that nobody has. 0 is everybody's.
static NEXT_KEY: AtomicU64 = AtomicU64::new(1);

/// Whether a request signs its connection to the app in.
pub(super) fn has_connection_auth(request: &HeaderMap) -> bool {
    any_names_scheme(request, &header::AUTHORIZATION) || any_names_scheme(request, &header::PROXY_AUTHORIZATION)
}

/// Whether an answer offers to sign its connection in, or says that it is.
pub(super) fn offers_connection_auth(response: &HeaderMap) -> bool {
    any_names_scheme(response, &header::WWW_AUTHENTICATE)
        || any_names_scheme(response, &header::PROXY_AUTHENTICATE)
        || response
            .get_all(&PERSISTENT_AUTH)
            .iter()
            .any(|value| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"true"))
}

fn any_names_scheme(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers.get_all(name).iter().any(names_scheme)
}

/// Each member of a list may begin a challenge (RFC 9110, 11.6.1).
fn names_scheme(value: &HeaderValue) -> bool {
    value.as_bytes().split(|byte| *byte == b',').any(|member| {
        let member = member.trim_ascii();
        let end = member.iter().position(|byte| !IS_TOKEN_BYTE[usize::from(*byte)]).unwrap_or(member.len());
        let (scheme, rest) = member.split_at(end);
        rest.first().is_none_or(|next| matches!(next, b' ' | b'\t'))
            && CONNECTION_AUTH_SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme))
    })
}

/// Closes the private connections of sessions that this request is not of, where it shows who is calling.
pub(super) fn close_for_other_sessions(slot: &InFlightSlot, decision: &Decision) {
    // Public: it shows nobody.
    if !decision.is_public() {
        let known = decision.session();
        slot.private_connections.close_where(|session| known != Some(session));
    }
}

/// Lets nobody use a pooled connection again. The mark travels with its digest, in a place that only servers use.
pub(super) fn mark_not_reusable(connection: &SocketDigest) {
    // Set already: then it is marked.
    let _ = connection.original_dst.set(None);
}

/// Whether this connection must not be used again.
pub(super) fn is_marked_not_reusable(digest: Option<&Digest>) -> bool {
    let socket = digest.and_then(|digest| digest.socket_digest.as_ref());
    socket.is_some_and(|socket| socket.original_dst.get().is_some())
}

/// Makes a peer one to which a new connection is opened, which serves one request.
pub(super) fn require_new_connection(peer: &mut HttpPeer) {
    peer.group_key = NEXT_KEY.fetch_add(1, Relaxed);
    peer.options.idle_timeout = Some(Duration::ZERO);
}

/// Private connections of one connection of a client. Closed when it is dropped.
#[derive(Debug, Default)]
pub(super) struct PrivateConnections {
    /// Whether there may be any: most clients never have one.
    may_have_any: AtomicBool,
    connections: Mutex<Vec<PrivateConnection>>,
}

/// Whose a private connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SessionBinding {
    /// None on public routes.
    pub(super) session: Option<SessionId>,
    /// Id of the upstream.
    pub(super) upstream: usize,
}

#[derive(Debug)]
struct PrivateConnection {
    binding: SessionBinding,
    endpoint: SocketAddr,
    key: u64,
    socket: Arc<SocketHandle>,
}

impl PrivateConnections {
    /// The server on which there is a private connection for this.
    pub(super) fn endpoint(&self, binding: SessionBinding) -> Option<SocketAddr> {
        if !self.may_have_any.load(Relaxed) {
            return None;
        }
        lock(&self.connections).iter().find(|one| one.binding == binding).map(|one| one.endpoint)
    }

    /// Binds what follows of this session for this upstream to a private connection to this server; its key and its socket.
    pub(super) fn bind(&self, binding: SessionBinding, endpoint: SocketAddr) -> BoundConnection {
        self.may_have_any.store(true, Relaxed);
        let mut list = lock(&self.connections);
        // On another server it is another connection.
        list.retain(|one| one.binding != binding || one.endpoint == endpoint);
        if let Some(one) = list.iter().find(|one| one.binding == binding) {
            return BoundConnection { key: one.key, socket: Arc::clone(&one.socket) };
        }
        let bound = BoundConnection { key: NEXT_KEY.fetch_add(1, Relaxed), socket: Arc::default() };
        list.push(PrivateConnection { binding, endpoint, key: bound.key, socket: Arc::clone(&bound.socket) });
        bound
    }

    /// Closes those of these sessions.
    pub(super) fn close_where(&self, ended: impl Fn(SessionId) -> bool) {
        if self.may_have_any.load(Relaxed) {
            lock(&self.connections).retain(|one| !one.binding.session.is_some_and(&ended));
        }
    }

    /// Closes all.
    pub(super) fn close(&self) {
        if self.may_have_any.load(Relaxed) {
            lock(&self.connections).clear();
        }
    }
}

/// A private connection for one request.
pub(super) struct BoundConnection {
    key: u64,
    socket: Arc<SocketHandle>,
}

impl BoundConnection {
    /// Makes a peer one to which only this connection is used.
    pub(super) fn apply_to(self, peer: &mut HttpPeer) {
        peer.group_key = self.key;
        // It lives as long as the connection of its client.
        peer.options.idle_timeout = None;
        let connect_timeout = peer.options.connection_timeout.unwrap_or(Duration::MAX);
        peer.options.custom_l4 = Some(Arc::new(PrivateConnector { socket: self.socket, connect_timeout }));
    }
}

impl Drop for PrivateConnection {
    fn drop(&mut self) {
        self.socket.close();
    }
}

/// Second handle to the socket of a private connection.
#[derive(Debug, Default)]
struct SocketHandle(Mutex<SocketState>);

#[derive(Debug, Default)]
struct SocketState {
    is_closed: bool,
    socket: Option<TcpStream>,
}

impl SocketHandle {
    /// Takes another handle to a new connection; the one before it is over.
    fn attach(&self, connection: &tokio::net::TcpStream) -> io::Result<()> {
        let mut handle = lock(&self.0);
        if handle.is_closed {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let socket = TcpStream::from(connection.as_fd().try_clone_to_owned()?);
        shut_down(handle.socket.replace(socket));
        Ok(())
    }

    fn close(&self) {
        let mut handle = lock(&self.0);
        handle.is_closed = true;
        shut_down(handle.socket.take());
    }
}

/// Ends a connection whoever else has a handle to it.
fn shut_down(socket: Option<TcpStream>) {
    if let Some(socket) = socket {
        // Fails where it is over already.
        let _ = socket.shutdown(Shutdown::Both);
    }
}

/// Opens private connections.
#[derive(Debug)]
struct PrivateConnector {
    socket: Arc<SocketHandle>,
    connect_timeout: Duration,
}

#[async_trait]
impl L4Connect for PrivateConnector {
    async fn connect(&self, endpoint: &socket::SocketAddr) -> Result<Stream> {
        let address = endpoint.as_inet().ok_or_else(|| Error::new(InternalError))?;
        let connecting = timeout(self.connect_timeout, ext::connect(address, None)).await;
        let connection = connecting.map_err(|_| Error::new(ConnectTimedout))??;
        self.socket.attach(&connection).or_err(InternalError, "a private connection that was closed meanwhile")?;
        Ok(connection.into())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_signed_in_by_some_schemes_however_they_are_written() {
        let asked = |lines: &[&'static str]| {
            let lines = lines.iter().map(|line| (header::AUTHORIZATION, HeaderValue::from_static(line)));
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(name, value);
            }
            has_connection_auth(&headers)
        };
        for lines in [
            &["NTLM TlRMTVNTUAAB"][..],
            &["ntlm"],
            &["nEgOtIaTe\tYII"],
            &["Kerberos x"],
            &["GSS-Negotiate x"],
            &["Basic YTpi, NTLM x"],
            &["Basic YTpi,Negotiate"],
            &["Basic YTpi", "Negotiate x"],
            &["  NTLM  x"],
        ] {
            assert!(asked(lines), "{lines:?}");
        }
        for lines in [
            &[][..],
            &["Basic YTpi"],
            &["Bearer ntlm"],
            &["Digest username=\"ntlm\", realm=x"],
            &["NTLMv9 x"],
            &["X-Negotiate x"],
            &["Digest ntlm=x, negotiate=\"y\""],
        ] {
            assert!(!asked(lines), "{lines:?}");
        }
        let offered = |name: &'static str, value| {
            offers_connection_auth(&HeaderMap::from_iter([(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )]))
        };
        assert!(offered("www-authenticate", "Basic realm=\"x\", NTLM") && offered("proxy-authenticate", "negotiate"));
        assert!(offered("persistent-auth", " True") && !offered("persistent-auth", "false"));
        assert!(!offered("www-authenticate", "Digest realm=\"x\", qop=\"auth\""));
    }
}
