//! The store, the records and the secret, each of which may be in a file of its own.

use crate::config::complaint::Desk;
use crate::config::read::{Field, Located};
use crate::config::tree::Place;
use crate::config::value::secret::{RootSecret, read_secret_file};
use crate::config::value::store::{RecordsIn, Store, Written};

/// The store; `file:portcullis.db` beside the configuration when none is written.
pub(super) fn store(written: Field<Store>, in_file: Field<String>, desk: &Desk) -> Store {
    match (written, in_file) {
        (Some(store), None) => store.value,
        (None, Some(path)) => in_file_of_its_own(&path, desk).unwrap_or(Store::Memory),
        (Some(store), Some(_)) => {
            only_one(&store, "store", desk);
            store.value
        }
        (None, None) => Store::File(desk.path("portcullis.db")),
    }
}

/// Where records are kept, if apart from sessions.
pub(super) fn records(
    written: Field<RecordsIn>,
    in_file: Field<String>,
    store: &Store,
    desk: &Desk,
) -> Option<RecordsIn> {
    let place = match (&written, &in_file) {
        (Some(records), None) => (records.at, &records.key),
        (_, Some(path)) => (path.at, &path.key),
        (None, None) => return None,
    };
    let elsewhere = match store {
        Store::Redis(_) => None,
        Store::File(_) => Some("are in the same file"),
        Store::Memory => Some("are in memory too"),
    };
    // Where the store could not be read nobody knows what it would have been.
    if let Some(kept) = elsewhere.filter(|_| !desk.knows("store") && !desk.knows("store_file")) {
        desk.say(place.0, place.1, format!("goes only with store: redis://…; leave it out, records {kept}"));
    }
    match (written, in_file) {
        (Some(records), Some(_)) => {
            only_one(&records, "records", desk);
            Some(records.value)
        }
        (None, Some(path)) => in_file_of_its_own(&path, desk),
        (records, None) => records.map(|records| records.value),
    }
}

/// Reads a place from the file at this path.
fn in_file_of_its_own<T: Written>(path: &Located<String>, desk: &Desk) -> Option<T> {
    let place = read_secret_file(&desk.path(&path.value), desk).and_then(|text| T::parse(text.trim(), desk));
    place.map_err(|message| path.complain(desk, message)).ok()
}

/// The secret; none is needed with a store in memory.
pub(super) fn secret(
    written: Field<String>,
    in_file: Field<String>,
    store: &Store,
    start: Place,
    desk: &Desk,
) -> Option<RootSecret> {
    let (field, secret) = match (written, in_file) {
        (Some(secret), None) => {
            let parsed = RootSecret::parse(&secret.value);
            (secret, parsed)
        }
        (None, Some(path)) => {
            let parsed = RootSecret::from_file(&desk.path(&path.value), desk);
            (path, parsed)
        }
        (Some(secret), Some(_)) => {
            only_one(&secret, "secret", desk);
            return None;
        }
        (None, None) => {
            if *store != Store::Memory && !desk.knows("secret_file") && !desk.knows("store_file") {
                desk.miss(
                    start,
                    "secret",
                    "is missing; write secret_file: portcullis.secret, made with: \
                     (umask 077; openssl rand -base64 32 > portcullis.secret)",
                );
            }
            return None;
        }
    };
    secret.map_err(|message| field.complain(desk, message)).ok()
}

/// Complains of a value beside the name of a file that holds it: at the value, since what is said at the other key is of that file.
fn only_one<T>(value: &Located<T>, plain: &str, desk: &Desk) {
    value.complain(desk, format!("{plain}_file is written too; keep one of {plain} and {plain}_file"));
}
