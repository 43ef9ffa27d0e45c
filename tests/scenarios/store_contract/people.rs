//! Who and what the stories are about.

use std::{net::IpAddr, time::Duration};

use portcullis::{
    account::{Account, AccountChange, AddResult, Email, PasswordHash, PasswordUpdate, Role, UserName},
    audit::{Actor, AuditContext, AuditEntry, AuditTrailQuery, TrailOrder},
    clock::Timestamp,
    id::{SessionId, UserId},
    secret::{Digest, Token},
    session::{
        Activity, AuthMethod, ClientKind, EndReason, EndRecord, Heartbeat, NewSession, Opened, Proof, SecretRenewal,
        Session, SessionStore, SessionTerms, UserSnapshot,
    },
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
pub(crate) fn owner(id: UserId, version: u64) -> UserSnapshot {
    UserSnapshot {
        id,
        name: "alice".into(),
        display_name: Some("Alice \"A\" Lidell".into()),
        email: Some("alice@example.com".into()),
        roles: vec!["admin".into(), "staff".into()],
        disabled: false,
        version,
    }
}

/// What the operator does then.
pub(crate) fn story(at: Timestamp) -> AuditContext {
    AuditContext { at, actor: Actor::Operator, ip: Some(ip("192.0.2.9")), device: Some(device()) }
}

/// How sessions end then.
pub(crate) fn parting(ending: EndReason, at: Timestamp) -> EndRecord {
    EndRecord { reason: Some("because".into()), ..EndRecord::new(ending, story(at)) }
}

/// The journal, oldest first.
pub(crate) async fn journal(stores: &Stores) -> Vec<AuditEntry> {
    let all = AuditTrailQuery { user: None, order: TrailOrder::OldestFirst, after: None, limit: usize::MAX };
    stores.journal.trail(&all).await.unwrap().entries
}

/// The names of what is in the journal, oldest first.
pub(crate) async fn told(stores: &Stores) -> Vec<&'static str> {
    journal(stores).await.iter().map(|entry| entry.event.name()).collect()
}

/// Gives a session a new secret, as a change of its owner's password does.
pub(crate) async fn renew(stores: &Stores, id: SessionId, from: Digest, to: Digest, grace_until: Timestamp) -> bool {
    let was = stores.accounts.password_hash(id.owner()).await.unwrap();
    let hash = was.clone().unwrap_or_else(|| hash("as it was"));
    let renewal = SecretRenewal { id, current: from, new: to, grace_until };
    let new = PasswordUpdate::Changed { hash, expected: was, renewal, keep_device: None, end_others: false };
    let changed = stores.accounts.set_password(id.owner(), &new, &story(at(1))).await.unwrap();
    changed.value.is_some_and(|changed| changed.renewed)
}

/// Sets a password whose hash tells `word`; whether it did.
pub(crate) async fn set(stores: &Stores, id: UserId, word: &str, at: Timestamp) -> bool {
    stores.accounts.set_password(id, &PasswordUpdate::Set(hash(word)), &story(at)).await.unwrap().is_some()
}

/// Changes the password, where it is the one whose hash tells `was`; whether it did.
pub(crate) async fn change_password(stores: &Stores, id: UserId, was: &str, word: &str, at: Timestamp) -> bool {
    let renewal = SecretRenewal { id: SessionId::mint(id), current: digest(), new: digest(), grace_until: at };
    let new = PasswordUpdate::Changed {
        hash: hash(word),
        expected: Some(hash(was)),
        renewal,
        keep_device: None,
        end_others: true,
    };
    stores.accounts.set_password(id, &new, &story(at)).await.unwrap().is_some()
}

/// Makes a link that sets a password; whether there is such an account.
pub(crate) async fn put_link(stores: &Stores, id: UserId, link: Digest, expires: Timestamp) -> bool {
    stores.accounts.put_link(id, link, expires, &story(at(0))).await.unwrap().value
}

/// Uses a link up then; whose it was.
pub(crate) async fn redeem(stores: &Stores, link: Digest, word: &str, at: Timestamp) -> Option<UserId> {
    let redeemed = stores.accounts.redeem_link(link, &hash(word), &story(at)).await.unwrap();
    redeemed.value.map(|changed| changed.account.id)
}

/// Changes an account; as it is then.
pub(crate) async fn change(stores: &Stores, id: UserId, change: AccountChange) -> Option<Account> {
    stores.accounts.change(id, &change, &story(at(1))).await.unwrap().value.map(|changed| changed.account)
}

pub(crate) const DISABLE: AccountChange = AccountChange::Disable { reason: None };

/// Somebody new, who has an account and may open sessions.
pub(crate) async fn somebody(stores: &Stores) -> UserId {
    let id = UserId::mint();
    let account = Account { id, ..account(&format!("u{}", id.to_string().replace('_', "")), None) };
    assert_eq!(stores.accounts.add(&account, &story(at(0))).await.unwrap(), AddResult::Added);
    let generation = stores.sessions.put_user_snapshot(&owner(id, 1)).await.unwrap();
    assert_eq!(generation, 0);
    id
}

pub(crate) fn new_session(owner: UserId, opened: Timestamp, generation: u64) -> NewSession {
    NewSession {
        session: Session {
            id: SessionId::mint(owner),
            terms: SessionTerms { opened, remembered: true, kind: ClientKind::App },
            proof: Proof { assurance: 1, methods: vec![AuthMethod::Password], at: opened },
            device: device(),
            first_ip: ip("192.0.2.1"),
            sign_ins: 3,
            activity: Activity {
                last_seen: opened,
                ip: ip("2001:db8::1"),
                actions: 0,
                last_path: Some("/start".into()),
            },
        },
        secret: digest(),
        generation,
        max_per_user: 1_000,
        replaces: None,
        context: AuditContext { actor: Actor::User(owner), ..story(opened) },
    }
}

/// Opens a session now, and must succeed.
pub(crate) async fn open(sessions: &dyn SessionStore, owner_id: UserId, opened: Timestamp) -> NewSession {
    let generation = sessions.put_user_snapshot(&owner(owner_id, 1)).await.unwrap();
    let new = new_session(owner_id, opened, generation);
    assert_eq!(sessions.open(new.clone()).await.unwrap(), Opened::Yes { replaced: None, evicted: vec![] });
    new
}

pub(crate) fn beat(id: SessionId, at: Timestamp) -> Heartbeat {
    Heartbeat { id, at, ip: ip("198.51.100.7"), actions: 2, path: Some("/reports".into()) }
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
    assert_eq!(stores.accounts.add(&account, &story(at(0))).await.unwrap(), AddResult::Added);
    account.id
}

pub(crate) fn hash(text: &str) -> PasswordHash {
    PasswordHash::new(format!("$argon2id${text}"))
}
