//! What is wrong with a run: the invariant of every fault run, rule by rule. An empty list is a good run.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use super::history::{Act, Came, History, Line, Moment, Outcome, Request, Session, What};

/// An end holds everywhere after so long.
const ELSEWHERE: Duration = Duration::from_secs(1);
/// A refusal because something is away comes within 1 s; the rest is for a machine that is busy with other tests.
const PROMPT: Duration = Duration::from_secs(2);
/// Who waited this long for a store with which nothing is wrong waited for a machine that is busy with other tests.
const BUSY: Duration = Duration::from_millis(500);
/// How much later than it arrived the app may write down when it was asked.
const JITTER: Duration = Duration::from_millis(300);

/// Everything that is wrong, in sentences.
pub(crate) fn verdict(history: &History) -> Vec<String> {
    let rules =
        [passes, resurrections, disabled, mixed_up, signed_out_for_nothing, answers, acts, untold, not_looked_at];
    rules.iter().flat_map(|rule| rule(history)).collect()
}

/// What is said of a session that was refused and passed later.
pub(super) const BACK_TO_LIFE: &str = "came back to life";

fn at(moment: Moment) -> String {
    format!("{:.3} s", moment.as_secs_f64())
}

fn named(session: &Session) -> String {
    format!("{}'s {}", session.user, session.id)
}

/// What arrived at the app, with the request that it was and the session whose cookie that carried.
fn arrivals(history: &History) -> impl Iterator<Item = (Moment, usize, &Request, usize, &Session)> {
    history.seen.iter().filter_map(|seen| {
        let request = history.requests.get(seen.request)?;
        let place = request.session?;
        Some((seen.at, seen.request, request, place, &history.sessions[place]))
    })
}

/// (a) Nothing reaches the app of a session that is ended: not later than 1 s, and not at all through the replica that
/// said so.
fn passes(history: &History) -> Vec<String> {
    let mut ends: HashMap<usize, Vec<&Act>> = HashMap::new();
    for act in &history.acts {
        let ended = history.sessions.iter().enumerate().filter(|(place, session)| act.has_ended(*place, session));
        ended.for_each(|(place, _)| ends.entry(place).or_default().push(act));
    }
    let mut wrong = Vec::new();
    for (seen, mark, request, place, session) in arrivals(history) {
        let late = |act: &&&Act| {
            let here = act.replica == Some(request.replica) && request.begun > act.done;
            here || seen > act.done + ELSEWHERE + JITTER
        };
        if let Some(act) = ends.get(&place).and_then(|acts| acts.iter().find(late)) {
            wrong.push(format!(
                "request {mark} of {} begun at {} through replica {} reached the app at {}, although {} had acknowledged its \
                 end at {}",
                named(session),
                at(request.begun),
                request.replica,
                at(seen),
                act.by(),
                at(act.done)
            ));
        }
    }
    wrong
}

/// (e) What was once refused never comes back to life, whatever became of an act that nobody knows the outcome of.
fn resurrections(history: &History) -> Vec<String> {
    let mut refused: HashMap<(usize, usize), Moment> = HashMap::new();
    for request in &history.requests {
        if let (Some(place), Came::Answer { status: 401, .. }) = (request.session, &request.came) {
            let first = refused.entry((place, request.replica)).or_insert(request.done);
            *first = request.done.min(*first);
        }
    }
    let mut wrong = Vec::new();
    for (seen, mark, request, place, session) in arrivals(history) {
        let dead = (0..history.replicas).find_map(|replica| {
            let grace = if replica == request.replica { Duration::ZERO } else { ELSEWHERE };
            let since = *refused.get(&(place, replica))?;
            (request.begun > since + grace).then_some((replica, since))
        });
        if let Some((replica, since)) = dead {
            wrong.push(format!(
                "{} {BACK_TO_LIFE}: replica {replica} refused it at {}, and request {mark} begun at {} through replica {} \
                 reached the app at {}",
                named(session),
                at(since),
                at(request.begun),
                request.replica,
                at(seen)
            ));
        }
    }
    wrong
}

/// From when to when a user was disabled without a doubt, for each disabling.
fn disabled_spans(history: &History) -> Vec<(&str, Moment, Moment)> {
    let disabled = history.acts.iter().filter_map(|act| match (&act.what, &act.outcome) {
        (What::Disable { user }, Outcome::Acknowledged) => Some((user.as_str(), act)),
        _ => None,
    });
    let spans = disabled.map(|(user, disabled)| {
        let enabled = history.acts.iter().filter(|act| {
            let later = match act.outcome {
                Outcome::Acknowledged => act.done >= disabled.asked,
                Outcome::Refused(_) => false,
                Outcome::Unknown(_) => true,
            };
            later && matches!(&act.what, What::Enable { user: whom } if whom == user)
        });
        let until = enabled.map(|act| act.asked).min().unwrap_or(Moment::MAX);
        (user, disabled.done, until)
    });
    spans.collect()
}

/// (c) Who is disabled gets nothing through, and does not sign in.
fn disabled(history: &History) -> Vec<String> {
    let spans = disabled_spans(history);
    let during = |user: &str, moment: Moment, grace: Duration| {
        spans.iter().find(|(whom, from, to)| *whom == user && moment > *from + grace && moment < *to)
    };
    let mut wrong = Vec::new();
    for (seen, mark, _, _, session) in arrivals(history) {
        if let Some((_, from, _)) = during(&session.user, seen, ELSEWHERE + JITTER) {
            wrong.push(format!(
                "request {mark} of {} reached the app at {}, although {} was disabled at {}",
                named(session),
                at(seen),
                session.user,
                at(*from)
            ));
        }
    }
    for session in &history.sessions {
        if let Some((_, from, to)) = during(&session.user, session.asked, ELSEWHERE)
            && session.done < *to
        {
            wrong.push(format!("{} signed in at {}, disabled at {}", session.user, at(session.done), at(*from)));
        }
    }
    wrong
}

/// (d) Every request arrives once, as its own visitor, and is answered by its own answer.
fn mixed_up(history: &History) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut arrived = vec![0; history.requests.len()];
    for seen in &history.seen {
        let Some(request) = history.requests.get(seen.request) else {
            wrong.push(format!("the app received a request {} at {} that nobody sent", seen.request, at(seen.at)));
            continue;
        };
        arrived[seen.request] += 1;
        match request.session.map(|place| &history.sessions[place]) {
            None => wrong.push(format!("request {} of a stranger reached the app at {}", seen.request, at(seen.at))),
            Some(session) if session.user != seen.user => wrong.push(format!(
                "request {} of {} reached the app at {} as {:?}",
                seen.request,
                named(session),
                at(seen.at),
                seen.user
            )),
            Some(_) => {}
        }
    }
    for (mark, request) in history.requests.iter().enumerate() {
        if arrived[mark] > 1 {
            wrong.push(format!("request {mark} reached the app {} times", arrived[mark]));
        }
        let Came::Answer { status: 200, echo, .. } = &request.came else { continue };
        let user = request.session.map(|place| history.sessions[place].user.as_str());
        match echo {
            Some((answered, whom)) if *answered == mark && Some(whom.as_str()) == user => {}
            _ => wrong.push(format!(
                "request {mark} of {user:?} was answered at {} with what the app said to {echo:?}",
                at(request.done)
            )),
        }
        if arrived[mark] == 0 {
            wrong.push(format!("request {mark} was answered 200 at {}, and the app was never asked", at(request.done)));
        }
    }
    wrong
}

/// (f) A session that nobody can have ended is never refused.
fn signed_out_for_nothing(history: &History) -> Vec<String> {
    let earliest = |place: usize, session: &Session| {
        let acts = history.acts.iter().filter(|act| act.may_have_ended(place, session));
        acts.map(|act| act.asked).min().unwrap_or(Moment::MAX)
    };
    let reasons: Vec<Moment> = history.sessions.iter().enumerate().map(|(n, session)| earliest(n, session)).collect();
    let mut wrong = Vec::new();
    for (mark, request) in history.requests.iter().enumerate() {
        if let (Some(place), Came::Answer { status: 401, .. }) = (request.session, &request.came)
            && request.done < reasons[place]
        {
            wrong.push(format!(
                "request {mark} of {} was refused at {} through replica {}, although nobody had ended it",
                named(&history.sessions[place]),
                at(request.done),
                request.replica
            ));
        }
    }
    wrong
}

/// Whether a request was under way when its session may have ended: then it may be cut.
fn was_cut(history: &History, request: &Request) -> bool {
    let cut_off = matches!(request.came, Came::KeptAliveClosed | Came::Broken(_));
    cut_off
        && request.session.is_some_and(|place| {
            let may = |act: &&Act| act.may_have_ended(place, &history.sessions[place]);
            let mut ends = history.acts.iter().filter(may);
            ends.any(|act| act.asked <= request.done && request.begun <= act.done + ELSEWHERE)
        })
}

/// What is said of a 503 that took its time.
pub(super) const TOO_LATE: &str = "was put off too late";

/// Every request is let through, refused, or put off politely and in time; the last only while something is out of order.
/// What met a connection that was just closed did nothing.
fn answers(history: &History) -> Vec<String> {
    let mut wrong = Vec::new();
    let arrived: HashSet<usize> = history.seen.iter().map(|seen| seen.request).collect();
    for (mark, request) in history.requests.iter().enumerate() {
        let troubled = history.was_in_trouble(Some(request.replica), request.begun, request.done)
            || was_cut(history, request)
            || matches!(request.came, Came::Answer { status: 503, .. }) && request.done > request.begun + BUSY;
        let mut say = |what: &str| {
            let (begun, done) = (at(request.begun), at(request.done));
            wrong.push(format!("request {mark} to replica {}, from {begun} to {done}, {what}", request.replica));
        };
        match &request.came {
            Came::KeptAliveClosed if arrived.contains(&mark) && !troubled => {
                say("was lost on its way back from the app");
            }
            Came::Broken(why) if !troubled => say(&format!("had no answer ({why}), although nothing was out of order")),
            Came::Answer { status: 200 | 401, .. } | Came::KeptAliveClosed | Came::Broken(_) => {}
            Came::Answer { status: 503, retry_after, .. } => {
                if !retry_after {
                    say("was put off without Retry-After");
                }
                if request.done > request.begun + PROMPT {
                    say(TOO_LATE);
                }
                if !troubled {
                    say("was put off, although nothing was out of order");
                }
            }
            Came::Answer { status, .. } => say(&format!("was answered {status}")),
            Came::Pending => say("was never answered"),
        }
    }
    wrong
}

/// What is asked for is done, or refused, while nothing is out of order; and who is not disabled signs in again at the end.
fn acts(history: &History) -> Vec<String> {
    let mut wrong = Vec::new();
    let kept_out = |user: &str| {
        history.acts.iter().any(|act| {
            !matches!(act.outcome, Outcome::Refused(_))
                && matches!(&act.what, What::Disable { user: whom } if whom == user)
        })
    };
    for act in &history.acts {
        let told = || format!("{:?} asked of {} from {} to {}", act.what, act.by(), at(act.asked), at(act.done));
        match (&act.what, &act.outcome) {
            (_, Outcome::Unknown(why)) if why.starts_with("503") && act.done > act.asked + BUSY => {}
            // Another asked for the same end before, and nobody knows yet what became of that.
            (_, Outcome::Unknown(why)) if why.contains("end-not-confirmed") => {}
            (_, Outcome::Unknown(why)) if !history.was_in_trouble(act.replica, act.asked, act.done) => {
                wrong.push(format!("{} failed ({why}), although nothing was out of order", told()));
            }
            (What::SignIn { user }, Outcome::Refused(why)) if act.asked >= history.recovered && !kept_out(user) => {
                wrong.push(format!("{} was refused ({why}) after all was well again", told()));
            }
            _ => {}
        }
    }
    wrong
}

/// How often an audit trail tells of what.
struct Trail<'a>(HashMap<(&'a str, &'a str), usize>);

impl<'a> Trail<'a> {
    fn of(lines: &'a [Line]) -> Self {
        let mut counted = HashMap::new();
        for line in lines {
            for about in [&line.user, &line.session].into_iter().flatten() {
                *counted.entry((line.action.as_str(), about.as_str())).or_default() += 1;
            }
        }
        Self(counted)
    }

    fn tells(&self, action: &str, about: &str) -> usize {
        self.0.get(&(action, about)).copied().unwrap_or(0)
    }
}

/// (b) What was acknowledged stands in the audit trail, and an end stands there once. An end that was broken off may be told
/// a while later: whoever asked for it again was told the truth, that there is no such session.
fn untold(history: &History) -> Vec<String> {
    let (trail, later) = (Trail::of(&history.trail), Trail::of(&history.later_trail));
    let mut wrong = Vec::new();
    for (place, session) in history.sessions.iter().enumerate() {
        let begun = trail.tells("signed_in", &session.id);
        if begun != 1 {
            wrong.push(format!("the audit trail tells {begun} times of the sign-in of {}", named(session)));
        }
        let may = |act: &&Act| act.may_have_ended(place, session);
        let broken_off = history.acts.iter().filter(may).any(|act| matches!(act.outcome, Outcome::Unknown(_)));
        let ends = if broken_off { &later } else { &trail }.tells("session_ended", &session.id);
        let ended = history.acts.iter().filter(|act| act.what != What::Lose).find(|act| act.has_ended(place, session));
        // Who ends what is lost already has nothing to tell.
        let was_lost = |act: &Act| history.acts.iter().any(|lost| lost.what == What::Lose && lost.asked <= act.done);
        match ended {
            Some(act) if ends == 0 && !was_lost(act) => wrong.push(format!(
                "the audit trail tells 0 times of the end of {}, acknowledged by {} at {}",
                named(session),
                act.by(),
                at(act.done)
            )),
            _ if ends > 1 => {
                wrong.push(format!("the audit trail tells {ends} times of the end of {}", named(session)));
            }
            _ => {}
        }
    }
    let mut changes: HashMap<(&str, &str), usize> = HashMap::new();
    for act in history.acts.iter().filter(|act| act.outcome == Outcome::Acknowledged) {
        match &act.what {
            What::Disable { user } => *changes.entry(("user_disabled", user)).or_default() += 1,
            What::Enable { user } => *changes.entry(("user_enabled", user)).or_default() += 1,
            _ => {}
        }
    }
    for ((action, user), times) in changes {
        let told = trail.tells(action, user);
        if told < times {
            wrong.push(format!("{action} of {user} was acknowledged {times} times; the audit trail tells {told}"));
        }
    }
    wrong
}

/// Whether an end that was broken off is still to be told.
pub(crate) fn has_more_to_tell(history: &History) -> bool {
    !untold(history).is_empty()
}

/// A run proves nothing where nobody looked afterwards.
fn not_looked_at(history: &History) -> Vec<String> {
    let mut looked = vec![vec![false; history.replicas]; history.sessions.len()];
    for request in history.requests.iter().filter(|request| request.begun >= history.recovered) {
        if let (Some(place), Came::Answer { .. }) = (request.session, &request.came) {
            looked[place][request.replica] = true;
        }
    }
    let mut wrong = Vec::new();
    for (session, looked) in history.sessions.iter().zip(looked).filter(|(session, _)| session.done < history.recovered)
    {
        for (replica, _) in looked.iter().enumerate().filter(|(_, looked)| !**looked) {
            wrong.push(format!("nobody looked afterwards whether replica {replica} still knows {}", named(session)));
        }
    }
    wrong
}
