//! The verdict can fail: histories that are broken in each way, and a good one.

use std::time::Duration;

use super::{
    history::{Act, Came, History, Line, Moment, Outcome, Request, Seen, Session, Trouble, What},
    verdict::verdict,
};

fn s(seconds: f64) -> Moment {
    Duration::from_secs_f64(seconds)
}

fn answer(status: u16) -> Came {
    Came::Answer { status, retry_after: false, echo: None }
}

fn line(action: &str, user: &str, session: Option<&str>) -> Line {
    Line { action: action.to_owned(), user: Some(user.to_owned()), session: session.map(str::to_owned) }
}

/// Alice signs in twice at replica 0, looks, and one of her sessions is ended at 5 s; at 20 s all is looked at again.
fn good() -> History {
    let session =
        |id: &str, asked| Session { user: "alice".to_owned(), id: id.to_owned(), asked, done: asked + s(0.1) };
    let mut this = History { replicas: 2, recovered: s(20.0), ..History::default() };
    this.sessions = vec![session("sess_one", s(1.0)), session("sess_two", s(2.0))];
    for asked in [1.0, 2.0] {
        act(&mut this, What::SignIn { user: "alice".to_owned() }, Some(0), asked, Outcome::Acknowledged);
    }
    passes(&mut this, 0, 0, 3.0);
    passes(&mut this, 1, 1, 3.5);
    act(&mut this, What::End { session: 1 }, Some(0), 4.9, Outcome::Acknowledged);
    request(&mut this, 1, 0, 5.1, answer(401));
    for replica in [0, 1] {
        passes(&mut this, 0, replica, 20.5);
        request(&mut this, 1, replica, 20.5, answer(401));
    }
    let trail = [("signed_in", "sess_one"), ("signed_in", "sess_two"), ("session_ended", "sess_two")];
    tell(&mut this, &trail.map(|(action, id)| line(action, "alice", Some(id))));
    this
}

/// Adds lines to the audit trail.
fn tell(history: &mut History, lines: &[Line]) {
    history.trail.extend_from_slice(lines);
    history.later_trail.extend_from_slice(lines);
}

/// An act that is answered 0.1 s after it was asked for.
fn act(history: &mut History, what: What, replica: Option<usize>, asked: f64, outcome: Outcome) {
    let (asked, done) = (s(asked), s(asked + 0.1));
    history.acts.push(Act { what, replica, asked, done, outcome, listed: Vec::new() });
}

/// A request that is answered 0.02 s after it was sent; its mark.
fn request(history: &mut History, session: usize, replica: usize, begun: f64, came: Came) -> usize {
    let (begun, done) = (s(begun), s(begun + 0.02));
    history.requests.push(Request { session: Some(session), replica, begun, done, came });
    history.requests.len() - 1
}

/// A request of Alice that is let through; its mark.
fn passes(history: &mut History, session: usize, replica: usize, begun: f64) -> usize {
    let mark = request(history, session, replica, begun, answer(200));
    let came = Came::Answer { status: 200, retry_after: false, echo: Some((mark, "alice".to_owned())) };
    history.requests[mark].came = came;
    history.seen.push(Seen { request: mark, user: "alice".to_owned(), at: s(begun + 0.01) });
    mark
}

/// There is exactly one violation, and it says this.
#[track_caller]
fn says(history: &History, words: &str) {
    let wrong = verdict(history);
    assert!(wrong.len() == 1 && wrong[0].contains(words), "{words:?} is not all of {wrong:#?}");
}

#[test]
fn a_good_run_has_no_violation() {
    assert_eq!(verdict(&good()), [""; 0]);
}

#[test]
fn a_request_that_begins_after_the_end_passes_on_the_replica_that_ended_it() {
    let mut run = good();
    passes(&mut run, 1, 0, 5.01);
    says(&run, "reached the app at 5.020 s, although replica 0 had acknowledged its end at 5.000 s");
}

#[test]
fn a_request_passes_elsewhere_more_than_a_second_after_the_end() {
    let mut run = good();
    passes(&mut run, 1, 1, 5.9);
    assert_eq!(verdict(&run), [""; 0], "within the second");
    run.requests.iter_mut().filter(|request| request.begun == s(5.1)).for_each(|request| request.came = answer(503));
    run.requests[2].came = Came::Broken("not asked".to_owned());
    run.troubles.push(Trouble { replica: None, from: s(5.0), to: s(5.2) });
    passes(&mut run, 1, 1, 6.5);
    says(&run, "begun at 6.500 s through replica 1 reached the app at 6.510 s, although replica 0");
}

#[test]
fn a_request_that_was_held_passes_after_the_second() {
    let mut run = good();
    let mark = passes(&mut run, 1, 0, 4.0);
    run.requests[mark].done = s(8.1);
    run.seen.last_mut().unwrap().at = s(8.0);
    says(&run, "reached the app at 8.000 s, although replica 0 had acknowledged its end at 5.000 s");
}

#[test]
fn an_end_of_all_and_an_end_of_others_count_for_whom_they_meant() {
    for what in [
        What::EndAll { user: "alice".to_owned() },
        What::EndOthers { user: "alice".to_owned(), keep: 1 },
        What::EndEveryone,
        What::Lose,
        What::Disable { user: "alice".to_owned() },
    ] {
        let mut run = good();
        act(&mut run, what, None, 7.0, Outcome::Acknowledged);
        assert!(verdict(&run).iter().any(|wrong| wrong.contains("alice's sess_one")), "{:#?}", verdict(&run));
    }
    let mut run = good();
    act(&mut run, What::EndAll { user: "bob".to_owned() }, None, 7.0, Outcome::Acknowledged);
    act(&mut run, What::EndOthers { user: "alice".to_owned(), keep: 0 }, None, 7.0, Outcome::Acknowledged);
    act(&mut run, What::EndAll { user: "alice".to_owned() }, None, 7.0, Outcome::Refused("422".to_owned()));
    assert_eq!(verdict(&run), [""; 0]);
}

#[test]
fn what_an_answer_lists_is_ended_however_late_it_was_opened() {
    let mut run = good();
    act(&mut run, What::EndAll { user: "alice".to_owned() }, Some(0), 0.5, Outcome::Acknowledged);
    assert_eq!(verdict(&run), [""; 0], "it was opened later");
    run.acts.last_mut().unwrap().listed = vec!["sess_one".to_owned()];
    assert!(verdict(&run).iter().any(|wrong| wrong.contains("alice's sess_one")));
}

#[test]
fn an_end_that_nobody_knows_the_outcome_of_may_be_either_but_not_both() {
    let mut run = good();
    run.troubles.push(Trouble { replica: None, from: s(6.0), to: s(9.0) });
    act(&mut run, What::End { session: 0 }, Some(0), 7.0, Outcome::Unknown("503".to_owned()));
    assert_eq!(verdict(&run), [""; 0], "it lives");
    request(&mut run, 0, 1, 10.0, answer(401));
    let wrong = verdict(&run);
    assert!(
        wrong.len() == 2 && wrong.iter().all(|wrong| wrong.contains("alice's sess_one came back to life")),
        "{wrong:#?}"
    );
}

#[test]
fn somebody_who_is_disabled_passes() {
    let mut run = good();
    let alice = || "alice".to_owned();
    act(&mut run, What::Disable { user: alice() }, None, 7.0, Outcome::Acknowledged);
    act(&mut run, What::Enable { user: alice() }, None, 9.0, Outcome::Acknowledged);
    for user_change in ["user_disabled", "user_enabled"] {
        tell(&mut run, &[line(user_change, "alice", None)]);
    }
    tell(&mut run, &[line("session_ended", "alice", Some("sess_one"))]);
    for request in run.requests.iter_mut().filter(|request| request.session == Some(0) && request.begun > s(20.0)) {
        request.came = answer(401);
    }
    run.seen.retain(|seen| seen.at < s(20.0));
    assert_eq!(verdict(&run), [""; 0]);
    passes(&mut run, 0, 1, 8.5);
    let wrong = verdict(&run);
    assert!(wrong.iter().any(|wrong| wrong.contains("although alice was disabled at 7.100 s")), "{wrong:#?}");
    run.seen.pop();
    run.requests.pop();
    run.sessions.push(Session { user: alice(), id: "sess_three".to_owned(), asked: s(8.5), done: s(8.6) });
    assert!(verdict(&run).iter().any(|wrong| wrong == "alice signed in at 8.600 s, disabled at 7.100 s"));
}

#[test]
fn an_answer_or_an_identity_reaches_the_wrong_one() {
    let mut run = good();
    run.requests[0].came = Came::Answer { status: 200, retry_after: false, echo: Some((1, "alice".to_owned())) };
    says(&run, "was answered at 3.020 s with what the app said to Some((1, \"alice\"))");
    let mut run = good();
    run.requests[0].came = Came::Answer { status: 200, retry_after: false, echo: Some((0, "bob".to_owned())) };
    says(&run, "with what the app said to Some((0, \"bob\"))");
    let mut run = good();
    run.seen[0].user = "bob".to_owned();
    says(&run, "reached the app at 3.010 s as \"bob\"");
    let mut run = good();
    run.seen.push(run.seen[0].clone());
    says(&run, "request 0 reached the app 2 times");
    let mut run = good();
    run.seen.push(Seen { request: 999, user: String::new(), at: s(3.0) });
    says(&run, "a request 999 at 3.000 s that nobody sent");
    let mut run = good();
    run.seen.remove(0);
    says(&run, "answered 200 at 3.020 s, and the app was never asked");
    let mut run = good();
    let stranger = request(&mut run, 0, 0, 6.0, answer(401));
    run.requests[stranger].session = None;
    run.seen.push(Seen { request: stranger, user: String::new(), at: s(6.0) });
    says(&run, "of a stranger reached the app at 6.000 s");
}

#[test]
fn a_session_that_nobody_ended_is_refused() {
    let mut run = good();
    request(&mut run, 0, 1, 20.9, answer(401));
    says(&run, "alice's sess_one was refused at 20.920 s through replica 1, although nobody had ended it");
}

#[test]
fn an_answer_is_rude_late_or_uncalled_for() {
    let polite = Came::Answer { status: 503, retry_after: true, echo: None };
    let mut run = good();
    request(&mut run, 0, 1, 6.0, polite.clone());
    says(&run, "was put off, although nothing was out of order");
    run.troubles.push(Trouble { replica: Some(0), from: s(5.0), to: s(7.0) });
    says(&run, "was put off, although nothing was out of order");
    run.troubles[0].replica = Some(1);
    assert_eq!(verdict(&run), [""; 0]);
    run.requests.last_mut().unwrap().done = s(8.5);
    says(&run, "from 6.000 s to 8.500 s, was put off too late");
    run.requests.last_mut().unwrap().done = s(6.1);
    run.requests.last_mut().unwrap().came = answer(503);
    says(&run, "was put off without Retry-After");
    run.requests.last_mut().unwrap().came = answer(502);
    says(&run, "was answered 502");
    run.requests.last_mut().unwrap().came = Came::Pending;
    says(&run, "was never answered");
    run.requests.last_mut().unwrap().came = Came::Broken("reset".to_owned());
    assert_eq!(verdict(&run), [""; 0]);
    run.troubles.clear();
    says(&run, "had no answer (reset), although nothing was out of order");
    run.requests.last_mut().unwrap().came = Came::KeptAliveClosed;
    assert_eq!(verdict(&run), [""; 0]);
    run.seen.push(Seen { request: run.requests.len() - 1, user: "alice".to_owned(), at: s(6.01) });
    says(&run, "was lost on its way back from the app");
}

#[test]
fn what_is_under_way_when_its_session_ends_may_be_cut() {
    let mut run = good();
    let mark = request(&mut run, 1, 0, 4.95, Came::KeptAliveClosed);
    run.seen.push(Seen { request: mark, user: "alice".to_owned(), at: s(4.96) });
    assert_eq!(verdict(&run), [""; 0]);
    run.requests[mark].session = Some(0);
    says(&run, "was lost on its way back from the app");
}

#[test]
fn an_act_fails_or_somebody_cannot_come_back() {
    let mut run = good();
    act(&mut run, What::EndAll { user: "bob".to_owned() }, Some(1), 6.0, Outcome::Unknown("503".to_owned()));
    says(&run, "asked of replica 1 from 6.000 s to 6.100 s failed (503), although nothing was out of order");
    let mut run = good();
    act(&mut run, What::SignIn { user: "bob".to_owned() }, Some(1), 21.0, Outcome::Refused("401".to_owned()));
    says(&run, "was refused (401) after all was well again");
}

#[test]
fn the_audit_trail_is_silent_or_says_it_twice() {
    let silent = |place: usize, words: &str| {
        let mut run = good();
        run.trail.remove(place);
        says(&run, words);
    };
    silent(0, "tells 0 times of the sign-in of alice's sess_one");
    silent(2, "tells 0 times of the end of alice's sess_two, acknowledged by replica 0 at 5.000 s");
    let mut run = good();
    tell(&mut run, &[line("session_ended", "alice", Some("sess_two"))]);
    says(&run, "tells 2 times of the end of alice's sess_two");
    let mut run = good();
    act(&mut run, What::Enable { user: "bob".to_owned() }, None, 6.0, Outcome::Acknowledged);
    says(&run, "user_enabled of bob was acknowledged 1 times; the audit trail tells 0");
}

#[test]
fn an_end_that_was_broken_off_is_told_later_or_never() {
    let mut run = good();
    run.trail.pop();
    run.troubles.push(Trouble { replica: None, from: s(4.0), to: s(4.5) });
    act(&mut run, What::End { session: 1 }, Some(1), 4.4, Outcome::Unknown("503".to_owned()));
    assert_eq!(verdict(&run), [""; 0]);
    run.later_trail.pop();
    says(&run, "tells 0 times of the end of alice's sess_two, acknowledged by replica 0 at 5.000 s");
}

#[test]
fn what_was_lost_is_gone_and_nobody_has_to_tell() {
    let mut run = good();
    act(&mut run, What::Lose, None, 7.0, Outcome::Acknowledged);
    let wrong = verdict(&run);
    assert!(
        wrong.len() == 2 && wrong.iter().all(|wrong| wrong.contains("alice's sess_one begun at 20.5")),
        "{wrong:#?}"
    );
}

#[test]
fn nobody_looked_afterwards() {
    let mut run = good();
    run.requests.pop();
    says(&run, "nobody looked afterwards whether replica 1 still knows alice's sess_two");
}
