//! One name and one password, whatever keyboard wrote them; and no two accounts that look alike.

use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, Version};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use portcullis::{
    account::{
        Account, AccountError, AccountStore, Email, NewUser, PasswordHash, PasswordUpdate, UserName, UserRecords as _,
    },
    audit::Actor,
    clock::Clock,
    id::UserId,
    secret::Password,
    store::{
        embedded::EmbeddedStore,
        redis::{RedisRecords, RedisStore},
    },
};

use crate::{
    redis_server::RedisServer,
    store_contract::fixtures::{account, at, audit_context},
    test_app::{DAY, TestApp},
};

/// As macOS composes its letters, and as phones do.
const DECOMPOSED: &str = "Cafe\u{301}-lante\u{301}rn-9";
const COMPOSED: &str = "Caf\u{e9}-lant\u{e9}rn-9";

/// The hash of what was typed, as it was.
fn hash_as_typed(text: &str) -> PasswordHash {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap());
    let mut hash = [0; 32];
    argon2.hash_password_into(text.as_bytes(), b"saltsaltsaltsalt", &mut hash).unwrap();
    let written = |bytes: &[u8]| STANDARD_NO_PAD.encode(bytes);
    PasswordHash::new(format!("$argon2id$v=19$m=8,t=1,p=1${}${}", written(b"saltsaltsaltsalt"), written(&hash)))
}

fn new_user(name: &str, email: &str) -> NewUser {
    NewUser {
        name: UserName::new(name).unwrap(),
        email: Some(Email::new(email).unwrap()),
        display_name: None,
        roles: Vec::new(),
    }
}

/// An account from before names were normalised.
fn old_account(name: &str, email: &str) -> Account {
    Account {
        name: UserName::from_stored(name).unwrap(),
        email: Some(Email::from_stored(email).unwrap()),
        ..account("placeholder", None)
    }
}

#[tokio::test]
async fn the_same_keys_sign_in_from_each_device() {
    for app in TestApp::on_each_store() {
        let jose = app
            .components
            .accounts
            .add(new_user("Jose\u{301}", "Jose\u{301}@example.com"), Actor::Operator)
            .await
            .unwrap();
        assert_eq!(jose.name.as_str(), "Jos\u{e9}");
        app.components
            .accounts
            .set_password(&jose, Password::new(DECOMPOSED.to_owned()), Actor::Operator)
            .await
            .unwrap();
        for (name, password) in [
            ("jos\u{e9}", COMPOSED),
            ("JOSE\u{301}", DECOMPOSED),
            ("ｊｏｓé", COMPOSED),
            ("jose\u{301}@EXAMPLE.com", DECOMPOSED),
            ("ｊｏｓé＠ｅｘａｍｐｌｅ．ｃｏｍ", COMPOSED),
        ] {
            assert_eq!(app.new_browser().sign_in(name, password).await.status, 303, "{name}");
        }
        assert_eq!(app.new_browser().sign_in("jose", COMPOSED).await.status, 401);
        assert_eq!(app.new_browser().sign_in("jos\u{e9}", "Cafe-lantern-9").await.status, 401);
    }
}

#[tokio::test]
async fn an_old_hash_of_what_was_typed_is_good_and_renewed() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let old = PasswordUpdate::Set(hash_as_typed(DECOMPOSED));
        app.components.stores.accounts.set_password(alice.id(), &old, &audit_context(at(0))).await.unwrap();
        assert_eq!(app.new_browser().sign_in("alice", COMPOSED).await.status, 401, "nobody knows how it was typed");
        assert_eq!(app.new_browser().sign_in("alice", DECOMPOSED).await.status, 303);
        assert_eq!(app.new_browser().sign_in("alice", COMPOSED).await.status, 303, "renewed");
        assert_eq!(app.new_browser().sign_in("alice", DECOMPOSED).await.status, 303);
    }
}

#[tokio::test]
async fn how_long_a_check_takes_says_nothing_of_the_name() {
    let app = TestApp::new();
    app.add_user("alice").await;
    for name in ["alice", "nobody"] {
        for (typed, hashes) in [(COMPOSED, 1), (DECOMPOSED, 2), ("a\u{a0}space-of-another-kind", 2)] {
            let before = app.metric("password_hash_seconds_count");
            assert_eq!(app.new_browser().sign_in(name, typed).await.status, 401);
            assert_eq!(app.metric("password_hash_seconds_count"), before + hashes, "{name} {typed:?}");
            app.advance(DAY);
        }
    }
}

#[tokio::test]
async fn nobody_gets_a_name_that_looks_like_another() {
    for app in TestApp::on_each_store() {
        app.add_user("paypal").await;
        for (name, email) in [
            ("p\u{430}ypal", "x@example.com"),
            ("paypaI", "x@example.com"),
            ("paypa1", "x@example.com"),
            ("other", "p\u{430}ypal@example.com"),
        ] {
            let refused = app.components.accounts.add(new_user(name, email), Actor::Operator).await;
            assert!(matches!(refused, Err(AccountError::Confusable(_))), "{name} {email}: {refused:?}");
        }
        let taken = app.components.accounts.add(new_user("ＰＡＹＰＡＬ", "x@example.com"), Actor::Operator).await;
        assert!(matches!(taken, Err(AccountError::NameTaken)), "{taken:?}");
        assert_eq!(app.components.accounts.list().await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_password_holds_no_name_of_its_account() {
    for app in TestApp::on_each_store() {
        let bob = app.add_user_without_password("bob", &[]).await;
        let set = |text: &str| {
            let password = Password::new(text.to_owned());
            app.components.accounts.set_password(&bob.account, password, Actor::Operator)
        };
        for bad in ["Ferry-BOB-lantern-9", "Ferry-ｂｏｂ-lantern-9"] {
            assert!(matches!(set(bad).await, Err(AccountError::WeakPassword(_))), "{bad}");
        }
        set("Ferry-lantern-9").await.unwrap();
    }
}

/// What signs in whom, where these accounts stand as they did before names were normalised.
async fn old_names_sign_in(accounts: &dyn AccountStore, ids: [UserId; 4]) {
    let [jose, wide, zoe_together, zoe_apart] = ids.map(Some);
    for (typed, expected) in [
        ("Jose\u{301}", jose),
        ("jos\u{e9}", jose),
        ("JOSÉ@example.com", jose),
        ("ａｌｉｃｅ", wide),
        ("Alice", wide),
        ("zo\u{eb}", zoe_together),
        ("zoe\u{308}", zoe_apart),
        ("zoe", None),
    ] {
        let found = accounts.by_login(typed).await.unwrap();
        assert_eq!(found.map(|account| account.id), expected, "{typed:?}");
    }
}

fn old_accounts() -> [Account; 4] {
    [
        old_account("Jose\u{301}", "jose\u{301}@example.com"),
        old_account("Ａｌｉｃｅ", "wide@example.com"),
        old_account("zo\u{eb}", "z@example.com"),
        old_account("zoe\u{308}", "y@example.com"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_old_names_is_compatible() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let old = old_accounts();
    let store = EmbeddedStore::open(&path).unwrap();
    for account in &old {
        store.add(account, &audit_context(at(0))).await.unwrap();
    }
    drop(store);
    let file = rusqlite::Connection::open(&path).unwrap();
    file.execute_batch(
        "DROP TABLE login; DROP INDEX journal_of_unknown; DROP INDEX journal_of_failures; PRAGMA user_version = 2;",
    )
    .unwrap();
    drop(file);
    let store = EmbeddedStore::open(&path).unwrap();
    old_names_sign_in(&store, old.each_ref().map(|account| account.id)).await;
    assert_eq!(store.list().await.unwrap().len(), 4, "read back in their own spelling");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_of_old_names_is_compatible() {
    let server = RedisServer::start();
    let open = async || {
        let (records, _) = RedisRecords::open(&server.target(), false).await;
        RedisStore::open(&server.target(), Arc::new(records), &Clock::system()).await.0
    };
    let old = old_accounts();
    let store = open().await;
    for account in &old {
        store.add(account, &audit_context(at(0))).await.unwrap();
    }
    assert_eq!(server.command::<u32>(&["DEL", "portcullis:{records}:login-rule"]), 1);
    let store = open().await;
    old_names_sign_in(&store, old.each_ref().map(|account| account.id)).await;
    assert_eq!(store.list().await.unwrap().len(), 4, "read back in their own spelling");
    for account in &old {
        store.change(account.id, &portcullis::account::AccountChange::Remove, &audit_context(at(1))).await.unwrap();
    }
    assert_eq!(server.command::<u32>(&["HLEN", "portcullis:{records}:logins"]), 0, "every key goes with its account");
}
