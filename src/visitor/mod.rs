//! Who is calling, as far as one can see: an address and a device. Nothing here proves anything.

mod address;
mod device;
mod forwarded;
mod user_agent;

pub use address::{canonical_ip, ip_network, ip_text};
pub use device::{Device, DeviceKind, Software};
pub use forwarded::TrustedProxies;
pub use user_agent::DeviceDetector;

use std::net::IpAddr;

/// What is known of whoever sent a request, before anyone is signed in.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// Where the request came from; IPv4 is never written as IPv6.
    pub ip: IpAddr,
    /// What the User-Agent tells.
    pub device: Device,
}
