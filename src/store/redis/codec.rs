//! Values as they stand in Redis: a line of words that scripts can read, then JSON that only we read. What cannot be read
//! back is an error, never a gap.

use std::str::FromStr;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::{
    auth_method::Assurance,
    clock::Timestamp,
    id::{SessionId, UserId},
    secret::Digest,
    session::{
        Activity, ClientKind, EndNote, EndReason, Heartbeat, NewSession, Proof, Session, SessionAuth, SessionSecrets,
        SessionTerms, UserSnapshot,
    },
    store::session_body::SessionBody,
    store_error::StoreError,
};

/// Scripts count no further exactly.
const MAX_ACTIONS: u64 = (1 << 53) - 1;

/// A value of ours that is not as we wrote it. Says where, never what.
#[derive(Debug, thiserror::Error)]
#[error("a {0} is not as it was written")]
struct DecodeError(&'static str);

pub(super) fn decode_error(what: &'static str) -> StoreError {
    StoreError::Unreadable(Box::new(DecodeError(what)))
}

/// The part of a session that the gate reads.
struct SessionHeader {
    generation: u64,
    secrets: SessionSecrets,
    terms: SessionTerms,
    assurance: Assurance,
}

/// The gate's view of a user.
pub(super) struct UserRecord {
    pub(super) generation: u64,
    /// A session of a lower generation is none.
    floor: u64,
    /// None: nothing is known of them but the generation.
    pub(super) user: Option<UserSnapshot>,
}

#[derive(Serialize, Deserialize)]
struct UserFields {
    name: String,
    display_name: Option<String>,
    email: Option<String>,
    roles: Vec<String>,
}

pub(super) fn encode_digest(digest: &Digest) -> String {
    URL_SAFE_NO_PAD.encode(digest.as_bytes())
}

pub(super) fn decode_digest(text: &str) -> Option<Digest> {
    let mut bytes = [0; 33];
    let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
    Digest::from_bytes(&bytes[..length])
}

/// A session as it is kept.
pub(super) fn encode_session(new: &NewSession) -> String {
    let Session { terms, proof, .. } = &new.session;
    format!(
        "{} {} - 0 {} {} {} {}\n{}",
        new.generation,
        encode_digest(&new.secret),
        terms.opened.as_millis(),
        u8::from(terms.remembered),
        match terms.kind {
            ClientKind::Web => "web",
            ClientKind::App => "app",
        },
        u8::from(proof.assurance),
        to_json(&SessionBody::from_session(&new.session))
    )
}

pub(super) fn encode_activity(activity: &Activity) -> String {
    let Activity { last_seen: latest, ip, actions, last_path: last_page } = activity;
    let actions = (*actions).min(MAX_ACTIONS);
    format!("{} {ip} {actions}{}", latest.as_millis(), page_suffix(last_page.as_deref()))
}

/// The page behind an activity, with what sets it apart.
pub(super) fn page_suffix(page: Option<&str>) -> String {
    page.map_or_else(String::new, |page| format!(" {page}"))
}

/// A hit, as the script wants it.
pub(super) fn encode_heartbeat(heartbeat: &Heartbeat) -> [String; 5] {
    [
        heartbeat.id.serial(),
        heartbeat.at.as_millis().to_string(),
        heartbeat.ip.to_string(),
        heartbeat.actions.to_string(),
        page_suffix(heartbeat.path.as_deref()),
    ]
}

/// A user snapshot, as scripts want it.
#[derive(Serialize)]
pub(super) struct UserSnapshotArg {
    version: String,
    disabled: &'static str,
    rest: String,
}

impl UserSnapshotArg {
    pub(super) fn new(owner: &UserSnapshot) -> Self {
        let UserSnapshot { name, display_name, email, roles, disabled, version, .. } = owner.clone();
        Self {
            version: version.to_string(),
            disabled: if disabled { "1" } else { "0" },
            rest: to_json(&UserFields { name, display_name, email, roles }),
        }
    }
}

pub(super) fn decode_user(owner: UserId, value: &str) -> Result<UserRecord, StoreError> {
    let read = || {
        let (head, rest) = value.split_once('\n')?;
        let mut words = head.split(' ');
        let (generation, floor) = (parse_word(words.next())?, parse_word(words.next())?);
        let (version, disabled) = (words.next()?, words.next()? == "1");
        let owner = match version {
            "-" => None,
            version => {
                let UserFields { name, display_name, email, roles } = serde_json::from_str(rest).ok()?;
                Some(UserSnapshot {
                    id: owner,
                    name,
                    display_name,
                    email,
                    roles,
                    disabled,
                    version: parse_word(Some(version))?,
                })
            }
        };
        Some(UserRecord { generation, floor, user: owner })
    };
    read().ok_or_else(|| decode_error("gate"))
}

/// What the gate is told of a session; none when one of the three is not there, or the session is of an older generation.
pub(super) fn decode_found(
    id: SessionId,
    [session, activity, gate]: [Option<&str>; 3],
) -> Result<Option<SessionAuth>, StoreError> {
    let (Some(session), Some(gate)) = (session, gate) else { return Ok(None) };
    let UserRecord { floor, user: owner, .. } = decode_user(id.owner(), gate)?;
    let (SessionHeader { generation, secrets, terms, assurance }, _) =
        decode_header(session).ok_or_else(|| decode_error("session"))?;
    let Some(owner) = owner.filter(|_| generation >= floor) else { return Ok(None) };
    let latest = activity.and_then(decode_latest).ok_or_else(|| decode_error("session's activity"))?;
    Ok(Some(SessionAuth { secrets, terms, last_seen: latest, assurance, user: owner }))
}

/// A whole session, if its generation still counts.
pub(super) fn decode_if_valid(
    id: SessionId,
    session: &str,
    activity: Option<&str>,
    gate: &UserRecord,
) -> Result<Option<Session>, StoreError> {
    match decode_header(session) {
        Some((head, _)) if head.generation < gate.floor => Ok(None),
        _ => decode_session(id, session, activity).map(Some),
    }
}

/// A whole session.
pub(super) fn decode_session(id: SessionId, session: &str, activity: Option<&str>) -> Result<Session, StoreError> {
    let read = || {
        let (head, body) = decode_header(session)?;
        let SessionBody { methods, proved, device, first_ip, sign_ins } = serde_json::from_str(body).ok()?;
        let proof = Proof { assurance: head.assurance, methods, at: proved };
        Some((head.terms, proof, device, first_ip, sign_ins))
    };
    let (terms, proof, device, first_ip, sign_ins) = read().ok_or_else(|| decode_error("session"))?;
    let activity = activity.and_then(decode_activity).ok_or_else(|| decode_error("session's activity"))?;
    Ok(Session { id, terms, proof, device, first_ip, sign_ins, activity })
}

fn decode_header(session: &str) -> Option<(SessionHeader, &str)> {
    let (head, body) = session.split_once('\n')?;
    let mut words = head.split(' ');
    let generation = parse_word(words.next())?;
    let current = decode_digest(words.next()?)?;
    let former = match (words.next()?, parse_timestamp(words.next())?) {
        ("-", _) => None,
        (former, until) => Some((decode_digest(former)?, until)),
    };
    let opened = parse_timestamp(words.next())?;
    let remembered = words.next()? == "1";
    let kind = match words.next()? {
        "web" => ClientKind::Web,
        "app" => ClientKind::App,
        _ => return None,
    };
    let head = SessionHeader {
        generation,
        secrets: SessionSecrets { current, previous: former },
        terms: SessionTerms { opened, remembered, kind },
        assurance: parse_word::<u8>(words.next())?.try_into().ok()?,
    };
    Some((head, body))
}

fn decode_latest(activity: &str) -> Option<Timestamp> {
    parse_timestamp(activity.split(' ').next())
}

fn decode_activity(activity: &str) -> Option<Activity> {
    let mut words = activity.splitn(4, ' ');
    Some(Activity {
        last_seen: parse_timestamp(words.next())?,
        ip: parse_word(words.next())?,
        actions: parse_word(words.next())?,
        last_path: words.next().map(str::to_owned),
    })
}

/// A note about an ended session, for whoever shows a secret that it had.
pub(super) fn decode_end_note(note: &str, shown: Digest) -> Result<Option<EndNote>, StoreError> {
    let read = || {
        let (head, ending) = note.split_once('\n')?;
        let mut words = head.split(' ');
        let at = parse_timestamp(words.next())?;
        let knows = words.filter_map(decode_digest).any(|secret| secret == shown);
        Some(knows.then_some(EndNote { reason: decode_end_reason(ending)?, at }))
    };
    read().ok_or_else(|| decode_error("note about an ended session"))
}

pub(super) fn encode_end_reason(ending: &EndReason) -> String {
    to_json(ending)
}

pub(super) fn decode_end_reason(ending: &str) -> Option<EndReason> {
    serde_json::from_str(ending).ok()
}

/// As JSON.
pub(super) fn to_json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("what we keep has no keys but text")
}

fn parse_timestamp(word: Option<&str>) -> Option<Timestamp> {
    parse_word(word).map(Timestamp::from_millis)
}

fn parse_word<T: FromStr>(word: Option<&str>) -> Option<T> {
    word?.parse().ok()
}
