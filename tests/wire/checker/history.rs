//! What happened in a run, as its own clients, its own app and the operator's command line know it. Nothing in here is
//! taken from Portcullis' word but its answers.

use std::time::Duration;

/// A time of a run: how long after its beginning, by a clock that never goes back.
pub(crate) type Moment = Duration;

/// A run. A session, a request and a replica are named by their place in the list.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    pub(crate) replicas: usize,
    pub(crate) sessions: Vec<Session>,
    pub(crate) requests: Vec<Request>,
    pub(crate) seen: Vec<Seen>,
    pub(crate) acts: Vec<Act>,
    pub(crate) troubles: Vec<Trouble>,
    /// From when on nothing is out of order any more, and everything is looked at once again.
    pub(crate) recovered: Moment,
    /// The audit trail when everybody had stopped.
    pub(crate) trail: Vec<Line>,
    /// The audit trail a while later, when what was broken off has been told as well.
    pub(crate) later_trail: Vec<Line>,
}

/// A sign-in that was acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) user: String,
    pub(crate) id: String,
    pub(crate) asked: Moment,
    pub(crate) done: Moment,
}

/// A request to the app, sent once. Its place in the list is its mark.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Whose cookie it carried; none for a stranger.
    pub(crate) session: Option<usize>,
    pub(crate) replica: usize,
    pub(crate) begun: Moment,
    pub(crate) done: Moment,
    pub(crate) came: Came,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Came {
    /// The run ended before anything came.
    Pending,
    Answer {
        status: u16,
        retry_after: bool,
        /// The mark and the user that the app says it was asked with.
        echo: Option<(usize, String)>,
    },
    /// A connection that had served before was closed without a byte: the client asks again on another.
    KeptAliveClosed,
    /// Anything else that is no answer.
    Broken(String),
}

/// A request as it arrived at the app.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) request: usize,
    /// Every value of the identity header.
    pub(crate) user: String,
    pub(crate) at: Moment,
}

/// Something that somebody asked for.
#[derive(Clone, Debug)]
pub(crate) struct Act {
    pub(crate) what: What,
    /// Who was asked; none is the command line.
    pub(crate) replica: Option<usize>,
    pub(crate) asked: Moment,
    pub(crate) done: Moment,
    pub(crate) outcome: Outcome,
    /// Ids of the sessions that the answer says it has ended.
    pub(crate) listed: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum What {
    SignIn {
        user: String,
    },
    End {
        session: usize,
    },
    EndOthers {
        user: String,
        keep: usize,
    },
    EndAll {
        user: String,
    },
    EndEveryone,
    /// The store was emptied: every session is gone, and nobody has ended it.
    Lose,
    Disable {
        user: String,
    },
    Enable {
        user: String,
    },
}

/// How an act was answered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// It is done.
    Acknowledged,
    /// It is not done, and will not be.
    Refused(String),
    /// Either.
    Unknown(String),
}

/// A time in which a part was out of order by the will of the test.
#[derive(Clone, Debug)]
pub(crate) struct Trouble {
    /// Whose; none is everybody's.
    pub(crate) replica: Option<usize>,
    pub(crate) from: Moment,
    pub(crate) to: Moment,
}

/// A line of the audit trail.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) action: String,
    pub(crate) user: Option<String>,
    pub(crate) session: Option<String>,
}

impl What {
    /// Whether it is the end of this session, which was open when it was asked for.
    pub(crate) fn ends(&self, place: usize, session: &Session) -> bool {
        match self {
            Self::End { session } => *session == place,
            Self::EndOthers { user, keep } => *user == session.user && *keep != place,
            Self::EndAll { user } | Self::Disable { user } => *user == session.user,
            Self::EndEveryone | Self::Lose => true,
            Self::SignIn { .. } | Self::Enable { .. } => false,
        }
    }
}

impl Act {
    /// Whether this session is certainly ended once this was answered.
    pub(crate) fn has_ended(&self, place: usize, session: &Session) -> bool {
        let open_before = session.done <= self.asked || matches!(self.what, What::End { .. });
        self.outcome == Outcome::Acknowledged
            && (open_before && self.what.ends(place, session) || self.listed.contains(&session.id))
    }

    /// Whether this session may be ended by this. What nobody knows the outcome of may still happen later.
    pub(crate) fn may_have_ended(&self, place: usize, session: &Session) -> bool {
        let ends = self.what.ends(place, session) || self.listed.contains(&session.id);
        match self.outcome {
            Outcome::Refused(_) => false,
            Outcome::Acknowledged => ends && session.asked <= self.done,
            Outcome::Unknown(_) => ends,
        }
    }

    pub(crate) fn by(&self) -> String {
        self.replica.map_or_else(|| "the command line".to_owned(), |replica| format!("replica {replica}"))
    }
}

impl Trouble {
    /// Whether it may be felt by somebody who asked this replica (none: the command line) from then to then.
    pub(crate) fn covers(&self, replica: Option<usize>, begun: Moment, done: Moment) -> bool {
        let there = self.replica.is_none() || replica.is_none() || self.replica == replica;
        there && begun <= self.to && done >= self.from
    }
}

impl History {
    pub(crate) fn was_in_trouble(&self, replica: Option<usize>, begun: Moment, done: Moment) -> bool {
        self.troubles.iter().any(|trouble| trouble.covers(replica, begun, done))
    }

    /// What went on, in a line.
    pub(crate) fn summary(&self) -> String {
        let answered = |wanted: u16| {
            let is = |request: &&Request| matches!(request.came, Came::Answer { status, .. } if status == wanted);
            self.requests.iter().filter(is).count()
        };
        let acts = |wanted: fn(&Act) -> bool| self.acts.iter().filter(|act| wanted(act)).count();
        format!(
            "{} sessions; {} requests: {} let through, {} refused, {} put off, {} seen by the app; {} acts acknowledged, {} \
             unknown",
            self.sessions.len(),
            self.requests.len(),
            answered(200),
            answered(401),
            answered(503),
            self.seen.len(),
            acts(|act| act.outcome == Outcome::Acknowledged),
            acts(|act| matches!(act.outcome, Outcome::Unknown(_))),
        )
    }
}
