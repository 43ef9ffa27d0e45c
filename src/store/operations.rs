//! The list of all operations of stores, by capability: measuring ([`MeasuredStore`](super::MeasuredStore)), forwarding to records
//! apart ([`RedisStore`](super::redis::RedisStore)) and the faulty store of the tests are made from it.
//!
//! A row is `method(arguments) -> answer, series, "name", access`: the series that counts and times it, its name where the tests
//! make it fail, and whether it is a `read` or a `write`. Behind `~` stands what is waited for, and behind `+` what is known
//! at once: neither can fail.

/// Operations of live state, as `$make!` is to have them.
#[doc(hidden)]
#[macro_export]
macro_rules! live_operations {
    ($make:ident) => {
        $make! {
            $crate::session::SessionStore as sessions {
                find(id: $crate::id::SessionId) -> Option<$crate::session::SessionAuth>, find, "find", read;
                get(id: $crate::id::SessionId) -> Option<$crate::session::Session>, list, "get", read;
                list(user: $crate::id::UserId) -> Vec<$crate::session::Session>, list, "list", read;
                list_slice(query: &$crate::session::SessionQuery) -> $crate::session::SessionSlice, list, "list_slice", read;
                put_user_snapshot(owner: &$crate::session::UserSnapshot) -> u64, owner, "put_owner", write;
                open(new: $crate::session::NewSession) -> $crate::audit::Recorded<$crate::session::Opened>, open, "open", write;
                touch(heartbeats: &[$crate::session::Heartbeat]) -> (), touch, "touch", write;
                clamp(id: $crate::id::SessionId, latest: $crate::clock::Timestamp, now: $crate::clock::Timestamp) -> (), touch, "clamp", write;
                end(target: $crate::session::EndTarget, end_record: &$crate::session::EndRecord) -> $crate::audit::Recorded<Vec<$crate::session::Session>>, end, "end", write;
                expire(id: $crate::id::SessionId, latest: $crate::clock::Timestamp, end_record: &$crate::session::EndRecord) -> $crate::audit::Recorded<Option<$crate::session::Session>>, expire, "expire", write;
                end_note(id: $crate::id::SessionId, secret: $crate::secret::Digest) -> Option<$crate::session::EndNote>, list, "ended", read;
            }
            $crate::session::EndLog as sessions {
                end_log(since: Option<&$crate::session::EndLogPosition>) -> $crate::session::EndLogPage, ends, "ends", read;
                ~ wait_for_end();
            }
            $crate::session::SessionUpkeep as sessions {
                scan(after: Option<$crate::id::SessionId>, limit: usize) -> Vec<$crate::session::Session>, sweep, "scan", read;
                count() -> u64, sweep, "count", read;
                delete_end_notes(before: $crate::clock::Timestamp) -> (), sweep, "forget_ended", write;
            }
            $crate::store::Lease as sessions {
                try_acquire_lease(period: std::time::Duration) -> bool, sweep, "take_turn", read;
            }
            $crate::store::Outbox as sessions {
                drain_outbox(now: $crate::clock::Timestamp) -> usize, sweep, "catch_up", write;
            }
            $crate::store::StoreHealth as sessions {
                ping() -> (), ping, "ping", write;
                + limitation() -> Option<String>;
            }
        }
    };
}

/// Operations of records: accounts and the audit log, as `$make!` is to have them.
#[doc(hidden)]
#[macro_export]
macro_rules! record_operations {
    ($make:ident) => {
        $make! {
            $crate::account::UserRecords as accounts {
                by_key(key: &str) -> Option<$crate::account::Account>, account, "by_login", read;
                get(id: $crate::id::UserId) -> Option<$crate::account::Account>, account, "account", read;
                list() -> Vec<$crate::account::Account>, account, "accounts", read;
                list_slice(query: &$crate::account::UserQuery) -> $crate::account::UserSlice, account, "accounts_slice", read;
                add(account: &$crate::account::Account, context: &$crate::audit::AuditContext) -> $crate::audit::Recorded<$crate::account::AddResult>, account, "add", write;
                restore(restored: &$crate::account::ImportedAccount, context: &$crate::audit::AuditContext) -> $crate::audit::Recorded<$crate::account::AddResult>, account, "restore", write;
            }
            $crate::account::PasswordRecords as accounts {
                password_hash(id: $crate::id::UserId) -> Option<$crate::account::PasswordHash>, account, "password", read;
                rehash(id: $crate::id::UserId, from: &$crate::account::PasswordHash, to: &$crate::account::PasswordHash) -> bool, account, "rehash", write;
            }
            $crate::account::LinkRecords as accounts {
                put_link(id: $crate::id::UserId, link: $crate::secret::Digest, expires: $crate::clock::Timestamp, context: &$crate::audit::AuditContext) -> $crate::audit::Recorded<bool>, account, "put_link", write;
                link_user(link: $crate::secret::Digest, now: $crate::clock::Timestamp) -> Option<$crate::id::UserId>, account, "link", read;
            }
            $crate::account::DeviceRecords as accounts {
                known_device(owner: $crate::id::UserId, device: $crate::secret::Digest) -> Option<$crate::id::DeviceId>, account, "known_device", read;
                device_ids(owner: $crate::id::UserId) -> Vec<$crate::id::DeviceId>, account, "devices", read;
                register_device(owner: $crate::id::UserId, device: Option<$crate::secret::Digest>, new_token: $crate::secret::Digest, max: usize, at: $crate::clock::Timestamp) -> $crate::account::DeviceRegistration, account, "meet_device", write;
            }
            $crate::account::RecordUpkeep as accounts {
                clamp(now: $crate::clock::Timestamp, links_until: $crate::clock::Timestamp) -> (), sweep, "clamp_accounts", write;
                forget_devices(before: $crate::clock::Timestamp) -> (), sweep, "forget_devices", write;
            }
            $crate::audit::AuditStore as audit {
                record(entries: &[$crate::audit::AuditEntry]) -> (), journal, "record", write;
                upsert_counts(entries: &[$crate::audit::AuditEntry]) -> (), journal, "merge", write;
                delete_unknown_before(before: $crate::clock::Timestamp) -> (), sweep, "forget_unknown", write;
                size() -> $crate::audit::AuditLogSize, sweep, "journal_size", read;
                delete_failed(count: u64) -> u64, sweep, "drop_failed", write;
                login_history(query: &$crate::audit::LoginHistoryQuery) -> $crate::audit::AuditPage, journal, "login_history", read;
                delete_before(before: $crate::clock::Timestamp) -> (), sweep, "forget_entries", write;
                trail(query: &$crate::audit::AuditTrailQuery) -> $crate::audit::AuditPage, journal, "trail", read;
            }
        }
    };
}
