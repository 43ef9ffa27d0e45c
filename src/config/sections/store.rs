//! `store` and `records`, each of which may be in a file of its own.

use crate::config::diagnostics::Diagnostics;
use crate::config::from_node::{Located, RawField};
use crate::config::value::secret::read_secret_file;
use crate::config::value::store::{ParseLocation, RecordsLocation, StoreLocation};

/// The store; `file:portcullis.db` beside the configuration when none is written.
pub(in crate::config) fn store(
    written: RawField<StoreLocation>,
    in_file: RawField<String>,
    diagnostics: &Diagnostics,
) -> StoreLocation {
    match (written, in_file) {
        (Some(store), None) => store.value,
        (None, Some(path)) => parse_file(&path, diagnostics).unwrap_or(StoreLocation::Memory),
        (Some(store), Some(_)) => {
            report_both_keys(&store, "store", diagnostics);
            store.value
        }
        (None, None) => StoreLocation::File(diagnostics.resolve_path("portcullis.db")),
    }
}

/// Where records are kept, if apart from sessions.
pub(in crate::config) fn records(
    written: RawField<RecordsLocation>,
    in_file: RawField<String>,
    store: &StoreLocation,
    diagnostics: &Diagnostics,
) -> Option<RecordsLocation> {
    let place = match (&written, &in_file) {
        (Some(records), None) => (records.at, &records.key),
        (_, Some(path)) => (path.at, &path.key),
        (None, None) => return None,
    };
    let elsewhere = match store {
        StoreLocation::Redis(_) => None,
        StoreLocation::File(_) => Some("are in the same file"),
        StoreLocation::Memory => Some("are in memory too"),
    };
    // Where the store could not be read nobody knows what it would have been.
    if let Some(kept) =
        elsewhere.filter(|_| !diagnostics.has_error_at("store") && !diagnostics.has_error_at("store_file"))
    {
        diagnostics.report(place.0, place.1, format!("goes only with store: redis://…; leave it out, records {kept}"));
    }
    match (written, in_file) {
        (Some(records), Some(_)) => {
            report_both_keys(&records, "records", diagnostics);
            Some(records.value)
        }
        (None, Some(path)) => parse_file(&path, diagnostics),
        (records, None) => records.map(|records| records.value),
    }
}

/// Reads a place from the file at this path.
fn parse_file<T: ParseLocation>(path: &Located<String>, diagnostics: &Diagnostics) -> Option<T> {
    let place = read_secret_file(&diagnostics.resolve_path(&path.value), diagnostics)
        .and_then(|text| T::parse(text.trim(), diagnostics));
    place.map_err(|message| path.report(diagnostics, message)).ok()
}

/// Complains of a value beside the name of a file that holds it: at the value, since what is said at the other key is of that file.
pub(in crate::config) fn report_both_keys<T>(value: &Located<T>, plain: &str, diagnostics: &Diagnostics) {
    value.report(diagnostics, format!("{plain}_file is written too; keep one of {plain} and {plain}_file"));
}
