//! Who and what the stories are about.

use std::{net::IpAddr, time::Duration};

use portcullis::{
    account::{Account, Added, Email, PasswordHash, Role, UserName},
    clock::Timestamp,
    id::{SessionId, UserId},
    secret::{Digest, Token},
    session::{Activity, Beat, Kind, Method, NewSession, Opened, Owner, Proof, Session, SessionStore, Terms},
    visitor::{Device, DeviceKind, Software},
};

use super::Stores;

/// So many seconds after the story begins.
pub(crate) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_767_225_600_000).plus(Duration::from_secs(seconds))
}

pub(crate) fn digest() -> Digest {
    Token::mint().digest()
}

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

pub(crate) fn device() -> Device {
    Device {
        kind: DeviceKind::Laptop,
        browser: Some(Software { name: "Chrome".into(), version: Some("142".into()) }),
        os: Some(Software { name: "macOS".into(), version: None }),
        model: None,
    }
}

/// What somebody may do, as version `version` of their account says.
pub(crate) fn owner(id: UserId, version: u64) -> Owner {
    Owner {
        id,
        name: "alice".into(),
        display_name: Some("Alice \"A\" Lidell".into()),
        email: Some("alice@example.com".into()),
        roles: vec!["admin".into(), "staff".into()],
        disabled: false,
        version,
    }
}

/// Somebody new, whom the session store knows.
pub(crate) async fn somebody(stores: &Stores) -> UserId {
    let id = UserId::mint();
    let generation = stores.sessions.put_owner(&owner(id, 1)).await.unwrap();
    assert_eq!(generation, 0);
    id
}

pub(crate) fn new_session(owner: UserId, opened: Timestamp, generation: u64) -> NewSession {
    NewSession {
        session: Session {
            id: SessionId::mint(owner),
            terms: Terms { opened, remembered: true, kind: Kind::App },
            proof: Proof { assurance: 1, methods: vec![Method::Password], at: opened },
            device: device(),
            first_ip: ip("192.0.2.1"),
            sign_ins: 3,
            activity: Activity { latest: opened, ip: ip("2001:db8::1"), actions: 0, last_page: Some("/start".into()) },
        },
        secret: digest(),
        generation,
        max_per_user: 1_000,
    }
}

/// Opens a session now, and must succeed.
pub(crate) async fn open(sessions: &dyn SessionStore, owner_id: UserId, opened: Timestamp) -> NewSession {
    let generation = sessions.put_owner(&owner(owner_id, 1)).await.unwrap();
    let new = new_session(owner_id, opened, generation);
    assert_eq!(sessions.open(new.clone()).await.unwrap(), Opened::Yes { evicted: vec![] });
    new
}

pub(crate) fn beat(id: SessionId, at: Timestamp) -> Beat {
    Beat { id, at, ip: ip("198.51.100.7"), actions: 2, page: Some("/reports".into()) }
}

pub(crate) fn ids(sessions: &[Session]) -> Vec<SessionId> {
    sessions.iter().map(|session| session.id).collect()
}

pub(crate) fn account(name: &str, email: Option<&str>) -> Account {
    Account {
        id: UserId::mint(),
        name: UserName::new(name).unwrap(),
        display_name: Some(format!("{name} of the house")),
        email: email.map(|email| Email::new(email).unwrap()),
        roles: vec![Role::new("admin").unwrap(), Role::new("team:a").unwrap()],
        disabled: false,
        created: at(0),
        password_set: None,
        version: 1,
    }
}

/// Somebody new, who has an account.
pub(crate) async fn customer(stores: &Stores, name: &str) -> UserId {
    let account = account(name, None);
    assert_eq!(stores.accounts.add(&account).await.unwrap(), Added::Yes);
    account.id
}

pub(crate) fn hash(text: &str) -> PasswordHash {
    PasswordHash::new(format!("$argon2id${text}"))
}
