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

use super::{Line, head::IN_TOKEN};
use crate::{
    gate::{Decision, Judged},
    id::SessionId,
};

/// Error of a pooled connection that is not used again.
pub(super) const SPENT: ErrorType = ErrorType::new("a connection that somebody signed in on");

/// Schemes that sign a connection in.
const SCHEMES: [&[u8]; 5] = [b"ntlm", b"negotiate", b"kerberos", b"nego2", b"gss-negotiate"];
static PERSISTENT_AUTH: HeaderName = HeaderName::from_static("persistent-auth");

/// Next key of the pool that nobody has. 0 is everybody's.
static NEXT_KEY: AtomicU64 = AtomicU64::new(1);

/// Whether a request signs its connection to the app in.
pub(super) fn is_asked_for(request: &HeaderMap) -> bool {
    name_a_scheme(request, &header::AUTHORIZATION) || name_a_scheme(request, &header::PROXY_AUTHORIZATION)
}

/// Whether an answer offers to sign its connection in, or says that it is.
pub(super) fn is_offered(answer: &HeaderMap) -> bool {
    name_a_scheme(answer, &header::WWW_AUTHENTICATE)
        || name_a_scheme(answer, &header::PROXY_AUTHENTICATE)
        || answer
            .get_all(&PERSISTENT_AUTH)
            .iter()
            .any(|value| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"true"))
}

fn name_a_scheme(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers.get_all(name).iter().any(names_a_scheme)
}

/// Each member of a list may begin a challenge (RFC 9110, 11.6.1).
fn names_a_scheme(value: &HeaderValue) -> bool {
    value.as_bytes().split(|byte| *byte == b',').any(|member| {
        let member = member.trim_ascii();
        let end = member.iter().position(|byte| !IN_TOKEN[usize::from(*byte)]).unwrap_or(member.len());
        let (scheme, rest) = member.split_at(end);
        rest.first().is_none_or(|next| matches!(next, b' ' | b'\t'))
            && SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme))
    })
}

/// Closes the private connections of sessions that this request is not of, where it shows who is calling.
pub(super) fn close_of_others(line: &Line, judged: &Judged) {
    match judged.decision() {
        // Public: it shows nobody.
        Decision::Forward(permit) if permit.session().is_none() => {}
        _ => line.private.close_where(|session| judged.session() != Some(session)),
    }
}

/// Lets nobody use a pooled connection again. The mark travels with its digest, in a place that only servers use.
pub(super) fn spend(connection: &SocketDigest) {
    // Set already: then it is marked.
    let _ = connection.original_dst.set(None);
}

/// Whether this connection must not be used again.
pub(super) fn is_spent(digest: Option<&Digest>) -> bool {
    let socket = digest.and_then(|digest| digest.socket_digest.as_ref());
    socket.is_some_and(|socket| socket.original_dst.get().is_some())
}

/// Makes a peer one to which a new connection is opened, which serves one request.
pub(super) fn connect_anew(peer: &mut HttpPeer) {
    peer.group_key = NEXT_KEY.fetch_add(1, Relaxed);
    peer.options.idle_timeout = Some(Duration::ZERO);
}

/// Private connections of one connection of a client. Closed when it is dropped.
#[derive(Debug, Default)]
pub(super) struct PrivateConnections {
    /// Whether there may be any: most clients never have one.
    any: AtomicBool,
    list: Mutex<Vec<PrivateConnection>>,
}

/// Whose a private connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Binding {
    /// None on public routes.
    pub(super) session: Option<SessionId>,
    /// Id of the upstream.
    pub(super) upstream: usize,
}

#[derive(Debug)]
struct PrivateConnection {
    binding: Binding,
    server: SocketAddr,
    key: u64,
    socket: Arc<Socket>,
}

impl PrivateConnections {
    /// The server on which there is a private connection for this.
    pub(super) fn server(&self, binding: Binding) -> Option<SocketAddr> {
        if !self.any.load(Relaxed) {
            return None;
        }
        lock(&self.list).iter().find(|one| one.binding == binding).map(|one| one.server)
    }

    /// Binds what follows of this session for this upstream to a private connection to this server; its key and its socket.
    pub(super) fn bind(&self, binding: Binding, server: SocketAddr) -> Bound {
        self.any.store(true, Relaxed);
        let mut list = lock(&self.list);
        // On another server it is another connection.
        list.retain(|one| one.binding != binding || one.server == server);
        if let Some(one) = list.iter().find(|one| one.binding == binding) {
            return Bound { key: one.key, socket: Arc::clone(&one.socket) };
        }
        let bound = Bound { key: NEXT_KEY.fetch_add(1, Relaxed), socket: Arc::default() };
        list.push(PrivateConnection { binding, server, key: bound.key, socket: Arc::clone(&bound.socket) });
        bound
    }

    /// Closes those of these sessions.
    pub(super) fn close_where(&self, ended: impl Fn(SessionId) -> bool) {
        if self.any.load(Relaxed) {
            lock(&self.list).retain(|one| !one.binding.session.is_some_and(&ended));
        }
    }

    /// Closes all.
    pub(super) fn close(&self) {
        if self.any.load(Relaxed) {
            lock(&self.list).clear();
        }
    }
}

/// A private connection for one request.
pub(super) struct Bound {
    key: u64,
    socket: Arc<Socket>,
}

impl Bound {
    /// Makes a peer one to which only this connection is used.
    pub(super) fn use_for(self, peer: &mut HttpPeer) {
        peer.group_key = self.key;
        // It lives as long as the connection of its client.
        peer.options.idle_timeout = None;
        let patience = peer.options.connection_timeout.unwrap_or(Duration::MAX);
        peer.options.custom_l4 = Some(Arc::new(Connector { socket: self.socket, patience }));
    }
}

impl Drop for PrivateConnection {
    fn drop(&mut self) {
        self.socket.close();
    }
}

/// Second handle to the socket of a private connection.
#[derive(Debug, Default)]
struct Socket(Mutex<Handle>);

#[derive(Debug, Default)]
struct Handle {
    is_closed: bool,
    socket: Option<TcpStream>,
}

impl Socket {
    /// Takes another handle to a new connection; the one before it is over.
    fn hold(&self, connection: &tokio::net::TcpStream) -> io::Result<()> {
        let mut handle = lock(&self.0);
        if handle.is_closed {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let socket = TcpStream::from(connection.as_fd().try_clone_to_owned()?);
        end(handle.socket.replace(socket));
        Ok(())
    }

    fn close(&self) {
        let mut handle = lock(&self.0);
        handle.is_closed = true;
        end(handle.socket.take());
    }
}

/// Ends a connection whoever else has a handle to it.
fn end(socket: Option<TcpStream>) {
    if let Some(socket) = socket {
        // Fails where it is over already.
        let _ = socket.shutdown(Shutdown::Both);
    }
}

/// Opens private connections.
#[derive(Debug)]
struct Connector {
    socket: Arc<Socket>,
    patience: Duration,
}

#[async_trait]
impl L4Connect for Connector {
    async fn connect(&self, server: &socket::SocketAddr) -> Result<Stream> {
        let address = server.as_inet().ok_or_else(|| Error::new(InternalError))?;
        let connecting = timeout(self.patience, ext::connect(address, None)).await;
        let connection = connecting.map_err(|_| Error::new(ConnectTimedout))??;
        self.socket.hold(&connection).or_err(InternalError, "a private connection that was closed meanwhile")?;
        Ok(connection.into())
    }
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
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
            is_asked_for(&headers)
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
            is_offered(&HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))]))
        };
        assert!(offered("www-authenticate", "Basic realm=\"x\", NTLM") && offered("proxy-authenticate", "negotiate"));
        assert!(offered("persistent-auth", " True") && !offered("persistent-auth", "false"));
        assert!(!offered("www-authenticate", "Digest realm=\"x\", qop=\"auth\""));
    }
}
