//! `portcullis users export` and `import`: accounts in a file, from one store to another.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use serde::{Deserialize, Serialize};

use crate::{
    account::{Account, Email, ExportedAccount, ImportOptions, ImportOutcome, PasswordHash, Role, UserName},
    audit::Actor,
    cli::{
        CommandError, CommandResult,
        context::CommandContext,
        output::{print_error, print_line, printable},
    },
    clock::Timestamp,
    id::UserId,
};

/// The file's kind.
const FORMAT: &str = "portcullis-users";
/// The newest version that is known. A change that an older program would read wrongly raises it.
const VERSION: u32 = 1;

#[derive(Deserialize)]
struct UsersFileHeader {
    format: String,
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct UsersFile {
    format: String,
    version: u32,
    users: Vec<UserEntry>,
}

/// Times are milliseconds since 1970.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UserEntry {
    id: UserId,
    name: String,
    display_name: Option<String>,
    email: Option<String>,
    #[serde(default)]
    roles: Vec<String>,
    disabled: bool,
    created_at: Timestamp,
    password_set_at: Option<Timestamp>,
    /// In PHC format.
    password: Option<String>,
}

pub(super) async fn export(context: &CommandContext, path: &Path, with_roles: bool) -> CommandResult {
    let cannot = |why: std::io::Error| CommandError::Failed(format!("cannot write {}: {why}", path.display()));
    // A file that is there is not written over, and a link is not followed.
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(cannot)?;
    let written = async {
        let users = context.components.accounts.export(Actor::Operator).await?;
        let users: Vec<_> = users.into_iter().map(|portable| UserEntry::from_account(portable, with_roles)).collect();
        let whole = UsersFile { format: FORMAT.to_owned(), version: VERSION, users };
        let text = serde_json::to_vec_pretty(&whole).map_err(|why| CommandError::from_error(&why))?;
        file.write_all(&text).and_then(|()| file.sync_all()).map_err(cannot)?;
        Ok::<_, CommandError>(whole.users.len())
    };
    let count = written.await.inspect_err(|_| {
        let _ = fs::remove_file(path);
    })?;
    print_line(&format!(
        "Exported {count} users with their password hashes to {} (0600); remove it after the import",
        path.display()
    ));
    if !with_roles {
        print_line("Roles are not in it; --with-roles takes them along");
    }
    Ok(())
}

pub(super) async fn import(context: &CommandContext, path: &Path, options: ImportOptions) -> CommandResult {
    let arriving = read_file(path)?;
    let arrivals = context.components.accounts.import(&arriving, options, Actor::Operator).await?;
    let (mut added, mut present, mut conflicts) = (0_usize, 0_usize, 0_usize);
    for (ExportedAccount { account, .. }, arrival) in arriving.iter().zip(arrivals) {
        let mut conflict = |why: &str| {
            conflicts += 1;
            print_error(&format!("{} ({}): {why}", printable(account.name.as_str()), account.id));
        };
        match arrival {
            ImportOutcome::Added => added += 1,
            ImportOutcome::Unchanged => present += 1,
            ImportOutcome::Differs(parts) => {
                conflict(&format!("is there already and was left as it is; the file differs in {}", parts.join(", ")));
            }
            ImportOutcome::NameTaken => conflict("not imported: somebody else signs in with that name"),
            ImportOutcome::EmailTaken => conflict("not imported: somebody else signs in with that e-mail address"),
        }
    }
    let done = if options.dry_run { "Would import" } else { "Imported" };
    let (users, are) = (if added == 1 { "user" } else { "users" }, if present == 1 { "is" } else { "are" });
    let conflicted = if conflicts == 1 { "conflict" } else { "conflicts" };
    print_line(&format!("{done} {added} {users}; {present} {are} there already; {conflicts} {conflicted}"));
    if !options.with_roles && arriving.iter().any(|portable| !portable.account.roles.is_empty()) {
        print_line("Roles were left out; --with-roles takes them along");
    }
    match conflicts {
        0 => Ok(()),
        _ => Err(CommandError::Failed("not everything is here as the file has it".to_owned())),
    }
}

/// Reads the whole file before anything is changed.
fn read_file(path: &Path) -> Result<Vec<ExportedAccount>, CommandError> {
    let shown = path.display();
    let no = |why: &dyn std::fmt::Display| CommandError::Failed(format!("{shown}: {why}"));
    let mode = fs::metadata(path).map_err(|why| no(&why))?.permissions().mode();
    if mode & 0o007 != 0 {
        return Err(CommandError::Failed(format!(
            "{shown} holds password hashes and anybody may read it; chmod 600 {shown}"
        )));
    }
    let text = fs::read(path).map_err(|why| no(&why))?;
    let head: UsersFileHeader = serde_json::from_slice(&text).map_err(|why| no(&why))?;
    if head.format != FORMAT {
        return Err(no(&format_args!(
            "format {:?} is not {FORMAT:?}; write it with portcullis users export",
            head.format
        )));
    }
    if head.version > VERSION {
        return Err(no(&format_args!(
            "version {} is newer than {VERSION}, which this program knows; import it with the Portcullis that wrote it",
            head.version
        )));
    }
    let whole: UsersFile = serde_json::from_slice(&text).map_err(|why| no(&why))?;
    whole
        .users
        .into_iter()
        .enumerate()
        .map(|(at, user)| user.into_account().map_err(|why| no(&format_args!("users[{at}]: {why}"))))
        .collect()
}

impl UserEntry {
    fn from_account(ExportedAccount { account, password }: ExportedAccount, with_roles: bool) -> Self {
        let Account { id, name, display_name, email, roles, disabled, created, password_set, version: _ } = account;
        Self {
            id,
            name: name.to_string(),
            display_name,
            email: email.map(|email| email.to_string()),
            roles: if with_roles { roles.iter().map(ToString::to_string).collect() } else { Vec::new() },
            disabled,
            created_at: created,
            password_set_at: password_set,
            password: password.map(|hash| hash.as_phc().to_owned()),
        }
    }

    /// Checked as a store checks what it reads back: names from before today's rules stay as they are.
    fn into_account(self) -> Result<ExportedAccount, String> {
        let mut roles = self
            .roles
            .iter()
            .map(|role| Role::new(role))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|why| format!("a role: {why}"))?;
        roles.sort();
        roles.dedup();
        let password = self.password.map(|phc| {
            PasswordHash::from_foreign(phc)
                .ok_or("the password is no argon2 hash in PHC format, or one beyond 1 GiB and 100 passes")
        });
        let account = Account {
            id: self.id,
            name: UserName::from_stored(&self.name).map_err(|why| format!("the name {:?}: {why}", self.name))?,
            display_name: self
                .display_name
                .map(|text| crate::account::DisplayName::new(&text).map(|name| name.to_string()))
                .transpose()
                .map_err(|why| format!("the display name: {why}"))?,
            email: self
                .email
                .map(|text| Email::from_stored(&text))
                .transpose()
                .map_err(|why| format!("the address: {why}"))?,
            roles,
            disabled: self.disabled,
            created: self.created_at,
            password_set: self.password_set_at,
            version: 1,
        };
        Ok(ExportedAccount { account, password: password.transpose()? })
    }
}
