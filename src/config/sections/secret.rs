//! `secret`, which may be in a file of its own.

use crate::config::diagnostics::Diagnostics;
use crate::config::from_node::RawField;
use crate::config::sections::store::report_both_keys;
use crate::config::tree::Position;
use crate::config::value::secret::RootSecret;
use crate::config::value::store::StoreLocation;

/// The secret; none is needed with a store in memory.
pub(in crate::config) fn secret(
    written: RawField<String>,
    in_file: RawField<String>,
    store: &StoreLocation,
    start: Position,
    diagnostics: &Diagnostics,
) -> Option<RootSecret> {
    let (field, secret) = match (written, in_file) {
        (Some(secret), None) => {
            let parsed = RootSecret::parse(&secret.value);
            (secret, parsed)
        }
        (None, Some(path)) => {
            let parsed = RootSecret::from_file(&diagnostics.resolve_path(&path.value), diagnostics);
            (path, parsed)
        }
        (Some(secret), Some(_)) => {
            report_both_keys(&secret, "secret", diagnostics);
            return None;
        }
        (None, None) => {
            if *store != StoreLocation::Memory
                && !diagnostics.has_error_at("secret_file")
                && !diagnostics.has_error_at("store_file")
            {
                diagnostics.report_missing(
                    start,
                    "secret",
                    "is missing; write secret_file: portcullis.secret, made with: \
                     (umask 077; openssl rand -base64 32 > portcullis.secret)",
                );
            }
            return None;
        }
    };
    secret.map_err(|message| field.report(diagnostics, message)).ok()
}
