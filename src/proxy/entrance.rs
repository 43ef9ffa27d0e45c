//! What stands before the first request of a connection.

use std::{fmt, sync::Arc, time::Duration};

use pingora::protocols::Stream;

use super::{Tls, head::Fault};

/// How clients come in at a listener.
#[derive(Clone, Default)]
pub struct Entrance {
    tls: Option<Arc<Tls>>,
}

impl Entrance {
    /// Without anything in front of HTTP.
    #[must_use]
    pub fn plain() -> Self {
        Self::default()
    }

    /// Over TLS.
    #[must_use]
    pub fn over(mut self, tls: Option<Arc<Tls>>) -> Self {
        self.tls = tls;
        self
    }

    /// Lets a connection in, or says why it is not served; with the connection where that can be told to the client.
    pub(super) async fn admit(&self, stream: Stream, within: Duration) -> Result<Stream, (Fault, Option<Stream>)> {
        match &self.tls {
            Some(tls) => tls.shake_hands(stream, within).await,
            None => Ok(stream),
        }
    }
}

impl fmt::Debug for Entrance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entrance").field("tls", &self.tls.is_some()).finish()
    }
}
