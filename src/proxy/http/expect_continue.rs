//! `100 Continue` for a client that waits for it before it sends a body (RFC 9110, 10.1.1).
//!
//! The app is told of the expectation, and should answer it. Not every app does, though, and not every client stops waiting: where
//! neither sends anything for a moment, `100 Continue` is sent here.

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

/// State of `100 Continue` on a connection whose client waits for it.
#[derive(Debug, Default)]
pub(super) enum ContinueState {
    /// Nothing was read yet, and nothing written.
    #[default]
    Idle,
    /// The body is waited for, and so is the app.
    Waiting(Pin<Box<Sleep>>),
    /// So many bytes of `100 Continue` are written.
    Writing(usize),
    /// All of it is written, and is flushed.
    Flushing,
    /// The body comes, or a response is sent.
    Done,
}

impl ContinueState {
    /// Waits for the delay, then sends `100 Continue`.
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

    /// Lets a response begin: behind `100 Continue`, where that has begun, and else instead of it.
    pub(super) fn poll_before_response(
        &mut self,
        stream: &mut Stream,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        self.body_started();
        self.poll_continue(stream, context)
    }

    /// Records that the body comes by itself: `100 Continue` is not sent any more, where it has not begun.
    pub(super) fn body_started(&mut self) {
        if matches!(self, Self::Idle | Self::Waiting(_)) {
            *self = Self::Done;
        }
    }
}
