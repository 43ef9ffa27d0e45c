//! Whom the measurements are about: people and their sessions, as somebody who has signed in would have left them.

use std::net::IpAddr;

use futures_util::future::try_join_all;
use portcullis::{
    audit::{Actor, AuditContext},
    clock::Timestamp,
    id::{SessionId, UserId},
    session::{
        Activity, AuthMethod, ClientKind, NewSession, Proof, Session, SessionStore, SessionTerms, SessionToken,
        UserSnapshot,
    },
    store_error::StoreError,
    visitor::{Device, DeviceKind, Software},
};

/// Somebody with two roles.
pub(crate) fn person(number: usize) -> UserSnapshot {
    UserSnapshot {
        id: UserId::mint(),
        name: format!("user{number}"),
        display_name: Some(format!("User {number}")),
        email: Some(format!("user{number}@example.com")),
        roles: vec!["editor".to_owned(), "staff".to_owned()],
        disabled: false,
        version: 1,
    }
}

/// A session that was opened `now`, and the token that opens it.
pub(crate) fn session(owner: UserId, now: Timestamp, generation: u64) -> (NewSession, SessionToken) {
    let id = SessionId::mint(owner);
    let token = SessionToken::mint(id);
    let ip = IpAddr::from([192, 0, 2, 1]);
    let session = Session {
        id,
        terms: SessionTerms { opened: now, remembered: true, kind: ClientKind::Web },
        proof: Proof {
            assurance: portcullis::auth_method::Assurance::OneFactor,
            methods: vec![AuthMethod::Password],
            at: now,
        },
        device: Device {
            kind: DeviceKind::Laptop,
            browser: Some(Software { name: "Chrome".to_owned(), version: Some("142".to_owned()) }),
            os: Some(Software { name: "macOS".to_owned(), version: None }),
            model: None,
        },
        first_ip: ip,
        sign_ins: 1,
        activity: Activity { last_seen: now, ip, actions: 0, last_path: Some("/reports".to_owned()) },
    };
    let context =
        AuditContext { at: now, actor: Actor::User(owner), ip: Some(ip), device: Some(session.device.clone()) };
    let secret = token.digest();
    (NewSession { session, secret, generation, max_per_user: 1_000, replaces: None, context }, token)
}

/// Opens `each` sessions for each of `people` people, many at once, and gives their tokens.
pub(crate) async fn settle(
    store: &dyn SessionStore,
    people: usize,
    each: usize,
    now: Timestamp,
) -> Result<Vec<SessionToken>, StoreError> {
    let mut tokens = Vec::with_capacity(people * each);
    // As many as the store lets wait.
    for some in (0..people).collect::<Vec<_>>().chunks(500) {
        let owners: Vec<UserSnapshot> = some.iter().map(|number| person(*number)).collect();
        let generations = try_join_all(owners.iter().map(|owner| store.put_user_snapshot(owner))).await?;
        for _ in 0..each {
            let new: Vec<_> = owners
                .iter()
                .zip(&generations)
                .map(|(owner, generation)| session(owner.id, now, *generation))
                .collect();
            try_join_all(new.iter().map(|(new, _)| store.open(new.clone()))).await?;
            tokens.extend(new.into_iter().map(|(_, token)| token));
        }
    }
    Ok(tokens)
}
