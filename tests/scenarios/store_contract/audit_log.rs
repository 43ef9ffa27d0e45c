//! What happened, and that it stays told.

use portcullis::{
    audit::{
        Actor, AuditEntry, AuditEvent, AuditLogSize, AuditTrailQuery, LoginHistoryQuery, LoginOutcome, SignInFailure,
        TrailOrder,
    },
    clock::Timestamp,
    id::{EventId, SessionId, UserId},
    session::{AuthMethod, ClientKind, EndReason},
};

use super::{ContractStores, fixtures::*};

contract_tests! {
    what_was_recorded_is_read_back_whole
    the_history_shows_sign_ins_only
    the_history_shows_nobody_elses
    the_history_can_be_of_one_outcome
    the_history_begins_with_the_newest
    pages_go_through_all_once_even_within_one_moment
    a_full_last_page_has_no_next
    a_cursor_that_is_gone_ends_the_history
    what_is_new_does_not_move_the_next_page
    an_entry_that_is_told_again_stands_once
    old_entries_are_forgotten
    a_thousand_old_entries_are_forgotten
    a_count_grows_in_its_place
    a_count_is_no_other_entry
    failed_sign_ins_of_nobody_are_forgotten_by_themselves
    of_failed_sign_ins_those_of_nobody_go_first_and_acts_never
    a_thousand_failed_sign_ins_go_at_once
}

fn entry(user: UserId, at: Timestamp, fact: AuditEvent) -> AuditEntry {
    AuditEntry {
        id: EventId::mint(),
        at,
        user: Some(user),
        actor: Actor::User(user),
        ip: Some(ip("2001:db8::7")),
        device: Some(device()),
        event: fact,
    }
}

fn signed_in(user: UserId, at: Timestamp) -> AuditEntry {
    entry(user, at, AuditEvent::SignedIn { session: SessionId::mint(user), method: AuthMethod::Password })
}

fn failed(user: UserId, at: Timestamp) -> AuditEntry {
    entry(user, at, AuditEvent::SignInFailed { step: AuthMethod::Password, reason: SignInFailure::WrongPassword })
}

fn query(user: UserId) -> LoginHistoryQuery {
    LoginHistoryQuery { user, outcome: None, after: None, limit: 100 }
}

async fn login_history(stores: &ContractStores, query: LoginHistoryQuery) -> Vec<AuditEntry> {
    stores.audit.login_history(&query).await.unwrap().entries
}

async fn what_was_recorded_is_read_back_whole(stores: ContractStores) {
    let alice = UserId::mint();
    let full = signed_in(alice, at(2));
    let bare = AuditEntry { ip: None, device: None, actor: Actor::Visitor, ..failed(alice, at(1)) };
    stores.audit.record(&[bare.clone(), full.clone()]).await.unwrap();
    stores.audit.record(&[]).await.unwrap();
    assert_eq!(login_history(&stores, query(alice)).await, [full, bare]);
}

async fn the_history_shows_sign_ins_only(stores: ContractStores) {
    let alice = UserId::mint();
    let session = SessionId::mint(alice);
    let shown = failed(alice, at(5));
    let ended = AuditEvent::SessionEnded {
        session,
        end_reason: EndReason::Idle { kind: ClientKind::Web },
        reason: Some("\"quoted\"".into()),
    };
    let facts = [ended, AuditEvent::PasswordChanged, AuditEvent::RolesChanged { roles: vec!["a".into()] }];
    let mut entries: Vec<AuditEntry> = facts.into_iter().map(|fact| entry(alice, at(9), fact)).collect();
    entries.push(shown.clone());
    stores.audit.record(&entries).await.unwrap();
    assert_eq!(login_history(&stores, query(alice)).await, [shown]);
}

async fn the_history_shows_nobody_elses(stores: ContractStores) {
    let (alice, bob) = (UserId::mint(), UserId::mint());
    let nobodys = AuditEntry { user: None, ..failed(alice, at(1)) };
    stores.audit.record(&[signed_in(bob, at(1)), nobodys]).await.unwrap();
    assert!(login_history(&stores, query(alice)).await.is_empty());
    stores.audit.record(&[signed_in(alice, at(0))]).await.unwrap();
    let bobs = login_history(&stores, query(bob)).await[0].id;
    assert!(login_history(&stores, LoginHistoryQuery { after: Some(bobs), ..query(alice) }).await.is_empty());
}

async fn the_history_can_be_of_one_outcome(stores: ContractStores) {
    let alice = UserId::mint();
    let (bad, good) = (failed(alice, at(1)), signed_in(alice, at(2)));
    stores.audit.record(&[bad.clone(), good.clone()]).await.unwrap();
    assert_eq!(
        login_history(&stores, LoginHistoryQuery { outcome: Some(LoginOutcome::Succeeded), ..query(alice) }).await,
        [good]
    );
    assert_eq!(
        login_history(&stores, LoginHistoryQuery { outcome: Some(LoginOutcome::Failed), ..query(alice) }).await,
        [bad]
    );
}

async fn the_history_begins_with_the_newest(stores: ContractStores) {
    let alice = UserId::mint();
    let (old, new) = (signed_in(alice, at(1)), signed_in(alice, at(3)));
    let late_told = failed(alice, at(2));
    for one in [&old, &new, &late_told] {
        stores.audit.record(std::slice::from_ref(one)).await.unwrap();
    }
    assert_eq!(login_history(&stores, query(alice)).await, [new, late_told, old]);
}

async fn pages_go_through_all_once_even_within_one_moment(stores: ContractStores) {
    let alice = UserId::mint();
    for second in [1, 1, 1, 1, 1, 2, 2, 3, 3, 3] {
        stores.audit.record(&[signed_in(alice, at(second)), failed(alice, at(second))]).await.unwrap();
    }
    let whole = login_history(&stores, query(alice)).await;
    assert_eq!(whole.len(), 20);
    assert!(whole.windows(2).all(|pair| pair[0].at >= pair[1].at));
    for outcome in [None, Some(LoginOutcome::Failed)] {
        let all = login_history(&stores, LoginHistoryQuery { outcome, ..query(alice) }).await;
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page =
                stores.audit.login_history(&LoginHistoryQuery { outcome, after, limit: 3, user: alice }).await.unwrap();
            assert!(page.entries.len() <= 3);
            assert_eq!(page.next.is_some(), seen.len() + page.entries.len() < all.len());
            seen.extend(page.entries);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, all);
    }
}

async fn a_full_last_page_has_no_next(stores: ContractStores) {
    let alice = UserId::mint();
    stores.audit.record(&[signed_in(alice, at(1)), signed_in(alice, at(2))]).await.unwrap();
    let page = stores.audit.login_history(&LoginHistoryQuery { limit: 2, ..query(alice) }).await.unwrap();
    assert_eq!((page.entries.len(), page.next), (2, None));
    let none = stores.audit.login_history(&LoginHistoryQuery { limit: 0, ..query(alice) }).await.unwrap();
    assert_eq!((none.entries.len(), none.next), (0, None));
}

async fn a_cursor_that_is_gone_ends_the_history(stores: ContractStores) {
    let alice = UserId::mint();
    stores.audit.record(&[signed_in(alice, at(1))]).await.unwrap();
    assert!(
        login_history(&stores, LoginHistoryQuery { after: Some(EventId::mint()), ..query(alice) }).await.is_empty()
    );
}

async fn what_is_new_does_not_move_the_next_page(stores: ContractStores) {
    let alice = UserId::mint();
    let entries: Vec<AuditEntry> = (1..=4).map(|second| signed_in(alice, at(second))).collect();
    stores.audit.record(&entries).await.unwrap();
    let first = stores.audit.login_history(&LoginHistoryQuery { limit: 2, ..query(alice) }).await.unwrap();
    stores.audit.record(&[signed_in(alice, at(9))]).await.unwrap();
    let second = login_history(&stores, LoginHistoryQuery { after: first.next, ..query(alice) }).await;
    assert_eq!(second, [entries[1].clone(), entries[0].clone()]);
}

async fn an_entry_that_is_told_again_stands_once(stores: ContractStores) {
    let alice = UserId::mint();
    let (once, other) = (signed_in(alice, at(1)), signed_in(alice, at(2)));
    stores.audit.record(std::slice::from_ref(&once)).await.unwrap();
    stores.audit.record(&[other.clone(), once.clone(), other.clone()]).await.unwrap();
    assert_eq!(login_history(&stores, query(alice)).await, [other, once]);
    assert_eq!(audit_entries(&stores).await.len(), 2);
}

async fn old_entries_are_forgotten(stores: ContractStores) {
    let alice = UserId::mint();
    let entries: Vec<AuditEntry> = (1..=3).map(|second| signed_in(alice, at(second))).collect();
    stores.audit.record(&entries).await.unwrap();
    stores.audit.delete_before(at(2)).await.unwrap();
    assert_eq!(login_history(&stores, query(alice)).await, [entries[2].clone(), entries[1].clone()]);
}

async fn a_thousand_old_entries_are_forgotten(stores: ContractStores) {
    let alice = UserId::mint();
    let entries: Vec<AuditEntry> = (0..1_000).map(|second| signed_in(alice, at(second))).collect();
    stores.audit.record(&entries).await.unwrap();
    stores.audit.delete_before(at(999)).await.unwrap();
    assert_eq!(login_history(&stores, query(alice)).await, [entries[999].clone()]);
}

fn counted(entry: &AuditEntry, count: u64, until: Timestamp) -> AuditEntry {
    AuditEntry { event: AuditEvent::SignInsFailed { step: AuthMethod::Password, count, until }, ..entry.clone() }
}

async fn audit_trail(stores: &ContractStores) -> Vec<AuditEntry> {
    let query = AuditTrailQuery { user: None, order: TrailOrder::OldestFirst, after: None, limit: 5_000 };
    stores.audit.trail(&query).await.unwrap().entries
}

async fn log_size(stores: &ContractStores) -> (u64, u64) {
    let AuditLogSize { entries, failed } = stores.audit.size().await.unwrap();
    (entries, failed)
}

async fn a_count_grows_in_its_place(stores: ContractStores) {
    let alice = UserId::mint();
    let first = counted(&failed(alice, at(1)), 3, at(2));
    let nobodys = counted(&AuditEntry { user: None, ..failed(alice, at(1)) }, 1, at(1));
    stores.audit.upsert_counts(&[first.clone(), nobodys.clone()]).await.unwrap();
    stores.audit.upsert_counts(&[]).await.unwrap();
    let later = signed_in(alice, at(3));
    stores.audit.record(std::slice::from_ref(&later)).await.unwrap();
    // Of another device by now: what it tells is all new, but its place and its time.
    let grown = AuditEntry { device: None, ..counted(&first, 5_950, at(9)) };
    stores.audit.upsert_counts(&[AuditEntry { at: at(8), ..grown.clone() }]).await.unwrap();
    assert_eq!(login_history(&stores, query(alice)).await[..1], *std::slice::from_ref(&later));
    let told = &login_history(&stores, query(alice)).await[1];
    assert_eq!((told.id, &told.event, &told.device), (grown.id, &grown.event, &None));
    assert_eq!(
        audit_trail(&stores).await.iter().map(|entry| entry.id).collect::<Vec<_>>(),
        [first.id, nobodys.id, later.id]
    );
    assert_eq!(log_size(&stores).await, (3, 2));
    // What was dropped meanwhile is written anew.
    assert_eq!(stores.audit.delete_failed(9).await.unwrap(), 2);
    stores.audit.upsert_counts(std::slice::from_ref(&grown)).await.unwrap();
    assert_eq!(login_history(&stores, query(alice)).await, [later, grown]);
}

async fn a_count_is_no_other_entry(stores: ContractStores) {
    let alice = UserId::mint();
    let one = counted(&failed(alice, at(1)), 3, at(2));
    stores.audit.upsert_counts(std::slice::from_ref(&one)).await.unwrap();
    stores.audit.record(&[counted(&one, 9, at(9))]).await.unwrap();
    assert_eq!(login_history(&stores, query(alice)).await, [one], "an entry that is told again stays as it is");
}

async fn failed_sign_ins_of_nobody_are_forgotten_by_themselves(stores: ContractStores) {
    let alice = UserId::mint();
    let nobodys = |second| AuditEntry { user: None, ..failed(alice, at(second)) };
    let (old, count, new) = (nobodys(1), counted(&nobodys(2), 7, at(3)), nobodys(5));
    let (hers, act) = (failed(alice, at(1)), signed_in(alice, at(1)));
    let rest = [hers.clone(), act.clone(), new.clone()];
    stores.audit.record(&[old, count]).await.unwrap();
    stores.audit.record(&rest).await.unwrap();
    stores.audit.delete_unknown_before(at(5)).await.unwrap();
    assert_eq!(audit_trail(&stores).await, rest);
    assert_eq!(log_size(&stores).await, (3, 2));
    stores.audit.delete_before(at(9)).await.unwrap();
    assert_eq!(log_size(&stores).await, (0, 0));
}

async fn of_failed_sign_ins_those_of_nobody_go_first_and_acts_never(stores: ContractStores) {
    let alice = UserId::mint();
    let nobodys = |second| AuditEntry { user: None, ..failed(alice, at(second)) };
    let acts = [
        signed_in(alice, at(1)),
        entry(alice, at(1), AuditEvent::PasswordChangeFailed),
        entry(
            alice,
            at(1),
            AuditEvent::SessionEnded {
                session: SessionId::mint(alice),
                end_reason: EndReason::SignedOut,
                reason: None,
            },
        ),
        AuditEntry { user: None, ..entry(alice, at(1), AuditEvent::UsersExported { users: 3 }) },
    ];
    let (hers, her_newer) = (failed(alice, at(2)), failed(alice, at(3)));
    let (theirs, their_newer) = (nobodys(8), nobodys(9));
    stores.audit.record(&acts).await.unwrap();
    stores.audit.record(&[her_newer.clone(), hers.clone(), their_newer.clone(), theirs]).await.unwrap();
    let drop_one = async || {
        assert_eq!(stores.audit.delete_failed(1).await.unwrap(), 1);
        audit_trail(&stores).await[acts.len()..].to_vec()
    };
    assert_eq!(drop_one().await, [her_newer.clone(), hers.clone(), their_newer], "nobody's oldest");
    assert_eq!(drop_one().await, [her_newer.clone(), hers]);
    assert_eq!(drop_one().await, *std::slice::from_ref(&her_newer), "then the oldest of others");
    assert_eq!(
        login_history(&stores, LoginHistoryQuery { outcome: Some(LoginOutcome::Failed), ..query(alice) }).await[..1],
        [her_newer]
    );
    assert_eq!(log_size(&stores).await, (5, 1));
    assert_eq!(stores.audit.delete_failed(100).await.unwrap(), 1);
    assert_eq!(audit_trail(&stores).await, acts);
}

async fn a_thousand_failed_sign_ins_go_at_once(stores: ContractStores) {
    let alice = UserId::mint();
    let all: Vec<AuditEntry> = (0..1_400)
        .map(|second| AuditEntry { user: (second % 2 == 0).then_some(alice), ..failed(alice, at(second)) })
        .collect();
    stores.audit.record(&all).await.unwrap();
    assert_eq!(stores.audit.delete_failed(1_300).await.unwrap(), 1_300);
    let left: Vec<AuditEntry> = all[1_200..].iter().filter(|entry| entry.user.is_some()).cloned().collect();
    assert_eq!(audit_trail(&stores).await, left);
}
