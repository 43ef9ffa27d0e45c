//! The way in which somebody proved who they are, as sessions, the audit trail and the API name it.

use serde::{Deserialize, Serialize};

/// A way to prove who one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// A password.
    Password,
}
