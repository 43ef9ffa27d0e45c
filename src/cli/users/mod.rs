//! `portcullis users`: who may sign in.

mod transfer;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    account::{Account, DisplayName, Email, ImportOptions, LINK_LIFETIME, NewUser, NotAName, Role, UserName},
    audit::Actor,
    cli::{
        ConfigFile, Done, Failed,
        beside::{Beside, password_from_stdin},
        output::{plain, say, say_json, say_table},
        reason::reason,
    },
};

/// Adds, lists and changes users
#[derive(Debug, Args)]
#[command(after_help = "Example: portcullis users add alice --email alice@example.com --role editor")]
pub(in crate::cli) struct Users {
    #[command(flatten)]
    file: ConfigFile,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Adds a user and prints a one-time link that sets the password
    #[command(after_help = "Example: portcullis users add alice --email alice@example.com --role editor")]
    Add {
        /// What they sign in with
        name: String,
        /// Their e-mail address: they can sign in with it, too
        #[arg(long, value_name = "ADDRESS")]
        email: Option<String>,
        /// Their name as the pages and the app show it
        #[arg(long, value_name = "TEXT")]
        display_name: Option<String>,
        /// A role, as access rules name it, `admin` for administrators; may be given several times
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
        /// Read the password from standard input instead of printing a link
        #[arg(long)]
        password_stdin: bool,
    },
    /// Lists all users
    #[command(after_help = "Example: portcullis users list --json")]
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Disables a user: every session of theirs ends at once
    #[command(after_help = "Example: portcullis users disable alice --reason \"left the company\"")]
    Disable {
        /// Name or e-mail address
        name: String,
        /// Why, for the record: at most 500 characters
        #[arg(long, value_name = "TEXT", value_parser = reason)]
        reason: String,
    },
    /// Lets a disabled user sign in again
    #[command(after_help = "Example: portcullis users enable alice --reason \"back from leave\"")]
    Enable {
        /// Name or e-mail address
        name: String,
        /// Why, for the record: at most 500 characters
        #[arg(long, value_name = "TEXT", value_parser = reason)]
        reason: String,
    },
    /// Lets a user try again at once whom too many wrong passwords have locked out
    #[command(after_help = "Example: portcullis users unlock alice --reason \"called from their desk\"")]
    Unlock {
        /// Name or e-mail address
        name: String,
        /// Why, for the record: at most 500 characters
        #[arg(long, value_name = "TEXT", value_parser = reason)]
        reason: String,
    },
    /// Prints a one-time link that sets a new password, and lets a locked account in
    #[command(after_help = "Example: portcullis users set-password alice --password-stdin < password.txt")]
    SetPassword {
        /// Name or e-mail address
        name: String,
        /// Read the password from standard input instead of printing a link
        #[arg(long)]
        password_stdin: bool,
    },
    /// Shows a user's roles, or gives them these and no others
    #[command(after_help = "Example: portcullis users roles alice editor member")]
    Roles {
        /// Name or e-mail address
        name: String,
        /// The roles from now on
        roles: Vec<String>,
        /// Take all roles away
        #[arg(long, conflicts_with = "roles")]
        none: bool,
    },
    /// Writes all users with their password hashes into a new file that only you can read
    #[command(after_help = "For another store: sessions, known devices, links and the journal stay behind.\n\n\
                            Example: portcullis users export users.json --with-roles")]
    Export {
        /// The file, which must not be there yet
        file: PathBuf,
        /// Write the roles, too
        #[arg(long)]
        with_roles: bool,
    },
    /// Adds the users of an exported file, under their ids; what is there already stays as it is
    #[command(
        after_help = "It may be repeated. Exit 1: some are not here as the file has them; which and why is told.\n\n\
                            Example: portcullis users import users.json --with-roles --dry-run"
    )]
    Import {
        /// The file
        file: PathBuf,
        /// Give the roles of the file, administrators' too
        #[arg(long)]
        with_roles: bool,
        /// Only say what would be done
        #[arg(long)]
        dry_run: bool,
    },
    /// Removes a user with all that belongs to them, but for what the journal tells
    #[command(after_help = "Example: portcullis users remove alice")]
    Remove {
        /// Name or e-mail address
        name: String,
    },
}

impl Verb {
    const fn ends_sessions(&self) -> bool {
        matches!(self, Self::Disable { .. } | Self::Remove { .. } | Self::SetPassword { password_stdin: true, .. })
    }
}

impl Users {
    pub(in crate::cli) fn run(self) -> Done {
        let Self { file, verb } = self;
        let beside = if verb.ends_sessions() { Beside::open_to_end(&file) } else { Beside::open(&file) };
        beside?.work(async move |beside| match verb {
            Verb::Add { name, email, display_name, roles, password_stdin } => {
                let new = NewUser {
                    name: UserName::new(&name).map_err(|why| wrong("the name", &name, why))?,
                    email: email
                        .map(|text| Email::new(&text).map_err(|why| wrong("the address", &text, why)))
                        .transpose()?,
                    display_name: display_name
                        .map(|text| DisplayName::new(&text).map_err(|why| wrong("the display name", &text, why)))
                        .transpose()?,
                    roles: read_roles(&roles)?,
                };
                beside.add(new, password_stdin).await
            }
            Verb::List { json } => beside.list(json).await,
            Verb::Disable { name, reason } => {
                let account = beside.account(&name).await?;
                let ended = beside.parts.accounts.disable(account.id, Actor::Operator, Some(reason)).await?;
                say(&format!("Disabled {}; {}", plain(account.name.as_str()), signed_out(ended.len())));
                Ok(())
            }
            Verb::Enable { name, reason } => {
                let account = beside.account(&name).await?;
                beside.parts.accounts.enable(account.id, Actor::Operator, Some(reason)).await?;
                say(&format!("Enabled {}", plain(account.name.as_str())));
                Ok(())
            }
            Verb::Unlock { name, reason } => {
                let account = beside.account(&name).await?;
                beside.parts.accounts.unlock(&account, Actor::Operator, Some(reason)).await?;
                say(&format!("Unlocked {}", plain(account.name.as_str())));
                Ok(())
            }
            Verb::SetPassword { name, password_stdin } => {
                let account = beside.account(&name).await?;
                beside.give_password(&account, password_stdin).await
            }
            Verb::Roles { name, roles, none } => {
                let account = beside.account(&name).await?;
                if roles.is_empty() && !none {
                    say(&shown_roles(&account));
                    return Ok(());
                }
                let account = beside.parts.accounts.set_roles(account.id, read_roles(&roles)?, Actor::Operator).await?;
                say(&format!("Roles of {}: {}", plain(account.name.as_str()), shown_roles(&account)));
                Ok(())
            }
            Verb::Export { file, with_roles } => transfer::export(beside, &file, with_roles).await,
            Verb::Import { file, with_roles, dry_run } => {
                transfer::import(beside, &file, ImportOptions { with_roles, dry_run }).await
            }
            Verb::Remove { name } => {
                let account = beside.account(&name).await?;
                let ended = beside.parts.accounts.remove(account.id, Actor::Operator).await?;
                say(&format!("Removed {}; {}", plain(account.name.as_str()), signed_out(ended.len())));
                Ok(())
            }
        })
    }
}

impl Beside {
    async fn add(&self, new: NewUser, password_stdin: bool) -> Done {
        let typed = if password_stdin { Some(password_from_stdin()?) } else { None };
        if let Some(typed) = &typed {
            self.parts.accounts.acceptable_for(&new, typed.clone())?;
        }
        let account = self.parts.accounts.add(new, Actor::Operator).await?;
        say(&format!("Added {} ({})", plain(account.name.as_str()), account.id));
        match typed {
            Some(typed) => {
                self.parts.accounts.set_password(&account, typed, Actor::Operator).await?;
                Ok(())
            }
            None => self.say_link(&account).await,
        }
    }

    async fn list(&self, json: bool) -> Done {
        let accounts = self.parts.accounts.list().await?;
        if json {
            let items: Vec<_> = accounts.iter().map(as_json).collect();
            say_json(&json!({ "items": items, "next_cursor": null }));
            return Ok(());
        }
        let row = |account: &Account| {
            let state = if account.disabled {
                "disabled"
            } else if account.password_set.is_none() {
                "no password yet"
            } else {
                "active"
            };
            let email = account.email.as_ref().map_or("-", Email::as_str);
            vec![
                plain(account.name.as_str()),
                email.to_owned(),
                shown_roles(account),
                state.to_owned(),
                account.id.to_string(),
            ]
        };
        say_table(&["NAME", "E-MAIL", "ROLES", "STATE", "ID"], &accounts.iter().map(row).collect::<Vec<_>>());
        Ok(())
    }

    async fn give_password(&self, account: &Account, password_stdin: bool) -> Done {
        if !password_stdin {
            return self.say_link(account).await;
        }
        let ended = self.parts.accounts.set_password(account, password_from_stdin()?, Actor::Operator).await?;
        say(&format!("Set the password of {}; {}", plain(account.name.as_str()), signed_out(ended.len())));
        Ok(())
    }

    async fn say_link(&self, account: &Account) -> Done {
        let (link, expires) = self.parts.accounts.make_link(account.id, Actor::Operator).await?;
        let hours = LINK_LIFETIME.as_secs() / 3600;
        say(&format!("A link that sets the password, once, within {hours} hours (until {}):", expires.rfc3339()));
        say(&format!("{}/security/set-password?token={}", self.config.public_url.origin(), link.hand_over()));
        Ok(())
    }
}

fn as_json(account: &Account) -> serde_json::Value {
    json!({
        "id": account.id,
        "name": account.name.as_str(),
        "display_name": account.display_name,
        "email": account.email.as_ref().map(Email::as_str),
        "roles": account.roles.iter().map(Role::as_str).collect::<Vec<_>>(),
        "disabled": account.disabled,
        "created_at": account.created.rfc3339(),
        "password_set_at": account.password_set.map(crate::clock::Timestamp::rfc3339),
    })
}

fn read_roles(written: &[String]) -> Result<Vec<Role>, Failed> {
    written.iter().map(|text| Role::new(text).map_err(|why| wrong("the role", text, why))).collect()
}

fn shown_roles(account: &Account) -> String {
    if account.roles.is_empty() {
        return "-".to_owned();
    }
    account.roles.iter().map(Role::as_str).collect::<Vec<_>>().join(",")
}

fn wrong(what: &str, text: &str, why: NotAName) -> Failed {
    Failed::Usage(format!("{what} {text:?} will not do: {why}"))
}

fn signed_out(count: usize) -> String {
    match count {
        0 => "no session was open".to_owned(),
        1 => "signed out 1 session".to_owned(),
        more => format!("signed out {more} sessions"),
    }
}
