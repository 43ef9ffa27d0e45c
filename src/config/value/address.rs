//! The public URL, and addresses to listen on: an IP address and a port. Names are not looked up here: what a name means may change.

use std::net::SocketAddr;

use schemars::JsonSchema;

use crate::config::diagnostics::quote_node;
use crate::config::from_node::FromScalar;
use crate::config::tree::{Node, NodeValue};
use crate::public_url::PublicUrl;

/// `ADDR:PORT` as written.
#[derive(Clone, Copy, JsonSchema)]
#[schemars(with = "String", extend("pattern" = "^.+:[0-9]+$"))]
pub(in crate::config) struct ListenAddress(pub(in crate::config) SocketAddr);

impl FromScalar for PublicUrl {
    fn from_scalar(node: &Node) -> Result<Self, String> {
        String::from_scalar(node)?.parse()
    }
}

impl FromScalar for ListenAddress {
    fn from_scalar(node: &Node) -> Result<Self, String> {
        let text = match &node.value {
            NodeValue::Text(text) => text.as_str(),
            NodeValue::Number(digits) => return Err(format!("has no address; {}", hint(digits))),
            _ => return Err(format!("wants ADDR:PORT, not {}; {}", node.kind(), hint(""))),
        };
        text.parse().map(Self).map_err(|_| {
            let port = text.rsplit(':').next().unwrap_or("");
            let hint = if node.from_environment { hint("") } else { hint(port) };
            format!("{} is not ADDR:PORT with an IP address; {hint}", quote_node(node))
        })
    }
}

fn hint(port: &str) -> String {
    let port = port.parse::<u16>().unwrap_or(8080);
    format!("write 127.0.0.1:{port} for this machine only, or 0.0.0.0:{port}")
}
