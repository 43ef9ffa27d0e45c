//! What stands before the first request of a connection: a seat, and TLS.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use pingora::protocols::Stream;

use super::{Limits, Room, Tls, head::Fault, room::Seat};

/// How clients come in at a listener.
#[derive(Clone)]
pub struct Entrance {
    /// What a connection may ask of us.
    pub(super) limits: Limits,
    room: Arc<Room>,
    tls: Option<Arc<Tls>>,
}

/// A connection that is let in.
pub(super) struct Admitted {
    pub(super) stream: Stream,
    /// For as long as the connection lives.
    pub(super) seat: Seat,
}

impl Entrance {
    /// Without anything in front of HTTP. Who finds no seat in `room` is cut at once.
    #[must_use]
    pub const fn new(limits: Limits, room: Arc<Room>) -> Self {
        Self { limits, room, tls: None }
    }

    /// Over TLS.
    #[must_use]
    pub fn over(mut self, tls: Option<Arc<Tls>>) -> Self {
        self.tls = tls;
        self
    }

    /// Lets a connection in, or says why it is not served; with the connection where that can be told to the client.
    pub(super) async fn admit(&self, stream: Stream) -> Result<Admitted, (Fault, Option<Stream>)> {
        let seat = self.room.seat(peer_of(&stream)).ok_or((Fault::Gone, None))?;
        let stream = match &self.tls {
            Some(tls) => tls.shake_hands(stream, self.limits.head_deadline).await?,
            None => stream,
        };
        Ok(Admitted { stream, seat })
    }
}

impl fmt::Debug for Entrance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entrance")
            .field("limits", &self.limits)
            .field("tls", &self.tls.is_some())
            .finish_non_exhaustive()
    }
}

fn peer_of(stream: &Stream) -> IpAddr {
    let peer = stream.get_socket_digest().and_then(|digest| digest.peer_addr()?.as_inet().map(SocketAddr::ip));
    peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}
