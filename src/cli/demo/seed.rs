//! What the demo's visitor did before: some sessions and some history, so that the pages are alive. Addresses are from the
//! ranges that are kept for examples (RFC 5737).

use std::{net::IpAddr, time::Duration};

use crate::{
    account::Account,
    audit::{Actor, AuditContext, AuditEntry, AuditEvent, SignInFailure},
    auth_method::Assurance,
    cli::CommandError,
    clock::Timestamp,
    id::{EventId, SessionId},
    secret::Token,
    server::Components,
    session::{Activity, AuthMethod, ClientKind, Heartbeat, NewSession, Proof, Session, SessionTerms},
    visitor::{Device, DeviceDetector},
};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// A sign-in of the past that still lives.
struct SampleSession {
    user_agent: &'static str,
    ip: [u8; 4],
    opened: Duration,
    latest: Duration,
    actions: u32,
    page: &'static str,
}

const SAMPLE_SESSIONS: [SampleSession; 3] = [
    SampleSession {
        user_agent: "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                     Version/17.2 Mobile/15E148 Safari/604.1",
        ip: [203, 0, 113, 24],
        opened: Duration::from_hours(24 * 11),
        latest: Duration::from_hours(2),
        actions: 12,
        page: "/",
    },
    SampleSession {
        user_agent: "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
        ip: [198, 51, 100, 7],
        opened: Duration::from_hours(24 * 5),
        latest: Duration::from_hours(30),
        actions: 145,
        page: "/reports",
    },
    SampleSession {
        user_agent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
        ip: [192, 0, 2, 45],
        opened: Duration::from_hours(24 * 4),
        latest: Duration::from_hours(24 * 3),
        actions: 3,
        page: "/reports",
    },
];

/// Makes it so.
pub(super) async fn seed_history(parts: &Components, visitor: &Account) -> Result<(), CommandError> {
    let now = parts.clock.now();
    let recogniser = DeviceDetector::start();
    let generation = parts.sessions.register_user(&visitor.snapshot()).await?;
    let mut entries = Vec::new();
    for earlier in &SAMPLE_SESSIONS {
        let device = recogniser.detect(Some(earlier.user_agent));
        let ip = IpAddr::from(earlier.ip);
        let opened = now.minus(earlier.opened);
        let session = Session {
            id: SessionId::mint(visitor.id),
            terms: SessionTerms { opened, remembered: true, kind: ClientKind::Web },
            proof: Proof { assurance: Assurance::OneFactor, methods: vec![AuthMethod::Password], at: opened },
            device: device.clone(),
            first_ip: ip,
            sign_ins: 1,
            activity: Activity { last_seen: opened, ip, actions: 0, last_path: None },
        };
        let (id, latest) = (session.id, now.minus(earlier.latest));
        let max_per_user = parts.sessions.policy().max_per_user;
        // Nobody holds the secret of a session that was made up.
        let secret = Token::mint().digest();
        let actor = Actor::User(visitor.id);
        let context = AuditContext { at: opened, actor, ip: Some(ip), device: Some(device) };
        let new = NewSession { session, secret, generation, max_per_user, replaces: None, context };
        parts.stores.sessions.open(new).await?;
        let heartbeat = Heartbeat { id, at: latest, ip, actions: earlier.actions, path: Some(earlier.page.to_owned()) };
        parts.stores.sessions.touch(&[heartbeat]).await?;
    }
    let stranger = recogniser.detect(Some(SAMPLE_SESSIONS[2].user_agent));
    let from = IpAddr::from(SAMPLE_SESSIONS[2].ip);
    for minutes in [2, 1] {
        let at = now.minus(SAMPLE_SESSIONS[2].opened + HOUR / 60 * minutes);
        let failed = AuditEvent::SignInFailed { step: AuthMethod::Password, reason: SignInFailure::WrongPassword };
        entries.push(entry(visitor, at, from, &stranger, failed));
    }
    let at = now.minus(DAY * 20);
    let ended = AuditEvent::SignedIn { session: SessionId::mint(visitor.id), method: AuthMethod::Password };
    entries.push(entry(
        visitor,
        at,
        IpAddr::from(SAMPLE_SESSIONS[0].ip),
        &recogniser.detect(Some(SAMPLE_SESSIONS[0].user_agent)),
        ended,
    ));
    entries.sort_by_key(|entry| entry.at);
    Ok(parts.audit_log.write(&entries).await?)
}

fn entry(visitor: &Account, at: Timestamp, ip: IpAddr, device: &Device, fact: AuditEvent) -> AuditEntry {
    let actor = Actor::User(visitor.id);
    AuditEntry {
        id: EventId::mint(),
        at,
        user: Some(visitor.id),
        actor,
        ip: Some(ip),
        device: Some(device.clone()),
        event: fact,
    }
}
