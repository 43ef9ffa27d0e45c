//! Many at once. Nothing here sleeps: the promise must hold in whatever order they come.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use portcullis::session::{ClientKind, EndReason, EndTarget, NewSession, Opened, SessionStore};
use tokio::{sync::Barrier, task::JoinSet};

use super::{ContractStores, fixtures::*};

contract_tests! {
    an_open_that_races_an_end_of_all_loses
    once_an_end_is_answered_nobody_finds_the_session
    a_touch_that_races_an_end_revives_nothing
    a_touch_that_races_an_expiry_saves_the_session_or_comes_too_late
    of_two_renewals_at_once_one_wins
    opens_at_once_never_leave_more_than_the_maximum
    projections_at_once_leave_the_newest
    an_end_of_all_but_one_that_races_its_renewal_keeps_it
}

const MANY: usize = 300;

async fn an_open_that_races_an_end_of_all_loses(stores: ContractStores) {
    for _ in 0..5 {
        let alice = add_session_user(&stores).await;
        let mut tasks = JoinSet::new();
        let start = Arc::new(Barrier::new(MANY + 1));
        for _ in 0..MANY {
            let (sessions, start) = (Arc::clone(&stores.sessions), Arc::clone(&start));
            tasks.spawn(async move {
                start.wait().await;
                sessions.open(new_session(alice, at(1), 0)).await.unwrap()
            });
        }
        start.wait().await;
        let ended =
            stores.sessions.end(EndTarget::AllOf(alice), &end_record(EndReason::ByAdministrator, at(2))).await.unwrap();
        let opened = tasks.join_all().await.into_iter().filter(|opened| *opened != Opened::GenerationChanged).count();
        assert_eq!(ended.len(), opened, "whatever opened, opened before, and was ended");
        assert!(stores.sessions.list(alice).await.unwrap().is_empty());
    }
}

async fn once_an_end_is_answered_nobody_finds_the_session(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    for _ in 0..20 {
        let id = open_session(&*stores.sessions, alice, at(1)).await.session.id;
        let answered = Arc::new(AtomicBool::new(false));
        let mut finders = JoinSet::new();
        for _ in 0..6 {
            let (sessions, answered) = (Arc::clone(&stores.sessions), Arc::clone(&answered));
            finders.spawn(async move {
                loop {
                    let over = answered.load(Ordering::SeqCst);
                    let found = sessions.find(id).await.unwrap().is_some();
                    assert!(!(over && found), "found after the end was answered");
                    if over {
                        return;
                    }
                    tokio::task::yield_now().await;
                }
            });
        }
        stores
            .sessions
            .end(EndTarget::One { owner: alice, id }, &end_record(EndReason::SignedOut, at(2)))
            .await
            .unwrap();
        answered.store(true, Ordering::SeqCst);
        finders.join_all().await;
    }
}

async fn a_touch_that_races_an_end_revives_nothing(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let id = open_session(&*stores.sessions, alice, at(1)).await.session.id;
    let mut tasks = JoinSet::new();
    for second in 0..200 {
        let sessions = Arc::clone(&stores.sessions);
        tasks.spawn(async move { sessions.touch(&[heartbeat(id, at(second))]).await.unwrap() });
    }
    stores.sessions.end(EndTarget::AllOf(alice), &end_record(EndReason::SignedOut, at(2))).await.unwrap();
    assert!(stores.sessions.find(id).await.unwrap().is_none());
    tasks.join_all().await;
    assert!(stores.sessions.find(id).await.unwrap().is_none());
    assert_eq!(stores.sessions.count().await.unwrap(), 0);
}

async fn a_touch_that_races_an_expiry_saves_the_session_or_comes_too_late(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    for _ in 0..30 {
        let id = open_session(&*stores.sessions, alice, at(1)).await.session.id;
        let (heartbeats, idle) =
            ([heartbeat(id, at(50))], end_record(EndReason::Idle { kind: ClientKind::Web }, at(51)));
        let (touched, expired) =
            tokio::join!(stores.sessions.touch(&heartbeats), stores.sessions.expire(id, at(1), &idle));
        touched.unwrap();
        let there = stores.sessions.find(id).await.unwrap().map(|found| found.last_seen);
        assert_eq!(there, expired.unwrap().is_none().then(|| at(50)));
    }
}

async fn of_two_renewals_at_once_one_wins(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    for _ in 0..30 {
        let new = open_session(&*stores.sessions, alice, at(1)).await;
        let (id, one, two) = (new.session.id, digest(), digest());
        let (first, second) = tokio::join!(
            renew_secret(&stores, id, new.secret, one, at(60)),
            renew_secret(&stores, id, new.secret, two, at(60))
        );
        assert!(first != second);
        let secrets = stores.sessions.find(id).await.unwrap().expect("it is there").secrets;
        assert_eq!(secrets.current, if first { one } else { two });
        assert_eq!(secrets.previous, Some((new.secret, at(60))));
    }
}

async fn opens_at_once_never_leave_more_than_the_maximum(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let mut tasks = JoinSet::new();
    for second in 0..200 {
        let sessions = Arc::clone(&stores.sessions);
        let new = NewSession { max_per_user: 7, ..new_session(alice, at(second), 0) };
        tasks.spawn(async move {
            let opened = sessions.open(new).await.unwrap();
            assert!(sessions.list(alice).await.unwrap().len() <= 7);
            opened
        });
    }
    let evicted: usize = tasks
        .join_all()
        .await
        .into_iter()
        .map(|opened| match opened.value {
            Opened::Yes { evicted, .. } => evicted.len(),
            Opened::GenerationChanged => panic!("nobody ended them"),
        })
        .sum();
    assert_eq!((evicted, stores.sessions.list(alice).await.unwrap().len()), (193, 7));
}

async fn projections_at_once_leave_the_newest(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let id = open_session(&*stores.sessions, alice, at(1)).await.session.id;
    let mut tasks = JoinSet::new();
    for version in (1..=100).rev() {
        let sessions = Arc::clone(&stores.sessions);
        tasks.spawn(async move { sessions.put_user_snapshot(&user_snapshot(alice, version)).await.unwrap() });
    }
    tasks.join_all().await;
    assert_eq!(stores.sessions.find(id).await.unwrap().expect("it is there").user.version, 100);
}

async fn an_end_of_all_but_one_that_races_its_renewal_keeps_it(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let sessions: &dyn SessionStore = &*stores.sessions;
    for _ in 0..20 {
        let new = open_session(sessions, alice, at(1)).await;
        let (keep, fresh) = (new.session.id, digest());
        let which = EndTarget::AllBut { owner: alice, keep };
        let changed = end_record(EndReason::PasswordChanged, at(2));
        let (ended, renewed) =
            tokio::join!(sessions.end(which, &changed), renew_secret(&stores, keep, new.secret, fresh, at(60)));
        ended.unwrap();
        assert!(renewed);
        assert_eq!(sessions.find(keep).await.unwrap().expect("it stays").secrets.current, fresh);
    }
}
