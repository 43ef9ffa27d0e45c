//! The name of a header by which an app is told who is calling.

use schemars::JsonSchema;

use crate::config::from_node::FromScalar;
use crate::config::tree::Node;
use crate::identity_headers::{HeaderNameError, check_header_name};

/// A name that nothing but an app reads.
#[derive(Clone, JsonSchema)]
#[schemars(with = "String", extend("pattern" = "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"))]
pub(in crate::config) struct IdentityHeaderName(pub(in crate::config) String);

impl FromScalar for IdentityHeaderName {
    fn from_scalar(node: &Node) -> Result<Self, String> {
        let name = String::from_scalar(node)?;
        check_header_name(&name).map_err(|why| error_message(why).to_owned())?;
        Ok(Self(name))
    }
}

/// What is wrong with a name that the proxy does not set, and what to write.
const fn error_message(why: HeaderNameError) -> &'static str {
    match why {
        HeaderNameError::NotAToken => {
            "is no name for a header; write letters, digits, - and _ that begin with a letter or digit, such as X-Employee"
        }
        HeaderNameError::TooLong => "is longer than 64 letters; write a shorter name, such as X-Employee",
        HeaderNameError::Reserved => {
            "has a meaning of its own in HTTP; write a name that only the app reads, such as X-Employee"
        }
        HeaderNameError::NotIdentity => {
            "tells an app something else than who is calling, and only Portcullis may say that; write a name that only the \
             app reads, such as X-Employee"
        }
    }
}
