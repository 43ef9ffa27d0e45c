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

use super::ContractStores;

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
pub(crate) fn user_snapshot(id: UserId, version: u64) -> UserSnapshot {
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
pub(crate) fn audit_context(at: Timestamp) -> AuditContext {
    AuditContext { at, actor: Actor::Operator, ip: Some(ip("192.0.2.9")), device: Some(device()) }
}

/// How sessions end then.
pub(crate) fn end_record(ending: EndReason, at: Timestamp) -> EndRecord {
    EndRecord { reason: Some("because".into()), ..EndRecord::new(ending, audit_context(at)) }
}

/// The journal, oldest first.
pub(crate) async fn audit_entries(stores: &ContractStores) -> Vec<AuditEntry> {
    let all = AuditTrailQuery { user: None, order: TrailOrder::OldestFirst, after: None, limit: usize::MAX };
    stores.audit.trail(&all).await.unwrap().entries
}

/// The names of what is in the journal, oldest first.
pub(crate) async fn audit_events(stores: &ContractStores) -> Vec<&'static str> {
    audit_entries(stores).await.iter().map(|entry| entry.event.name()).collect()
}

/// Gives a session a new secret, as a change of its owner's password does.
pub(crate) async fn renew_secret(
    stores: &ContractStores,
    id: SessionId,
    from: Digest,
    to: Digest,
    grace_until: Timestamp,
) -> bool {
    let was = stores.accounts.password_hash(id.owner()).await.unwrap();
    let hash = was.clone().unwrap_or_else(|| password_hash("as it was"));
    let renewal = SecretRenewal { id, current: from, new: to, grace_until };
    let new = PasswordUpdate::Changed { hash, expected: was, renewal, keep_device: None, end_others: false };
    let changed = stores.accounts.set_password(id.owner(), &new, &audit_context(at(1))).await.unwrap();
    changed.value.is_some_and(|changed| changed.renewed)
}

/// Sets a password whose hash tells `word`; whether it did.
pub(crate) async fn set_password(stores: &ContractStores, id: UserId, word: &str, at: Timestamp) -> bool {
    stores
        .accounts
        .set_password(id, &PasswordUpdate::Set(password_hash(word)), &audit_context(at))
        .await
        .unwrap()
        .is_some()
}

/// Changes the password, where it is the one whose hash tells `was`; whether it did.
pub(crate) async fn change_password(stores: &ContractStores, id: UserId, was: &str, word: &str, at: Timestamp) -> bool {
    let renewal = SecretRenewal { id: SessionId::mint(id), current: digest(), new: digest(), grace_until: at };
    let new = PasswordUpdate::Changed {
        hash: password_hash(word),
        expected: Some(password_hash(was)),
        renewal,
        keep_device: None,
        end_others: true,
    };
    stores.accounts.set_password(id, &new, &audit_context(at)).await.unwrap().is_some()
}

/// Makes a link that sets a password; whether there is such an account.
pub(crate) async fn put_link(stores: &ContractStores, id: UserId, link: Digest, expires: Timestamp) -> bool {
    stores.accounts.put_link(id, link, expires, &audit_context(at(0))).await.unwrap().value
}

/// Uses a link up then; whose it was.
pub(crate) async fn redeem_link(stores: &ContractStores, link: Digest, word: &str, at: Timestamp) -> Option<UserId> {
    let redeemed = stores.accounts.redeem_link(link, &password_hash(word), &audit_context(at)).await.unwrap();
    redeemed.value.map(|changed| changed.account.id)
}

/// Changes an account; as it is then.
pub(crate) async fn change_account(stores: &ContractStores, id: UserId, change: AccountChange) -> Option<Account> {
    stores.accounts.change(id, &change, &audit_context(at(1))).await.unwrap().value.map(|changed| changed.account)
}

pub(crate) const DISABLE: AccountChange = AccountChange::Disable { reason: None };

/// Somebody new, who has an account and may open sessions.
pub(crate) async fn add_session_user(stores: &ContractStores) -> UserId {
    let id = UserId::mint();
    let account = Account { id, ..account(&format!("u{}", id.to_string().replace('_', "")), None) };
    assert_eq!(stores.accounts.add(&account, &audit_context(at(0))).await.unwrap(), AddResult::Added);
    let generation = stores.sessions.put_user_snapshot(&user_snapshot(id, 1)).await.unwrap();
    assert_eq!(generation, 0);
    id
}

pub(crate) fn new_session(owner: UserId, opened: Timestamp, generation: u64) -> NewSession {
    NewSession {
        session: Session {
            id: SessionId::mint(owner),
            terms: SessionTerms { opened, remembered: true, kind: ClientKind::App },
            proof: Proof {
                assurance: portcullis::auth_method::Assurance::OneFactor,
                methods: vec![AuthMethod::Password],
                at: opened,
            },
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
        context: AuditContext { actor: Actor::User(owner), ..audit_context(opened) },
    }
}

/// Opens a session now, and must succeed.
pub(crate) async fn open_session(sessions: &dyn SessionStore, owner_id: UserId, opened: Timestamp) -> NewSession {
    let generation = sessions.put_user_snapshot(&user_snapshot(owner_id, 1)).await.unwrap();
    let new = new_session(owner_id, opened, generation);
    assert_eq!(sessions.open(new.clone()).await.unwrap(), Opened::Yes { replaced: None, evicted: vec![] });
    new
}

pub(crate) fn heartbeat(id: SessionId, at: Timestamp) -> Heartbeat {
    Heartbeat { id, at, ip: ip("198.51.100.7"), actions: 2, path: Some("/reports".into()) }
}

pub(crate) fn session_ids(sessions: &[Session]) -> Vec<SessionId> {
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
pub(crate) async fn add_account(stores: &ContractStores, name: &str) -> UserId {
    let account = account(name, None);
    assert_eq!(stores.accounts.add(&account, &audit_context(at(0))).await.unwrap(), AddResult::Added);
    account.id
}

pub(crate) fn password_hash(text: &str) -> PasswordHash {
    PasswordHash::new(format!("$argon2id${text}"))
}
