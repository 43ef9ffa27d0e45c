//! The list of sessions while somebody looks at it: an event stream of server-sent events (WHATWG HTML, 9.2) that tells when a
//! session was opened or has ended. It is no sign of life of the session that looks.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::time::sleep;

use super::{Call, Error, pages::sessions};
use crate::{clock::Stopwatch, id::SessionId};

/// Time between two looks at the list.
const LOOK: Duration = Duration::from_secs(2);
/// A list that has not changed is sent again after this time, so that "2 minutes ago" stays true.
const REFRESH: Duration = Duration::from_mins(1);
/// A comment goes out after this time without an event, so that a client that has gone is noticed.
const COMMENT: Duration = Duration::from_secs(15);
/// Most streams of one session at a time.
const MOST_EACH: usize = 4;
/// Most streams of this process at a time.
const MOST: usize = 1_024;

/// Counts the open streams.
#[derive(Clone, Debug, Default)]
pub(super) struct LiveStreams(Arc<Mutex<HashMap<SessionId, usize>>>);

/// One open stream among [`LiveStreams`], until it is dropped.
#[derive(Debug)]
struct LiveStream {
    all: LiveStreams,
    session: SessionId,
}

/// The event stream of one open page.
pub struct LiveSessions {
    call: Call,
    /// The list as it was sent last.
    shown: Vec<SessionId>,
    /// Since an event was sent.
    event: Stopwatch,
    /// Since anything was sent.
    sent: Stopwatch,
    _open: LiveStream,
}

/// What an event stream says next.
#[derive(Debug)]
pub enum LiveEvent {
    /// These bytes.
    Say(Bytes),
    /// Nothing has changed.
    Quiet,
    /// Nothing more: the session has ended, or nobody can tell whether it has.
    End,
}

impl LiveStreams {
    fn open(&self, session: SessionId) -> Option<LiveStream> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if open.values().sum::<usize>() >= MOST || open.get(&session).is_some_and(|count| *count >= MOST_EACH) {
            return None;
        }
        *open.entry(session).or_default() += 1;
        Some(LiveStream { all: self.clone(), session })
    }
}

impl Drop for LiveStream {
    fn drop(&mut self) {
        let mut open = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.session) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.session);
            }
        }
    }
}

impl LiveSessions {
    /// The stream for whoever calls.
    ///
    /// # Errors
    /// [`Error::SignInRequired`] where nobody is signed in, [`Error::Overloaded`] where too many streams are open.
    pub(super) async fn open(call: Call, streams: &LiveStreams) -> Result<Self, Error> {
        let me = call.me()?;
        let open = streams.open(me.session).ok_or(Error::Overloaded)?;
        let shown = ids(&call).await?;
        let clock = &call.desk().clock;
        let (event, sent) = (clock.stopwatch(), clock.stopwatch());
        Ok(Self { call, shown, event, sent, _open: open })
    }

    /// The first bytes: how long a browser waits before it connects again.
    #[must_use]
    pub const fn greeting() -> Bytes {
        Bytes::from_static(b"retry: 5000\n\n")
    }

    /// Waits until the next look at the list, and says what it shows.
    pub async fn next(&mut self) -> LiveEvent {
        sleep(LOOK).await;
        self.look().await.unwrap_or(LiveEvent::End)
    }

    async fn look(&mut self) -> Result<LiveEvent, Error> {
        let now = ids(&self.call).await?;
        if !now.contains(&self.call.me()?.session) {
            return Ok(LiveEvent::End);
        }
        let clock = &self.call.desk().clock;
        if now != self.shown || self.event.elapsed() >= REFRESH {
            let page = sessions::html(&self.call).await?;
            self.shown = now;
            (self.event, self.sent) = (clock.stopwatch(), clock.stopwatch());
            return Ok(LiveEvent::Say(event("sessions", &page)));
        }
        if self.sent.elapsed() >= COMMENT {
            self.sent = clock.stopwatch();
            return Ok(LiveEvent::Say(Bytes::from_static(b":\n\n")));
        }
        Ok(LiveEvent::Quiet)
    }
}

/// The sessions of whoever calls, in the order of their ids: their activity alone is no change.
async fn ids(call: &Call) -> Result<Vec<SessionId>, Error> {
    let me = call.me()?;
    let list = call.desk().sessions.list(me.owner.id, Some(me.session)).await?;
    let mut ids: Vec<_> = list.into_iter().map(|session| session.id).collect();
    ids.sort_unstable();
    Ok(ids)
}

/// An event: each line of its text in a field of its own.
fn event(name: &str, text: &str) -> Bytes {
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
        assert_eq!(event("sessions", "<p>\n\n</p>"), "event: sessions\ndata: <p>\ndata: \ndata: </p>\n\n");
    }

    #[test]
    fn a_session_has_few_streams_and_gets_new_ones_when_it_closes_some() {
        let streams = LiveStreams::default();
        let session = SessionId::mint(UserId::mint());
        let mut open: Vec<_> = (0..MOST_EACH).map(|_| streams.open(session).unwrap()).collect();
        assert!(streams.open(session).is_none());
        assert!(streams.open(SessionId::mint(UserId::mint())).is_some(), "another's are not counted");
        open.pop();
        assert!(streams.open(session).is_some());
        drop(open);
        assert!(streams.0.lock().unwrap().is_empty());
    }
}
