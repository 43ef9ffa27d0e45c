//! The tables, and how an older file becomes a current one. Forward only: a newer file is left alone.

use rusqlite::{Connection, TransactionBehavior};

use crate::account::login_aliases;

/// Each step takes a file from the version of its index to the next. A step that was released is never edited.
const MIGRATIONS: [&str; 4] = [
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
];

/// The version whose step needs names normalised, which SQL cannot.
const NORMALISED_VERSION: usize = 3;

/// Stands in the file's header, so that a database of some other program is not taken for ours: "Port".
const APPLICATION_ID: i64 = 0x506f_7274;

/// Facts that only ever grow, or stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileState {
    application: i64,
    version: i64,
    /// The newest key of the journal. None is given twice, and each act that matters writes one.
    last_entry: i64,
}

impl FileState {
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        const READ: &str = "
            SELECT application_id, user_version, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'journal'), 0)
            FROM pragma_application_id, pragma_user_version";
        connection
            .prepare_cached(READ)?
            .query_row([], |row| Ok(Self { application: row.get(0)?, version: row.get(1)?, last_entry: row.get(2)? }))
    }

    /// Whether no later one can look like that.
    pub(super) fn is_ahead_of(&self, later: &Self) -> bool {
        self.application != later.application || self.version > later.version || self.last_entry > later.last_entry
    }
}

/// Why the tables do not fit.
#[derive(Debug)]
pub(super) enum SchemaError {
    /// It is a database, but of another program.
    ForeignDatabase,
    /// It is a database without tables.
    Empty,
    /// A newer Portcullis wrote it.
    Newer { theirs: i64, ours: i64 },
    /// `SQLite` said no.
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for SchemaError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Whether this may become ours, before anything is written to it; its version.
pub(super) fn check_version(connection: &Connection) -> Result<usize, SchemaError> {
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let version = number("PRAGMA user_version")?;
    let empty = number("SELECT count(*) FROM sqlite_schema")? == 0;
    if number("PRAGMA application_id")? != APPLICATION_ID && !(empty && version == 0) {
        return Err(SchemaError::ForeignDatabase);
    }
    match usize::try_from(version) {
        Ok(known) if known <= MIGRATIONS.len() => Ok(known),
        _ => Err(SchemaError::Newer { theirs: version, ours: super::columns::saturating_i64(MIGRATIONS.len()) }),
    }
}

/// The same, of a file that was there before: it was never without tables.
pub(super) fn check_existing(connection: &Connection) -> Result<(), SchemaError> {
    if check_version(connection)? == 0 { Err(SchemaError::Empty) } else { Ok(()) }
}

/// Takes every step that is still to be taken, all or none.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), SchemaError> {
    if check_version(connection)? == MIGRATIONS.len() {
        return Ok(());
    }
    let step = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Looked at again under the lock: another process may have come first.
    let version = check_version(&step)?;
    for sql in &MIGRATIONS[version..] {
        step.execute_batch(sql)?;
    }
    if version < NORMALISED_VERSION {
        normalise_logins(&step)?;
    }
    step.pragma_update(None, "application_id", APPLICATION_ID)?;
    step.pragma_update(None, "user_version", super::columns::saturating_i64(MIGRATIONS.len()))?;
    step.commit()?;
    Ok(())
}

/// Writes down how old names and addresses are compared today.
fn normalise_logins(connection: &Connection) -> rusqlite::Result<()> {
    let all = "SELECT id, name FROM account UNION ALL SELECT id, email FROM account WHERE email IS NOT NULL";
    let rows =
        connection.prepare(all)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<Vec<_>, _>>()?;
    let logins: Vec<(&str, String)> =
        rows.iter().map(|(id, login): &(String, String)| (&**id, login.clone())).collect();
    let mut add = connection.prepare("INSERT INTO login (key, account) VALUES (?1, ?2)")?;
    for (key, id) in login_aliases(&logins) {
        add.execute((key, id))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_sign_ins_from_before_their_indexes_are_found_by_them() {
        let mut file = Connection::open_in_memory().unwrap();
        MIGRATIONS[..3].iter().for_each(|sql| file.execute_batch(sql).unwrap());
        file.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        file.pragma_update(None, "user_version", 3).unwrap();
        let add = "INSERT INTO journal (id, at, user, fact, sign_in, body) VALUES (?1, 1, ?2, ?3, 'failed', '{}')";
        for (id, user, fact) in [
            ("a", None, "sign_in_failed"),
            ("b", Some("alice"), "sign_in_failed"),
            ("c", Some("alice"), "password_change_failed"),
        ] {
            file.execute(add, (id, user, fact)).unwrap();
        }
        migrate(&mut file).unwrap();
        for index in ["journal_of_unknown", "journal_of_failures"] {
            let of_nobody = if index == "journal_of_unknown" { "IS NULL" } else { "IS NOT NULL" };
            let sql = format!(
                "SELECT count(*) FROM journal INDEXED BY {index}
                 WHERE fact IN ('sign_in_failed', 'sign_ins_failed') AND user {of_nobody}"
            );
            assert_eq!(file.query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap(), 1, "{index}");
        }
    }

    #[test]
    fn a_file_from_before_names_were_normalised_gets_their_keys() {
        let mut file = Connection::open_in_memory().unwrap();
        MIGRATIONS[..2].iter().for_each(|sql| file.execute_batch(sql).unwrap());
        file.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        file.pragma_update(None, "user_version", 2).unwrap();
        for (id, name, email) in [
            ("user_1", "alice", "A@EXAMPLE.com"),
            ("user_2", "Jose\u{301}", "jose\u{301}@example.com"),
            ("user_3", "zo\u{eb}", "z@example.com"),
            ("user_4", "zoe\u{308}", "y@example.com"),
        ] {
            let sql = "INSERT INTO account (id, name, name_key, email, email_key, roles, disabled, created, version) \
                       VALUES (?1, ?2, ?3, ?4, ?5, '[]', 0, 0, 1)";
            file.execute(sql, (id, name, name.to_lowercase(), email, email.to_lowercase())).unwrap();
        }
        migrate(&mut file).unwrap();
        let mut keys = file.prepare("SELECT key, account FROM login ORDER BY key").unwrap();
        let keys = keys.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let keys: Vec<(String, String)> = keys.collect::<Result<_, _>>().unwrap();
        let expected = ["jos\u{e9}", "jos\u{e9}@example.com"].map(|key| (key.to_owned(), "user_2".to_owned()));
        assert_eq!(keys, expected, "what collides keeps its spelling");
    }
}
