//! A store that is read and takes no writes: an end holds in this process until it can be written, and nothing more is claimed.

use futures_util::FutureExt as _;
use portcullis::{audit::AuditEvent, id::SessionId, session::EndReason, tasks::Task as _};
use serde_json::Value;

use crate::store_contract::people::new_session;
use crate::town::{Answer, Browser, IPHONE, MAC, MINUTE, PASSWORD, Town, Weather};

/// Acts by the API: method, path, whether they end the session that asks, whether they end others.
const CALLS: [(&str, &str, bool, bool); 4] = [
    ("POST", "/sign-out", true, false),
    ("DELETE", "/sessions/{phone}", false, true),
    ("POST", "/sessions/revoke-others", false, true),
    ("POST", "/sessions/revoke-all", true, true),
];
/// The same by pages.
const PAGES: [(&str, bool, bool); 4] = [
    ("/security/sign-out", true, false),
    ("/security/sessions/{phone}/sign-out", false, true),
    ("/security/sessions/sign-out-others", false, true),
    ("/security/sessions/sign-out-all", true, true),
];

fn ends(town: &Town) -> Vec<(String, EndReason, i64)> {
    let ended = |entry: &portcullis::audit::AuditEntry| match &entry.event {
        AuditEvent::SessionEnded { session, end_reason: ending, .. } => {
            Some((session.to_string(), ending.clone(), entry.at.as_millis()))
        }
        _ => None,
    };
    town.journal().iter().filter_map(ended).collect()
}

/// Looks whether exactly those are out that should be, writes the end, and looks again.
async fn holds_and_is_written_once(town: &Town, laptop: &Browser<'_>, phone: &Browser<'_>, own: bool, others: bool) {
    let at = town.now().as_millis();
    assert_eq!(
        (laptop.copy().is_let_in().await, phone.copy().is_let_in().await),
        (!own, !others),
        "at once, in this process"
    );
    let count = u64::from(own) + u64::from(others);
    assert_eq!(town.metric("ends_unconfirmed"), count);
    let confirm = town.parts.confirm_ends();
    town.advance(MINUTE);
    assert!(confirm.run_once().await.is_err(), "it still takes no writes");
    assert_eq!((ends(town), town.metric("ends_unconfirmed")), (Vec::new(), count));
    town.weather(Weather::Fair);
    assert_eq!(confirm.run_once().await.unwrap() as u64, count);
    assert_eq!(confirm.run_once().await.unwrap(), 0, "once");
    assert_eq!(town.metric("ends_unconfirmed"), 0);
    let told = ends(town);
    assert_eq!(told.len() as u64, count, "{told:?}");
    assert!(told.iter().all(|(.., when)| *when == at), "with the time of the act: {told:?}");
    for (session, ending, _) in told {
        assert_eq!(ending == EndReason::SignedOut, session == laptop.session(), "{session}: {ending:?}");
    }
    assert_eq!((laptop.copy().is_let_in().await, phone.copy().is_let_in().await), (!own, !others));
}

async fn press(browser: &Browser<'_>, page: &str) -> Answer {
    let shown = browser.get(page).await.answer();
    let token = shown.text().split_once("name=\"form\" value=\"").map(|(_, rest)| rest.split('"').next().unwrap());
    let fields: Vec<_> = token.into_iter().map(|token| ("form", token)).collect();
    browser.town.weather(Weather::TakesNoWrites);
    browser.post_form(page, &fields).await.answer()
}

#[tokio::test]
async fn each_end_by_the_api_holds_at_once_and_is_told_as_not_confirmed() {
    for (method, path, own, others) in CALLS {
        for town in Town::on_each_store() {
            let alice = town.with_user("alice").await;
            let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
            town.weather(Weather::TakesNoWrites);
            let path = path.replace("{phone}", &phone.session());
            let answer = laptop.api(method, &path, Value::Null).await;
            assert_eq!((answer.status, answer.problem().as_str()), (503, "end-not-confirmed"), "{path}");
            assert_eq!(answer.header("retry-after"), Some("5"), "{path}");
            assert!(answer.cookies().is_empty(), "{path}: nothing is claimed");
            holds_and_is_written_once(&town, &laptop, &phone, own, others).await;
        }
    }
}

#[tokio::test]
async fn each_end_by_a_page_holds_at_once_and_the_page_says_what_that_is_worth() {
    for (page, own, others) in PAGES {
        for town in Town::on_each_store() {
            let alice = town.with_user("alice").await;
            let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
            let before = laptop.copy();
            let answer = press(&laptop, &page.replace("{phone}", &phone.session())).await;
            assert_eq!(answer.status, 503, "{page}: {}", answer.text());
            assert!(answer.says("Signed out, but not yet confirmed"), "{page}");
            assert!(answer.says("If Portcullis is restarted before that, this is lost"), "{page}");
            assert_eq!(laptop.cookie(town.cookie()).is_none(), own, "{page}: who walks away leaves no key");
            holds_and_is_written_once(&town, &before, &phone, own, others).await;
        }
    }
}

#[tokio::test]
async fn a_look_that_was_under_way_while_the_end_was_written_lets_nobody_in() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        town.weather(Weather::TakesNoWrites);
        let path = format!("/sessions/{}", phone.session());
        assert_eq!(laptop.api("DELETE", &path, Value::Null).await.problem(), "end-not-confirmed");
        town.weather(Weather::KeepsAnswersOf("find"));
        let looks = town.asked("find");
        let look = phone.is_let_in();
        let written = async {
            while town.asked("find") == looks {
                tokio::task::yield_now().await;
            }
            let written = town.parts.confirm_ends().run_once().await.unwrap();
            town.answer();
            written
        };
        let (is_in, written) = futures_util::future::join(look, written).await;
        assert_eq!((is_in, written), (false, 1));
    }
}

#[tokio::test]
async fn who_signs_out_again_is_told_the_same_until_it_is_written() {
    for town in Town::on_each_store() {
        let laptop = town.with_user("alice").await.signed_in_on(MAC).await;
        town.weather(Weather::TakesNoWrites);
        for _ in 0..2 {
            assert_eq!(laptop.api("POST", "/sign-out", Value::Null).await.problem(), "end-not-confirmed");
            assert_eq!(laptop.copy().get("/security/sign-out").await.answer().status, 503);
        }
        assert_eq!(town.metric("ends_unconfirmed"), 1);
        town.weather(Weather::Fair);
        town.parts.confirm_ends().run_once().await.unwrap();
        assert_eq!(laptop.api("POST", "/sign-out", Value::Null).await.status, 204);
        assert_eq!(ends(&town).len(), 1);
    }
}

#[tokio::test]
async fn who_was_signed_out_is_told_why_and_a_stranger_with_the_id_is_not() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        let before = phone.copy();
        town.weather(Weather::TakesNoWrites);
        laptop.api("POST", "/sessions/revoke-others", Value::Null).await;
        let why = "because this session was ended from";
        assert!(phone.get("/security/sign-in").await.answer().says(why));
        let forged = format!("{}.{}", before.key().split('.').next().unwrap(), "A".repeat(43));
        let stranger = town.stranger();
        stranger.puts_into_jar(town.cookie(), &forged);
        assert!(!stranger.get("/security/sign-in").await.answer().says(why));
    }
}

#[tokio::test]
async fn what_is_open_is_cut_for_the_reason_of_that_end() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        let lines = [&laptop, &phone].map(|browser| {
            let line = town.parts.in_flight.register();
            line.begin_request();
            assert!(line.bind_session(browser.session().parse().unwrap(), line.end_epoch()));
            line
        });
        town.weather(Weather::TakesNoWrites);
        laptop.api("POST", "/sessions/revoke-others", Value::Null).await;
        let confirm = town.parts.confirm_ends();
        assert_eq!(confirm.due().now_or_never(), Some(()), "it is due at once");
        assert!(confirm.run_once().await.is_err());
        let [stays, goes] =
            lines.map(|line| line.cancelled().now_or_never().map(portcullis::proxy::CancelReason::label));
        assert_eq!((stays, goes), (None, Some("other_device")));
    }
}

#[tokio::test]
async fn where_nothing_can_be_read_nothing_is_ended() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        town.weather(Weather::Away);
        for (method, path, ..) in CALLS {
            let path = path.replace("{phone}", &phone.session());
            assert_eq!(laptop.api(method, &path, Value::Null).await.problem(), "store-unavailable", "{path}");
        }
        town.weather(Weather::Fair);
        assert!(laptop.is_let_in().await && phone.is_let_in().await);
        assert_eq!(town.metric("ends_unconfirmed"), 0);
    }
}

#[tokio::test]
async fn a_password_that_cannot_be_changed_ends_nothing() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        town.weather(Weather::AwayFor("set_password"));
        let body = serde_json::json!({"current_password": PASSWORD, "new_password": "Ferry-crossing-at-9"});
        assert_eq!(laptop.api("PUT", "/password", body).await.problem(), "store-unavailable");
        assert!(laptop.is_let_in().await && phone.is_let_in().await);
    }
}

#[tokio::test]
async fn who_signs_in_after_the_act_stays_when_it_is_written() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        town.weather(Weather::TakesNoWrites);
        laptop.api("POST", "/sessions/revoke-all", Value::Null).await;
        town.weather(Weather::Fair);
        let later = alice.signed_in_on(MAC).await;
        assert_eq!(town.parts.confirm_ends().run_once().await.unwrap(), 2);
        assert!(later.is_let_in().await && !phone.is_let_in().await);
    }
}

#[tokio::test]
async fn a_session_whose_end_is_held_is_in_no_list() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        let listed = async || laptop.api("GET", "/sessions", Value::Null).await.text().contains(&phone.session());
        let shown = async || laptop.get("/security/sessions").await.answer().says("iPhone");
        assert!(listed().await && shown().await);
        town.weather(Weather::TakesNoWrites);
        laptop.api("DELETE", &format!("/sessions/{}", phone.session()), Value::Null).await;
        assert!(!listed().await && !shown().await);
        let id = phone.session();
        assert_eq!(laptop.api("GET", &format!("/sessions/{id}"), Value::Null).await.status, 404);
        assert_eq!(laptop.get(&format!("/security/sessions/{id}")).await.answer().status, 404);
        town.weather(Weather::Fair);
        town.parts.confirm_ends().run_once().await.unwrap();
        assert!(!listed().await && !shown().await);
    }
}

#[tokio::test]
async fn a_session_from_before_an_end_of_all_that_is_found_later_ends_with_it() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        let laptop = alice.signed_in_on(MAC).await;
        let sessions = &town.parts.stores.sessions;
        let owner = laptop.session().parse::<SessionId>().unwrap().owner();
        let account = town.parts.stores.accounts.get(owner).await.unwrap().unwrap();
        let generation = sessions.put_user_snapshot(&account.snapshot()).await.unwrap();
        let before = town.now();
        town.advance(MINUTE);
        town.weather(Weather::TakesNoWrites);
        assert_eq!(laptop.api("POST", "/sessions/revoke-all", Value::Null).await.problem(), "end-not-confirmed");
        town.weather(Weather::Fair);
        town.advance(MINUTE);
        let [late, after] = [before, town.now()].map(|opened| new_session(owner, opened, generation));
        for new in [&late, &after] {
            sessions.open(new.clone()).await.unwrap();
        }
        assert_eq!(town.parts.confirm_ends().run_once().await.unwrap(), 2, "hers, and the late one");
        assert!(sessions.find(late.session.id).await.unwrap().is_none());
        assert!(sessions.find(after.session.id).await.unwrap().is_some(), "whoever comes after the act stays");
    }
}

#[tokio::test]
async fn an_end_of_all_that_is_held_while_others_are_written_finds_the_late_ones_too() {
    for town in Town::on_each_store() {
        let (alice, bob) = (town.with_user("alice").await, town.with_user("bob").await);
        let (laptop, phone) = (alice.signed_in_on(MAC).await, bob.signed_in_on(IPHONE).await);
        bob.signed_in_on(MAC).await;
        let sessions = &town.parts.stores.sessions;
        let owner = laptop.session().parse::<SessionId>().unwrap().owner();
        let account = town.parts.stores.accounts.get(owner).await.unwrap().unwrap();
        let generation = sessions.put_user_snapshot(&account.snapshot()).await.unwrap();
        let late = new_session(owner, town.now(), generation);
        town.advance(MINUTE);
        town.weather(Weather::TakesNoWrites);
        assert_eq!(phone.api("POST", "/sessions/revoke-all", Value::Null).await.problem(), "end-not-confirmed");

        town.weather(Weather::KeepsAnswersOf("end"));
        let (asked, confirm) = (town.asked("end"), town.parts.confirm_ends());
        let at_the = async |end| {
            while town.asked("end") < asked + end {
                tokio::task::yield_now().await;
            }
        };
        let meanwhile = async {
            at_the(1).await;
            town.answer();
            at_the(2).await;
            town.weather(Weather::TakesNoWrites);
            assert_eq!(laptop.api("POST", "/sessions/revoke-all", Value::Null).await.problem(), "end-not-confirmed");
            town.weather(Weather::Fair);
            sessions.open(late.clone()).await.unwrap();
            town.answer();
        };
        let (written, ()) = futures_util::future::join(confirm.run_once(), meanwhile).await;
        assert_eq!(written.unwrap(), 4, "two of bob's, hers, and the late one");
        assert!(sessions.find(late.session.id).await.unwrap().is_none());
    }
}
