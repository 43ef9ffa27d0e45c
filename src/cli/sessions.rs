//! `portcullis sessions`: every place where somebody is signed in, and the end of any of it.

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    ConfigFile, Done, Failed,
    beside::Beside,
    output::{plain, say, say_json, say_table},
    reason::reason,
};
use crate::{
    audit::Actor,
    id::SessionId,
    session::{EndedBy, Ending, Session, Which},
    web::api::SessionResource,
};

/// Lists sessions and ends them
#[derive(Debug, Args)]
#[command(after_help = "Example: portcullis sessions revoke --user alice --reason \"lost laptop\"")]
pub(super) struct Sessions {
    #[command(flatten)]
    file: ConfigFile,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
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
        #[arg(long, value_name = "TEXT", value_parser = reason)]
        reason: Option<String>,
    },
}

impl Sessions {
    pub(super) fn run(self) -> Done {
        let Self { file, verb } = self;
        let beside = match verb {
            Verb::List { .. } => Beside::open(&file),
            Verb::Revoke { .. } => Beside::open_to_end(&file),
        };
        beside?.work(async move |beside| match verb {
            Verb::List { user, json } => beside.list_sessions(user.as_deref(), json).await,
            Verb::Revoke { id, user, all, reason } => {
                let which = match (id, user, all) {
                    (Some(id), None, false) => Which::One { owner: id.owner(), id },
                    (None, Some(user), false) => Which::AllOf(beside.account(&user).await?.id),
                    (None, None, true) => Which::Everyone { keep: None },
                    _ => return Err(Failed::Usage("write one of: a session's id, --user NAME, --all".to_owned())),
                };
                beside.revoke(which, reason).await
            }
        })
    }
}

impl Beside {
    async fn list_sessions(&self, user: Option<&str>, json: bool) -> Done {
        let accounts = match user {
            Some(login) => vec![self.account(login).await?],
            None => self.parts.accounts.list().await?,
        };
        let mut rows = Vec::new();
        let mut items = Vec::new();
        let (policy, house) = (self.parts.sessions.policy(), self.parts.settings.house.load_full());
        for account in &accounts {
            for session in self.parts.sessions.list(account.id, None).await? {
                rows.push(row(account.name.as_str(), &session));
                let session = SessionResource::of(&session, None, &policy, &house);
                items.push(json!({ "user": { "id": account.id, "name": account.name.as_str() }, "session": session }));
            }
        }
        if json {
            say_json(&json!({ "items": items, "next_cursor": null }));
        } else {
            say_table(&["USER", "DEVICE", "IP", "SIGNED IN", "LAST ACTIVE", "ID"], &rows);
        }
        Ok(())
    }

    async fn revoke(&self, which: Which, reason: Option<String>) -> Done {
        let by = EndedBy { actor: Actor::Operator, ending: Ending::ByAdministrator, own: None, reason };
        let ended = self.parts.sessions.end(which, by, None).await?;
        match (which, ended.as_slice()) {
            (Which::One { id, .. }, []) => return Err(Failed::No(format!("there is no session {id}"))),
            (_, []) => say("No session was open"),
            (_, [one]) => say(&format!("Signed out {} ({})", plain(&one.device.label()), one.id)),
            (_, all) => say(&format!("Signed out {} sessions", all.len())),
        }
        Ok(())
    }
}

fn row(user: &str, session: &Session) -> Vec<String> {
    vec![
        plain(user),
        plain(&session.device.label()),
        session.activity.ip.to_string(),
        session.terms.opened.rfc3339(),
        session.activity.latest.rfc3339(),
        session.id.to_string(),
    ]
}
