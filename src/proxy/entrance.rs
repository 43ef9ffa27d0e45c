//! What stands before the first request of a connection: a seat, who brings it, and TLS.

use std::{fmt, sync::Arc};

use pingora::protocols::Stream;
use tokio::time::{Instant, timeout_at};

use super::{
    Limits, Room, Tls,
    head::Fault,
    introduction::{self, Unread, peer_of},
    room::{Reason, Seat},
};
use crate::{clock::Clock, visitor::TrustedProxies};

/// How clients come in at a listener.
#[derive(Clone)]
pub struct Entrance {
    /// What a connection may ask of us.
    pub(super) limits: Limits,
    room: Arc<Room>,
    introduced_by: Option<TrustedProxies>,
    tls: Option<Arc<Tls>>,
}

/// A connection that is let in.
pub(super) struct Admitted {
    pub(super) stream: Stream,
    /// For as long as the connection lives.
    pub(super) seat: Seat,
    /// When its first request must have come, whatever comes before that.
    pub(super) by: Instant,
}

/// Why a connection is not served; with it where that can be told to the client.
type Turned = (Fault, Option<Stream>);

const GONE: Turned = (Fault::Gone, None);

impl Entrance {
    /// Without anything in front of HTTP. Who finds no seat in `room` is cut at once.
    #[must_use]
    pub const fn new(limits: Limits, room: Arc<Room>) -> Self {
        Self { limits, room, introduced_by: None, tls: None }
    }

    /// By way of these alone, each of which says whom it brings (PROXY protocol).
    #[must_use]
    pub fn introduced_by(mut self, balancers: TrustedProxies) -> Self {
        self.introduced_by = Some(balancers);
        self
    }

    /// Over TLS.
    #[must_use]
    pub fn over(mut self, tls: Option<Arc<Tls>>) -> Self {
        self.tls = tls;
        self
    }

    /// Lets a connection in, within the time that a head may take, or says why it is not served.
    pub(super) async fn admit(&self, stream: Stream) -> Result<Admitted, Turned> {
        let peer = peer_of(&stream);
        let seat = self.room.seat(peer).ok_or(GONE)?;
        let by = Clock::deadline(self.limits.head_deadline);
        let (stream, seat) = if self.introduced_by.is_none() && self.tls.is_none() {
            (stream, seat)
        } else {
            timeout_at(by, self.receive(stream, seat)).await.unwrap_or(Err(GONE))?
        };
        Ok(Admitted { stream, seat, by })
    }

    async fn receive(&self, mut stream: Stream, mut seat: Seat) -> Result<(Stream, Seat), Turned> {
        let mut peer = peer_of(&stream);
        if let Some(balancers) = &self.introduced_by {
            let read = if balancers.trusts(peer) { introduction::read(&mut stream).await } else { Err(Unread::Wrong) };
            match read {
                Ok(Some(visitor)) => {
                    introduction::introduce(&mut stream, visitor);
                    peer = visitor.ip();
                    seat = self.room.seat(peer).ok_or(GONE)?;
                }
                Ok(None) => introduction::leave_unnamed(&mut stream, peer),
                Err(Unread::Silent) => return Err(GONE),
                Err(Unread::Wrong) => {
                    self.room.refuse(Reason::ProxyHeader, peer);
                    return Err(GONE);
                }
            }
        }
        if let Some(tls) = &self.tls {
            stream = tls.shake_hands(stream).await.inspect_err(|(fault, _)| {
                if *fault != Fault::Gone {
                    self.room.refuse(Reason::Tls, peer);
                }
            })?;
        }
        Ok((stream, seat))
    }
}

impl fmt::Debug for Entrance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entrance")
            .field("limits", &self.limits)
            .field("introduced_by", &self.introduced_by)
            .field("tls", &self.tls.is_some())
            .finish_non_exhaustive()
    }
}
