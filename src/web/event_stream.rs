//! The list of sessions while somebody looks at it: an event stream of server-sent events (WHATWG HTML, 9.2) that tells when a
//! session was opened or has ended. It is no sign of life of the session that looks.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::time::sleep;

use super::{Error, RequestFailure, WebRequest, pages::sessions};
use crate::{clock::Stopwatch, id::SessionId};

/// Time between two looks at the list.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// A list that has not changed is sent again after this time, so that "2 minutes ago" stays true.
const REFRESH_INTERVAL: Duration = Duration::from_mins(1);
/// A comment goes out after this time without an event, so that a client that has gone is noticed.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// Most streams of one session at a time.
const MAX_PER_SESSION: usize = 4;
/// Most streams of this process at a time.
const MAX_STREAMS: usize = 1_024;

/// Counts the open streams.
#[derive(Clone, Debug, Default)]
pub(super) struct EventStreamLimiter(Arc<Mutex<HashMap<SessionId, usize>>>);

/// One open stream among [`LiveStreams`], until it is dropped.
#[derive(Debug)]
struct EventStreamPermit {
    limiter: EventStreamLimiter,
    session: SessionId,
}

/// The event stream of one open page.
pub struct SessionEventStream {
    request: WebRequest,
    /// The list as it was sent last.
    last_sent: Vec<SessionId>,
    /// Since an event was sent.
    since_event: Stopwatch,
    /// Since anything was sent.
    since_write: Stopwatch,
    _permit: EventStreamPermit,
}

/// What an event stream says next.
#[derive(Debug)]
pub enum StreamEvent {
    /// These bytes.
    Data(Bytes),
    /// Nothing has changed.
    NoChange,
    /// Nothing more: the session has ended, or nobody can tell whether it has.
    End,
}

impl EventStreamLimiter {
    fn acquire(&self, session: SessionId) -> Option<EventStreamPermit> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if open.values().sum::<usize>() >= MAX_STREAMS
            || open.get(&session).is_some_and(|count| *count >= MAX_PER_SESSION)
        {
            return None;
        }
        *open.entry(session).or_default() += 1;
        Some(EventStreamPermit { limiter: self.clone(), session })
    }
}

impl Drop for EventStreamPermit {
    fn drop(&mut self) {
        let mut open = self.limiter.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.session) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.session);
            }
        }
    }
}

impl SessionEventStream {
    /// The stream for whoever calls.
    ///
    /// # Errors
    /// [`Error::SignInRequired`] where nobody is signed in, [`Error::Overloaded`] where too many streams are open.
    pub(super) async fn open(request: WebRequest, limiter: &EventStreamLimiter) -> Result<Self, Error> {
        let me = request.require_principal()?;
        let open = limiter.acquire(me.session().id).ok_or(Error::Failed(RequestFailure::Overloaded))?;
        let shown = session_ids(&request).await?;
        let clock = &request.state().clock;
        let (event, sent) = (clock.stopwatch(), clock.stopwatch());
        Ok(Self { request, last_sent: shown, since_event: event, since_write: sent, _permit: open })
    }

    /// The first bytes: how long a browser waits before it connects again.
    #[must_use]
    pub const fn retry_field() -> Bytes {
        Bytes::from_static(b"retry: 5000\n\n")
    }

    /// Waits until the next look at the list, and says what it shows.
    pub async fn next(&mut self) -> StreamEvent {
        sleep(POLL_INTERVAL).await;
        self.poll().await.unwrap_or_else(|error| {
            error.log(self.request.request_id());
            StreamEvent::End
        })
    }

    async fn poll(&mut self) -> Result<StreamEvent, Error> {
        let now = session_ids(&self.request).await?;
        if !now.contains(&self.request.require_principal()?.session().id) {
            return Ok(StreamEvent::End);
        }
        let clock = &self.request.state().clock;
        if now != self.last_sent || self.since_event.elapsed() >= REFRESH_INTERVAL {
            let page = sessions::render_html(&self.request).await?;
            self.last_sent = now;
            (self.since_event, self.since_write) = (clock.stopwatch(), clock.stopwatch());
            return Ok(StreamEvent::Data(format_event("sessions", &page)));
        }
        if self.since_write.elapsed() >= KEEPALIVE_INTERVAL {
            self.since_write = clock.stopwatch();
            return Ok(StreamEvent::Data(Bytes::from_static(b":\n\n")));
        }
        Ok(StreamEvent::NoChange)
    }
}

/// The sessions of whoever calls, in the order of their ids: their activity alone is no change.
async fn session_ids(request: &WebRequest) -> Result<Vec<SessionId>, Error> {
    let me = request.require_principal()?;
    let list = request.state().sessions.list(me.subject.id, Some(me.session().id)).await?;
    let mut ids: Vec<_> = list.into_iter().map(|session| session.id).collect();
    ids.sort_unstable();
    Ok(ids)
}

/// An event: each line of its text in a field of its own.
fn format_event(name: &str, text: &str) -> Bytes {
    let mut event = format!("event: {name}\n");
    for line in text.lines() {
        event.push_str("data: ");
        event.push_str(line);
        event.push('\n');
    }
    event.push('\n');
    event.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::UserId;

    #[test]
    fn an_event_holds_each_line_of_its_text() {
        assert_eq!(format_event("sessions", "<p>\n\n</p>"), "event: sessions\ndata: <p>\ndata: \ndata: </p>\n\n");
    }

    #[test]
    fn a_session_has_few_streams_and_gets_new_ones_when_it_closes_some() {
        let streams = EventStreamLimiter::default();
        let session = SessionId::mint(UserId::mint());
        let mut open: Vec<_> = (0..MAX_PER_SESSION).map(|_| streams.acquire(session).unwrap()).collect();
        assert!(streams.acquire(session).is_none());
        assert!(streams.acquire(SessionId::mint(UserId::mint())).is_some(), "another's are not counted");
        open.pop();
        assert!(streams.acquire(session).is_some());
        drop(open);
        assert!(streams.0.lock().unwrap().is_empty());
    }
}
