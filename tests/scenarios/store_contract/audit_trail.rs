//! The trail: everything that happened, from either end.

use portcullis::{
    audit::{Actor, AuditEntry, AuditEvent, AuditTrailQuery, TrailOrder},
    id::{EventId, UserId},
};

use super::{ContractStores, fixtures::*};

contract_tests! {
    the_trail_holds_everything_from_either_end
    the_trail_of_one_user_holds_nobody_elses
    pages_of_the_trail_go_through_all_once
    what_is_new_comes_last_and_moves_no_page
}

fn entry(user: Option<UserId>, fact: AuditEvent) -> AuditEntry {
    AuditEntry { id: EventId::mint(), at: at(1), user, actor: Actor::Operator, ip: None, device: None, event: fact }
}

fn query(from: TrailOrder, limit: usize) -> AuditTrailQuery {
    AuditTrailQuery { user: None, order: from, after: None, limit }
}

async fn ids(stores: &ContractStores, query: &AuditTrailQuery) -> Vec<EventId> {
    stores.audit.trail(query).await.unwrap().entries.iter().map(|entry| entry.id).collect()
}

/// So many entries of one moment, of this user and of nobody in turn.
async fn recorded(stores: &ContractStores, user: UserId, count: usize) -> Vec<EventId> {
    let each = |place: usize| entry(place.is_multiple_of(2).then_some(user), AuditEvent::UserAdded);
    let entries: Vec<AuditEntry> = (0..count).map(each).collect();
    stores.audit.record(&entries).await.unwrap();
    entries.iter().map(|entry| entry.id).collect()
}

async fn the_trail_holds_everything_from_either_end(stores: ContractStores) {
    assert!(ids(&stores, &query(TrailOrder::OldestFirst, 10)).await.is_empty());
    let alice = UserId::mint();
    let facts =
        [AuditEvent::UserAdded, AuditEvent::LinkMade, AuditEvent::RolesChanged { roles: vec!["editor".into()] }];
    let entries = facts.map(|fact| entry(Some(alice), fact));
    stores.audit.record(&entries).await.unwrap();
    let page = stores.audit.trail(&query(TrailOrder::OldestFirst, 10)).await.unwrap();
    assert_eq!((page.entries.as_slice(), page.next), (&entries[..], None));
    let mut backwards = ids(&stores, &query(TrailOrder::NewestFirst, 10)).await;
    backwards.reverse();
    assert_eq!(backwards, entries.map(|entry| entry.id));
}

async fn the_trail_of_one_user_holds_nobody_elses(stores: ContractStores) {
    let (alice, bob) = (UserId::mint(), UserId::mint());
    let hers = recorded(&stores, alice, 6).await;
    recorded(&stores, bob, 6).await;
    let query = AuditTrailQuery { user: Some(alice), ..query(TrailOrder::OldestFirst, 100) };
    assert_eq!(ids(&stores, &query).await, hers.into_iter().step_by(2).collect::<Vec<_>>());
}

async fn pages_of_the_trail_go_through_all_once(stores: ContractStores) {
    let mut all = recorded(&stores, UserId::mint(), 7).await;
    for from in [TrailOrder::OldestFirst, TrailOrder::NewestFirst] {
        for limit in [1, 3, 7, 8] {
            let (mut seen, mut query) = (Vec::new(), query(from, limit));
            loop {
                let page = stores.audit.trail(&query).await.unwrap();
                assert!(page.entries.len() <= limit);
                seen.extend(page.entries.iter().map(|entry| entry.id));
                query.after = page.next;
                if page.next.is_none() {
                    break;
                }
            }
            assert_eq!(seen, all, "{from:?} {limit}");
        }
        all.reverse();
    }
}

async fn what_is_new_comes_last_and_moves_no_page(stores: ContractStores) {
    let alice = UserId::mint();
    let old = recorded(&stores, alice, 4).await;
    let forwards = AuditTrailQuery { after: Some(old[1]), ..query(TrailOrder::OldestFirst, 10) };
    let backwards = AuditTrailQuery { after: Some(old[2]), ..query(TrailOrder::NewestFirst, 10) };
    let new = recorded(&stores, alice, 1).await;
    assert_eq!(ids(&stores, &forwards).await, [old[2], old[3], new[0]]);
    assert_eq!(ids(&stores, &backwards).await, [old[1], old[0]]);
}
