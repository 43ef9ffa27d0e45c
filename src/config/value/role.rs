//! Names of roles, which apps get in a header.

use schemars::JsonSchema;

use crate::account;
use crate::config::from_node::FromScalar;
use crate::config::tree::Node;

/// A role, as apps get it in a comma-separated header.
#[derive(Clone, JsonSchema)]
#[schemars(with = "String", extend("pattern" = "^[A-Za-z0-9._:-]{1,64}$"))]
pub(in crate::config) struct RoleName(pub(in crate::config) String);

impl FromScalar for RoleName {
    fn from_scalar(node: &Node) -> Result<Self, String> {
        let text = String::from_scalar(node)?;
        match account::Role::new(&text) {
            Ok(role) => Ok(Self(role.to_string())),
            Err(_) => Err("is not a role; write 1 to 64 of the letters a-z A-Z 0-9 . _ : -".to_owned()),
        }
    }
}
