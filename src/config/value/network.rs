//! Networks: `10.0.0.0/8`, `2001:db8::/32`.

use std::net::IpAddr;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::config::diagnostics::quote_node;
use crate::config::from_node::FromScalar;
use crate::config::tree::Node;

const HINT: &str = "write 10.0.0.0/8, or 10.1.2.3/32 for one address";

/// A network, written without bits beyond its prefix, and never all addresses that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(with = "String", extend("pattern" = "^[0-9a-fA-F.:]+/[0-9]+$"))]
pub struct Network(IpNet);

impl Network {
    /// The network.
    #[must_use]
    pub const fn net(self) -> IpNet {
        self.0
    }
}

impl FromScalar for Network {
    fn from_scalar(node: &Node) -> Result<Self, String> {
        let Some(text) = node.text() else { return Err(format!("wants a network, not {}; {HINT}", node.kind())) };
        let shown = quote_node(node);
        if let Ok(address) = text.parse::<IpAddr>() {
            let one = IpNet::from(address.to_canonical());
            return Err(if node.from_environment {
                format!("is an address without a prefix; {HINT}")
            } else {
                format!("is an address without a prefix; write {one} for this one address")
            });
        }
        let net: IpNet = text.parse().map_err(|_| format!("{shown} is not a network; {HINT}"))?;
        if net.prefix_len() == 0 {
            return Err(format!(
                "{shown} is everybody, and everybody would be believed; write where your proxies are, such \
                                as 10.0.0.0/8"
            ));
        }
        if let IpNet::V6(v6) = net
            && v6.addr().to_ipv4_mapped().is_some()
        {
            return Err(format!("{shown} is IPv4 written as IPv6; {HINT}"));
        }
        if net.trunc() != net {
            let instead = if node.from_environment { HINT.to_owned() } else { format!("write {}", net.trunc()) };
            return Err(format!("{shown} has bits beyond its prefix; {instead}"));
        }
        Ok(Self(net))
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
