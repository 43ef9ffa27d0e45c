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
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep_until},
};

use super::same_connection::same_connection;
use crate::clock::Clock;

/// Longest silence of the app, from when the body is waited for.
const SILENCE: Duration = Duration::from_secs(1);
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A connection whose client waits for leave to send.
#[derive(Debug)]
pub(super) struct Expecting {
    stream: Stream,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nothing was read yet, and nothing written.
    Idle,
    /// The body is waited for, and so is the app.
    Waiting(Pin<Box<Sleep>>),
    /// So many bytes of our leave are written.
    Saying(usize),
    /// All of it is, and on its way.
    Flushing,
    /// The body comes, or an answer goes.
    Over,
}

impl Expecting {
    /// Gives leave on `stream` where nobody else does.
    pub(super) fn over(stream: Stream) -> Stream {
        Box::new(Self { stream, state: State::Idle })
    }

    /// The connection itself, after the request.
    pub(super) fn taken_off(stream: Stream) -> Option<Stream> {
        Some(stream.into_any().downcast::<Self>().ok()?.stream)
    }

    const fn inner(&self) -> &Stream {
        &self.stream
    }

    const fn inner_mut(&mut self) -> &mut Stream {
        &mut self.stream
    }

    /// Waits until it is time, and gives leave.
    fn poll_leave(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            self.state = match &mut self.state {
                State::Idle => State::Waiting(Box::pin(sleep_until(Clock::deadline(SILENCE)))),
                State::Waiting(silence) => {
                    ready!(silence.as_mut().poll(context));
                    State::Saying(0)
                }
                State::Saying(said) if *said == CONTINUE.len() => State::Flushing,
                State::Saying(said) => {
                    match ready!(Pin::new(&mut self.stream).poll_write(context, &CONTINUE[*said..]))? {
                        0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                        more => State::Saying(*said + more),
                    }
                }
                State::Flushing => {
                    ready!(Pin::new(&mut self.stream).poll_flush(context))?;
                    State::Over
                }
                State::Over => return Poll::Ready(Ok(())),
            };
        }
    }

    /// An answer begins: behind our leave, where that has begun, and else instead of it.
    fn poll_answer(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if matches!(self.state, State::Idle | State::Waiting(_)) {
            self.state = State::Over;
        }
        self.poll_leave(context)
    }
}

impl AsyncRead for Expecting {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let come = Pin::new(&mut self.stream).poll_read(context, into);
        if come.is_pending() {
            // Nothing has come, and whoever reads is woken for that: our leave goes out beside it.
            if let Poll::Ready(Err(error)) = self.poll_leave(context) {
                return Poll::Ready(Err(error));
            }
        } else if matches!(self.state, State::Idle | State::Waiting(_)) {
            self.state = State::Over;
        }
        come
    }
}

impl AsyncWrite for Expecting {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_answer(context))?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_answer(context))?;
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

same_connection!(Expecting);
