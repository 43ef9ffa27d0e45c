//! Expectation of a client that waits for leave to send its body (RFC 9110, 10.1.1).
//!
//! It is the app's to give, and the app is told of it. Not every app does, though, and not every client stops waiting: where
//! neither says anything for a moment, leave is given here.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use pingora::protocols::Stream;
use tokio::{
    io::AsyncWrite as _,
    time::{Sleep, sleep_until},
};

use crate::clock::Clock;

/// Longest silence of the app, from when the body is waited for.
const CONTINUE_DELAY: Duration = Duration::from_secs(1);
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Leave to send, on a connection whose client waits for it.
#[derive(Debug, Default)]
pub(super) enum ContinueState {
    /// Nothing was read yet, and nothing written.
    #[default]
    Idle,
    /// The body is waited for, and so is the app.
    Waiting(Pin<Box<Sleep>>),
    /// So many bytes of our leave are written.
    Writing(usize),
    /// All of it is, and on its way.
    Flushing,
    /// The body comes, or an answer goes.
    Done,
}

impl ContinueState {
    /// Waits until it is time, and gives leave.
    pub(super) fn poll_continue(&mut self, stream: &mut Stream, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            *self = match self {
                Self::Idle => Self::Waiting(Box::pin(sleep_until(Clock::deadline(CONTINUE_DELAY)))),
                Self::Waiting(silence) => {
                    ready!(silence.as_mut().poll(context));
                    Self::Writing(0)
                }
                Self::Writing(written) if *written == CONTINUE.len() => Self::Flushing,
                Self::Writing(written) => {
                    match ready!(Pin::new(&mut *stream).poll_write(context, &CONTINUE[*written..]))? {
                        0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                        more => Self::Writing(*written + more),
                    }
                }
                Self::Flushing => {
                    ready!(Pin::new(&mut *stream).poll_flush(context))?;
                    Self::Done
                }
                Self::Done => return Poll::Ready(Ok(())),
            };
        }
    }

    /// An answer begins: behind our leave, where that has begun, and else instead of it.
    pub(super) fn poll_before_response(
        &mut self,
        stream: &mut Stream,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        self.body_started();
        self.poll_continue(stream, context)
    }

    /// The body comes by itself: leave is not given any more, where it has not begun to be.
    pub(super) fn body_started(&mut self) {
        if matches!(self, Self::Idle | Self::Waiting(_)) {
            *self = Self::Done;
        }
    }
}
