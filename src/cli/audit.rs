//! `portcullis audit`: what happened, who did it, and why.

use std::collections::HashMap;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::{
    ConfigFile, Done, Failed,
    beside::Beside,
    output::{plain, say, say_json, say_table, written},
};
use crate::{
    audit::{Actor, Entry, Fact, Page, TrailEnd, TrailQuery},
    id::UserId,
};

/// Entries that are read at once for an export.
const PAGE: usize = 500;

/// Shows what happened: sign-ins, ended sessions, changed accounts
#[derive(Debug, Args)]
#[command(after_help = "Example: portcullis audit tail --user alice")]
pub(super) struct Audit {
    #[command(flatten)]
    file: ConfigFile,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
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

impl Audit {
    pub(super) fn run(self) -> Done {
        let Self { file, verb } = self;
        Beside::open(&file)?.work(async move |beside| match verb {
            Verb::Tail { user, limit, json } => beside.tail(user.as_deref(), limit, json).await,
            Verb::Export { user } => beside.export(user.as_deref()).await,
        })
    }
}

impl Beside {
    async fn tail(&self, user: Option<&str>, limit: u32, json: bool) -> Done {
        let (user, names) = (self.concerned(user).await?, self.names().await?);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let query = TrailQuery { user, from: TrailEnd::Newest, after: None, limit };
        let mut entries = self.parts.stores.audit.trail(&query).await?.entries;
        entries.reverse();
        let told: Vec<Told> = entries.iter().map(|entry| Told::of(entry, &names)).collect();
        if json {
            let items: Vec<Value> = told.into_iter().map(Told::json).collect();
            say_json(&json!({ "items": items, "next_cursor": null }));
        } else {
            let rows: Vec<_> = told.iter().map(Told::row).collect();
            say_table(&["WHEN", "WHO", "ABOUT", "WHAT", "FROM", "SESSION", "REASON"], &rows);
        }
        Ok(())
    }

    async fn export(&self, user: Option<&str>) -> Done {
        let (user, names) = (self.concerned(user).await?, self.names().await?);
        let mut query = TrailQuery { user, from: TrailEnd::Oldest, after: None, limit: PAGE };
        loop {
            let Page { entries, next } = self.parts.stores.audit.trail(&query).await?;
            for entry in &entries {
                say(&Told::of(entry, &names).json().to_string());
            }
            // Where nobody reads any more, nothing more is looked up.
            if next.is_none() || written().is_err() {
                return Ok(());
            }
            query.after = next;
        }
    }

    /// Whose entries are asked for. Who was removed has no name any more, but still an id.
    async fn concerned(&self, user: Option<&str>) -> Result<Option<UserId>, Failed> {
        Ok(match user.map(|text| (text, text.parse())) {
            None => None,
            Some((_, Ok(id))) => Some(id),
            Some((login, Err(_))) => Some(self.account(login).await?.id),
        })
    }

    async fn names(&self) -> Result<HashMap<UserId, String>, Failed> {
        let accounts = self.parts.accounts.list().await?;
        Ok(accounts.into_iter().map(|account| (account.id, account.name.as_str().to_owned())).collect())
    }
}

/// An entry in words that programs and people can read.
struct Told<'a> {
    entry: &'a Entry,
    names: &'a HashMap<UserId, String>,
    /// What the fact has to tell besides: its session and its reason stand for themselves.
    details: Map<String, Value>,
    session: Value,
    reason: Value,
}

impl<'a> Told<'a> {
    fn of(entry: &'a Entry, names: &'a HashMap<UserId, String>) -> Self {
        let mut details = match serde_json::to_value(&entry.fact) {
            Ok(Value::Object(details)) => details,
            _ => Map::new(),
        };
        details.shift_remove("fact");
        if let Fact::SignInsFailed { until, .. } = &entry.fact {
            details.insert("until".to_owned(), until.rfc3339().into());
        }
        let session = details.shift_remove("session").unwrap_or_default();
        let reason = details.shift_remove("reason").unwrap_or_default();
        Self { entry, names, details, session, reason }
    }

    fn name(&self, user: UserId) -> Option<&str> {
        self.names.get(&user).map(String::as_str)
    }

    fn json(self) -> Value {
        let person = |id: UserId| json!({ "id": id, "name": self.name(id) });
        let actor = match self.entry.actor {
            actor @ Actor::User(id) => json!({ "kind": actor.kind(), "id": id, "name": self.name(id) }),
            actor => json!({ "kind": actor.kind(), "id": null, "name": null }),
        };
        json!({
            "id": self.entry.id,
            "at": self.entry.at.rfc3339(),
            "action": self.entry.fact.name(),
            "actor": actor,
            "user": self.entry.user.map(person),
            "session": self.session,
            "reason": self.reason,
            "ip": self.entry.ip,
            "device": self.entry.device.as_ref().map(crate::visitor::Device::label),
            "details": self.details,
        })
    }

    fn row(&self) -> Vec<String> {
        let shown = |id: UserId| self.name(id).map_or_else(|| id.to_string(), plain);
        let who = match self.entry.actor {
            Actor::User(id) => shown(id),
            other => other.kind().to_owned(),
        };
        let (what, more): (String, Vec<String>) = match &self.entry.fact {
            Fact::SignInsFailed { count, until, .. } => {
                ("sign in failed".to_owned(), vec![format!("and {count} more until {}", until.rfc3339())])
            }
            fact => (fact.name().replace('_', " "), self.details.values().flat_map(words).collect()),
        };
        let device = self.entry.device.as_ref().map(|device| plain(&device.label()));
        let from = self.entry.ip.map(|ip| ip.to_string()).into_iter().chain(device).collect::<Vec<_>>();
        let text = |value: &Value| value.as_str().map_or_else(|| "-".to_owned(), plain);
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
fn words(detail: &Value) -> Vec<String> {
    match detail {
        Value::String(word) => vec![plain(&word.replace('_', " "))],
        Value::Array(list) => list.iter().flat_map(words).collect(),
        Value::Object(parts) => parts.get("how").map(words).unwrap_or_default(),
        Value::Null => Vec::new(),
        other => vec![other.to_string()],
    }
}
