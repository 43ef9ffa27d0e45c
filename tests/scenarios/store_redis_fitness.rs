//! Whether a Redis is fit to keep sessions: what it must be, what it may not do, and how that is told.

use std::sync::Arc;

use portcullis::{
    clock::Clock,
    id::UserId,
    secret::Password,
    session::SessionStore,
    store::{
        Outbox as _, StoreHealth,
        embedded::EmbeddedStore,
        redis::{RedisStore, RedisStoreError, RedisTarget, ServerInfo, probe_server},
    },
};

use crate::{
    redis_server::RedisServer,
    store_contract::fixtures::{account, at, new_session},
    store_redis::wait_until_usable,
};

async fn fitness_error(target: &RedisTarget) -> String {
    probe_server(target).await.expect_err("it is not fit").to_string()
}

#[tokio::test]
async fn a_server_that_may_throw_sessions_away_is_refused() {
    for policy in ["allkeys-lru", "volatile-ttl"] {
        let server = RedisServer::start_with(&["--maxmemory-policy", policy]);
        let told = fitness_error(&server.target()).await;
        assert!(told.contains(&format!("(maxmemory-policy {policy}); set maxmemory-policy noeviction")), "{told}");
        let records = Arc::new(EmbeddedStore::in_memory().unwrap());
        let opened = RedisStore::open(&server.target(), records, &Clock::system()).await;
        assert!(matches!(opened.1.server, Err(RedisStoreError::Unsupported { .. })), "{policy}");
        let (store, refused) = (opened.0, opened.1.server.unwrap_err().to_string());
        let id = new_session(UserId::mint(), at(1), 0).session.id;
        for told in [store.find(id).await.unwrap_err(), StoreHealth::ping(&store).await.unwrap_err()] {
            assert!(told.to_string().contains(&refused), "the same is told to who asks: {told}");
        }
        let _: String = server.command(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
        wait_until_usable(&store).await;
    }
}

#[tokio::test]
async fn a_sentinel_is_called_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sentinel.conf");
    std::fs::write(&file, "sentinel monitor main 127.0.0.1 1 1\n").unwrap();
    let server = RedisServer::sentinel(&file);
    for db in [0, 3] {
        let told = fitness_error(&RedisTarget { db, ..server.target() }).await;
        assert!(told.contains("is a Sentinel") && told.contains("name the Redis server itself"), "{told}");
        assert!(!told.contains("number of the database"), "{told}");
    }
    let server = RedisServer::start();
    let told = fitness_error(&RedisTarget { db: 99, ..server.target() }).await;
    assert!(told.contains("number of the database") && !told.contains("Sentinel"), "{told}");
}

#[tokio::test]
async fn a_server_says_what_it_is() {
    let server = RedisServer::start();
    let ServerInfo { name, aof_enabled, .. } = probe_server(&server.target()).await.unwrap();
    assert!(name.starts_with("Redis ") && !aof_enabled, "{name}");
    let replica = RedisServer::start_with(&["--replicaof", "127.0.0.1", "1"]);
    assert!(fitness_error(&replica.target()).await.contains("is a replica; name the primary"));
}

#[tokio::test]
async fn a_wrong_password_is_told_and_not_repeated() {
    let server = RedisServer::start_with(&["--requirepass", "the-right-one"]);
    for password in [None, Some("the-wrong-one")] {
        let target = RedisTarget { password: password.map(|word| Password::new(word.into())), ..server.target() };
        let told = fitness_error(&target).await;
        assert!(told.contains("does not accept this user and password") && !told.contains("-one"), "{told}");
        assert!(!format!("{target:?}").contains("-one"));
    }
    let target = RedisTarget { password: Some(Password::new("the-right-one".into())), ..server.target() };
    probe_server(&target).await.unwrap();
}

#[tokio::test]
async fn a_user_with_no_more_rights_than_are_named_can_do_everything() {
    let server = RedisServer::start();
    let rules = "ACL SETUSER portcullis on >secret ~portcullis:* &portcullis:* +@read +@write +@scripting +@pubsub \
                 +@connection +info +time +wait";
    let _: String = server.command(&rules.split_whitespace().collect::<Vec<_>>());
    let login = |user: &str| RedisTarget {
        user: Some(user.to_owned()),
        password: Some(Password::new("secret".into())),
        ..server.target()
    };
    let records = Arc::new(EmbeddedStore::in_memory().unwrap());
    let (store, _) = RedisStore::open(&login("portcullis"), records, &Clock::system()).await;
    store.put_user_snapshot(&account("alice", None).snapshot()).await.unwrap();
    store.ping().await.unwrap();
    store.drain_outbox(at(1)).await.unwrap();
    for (kept_from, back) in
        [("-@hash", "+@hash"), ("-@scripting", "+@scripting"), ("-@sortedset", "+@sortedset"), ("-@list", "+@list")]
    {
        let _: String = server.command(&["ACL", "SETUSER", "portcullis", kept_from]);
        assert!(store.ping().await.is_err(), "{kept_from}: acts would fail, and readiness says so");
        let _: String = server.command(&["ACL", "SETUSER", "portcullis", back]);
        store.ping().await.unwrap();
    }
    let _: String = server.command(&["ACL", "SETUSER", "poor", "on", ">secret", "~*", "+@connection", "+info"]);
    assert!(fitness_error(&login("poor")).await.contains("+@scripting"), "it says what is missing");
}
