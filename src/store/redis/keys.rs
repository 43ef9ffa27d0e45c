//! Keys of live state in Redis.
//!
//! All that is live of one user is in one slot of a cluster: the part in braces, which alone decides the slot, is the
//! user's id, and a session's id begins with its owner's. What belongs to nobody has a slot of its own.

use crate::id::{SessionId, UserId};

/// The users who have something here, by id: what is looked through where it is for everybody.
pub(super) const USERS: &str = "portcullis:{live}:owners";
/// The log of ends that each replica reads: a stream, the oldest cut off.
pub(super) const END_LOG: &str = "portcullis:{live}:ends";
/// Who may have something to say that the journal does not have yet, with the time of their last act.
pub(super) const OUTBOX_PENDING: &str = "portcullis:{live}:untold";
/// The notes about ended sessions, by the time of the end.
pub(super) const END_NOTES: &str = "portcullis:{live}:notes";
/// When somebody last used this store.
pub(super) const LAST_USED: &str = "portcullis:{live}:used";
/// Held by the replica whose turn it is to sweep.
pub(super) const SWEEP_LEASE: &str = "portcullis:{live}:turn";
/// The records that go with it.
pub(super) const BOUND_RECORDS: &str = "portcullis:{live}:records";
/// Where somebody says that there is something new in the log of ends.
pub(super) const END_CHANNEL: &str = "portcullis:ends";

/// User record, as the gate reads it: generation, floor, version, and what they may do.
pub(super) fn user(owner: UserId) -> String {
    user_key(owner, "gate")
}

/// A user's sessions, by their last hit.
pub(super) fn sessions(owner: UserId) -> String {
    user_key(owner, "sessions")
}

/// Lines that the journal does not have yet.
pub(super) fn outbox(owner: UserId) -> String {
    user_key(owner, "outbox")
}

/// That the consequences of a change are done.
pub(super) fn effects_done(owner: UserId, consequence: &str) -> String {
    user_key(owner, "done:") + consequence
}

/// A session: what opens it, what it was promised, what its owner sees.
pub(super) fn session(id: SessionId) -> String {
    session_key(id, "session:")
}

/// Activity of a session: what the heartbeat moves.
pub(super) fn activity(id: SessionId) -> String {
    session_key(id, "activity:")
}

/// The note about a session that has ended.
pub(super) fn end_note(id: SessionId) -> String {
    session_key(id, "ended:")
}

/// A counter of tries. All in one slot, because one try asks several.
pub(super) fn attempt_counter(name: &str) -> String {
    format!("portcullis:{{tries}}:{name}")
}

fn session_key(id: SessionId, what: &str) -> String {
    let mut key = user_key(id.owner(), what);
    id.push_serial(&mut key);
    key
}

/// With room for all that any key says: a check makes three of them.
fn user_key(owner: UserId, what: &str) -> String {
    let mut key = String::with_capacity(64);
    key.push_str("portcullis:{");
    owner.push_bare(&mut key);
    key.push_str("}:");
    key.push_str(what);
    key
}
