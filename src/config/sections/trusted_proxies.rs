//! `trusted_proxies` and `proxy_protocol`: the networks of load balancers and proxies in front.

use crate::config::diagnostics::Diagnostics;
use crate::config::from_node::{Located, RawField};
use crate::config::value::network::Network;

/// The networks of what stands in front.
pub(in crate::config) fn trusted_proxies(
    field: RawField<Vec<Located<Network>>>,
    diagnostics: &Diagnostics,
) -> Vec<Network> {
    let written = field.map(|field| field.value).unwrap_or_default();
    let mut networks: Vec<Network> = Vec::new();
    for network in written {
        if networks.contains(&network.value) {
            network.report(diagnostics, format!("{} is listed twice; keep one of them", network.value.net()));
        }
        networks.push(network.value);
    }
    networks
}

/// Whether connections are introduced. Somebody must be listed who does it.
pub(in crate::config) fn proxy_protocol(field: RawField<bool>, trusted: &[Network], diagnostics: &Diagnostics) -> bool {
    let Some(field) = field else { return false };
    if field.value && trusted.is_empty() && !diagnostics.has_error_at("trusted_proxies") {
        field.report(diagnostics, "nobody could connect; write the network of the balancer in trusted_proxies");
    }
    field.value
}
