//! Identity headers as values: presets, fields, encodings, and the header names that no client may send to an app.
//!
//! On the ground floor, because the configuration names them and the proxy sets them. No header is set or removed here.

mod encoding;
mod header_name;
mod managed;
mod preset;

pub(crate) use self::managed::{is_alias, is_managed, normalized};
pub use self::{
    encoding::IdentityEncoding,
    header_name::{HeaderNameError, are_aliases, check_header_name},
    preset::{IdentityField, IdentityPreset},
};
