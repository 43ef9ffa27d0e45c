//! Accounts from one store to another: none is lost, none is changed, and nobody gets a role that was not asked for.

use std::sync::Arc;

use portcullis::{
    account::{
        Account, AccountStore, Email, ExportedAccount, HashCost, ImportOptions, ImportOutcome, PasswordUpdate, UserName,
    },
    audit::{Actor, AuditEvent, AuditTrailQuery, TrailOrder},
    clock::Clock,
    server::{Components, Stores},
    store::{
        embedded::EmbeddedStore,
        redis::{RedisRecords, RedisStore},
    },
};

use crate::{
    redis_server::RedisServer,
    store_contract::fixtures::{account, at, audit_context, password_hash},
    test_app::test_config,
};

const IMPORT_ALL: ImportOptions = ImportOptions { with_roles: true, dry_run: false };

/// The program over a store.
fn components(stores: Stores) -> Components {
    Components::new(&test_config(), stores, Clock::system(), HashCost { memory: 8, passes: 1 })
}

fn in_memory() -> Components {
    components(Stores::from_single(Arc::new(EmbeddedStore::in_memory().unwrap())))
}

async fn in_redis() -> (RedisServer, Components) {
    let server = RedisServer::start();
    let (records, _) = RedisRecords::open(&server.target(), false).await;
    let (store, _) = RedisStore::open(&server.target(), Arc::new(records), &Clock::system()).await;
    (server, components(Stores::from_single(Arc::new(store))))
}

/// Everybody that there can be: with and without a password, disabled, and names from before they were normalised.
async fn fill(store: &dyn AccountStore) {
    let old = |name: &str| Account { name: UserName::from_stored(name).unwrap(), ..account("x", None) };
    let accounts = [
        account("alice", Some("alice@example.com")),
        Account { disabled: true, display_name: None, ..account("bob", None) },
        Account { email: Some(Email::from_stored("zoe\u{308}@example.com").unwrap()), ..old("zo\u{eb}") },
        old("zoe\u{308}"),
        old("Jose\u{301}"),
    ];
    for account in &accounts {
        store.add(account, &audit_context(at(0))).await.unwrap();
    }
    for account in &accounts[2..] {
        store
            .set_password(account.id, &PasswordUpdate::Set(password_hash("secret")), &audit_context(at(1)))
            .await
            .unwrap();
    }
}

/// The journal, oldest first.
async fn audit_events(parts: &Components) -> Vec<AuditEvent> {
    let all = AuditTrailQuery { user: None, order: TrailOrder::OldestFirst, after: None, limit: usize::MAX };
    parts.stores.audit.trail(&all).await.unwrap().entries.into_iter().map(|entry| entry.event).collect()
}

/// An account without its version, which rises.
fn unversioned(portable: ExportedAccount) -> ExportedAccount {
    ExportedAccount { account: Account { version: 0, ..portable.account }, ..portable }
}

async fn export_all(parts: &Components) -> Vec<ExportedAccount> {
    parts.accounts.export(Actor::Operator).await.unwrap().into_iter().map(unversioned).collect()
}

async fn assert_round_trip(from: &Components, to: &Components) {
    fill(&*from.stores.accounts).await;
    let exported = from.accounts.export(Actor::Operator).await.unwrap();
    let dry = ImportOptions { dry_run: true, ..IMPORT_ALL };
    let would = to.accounts.import(&exported, dry, Actor::Operator).await.unwrap();
    assert_eq!((would, to.accounts.list().await.unwrap().len()), (vec![ImportOutcome::Added; 5], 0), "a dry run");
    let arrived = to.accounts.import(&exported, IMPORT_ALL, Actor::Operator).await.unwrap();
    assert_eq!(arrived, vec![ImportOutcome::Added; 5]);
    assert_eq!(export_all(to).await, exported.iter().cloned().map(unversioned).collect::<Vec<_>>());
    let again = to.accounts.import(&exported, IMPORT_ALL, Actor::Operator).await.unwrap();
    assert_eq!(again, vec![ImportOutcome::Unchanged; 5], "once is enough");
    for (typed, name) in [("zo\u{eb}", "zo\u{eb}"), ("zoe\u{308}", "zoe\u{308}"), ("jos\u{e9}", "Jose\u{301}")] {
        let found = to.accounts.by_login(typed).await.unwrap();
        assert_eq!(found.map(|account| account.name.to_string()).as_deref(), Some(name), "{typed:?}");
    }
    let trail = audit_events(to).await;
    let imported = trail.iter().filter(|fact| matches!(fact, AuditEvent::UserImported { .. })).count();
    assert_eq!(imported, 5, "each is in the journal");
    let trail = audit_events(from).await;
    assert_eq!(trail.last(), Some(&AuditEvent::UsersExported { users: 5 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_file_to_redis_no_account_is_lost() {
    let (_server, redis) = in_redis().await;
    assert_round_trip(&in_memory(), &redis).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_redis_to_a_file_no_account_is_lost() {
    let (_server, redis) = in_redis().await;
    assert_round_trip(&redis, &in_memory()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_changed_and_no_role_comes_along_unasked() {
    let (_server, redis) = in_redis().await;
    for to in [in_memory(), redis] {
        let there = account("alice", Some("alice@example.com"));
        to.stores.accounts.add(&there, &audit_context(at(0))).await.unwrap();
        let portable = |account: &Account| ExportedAccount { account: account.clone(), password: None };
        let arriving = [
            portable(&Account { disabled: true, ..there.clone() }),
            portable(&account("Alice", Some("other@example.com"))),
            portable(&account("carol", Some("ALICE@example.com"))),
            portable(&account("dave", None)),
            portable(&account("dave", None)),
        ];
        let options = ImportOptions { with_roles: false, dry_run: false };
        let arrived = to.accounts.import(&arriving, options, Actor::Operator).await.unwrap();
        let expected = [
            ImportOutcome::Differs(vec!["disabled"]),
            ImportOutcome::NameTaken,
            ImportOutcome::EmailTaken,
            ImportOutcome::Added,
            ImportOutcome::NameTaken,
        ];
        assert_eq!(arrived, expected);
        let dave = to.accounts.by_login("dave").await.unwrap().unwrap();
        assert!(dave.roles.is_empty() && !arriving[3].account.roles.is_empty());
        assert_eq!(to.accounts.get(there.id).await.unwrap(), Some(there), "as it was");
    }
}
