//! How our values stand in Redis: a line of words that scripts can read, then JSON that only we read. What cannot be read
//! back is an error, never a gap.

use std::str::FromStr;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::{
    clock::Timestamp,
    id::{SessionId, UserId},
    outage::StoreError,
    secret::Digest,
    session::{Activity, Beat, Ended, Ending, Found, Kind, NewSession, Owner, Proof, Secrets, Session, Terms},
    store::body::Body,
};

/// Scripts count no further exactly.
const MOST_ACTIONS: u64 = (1 << 53) - 1;

/// A value of ours that is not as we wrote it. Says where, never what.
#[derive(Debug, thiserror::Error)]
#[error("a {0} is not as it was written")]
struct Unreadable(&'static str);

pub(super) fn unreadable(what: &'static str) -> StoreError {
    StoreError::Unreadable(Box::new(Unreadable(what)))
}

/// What the gate reads of a session.
struct Head {
    generation: u64,
    secrets: Secrets,
    terms: Terms,
    assurance: u8,
}

/// The gate's view of a user.
pub(super) struct Gate {
    pub(super) generation: u64,
    /// A session of a lower generation is none.
    floor: u64,
    /// None: nothing is known of them but the generation.
    pub(super) owner: Option<Owner>,
}

#[derive(Serialize, Deserialize)]
struct May {
    name: String,
    display_name: Option<String>,
    email: Option<String>,
    roles: Vec<String>,
}

pub(super) fn digest(digest: &Digest) -> String {
    URL_SAFE_NO_PAD.encode(digest.as_bytes())
}

pub(super) fn read_digest(text: &str) -> Option<Digest> {
    let mut bytes = [0; 33];
    let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
    Digest::from_bytes(&bytes[..length])
}

/// A session as it is kept.
pub(super) fn write_session(new: &NewSession) -> String {
    let Session { terms, proof, .. } = &new.session;
    format!(
        "{} {} - 0 {} {} {} {}\n{}",
        new.generation,
        digest(&new.secret),
        terms.opened.as_millis(),
        u8::from(terms.remembered),
        match terms.kind {
            Kind::Web => "web",
            Kind::App => "app",
        },
        proof.assurance,
        json(&Body::of(&new.session))
    )
}

pub(super) fn write_activity(activity: &Activity) -> String {
    let Activity { latest, ip, actions, last_page } = activity;
    let actions = (*actions).min(MOST_ACTIONS);
    format!("{} {ip} {actions}{}", latest.as_millis(), page(last_page.as_deref()))
}

/// The page behind an activity, with what sets it apart.
pub(super) fn page(page: Option<&str>) -> String {
    page.map_or_else(String::new, |page| format!(" {page}"))
}

/// A hit, as the script wants it.
pub(super) fn beat(beat: &Beat) -> [String; 5] {
    [
        beat.id.serial(),
        beat.at.as_millis().to_string(),
        beat.ip.to_string(),
        beat.actions.to_string(),
        page(beat.page.as_deref()),
    ]
}

/// What a user may do, as scripts want it.
#[derive(Serialize)]
pub(super) struct OwnerPlan {
    version: String,
    disabled: &'static str,
    rest: String,
}

impl OwnerPlan {
    pub(super) fn of(owner: &Owner) -> Self {
        let Owner { name, display_name, email, roles, disabled, version, .. } = owner.clone();
        Self {
            version: version.to_string(),
            disabled: if disabled { "1" } else { "0" },
            rest: json(&May { name, display_name, email, roles }),
        }
    }
}

pub(super) fn read_gate(owner: UserId, value: &str) -> Result<Gate, StoreError> {
    let read = || {
        let (head, rest) = value.split_once('\n')?;
        let mut words = head.split(' ');
        let (generation, floor) = (number(words.next())?, number(words.next())?);
        let (version, disabled) = (words.next()?, words.next()? == "1");
        let owner = match version {
            "-" => None,
            version => {
                let May { name, display_name, email, roles } = serde_json::from_str(rest).ok()?;
                Some(Owner { id: owner, name, display_name, email, roles, disabled, version: number(Some(version))? })
            }
        };
        Some(Gate { generation, floor, owner })
    };
    read().ok_or_else(|| unreadable("gate"))
}

/// What the gate is told of a session; none when one of the three is not there, or the session is of an older generation.
pub(super) fn read_found(
    id: SessionId,
    [session, activity, gate]: [Option<&str>; 3],
) -> Result<Option<Found>, StoreError> {
    let (Some(session), Some(gate)) = (session, gate) else { return Ok(None) };
    let Gate { floor, owner, .. } = read_gate(id.owner(), gate)?;
    let (Head { generation, secrets, terms, assurance }, _) =
        read_head(session).ok_or_else(|| unreadable("session"))?;
    let Some(owner) = owner.filter(|_| generation >= floor) else { return Ok(None) };
    let latest = activity.and_then(read_latest).ok_or_else(|| unreadable("session's activity"))?;
    Ok(Some(Found { secrets, terms, latest, assurance, owner }))
}

/// A whole session, if its generation still counts.
pub(super) fn read_counting(
    id: SessionId,
    session: &str,
    activity: Option<&str>,
    gate: &Gate,
) -> Result<Option<Session>, StoreError> {
    match read_head(session) {
        Some((head, _)) if head.generation < gate.floor => Ok(None),
        _ => read_session(id, session, activity).map(Some),
    }
}

/// A whole session.
pub(super) fn read_session(id: SessionId, session: &str, activity: Option<&str>) -> Result<Session, StoreError> {
    let read = || {
        let (head, body) = read_head(session)?;
        let Body { methods, proved, device, first_ip, sign_ins } = serde_json::from_str(body).ok()?;
        let proof = Proof { assurance: head.assurance, methods, at: proved };
        Some((head.terms, proof, device, first_ip, sign_ins))
    };
    let (terms, proof, device, first_ip, sign_ins) = read().ok_or_else(|| unreadable("session"))?;
    let activity = activity.and_then(read_activity).ok_or_else(|| unreadable("session's activity"))?;
    Ok(Session { id, terms, proof, device, first_ip, sign_ins, activity })
}

fn read_head(session: &str) -> Option<(Head, &str)> {
    let (head, body) = session.split_once('\n')?;
    let mut words = head.split(' ');
    let generation = number(words.next())?;
    let current = read_digest(words.next()?)?;
    let former = match (words.next()?, moment(words.next())?) {
        ("-", _) => None,
        (former, until) => Some((read_digest(former)?, until)),
    };
    let opened = moment(words.next())?;
    let remembered = words.next()? == "1";
    let kind = match words.next()? {
        "web" => Kind::Web,
        "app" => Kind::App,
        _ => return None,
    };
    let head = Head {
        generation,
        secrets: Secrets { current, former },
        terms: Terms { opened, remembered, kind },
        assurance: number(words.next())?,
    };
    Some((head, body))
}

fn read_latest(activity: &str) -> Option<Timestamp> {
    moment(activity.split(' ').next())
}

fn read_activity(activity: &str) -> Option<Activity> {
    let mut words = activity.splitn(4, ' ');
    Some(Activity {
        latest: moment(words.next())?,
        ip: number(words.next())?,
        actions: number(words.next())?,
        last_page: words.next().map(str::to_owned),
    })
}

/// A note about an ended session, for whoever shows a secret that it had.
pub(super) fn read_note(note: &str, shown: Digest) -> Result<Option<Ended>, StoreError> {
    let read = || {
        let (head, ending) = note.split_once('\n')?;
        let mut words = head.split(' ');
        let at = moment(words.next())?;
        let knows = words.filter_map(read_digest).any(|secret| secret == shown);
        Some(knows.then_some(Ended { ending: read_ending(ending)?, at }))
    };
    read().ok_or_else(|| unreadable("note about an ended session"))
}

pub(super) fn write_ending(ending: &Ending) -> String {
    json(ending)
}

pub(super) fn read_ending(ending: &str) -> Option<Ending> {
    serde_json::from_str(ending).ok()
}

/// As JSON.
pub(super) fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("what we keep has no keys but text")
}

fn moment(word: Option<&str>) -> Option<Timestamp> {
    number(word).map(Timestamp::from_millis)
}

fn number<T: FromStr>(word: Option<&str>) -> Option<T> {
    word?.parse().ok()
}
