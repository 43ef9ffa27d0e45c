//! The store and the secret, each of which may be in a file of its own.

use crate::config::complaint::Desk;
use crate::config::read::{Field, Located};
use crate::config::tree::Place;
use crate::config::value::secret::{RootSecret, read_small_file};
use crate::config::value::store::Store;

/// The store; `file:portcullis.db` beside the configuration when none is written.
pub(super) fn store(written: Field<Store>, in_file: Field<String>, desk: &Desk) -> Store {
    match (written, in_file) {
        (Some(store), None) => store.value,
        (None, Some(path)) => {
            let store = read_small_file(&desk.path(&path.value)).and_then(|text| Store::parse(text.trim(), desk));
            store.unwrap_or_else(|message| {
                path.complain(desk, message);
                Store::Memory
            })
        }
        (Some(store), Some(path)) => {
            only_one(&path, "store", desk);
            store.value
        }
        (None, None) => Store::File(desk.path("portcullis.db")),
    }
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
            let parsed = RootSecret::from_file(&desk.path(&path.value));
            (path, parsed)
        }
        (Some(_), Some(path)) => {
            only_one(&path, "secret", desk);
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

fn only_one(path: &Located<String>, plain: &str, desk: &Desk) {
    path.complain(desk, format!("{plain} is written too; keep one of {plain} and {plain}_file"));
}
