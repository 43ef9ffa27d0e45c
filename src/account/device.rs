//! A browser that a user has signed in with before, recognised by a cookie of its own.

use crate::id::DeviceId;

/// A device that this user has used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceRegistration {
    /// Public.
    pub id: DeviceId,
    /// How often this user has signed in from it, this time included.
    pub sign_ins: u32,
    /// It showed itself by its cookie; otherwise it was met for the first time and needs one.
    pub was_known: bool,
}
