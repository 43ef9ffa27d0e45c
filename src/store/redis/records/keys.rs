//! Keys of records in Redis. All in one slot: an act changes an account, the journal and what is still to follow.

use crate::{audit::LoginOutcome, id::UserId};

/// Accounts by id.
pub(super) const ACCOUNTS: &str = "portcullis:{records}:accounts";
/// Whom a name or address signs in: by its exact spelling, and as it is compared.
pub(super) const LOGINS: &str = "portcullis:{records}:logins";
/// The rule by which [`LOGINS`] knows how names are compared; missing, they are known by their exact spelling only.
pub(super) const LOGIN_FOLDING: &str = "portcullis:{records}:login-rule";
/// The names in lower case in their order, each with its account's id behind it.
pub(super) const NAMES: &str = "portcullis:{records}:names";
/// Password hashes by account.
pub(super) const PASSWORDS: &str = "portcullis:{records}:passwords";
/// Holder of a one-time link and until when, by its digest.
pub(super) const LINKS: &str = "portcullis:{records}:links";
/// The digest of each account's link.
pub(super) const LINK_BY_ACCOUNT: &str = "portcullis:{records}:link-of";
/// Devices by account.
pub(super) const DEVICES: &str = "portcullis:{records}:devices";
/// Accounts by the last use of the device that was longest unused.
pub(super) const DEVICE_LAST_USES: &str = "portcullis:{records}:devices-used";
/// Pending effects of changes, by id.
pub(super) const PENDING_EFFECTS: &str = "portcullis:{records}:consequences";
/// Id of the records.
pub(super) const RECORDS_ID: &str = "portcullis:{records}:identity";
/// That something could be written.
pub(super) const WRITE_PROBE: &str = "portcullis:{records}:written";

/// Entries of the journal by id.
pub(super) const ENTRIES: &str = "portcullis:{records}:journal";
/// The place of the newest entry.
pub(super) const ENTRY_SEQUENCE: &str = "portcullis:{records}:journal-places";
/// Entries by their place.
pub(super) const TRAIL: &str = "portcullis:{records}:trail";
/// Entries by their time.
pub(super) const ENTRIES_BY_TIME: &str = "portcullis:{records}:journal-by-time";

/// Failed sign-ins of names that nobody has, by their time.
pub(super) const FAILED_UNKNOWN: &str = "portcullis:{records}:journal-unknown";
/// Other failed sign-ins, by their time.
pub(super) const FAILED_KNOWN: &str = "portcullis:{records}:journal-failed";
/// The time, in milliseconds, up to which [`UNKNOWN`] and [`FAILED`] know all entries.
pub(super) const FAILED_INDEXED_UNTIL: &str = "portcullis:{records}:journal-sorted";

/// Entries about a user, by their place.
pub(super) fn trail(user: UserId) -> String {
    format!("portcullis:{{records}}:trail:{}", user.bare())
}

/// A user's sign-ins in their order: all, or those of one outcome.
pub(super) fn sign_ins(user: UserId, outcome: Option<LoginOutcome>) -> String {
    let which = outcome.map_or("all", LoginOutcome::name);
    format!("portcullis:{{records}}:sign-ins:{}:{which}", user.bare())
}

/// The keys that one script touches, each once.
pub(super) struct ScriptKeys(Vec<String>);

impl ScriptKeys {
    /// Begins with these.
    pub(super) fn new(keys: &[&str]) -> Self {
        Self(keys.iter().map(|key| (*key).to_owned()).collect())
    }

    /// The number of this key, as the script counts.
    pub(super) fn index_of(&mut self, key: String) -> usize {
        let at = self.0.iter().position(|known| *known == key);
        at.unwrap_or_else(|| {
            self.0.push(key);
            self.0.len() - 1
        }) + 1
    }

    pub(super) fn as_slice(&self) -> &[String] {
        &self.0
    }
}
