//! `portcullis users`: who may sign in.

mod transfer;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    account::{Account, DisplayName, Email, ImportOptions, LINK_LIFETIME, NameError, NewUser, Role, UserName},
    audit::{Actor, Reason},
    cli::{
        CommandError, CommandResult, ConfigFile,
        context::{CommandContext, password_from_stdin},
        output::{print_json, print_line, print_table, printable},
    },
    session::Admin,
};

/// Adds, lists and changes users
#[derive(Debug, Args)]
#[command(after_help = "Example: portcullis users add alice --email alice@example.com --role editor")]
pub(in crate::cli) struct UsersCommand {
    #[command(flatten)]
    file: ConfigFile,
    #[command(subcommand)]
    action: UsersAction,
}

#[derive(Debug, Subcommand)]
enum UsersAction {
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
        #[arg(long, value_name = "TEXT")]
        reason: Reason,
    },
    /// Lets a disabled user sign in again
    #[command(after_help = "Example: portcullis users enable alice --reason \"back from leave\"")]
    Enable {
        /// Name or e-mail address
        name: String,
        /// Why, for the record: at most 500 characters
        #[arg(long, value_name = "TEXT")]
        reason: Reason,
    },
    /// Lets a user try again at once whom too many wrong passwords have locked out
    #[command(after_help = "Example: portcullis users unlock alice --reason \"called from their desk\"")]
    Unlock {
        /// Name or e-mail address
        name: String,
        /// Why, for the record: at most 500 characters
        #[arg(long, value_name = "TEXT")]
        reason: Reason,
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

impl UsersAction {
    const fn ends_sessions(&self) -> bool {
        matches!(self, Self::Disable { .. } | Self::Remove { .. } | Self::SetPassword { password_stdin: true, .. })
    }
}

impl UsersCommand {
    pub(in crate::cli) fn run(self) -> CommandResult {
        let Self { file, action: verb } = self;
        let context =
            if verb.ends_sessions() { CommandContext::open_to_revoke(&file) } else { CommandContext::open(&file) };
        context?.block_on(async move |context| match verb {
            UsersAction::Add { name, email, display_name, roles, password_stdin } => {
                let new = NewUser {
                    name: UserName::new(&name).map_err(|why| invalid("the name", &name, why))?,
                    email: email
                        .map(|text| Email::new(&text).map_err(|why| invalid("the address", &text, why)))
                        .transpose()?,
                    display_name: display_name
                        .map(|text| DisplayName::new(&text).map_err(|why| invalid("the display name", &text, why)))
                        .transpose()?,
                    roles: parse_roles(&roles)?,
                };
                context.add(new, password_stdin).await
            }
            UsersAction::List { json } => context.list(json).await,
            UsersAction::Disable { name, reason } => {
                let account = context.account(&name).await?;
                let ended = context.components.accounts.disable(account.id, &Admin::operator(), &reason).await?;
                print_line(&format!(
                    "Disabled {}; {}",
                    printable(account.name.as_str()),
                    signed_out_count(ended.len())
                ));
                Ok(())
            }
            UsersAction::Enable { name, reason } => {
                let account = context.account(&name).await?;
                context.components.accounts.enable(account.id, &Admin::operator(), &reason).await?;
                print_line(&format!("Enabled {}", printable(account.name.as_str())));
                Ok(())
            }
            UsersAction::Unlock { name, reason } => {
                let account = context.account(&name).await?;
                context.components.accounts.unlock(&account, &Admin::operator(), &reason).await?;
                print_line(&format!("Unlocked {}", printable(account.name.as_str())));
                Ok(())
            }
            UsersAction::SetPassword { name, password_stdin } => {
                let account = context.account(&name).await?;
                context.give_password(&account, password_stdin).await
            }
            UsersAction::Roles { name, roles, none } => {
                let account = context.account(&name).await?;
                if roles.is_empty() && !none {
                    print_line(&format_roles(&account));
                    return Ok(());
                }
                let account =
                    context.components.accounts.set_roles(account.id, parse_roles(&roles)?, &Admin::operator()).await?;
                print_line(&format!("Roles of {}: {}", printable(account.name.as_str()), format_roles(&account)));
                Ok(())
            }
            UsersAction::Export { file, with_roles } => transfer::export(context, &file, with_roles).await,
            UsersAction::Import { file, with_roles, dry_run } => {
                transfer::import(context, &file, ImportOptions { with_roles, dry_run }).await
            }
            UsersAction::Remove { name } => {
                let account = context.account(&name).await?;
                let ended = context.components.accounts.remove(account.id, &Admin::operator()).await?;
                print_line(&format!("Removed {}; {}", printable(account.name.as_str()), signed_out_count(ended.len())));
                Ok(())
            }
        })
    }
}

impl CommandContext {
    async fn add(&self, new: NewUser, password_stdin: bool) -> CommandResult {
        let typed = if password_stdin { Some(password_from_stdin()?) } else { None };
        if let Some(typed) = &typed {
            self.components.accounts.check_new_user_password(&new, typed.clone())?;
        }
        let account = self.components.accounts.add(new, Actor::Operator).await?;
        print_line(&format!("Added {} ({})", printable(account.name.as_str()), account.id));
        match typed {
            Some(typed) => {
                self.components.accounts.set_password(&account, typed, Actor::Operator).await?;
                Ok(())
            }
            None => self.print_link(&account).await,
        }
    }

    async fn list(&self, json: bool) -> CommandResult {
        let accounts = self.components.accounts.list().await?;
        if json {
            let items: Vec<_> = accounts.iter().map(as_json).collect();
            print_json(&json!({ "items": items, "next_cursor": null }));
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
                printable(account.name.as_str()),
                email.to_owned(),
                format_roles(account),
                state.to_owned(),
                account.id.to_string(),
            ]
        };
        print_table(&["NAME", "E-MAIL", "ROLES", "STATE", "ID"], &accounts.iter().map(row).collect::<Vec<_>>());
        Ok(())
    }

    async fn give_password(&self, account: &Account, password_stdin: bool) -> CommandResult {
        if !password_stdin {
            return self.print_link(account).await;
        }
        let ended = self.components.accounts.set_password(account, password_from_stdin()?, Actor::Operator).await?;
        print_line(&format!(
            "Set the password of {}; {}",
            printable(account.name.as_str()),
            signed_out_count(ended.len())
        ));
        Ok(())
    }

    async fn print_link(&self, account: &Account) -> CommandResult {
        let (link, expires) = self.components.accounts.create_link(account.id, Actor::Operator).await?;
        let hours = LINK_LIFETIME.as_secs() / 3600;
        print_line(&format!(
            "A link that sets the password, once, within {hours} hours (until {}):",
            expires.rfc3339()
        ));
        print_line(&format!("{}/security/set-password?token={}", self.config.public_url.origin(), link.expose()));
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

fn parse_roles(written: &[String]) -> Result<Vec<Role>, CommandError> {
    written.iter().map(|text| Role::new(text).map_err(|why| invalid("the role", text, why))).collect()
}

fn format_roles(account: &Account) -> String {
    if account.roles.is_empty() {
        return "-".to_owned();
    }
    account.roles.iter().map(Role::as_str).collect::<Vec<_>>().join(",")
}

fn invalid(what: &str, text: &str, why: NameError) -> CommandError {
    CommandError::Usage(format!("{what} {text:?} will not do: {why}"))
}

fn signed_out_count(count: usize) -> String {
    match count {
        0 => "no session was open".to_owned(),
        1 => "signed out 1 session".to_owned(),
        more => format!("signed out {more} sessions"),
    }
}
