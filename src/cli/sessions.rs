//! `portcullis sessions`: every place where somebody is signed in, and the end of any of it.

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    CommandError, CommandResult, ConfigFile,
    context::CommandContext,
    output::{print_json, print_line, print_table, printable},
};
use crate::{
    audit::Reason,
    id::SessionId,
    session::{Admin, EndTarget, Session},
    web::api::SessionResource,
};

/// Lists sessions and ends them
#[derive(Debug, Args)]
#[command(after_help = "Example: portcullis sessions revoke --user alice --reason \"lost laptop\"")]
pub(super) struct SessionsCommand {
    #[command(flatten)]
    file: ConfigFile,
    #[command(subcommand)]
    action: SessionsAction,
}

#[derive(Debug, Subcommand)]
enum SessionsAction {
    /// Lists sessions that still count
    #[command(after_help = "Example: portcullis sessions list --user alice")]
    List {
        /// Only this user's: name or e-mail address
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Ends sessions: one by its id, all of a user, or all
    ///
    /// All of a user, and all, want a reason; for one session it may be left out.
    #[command(after_help = "Example: portcullis sessions revoke --user alice --reason \"lost laptop\"")]
    #[command(group = clap::ArgGroup::new("which").required(true).args(["id", "user", "all"]))]
    Revoke {
        /// The session: sess_…
        id: Option<SessionId>,
        /// All sessions of this user: name or e-mail address; --reason is required
        #[arg(long, value_name = "NAME", requires = "reason")]
        user: Option<String>,
        /// Everybody's sessions; --reason is required
        #[arg(long, requires = "reason")]
        all: bool,
        /// Why, for the record: at most 500 characters; required with --user and --all
        #[arg(long, value_name = "TEXT")]
        reason: Option<Reason>,
    },
}

impl SessionsCommand {
    pub(super) fn run(self) -> CommandResult {
        let Self { file, action: verb } = self;
        let context = match verb {
            SessionsAction::List { .. } => CommandContext::open(&file),
            SessionsAction::Revoke { .. } => CommandContext::open_to_revoke(&file),
        };
        context?.block_on(async move |context| match verb {
            SessionsAction::List { user, json } => context.list_sessions(user.as_deref(), json).await,
            SessionsAction::Revoke { id, user, all, reason } => {
                let which = match (id, user, all) {
                    (Some(id), None, false) => EndTarget::One { owner: id.owner(), id },
                    (None, Some(user), false) => EndTarget::AllOf(context.account(&user).await?.id),
                    (None, None, true) => EndTarget::Everyone { keep: None },
                    _ => {
                        return Err(CommandError::Usage("write one of: a session's id, --user NAME, --all".to_owned()));
                    }
                };
                context.revoke(which, reason).await
            }
        })
    }
}

impl CommandContext {
    async fn list_sessions(&self, user: Option<&str>, json: bool) -> CommandResult {
        let accounts = match user {
            Some(login) => vec![self.account(login).await?],
            None => self.components.accounts.list().await?,
        };
        let mut rows = Vec::new();
        let mut items = Vec::new();
        let (policy, house) = (self.components.sessions.policy(), self.components.settings.site.load_full());
        for account in &accounts {
            for session in self.components.sessions.list(account.id, None).await? {
                rows.push(table_row(account.name.as_str(), &session));
                let session = SessionResource::from_session(&session, None, &policy, &house);
                items.push(json!({ "user": { "id": account.id, "name": account.name.as_str() }, "session": session }));
            }
        }
        if json {
            print_json(&json!({ "items": items, "next_cursor": null }));
        } else {
            print_table(&["USER", "DEVICE", "IP", "SIGNED IN", "LAST ACTIVE", "ID"], &rows);
        }
        Ok(())
    }

    async fn revoke(&self, which: EndTarget, reason: Option<Reason>) -> CommandResult {
        let (sessions, operator) = (&self.components.sessions, Admin::operator());
        let ended = match (which, reason) {
            (EndTarget::One { id, .. }, reason) => {
                sessions.end_one_by_admin(id, &operator, reason.as_ref()).await?.into_iter().collect()
            }
            (_, Some(reason)) => sessions.end_by_admin(which, &operator, &reason).await?,
            (_, None) => return Err(CommandError::Usage("--user and --all require --reason".to_owned())),
        };
        match (which, ended.as_slice()) {
            (EndTarget::One { id, .. }, []) => return Err(CommandError::Failed(format!("there is no session {id}"))),
            (_, []) => print_line("No session was open"),
            (_, [one]) => print_line(&format!("Signed out {} ({})", printable(&one.device.label()), one.id)),
            (_, all) => print_line(&format!("Signed out {} sessions", all.len())),
        }
        Ok(())
    }
}

fn table_row(user: &str, session: &Session) -> Vec<String> {
    vec![
        printable(user),
        printable(&session.device.label()),
        session.activity.ip.to_string(),
        session.terms.opened.rfc3339(),
        session.activity.last_seen.rfc3339(),
        session.id.to_string(),
    ]
}
