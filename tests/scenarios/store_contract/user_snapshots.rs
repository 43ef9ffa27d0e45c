//! What a user may do now, kept beside the sessions; and the generation that ends what is under way.

use portcullis::{
    id::UserId,
    session::{EndReason, EndTarget, Opened, UserSnapshot},
};

use super::{ContractStores, fixtures::*};

contract_tests! {
    a_change_counts_for_sessions_that_already_live
    an_older_projection_never_replaces_a_newer_one
    the_same_version_again_changes_nothing
    an_older_projection_does_not_revive_who_was_removed
    the_first_projection_tells_generation_zero
    a_generation_outlives_every_projection
}

async fn a_change_counts_for_sessions_that_already_live(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let id = open_session(&*stores.sessions, alice, at(1)).await.session.id;
    let changed = UserSnapshot {
        name: "alicia".into(),
        display_name: None,
        email: None,
        roles: vec![],
        disabled: true,
        ..user_snapshot(alice, 2)
    };
    stores.sessions.put_user_snapshot(&changed).await.unwrap();
    assert_eq!(stores.sessions.find(id).await.unwrap().expect("the gate decides, not the store").user, changed);
}

async fn an_older_projection_never_replaces_a_newer_one(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let id = open_session(&*stores.sessions, alice, at(1)).await.session.id;
    let newer = UserSnapshot { roles: vec!["newer".into()], ..user_snapshot(alice, 9) };
    stores.sessions.put_user_snapshot(&newer).await.unwrap();
    stores
        .sessions
        .put_user_snapshot(&UserSnapshot { roles: vec!["older".into()], ..user_snapshot(alice, 8) })
        .await
        .unwrap();
    assert_eq!(stores.sessions.find(id).await.unwrap().expect("it is there").user, newer);
}

async fn the_same_version_again_changes_nothing(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let id = open_session(&*stores.sessions, alice, at(1)).await.session.id;
    let first = stores.sessions.find(id).await.unwrap().expect("it is there").user;
    let again = UserSnapshot { display_name: Some("again".into()), ..user_snapshot(alice, 1) };
    stores.sessions.put_user_snapshot(&again).await.unwrap();
    assert_eq!(stores.sessions.find(id).await.unwrap().expect("it is there").user, first);
}

async fn an_older_projection_does_not_revive_who_was_removed(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    stores.sessions.put_user_snapshot(&UserSnapshot { disabled: true, ..user_snapshot(alice, 5) }).await.unwrap();
    stores.sessions.end(EndTarget::AllOf(alice), &end_record(EndReason::AccountDisabled, at(2))).await.unwrap();
    let generation = stores.sessions.put_user_snapshot(&user_snapshot(alice, 4)).await.unwrap();
    let late = new_session(alice, at(3), generation);
    assert_eq!(stores.sessions.open(late).await.unwrap(), Opened::GenerationChanged);
}

async fn the_first_projection_tells_generation_zero(stores: ContractStores) {
    let alice = UserId::mint();
    assert_eq!(stores.sessions.put_user_snapshot(&user_snapshot(alice, 7)).await.unwrap(), 0);
    assert_eq!(stores.sessions.put_user_snapshot(&user_snapshot(alice, 8)).await.unwrap(), 0);
}

async fn a_generation_outlives_every_projection(stores: ContractStores) {
    let alice = UserId::mint();
    assert!(
        stores
            .sessions
            .end(EndTarget::AllOf(alice), &end_record(EndReason::ByAdministrator, at(1)))
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        stores.sessions.put_user_snapshot(&user_snapshot(alice, 1)).await.unwrap(),
        1,
        "raised though nothing was there"
    );
    let opened = stores.sessions.open(new_session(alice, at(1), 1)).await.unwrap();
    assert_eq!(opened, Opened::Yes { replaced: None, evicted: vec![] }, "what is known of them now counts");
    stores.sessions.end(EndTarget::AllOf(alice), &end_record(EndReason::ByAdministrator, at(1))).await.unwrap();
    assert_eq!(stores.sessions.put_user_snapshot(&user_snapshot(alice, 9)).await.unwrap(), 2);
    assert_eq!(
        stores.sessions.put_user_snapshot(&user_snapshot(alice, 1)).await.unwrap(),
        2,
        "told even when nothing is written"
    );
}
