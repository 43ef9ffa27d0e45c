//! The part of a session that only its owner looks at: stores keep it as JSON, and a check does not read it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{
    clock::Timestamp,
    session::{AuthMethod, Session},
    visitor::Device,
};

#[derive(Serialize, Deserialize)]
pub(super) struct SessionBody {
    pub(super) methods: Vec<AuthMethod>,
    pub(super) proved: Timestamp,
    pub(super) device: Device,
    pub(super) first_ip: IpAddr,
    pub(super) sign_ins: u32,
}

impl SessionBody {
    pub(super) fn from_session(session: &Session) -> Self {
        let Session { proof, device, first_ip, sign_ins, .. } = session;
        Self {
            methods: proof.methods.clone(),
            proved: proof.at,
            device: device.clone(),
            first_ip: *first_ip,
            sign_ins: *sign_ins,
        }
    }
}
