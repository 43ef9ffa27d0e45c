//! Client address and device of a request. Neither authenticates anybody.

mod address;
mod device;
mod forwarded;
mod user_agent;

pub use address::{canonical_ip, ip_network, ip_text};
pub use device::{Device, DeviceKind, Software};
pub use forwarded::TrustedProxies;
pub use user_agent::DeviceDetector;

use std::net::IpAddr;

/// Client of a request, known without authentication.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// Client address; IPv4 is never written as IPv6.
    pub ip: IpAddr,
    /// Device, as described by the User-Agent.
    pub device: Device,
}
