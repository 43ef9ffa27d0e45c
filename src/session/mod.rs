//! A session: a sign-in that is still good.
//!
//! A session is a record that allows, never a tombstone that forbids: what is lost is signed out.

mod admin;
mod clock_skew;
mod end_record;
mod ending;
mod heartbeat;
mod policy;
mod service;
mod store;
mod token;
mod unconfirmed_ends;

pub use admin::{ADMIN, Admin};
pub use end_record::{EndNote, EndRecord};
pub use heartbeat::HeartbeatBuffer;
pub use policy::{AppSessionPolicy, RememberMe, SessionPolicy, SessionStatus, SessionTerms, TimeLimit};
pub use service::{OpenRequest, SessionService};
pub use store::{
    EndLog, EndLogPage, EndLogPosition, EndTarget, Heartbeat, NewSession, Opened, SecretRenewal, SessionAuth,
    SessionPosition, SessionQuery, SessionSecrets, SessionSlice, SessionStore, SessionUpkeep, UserSnapshot,
};
pub use token::SessionToken;
pub use unconfirmed_ends::{EndError, UnconfirmedEnds};

pub use crate::{
    auth_method::Assurance,
    auth_method::AuthMethod,
    end_reason::{ClientKind, EndReason},
};

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{
    clock::Timestamp,
    id::{SessionId, UserId},
    visitor::Device,
};

/// One place where somebody is signed in, with all that its owner may see of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Public, safe to show.
    pub id: SessionId,
    /// When it began and what it was promised.
    pub terms: SessionTerms,
    /// How its owner proved who they are.
    pub proof: Proof,
    /// Device that it was opened with.
    pub device: Device,
    /// Address that it was opened from.
    pub first_ip: IpAddr,
    /// How often its owner has signed in from this device, this time included.
    pub sign_ins: u32,
    /// Activity since then.
    pub activity: Activity,
}

impl Session {
    /// Its user.
    #[must_use]
    pub const fn owner(&self) -> UserId {
        self.id.owner()
    }
}

/// How and when somebody proved who they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// How surely.
    pub assurance: Assurance,
    /// In the order in which they were given.
    pub methods: Vec<AuthMethod>,
    /// When the last proof was given.
    pub at: Timestamp,
}

/// Activity of a session: the part that the heartbeat moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    /// Last hit. Never goes back.
    pub last_seen: Timestamp,
    /// Address of the last hit.
    pub ip: IpAddr,
    /// Requests whose method is not safe: other than GET, HEAD, OPTIONS and QUERY.
    pub actions: u64,
    /// Path of the last page navigation, without its query.
    pub last_path: Option<String>,
}
