//! `portcullis audit`: entries of the audit log.

use std::collections::HashMap;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::{
    CommandError, CommandResult, ConfigFile,
    context::CommandContext,
    output::{print_json, print_line, print_table, printable, write_result},
};
use crate::{
    audit::{Actor, AuditEntry, AuditEvent, AuditPage, AuditTrailQuery, TrailOrder},
    id::UserId,
};

/// Entries that are read at once for an export.
const EXPORT_PAGE_SIZE: usize = 500;

/// Shows what happened: sign-ins, ended sessions, changed accounts
#[derive(Debug, Args)]
#[command(after_help = "Example: portcullis audit tail --user alice")]
pub(super) struct AuditCommand {
    #[command(flatten)]
    file: ConfigFile,
    #[command(subcommand)]
    action: AuditAction,
}

#[derive(Debug, Subcommand)]
enum AuditAction {
    /// Prints the newest entries, the newest last
    #[command(after_help = "Example: portcullis audit tail --user alice --limit 20")]
    Tail {
        /// Only what concerns this user: name, e-mail address, or the usr_… of a removed one
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Prints every entry as a line of JSON, the oldest first
    #[command(after_help = "Example: portcullis audit export > audit.jsonl")]
    Export {
        /// Only what concerns this user: name, e-mail address, or the usr_… of a removed one
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
    },
}

impl AuditCommand {
    pub(super) fn run(self) -> CommandResult {
        let Self { file, action: verb } = self;
        CommandContext::open(&file)?.block_on(async move |context| match verb {
            AuditAction::Tail { user, limit, json } => context.tail(user.as_deref(), limit, json).await,
            AuditAction::Export { user } => context.export(user.as_deref()).await,
        })
    }
}

impl CommandContext {
    async fn tail(&self, user: Option<&str>, limit: u32, json: bool) -> CommandResult {
        let (user, names) = (self.resolve_user(user).await?, self.user_names().await?);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let query = AuditTrailQuery { user, order: TrailOrder::NewestFirst, after: None, limit };
        let mut entries = self.components.stores.audit.trail(&query).await?.entries;
        entries.reverse();
        let told: Vec<EntryView> = entries.iter().map(|entry| EntryView::new(entry, &names)).collect();
        if json {
            let items: Vec<Value> = told.into_iter().map(EntryView::into_json).collect();
            print_json(&json!({ "items": items, "next_cursor": null }));
        } else {
            let rows: Vec<_> = told.iter().map(EntryView::table_row).collect();
            print_table(&["WHEN", "WHO", "ABOUT", "WHAT", "FROM", "SESSION", "REASON"], &rows);
        }
        Ok(())
    }

    async fn export(&self, user: Option<&str>) -> CommandResult {
        let (user, names) = (self.resolve_user(user).await?, self.user_names().await?);
        let mut query = AuditTrailQuery { user, order: TrailOrder::OldestFirst, after: None, limit: EXPORT_PAGE_SIZE };
        loop {
            let AuditPage { entries, next } = self.components.stores.audit.trail(&query).await?;
            for entry in &entries {
                print_line(&EntryView::new(entry, &names).into_json().to_string());
            }
            // Where nobody reads any more, nothing more is looked up.
            if next.is_none() || write_result().is_err() {
                return Ok(());
            }
            query.after = next;
        }
    }

    /// User whose entries are requested. A removed user has no name any more, but still an id.
    async fn resolve_user(&self, user: Option<&str>) -> Result<Option<UserId>, CommandError> {
        Ok(match user.map(|text| (text, text.parse())) {
            None => None,
            Some((_, Ok(id))) => Some(id),
            Some((login, Err(_))) => Some(self.account(login).await?.id),
        })
    }

    async fn user_names(&self) -> Result<HashMap<UserId, String>, CommandError> {
        let accounts = self.components.accounts.list().await?;
        Ok(accounts.into_iter().map(|account| (account.id, account.name.as_str().to_owned())).collect())
    }
}

/// Audit entry as printed, for programs and people.
struct EntryView<'a> {
    entry: &'a AuditEntry,
    names: &'a HashMap<UserId, String>,
    /// What the fact has to tell besides: its session and its reason stand for themselves.
    details: Map<String, Value>,
    session: Value,
    reason: Value,
}

impl<'a> EntryView<'a> {
    fn new(entry: &'a AuditEntry, names: &'a HashMap<UserId, String>) -> Self {
        let mut details = match serde_json::to_value(&entry.event) {
            Ok(Value::Object(details)) => details,
            _ => Map::new(),
        };
        details.shift_remove("fact");
        if let AuditEvent::SignInsFailed { until, .. } = &entry.event {
            details.insert("until".to_owned(), until.rfc3339().into());
        }
        let session = details.shift_remove("session").unwrap_or_default();
        let reason = details.shift_remove("reason").unwrap_or_default();
        Self { entry, names, details, session, reason }
    }

    fn name(&self, user: UserId) -> Option<&str> {
        self.names.get(&user).map(String::as_str)
    }

    fn into_json(self) -> Value {
        let person = |id: UserId| json!({ "id": id, "name": self.name(id) });
        let actor = match self.entry.actor {
            actor @ Actor::User(id) => json!({ "kind": actor.kind(), "id": id, "name": self.name(id) }),
            actor => json!({ "kind": actor.kind(), "id": null, "name": null }),
        };
        json!({
            "id": self.entry.id,
            "at": self.entry.at.rfc3339(),
            "action": self.entry.event.name(),
            "actor": actor,
            "user": self.entry.user.map(person),
            "session": self.session,
            "reason": self.reason,
            "ip": self.entry.ip,
            "device": self.entry.device.as_ref().map(crate::visitor::Device::label),
            "details": self.details,
        })
    }

    fn table_row(&self) -> Vec<String> {
        let shown = |id: UserId| self.name(id).map_or_else(|| id.to_string(), printable);
        let who = match self.entry.actor {
            Actor::User(id) => shown(id),
            other => other.kind().to_owned(),
        };
        let (what, more): (String, Vec<String>) = match &self.entry.event {
            AuditEvent::SignInsFailed { count, until, .. } => {
                ("sign in failed".to_owned(), vec![format!("and {count} more until {}", until.rfc3339())])
            }
            fact => (fact.name().replace('_', " "), self.details.values().flat_map(detail_words).collect()),
        };
        let device = self.entry.device.as_ref().map(|device| printable(&device.label()));
        let from = self.entry.ip.map(|ip| ip.to_string()).into_iter().chain(device).collect::<Vec<_>>();
        let text = |value: &Value| value.as_str().map_or_else(|| "-".to_owned(), printable);
        vec![
            self.entry.at.rfc3339(),
            who,
            self.entry.user.map_or_else(|| "-".to_owned(), shown),
            if more.is_empty() { what } else { format!("{what} ({})", more.join(", ")) },
            if from.is_empty() { "-".to_owned() } else { from.join(", ") },
            text(&self.session),
            text(&self.reason),
        ]
    }
}

/// The words of a detail: those of a list one by one, and of a thing with parts the one that names it.
fn detail_words(detail: &Value) -> Vec<String> {
    match detail {
        Value::String(word) => vec![printable(&word.replace('_', " "))],
        Value::Array(list) => list.iter().flat_map(detail_words).collect(),
        Value::Object(parts) => parts.get("how").map(detail_words).unwrap_or_default(),
        Value::Null => Vec::new(),
        other => vec![other.to_string()],
    }
}
