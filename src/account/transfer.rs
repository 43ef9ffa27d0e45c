//! Accounts on their way from one store to another, with their ids and password hashes. Sessions, devices, links and the
//! journal stay where they are.

use std::collections::BTreeMap;

use super::{Account, Accounts, Added, Email, PasswordHash, aliases};
use crate::{
    audit::{Actor, Fact, Story},
    id::UserId,
    outage::StoreError,
};

/// An account with its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Portable {
    /// The account.
    pub account: Account,
    /// The hash of its password; none: it has no password yet.
    pub password: Option<PasswordHash>,
}

/// An account to be added as it was elsewhere.
#[derive(Clone, Debug)]
pub struct Restored {
    /// The account and its password.
    pub portable: Portable,
    /// Further keys that sign it in ([`aliases`]), where nobody has them.
    pub aliases: Vec<String>,
}

impl Restored {
    /// What the journal has to say.
    #[must_use]
    pub fn fact(&self) -> Fact {
        Fact::UserImported { roles: self.portable.account.roles.iter().map(ToString::to_string).collect() }
    }
}

/// What an import does with an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Added.
    Added,
    /// Left alone: the same account is there.
    Present,
    /// Left alone: the account of that id is there, and differs in this.
    Differs(Vec<&'static str>),
    /// Not added: somebody else signs in with that name.
    NameTaken,
    /// Not added: somebody else signs in with that address.
    EmailTaken,
}

/// What to take along, and whether to do anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportOptions {
    /// Roles, which make administrators, too.
    pub with_roles: bool,
    /// Only say what would be done.
    pub dry_run: bool,
}

impl Accounts {
    /// All accounts with their passwords, for another store. The journal says so first.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn export(&self, by: Actor) -> Result<Vec<Portable>, StoreError> {
        let mut all = Vec::new();
        for account in self.0.store.list().await? {
            let password = self.0.store.password(account.id).await?;
            all.push(Portable { account, password });
        }
        self.0.journal.record(None, by, None, Fact::UsersExported { users: all.len() }).await?;
        Ok(all)
    }

    /// Adds accounts as they were in another store, under their ids. What is there already is never changed, so that an import
    /// may be repeated. Tells what became of each, in their order.
    ///
    /// # Errors
    /// When the store is away; what was added until then stays.
    pub async fn import(
        &self,
        arriving: &[Portable],
        options: ImportOptions,
        by: Actor,
    ) -> Result<Vec<Arrival>, StoreError> {
        let story = self.0.journal.story(by, None);
        let there = self.0.store.list().await?;
        let all = there.iter().chain(arriving.iter().map(|portable| &portable.account));
        let mut keys: BTreeMap<UserId, Vec<String>> = BTreeMap::new();
        for (key, id) in aliases(&all.flat_map(logins).collect::<Vec<_>>()) {
            keys.entry(id).or_default().push(key);
        }
        let mut known: BTreeMap<UserId, Portable> = BTreeMap::new();
        let mut taken: BTreeMap<String, UserId> = BTreeMap::new();
        for account in there {
            taken.extend(exact_keys(&account).into_iter().map(|key| (key, account.id)));
            let password = self.0.store.password(account.id).await?;
            known.insert(account.id, Portable { account, password });
        }
        let mut arrivals = Vec::new();
        for portable in arriving {
            let account = &portable.account;
            let mut arrival = match known.get(&account.id) {
                Some(there) => compared(there, portable, options.with_roles),
                None if taken.contains_key(&account.name.key()) => Arrival::NameTaken,
                None if account.email.as_ref().is_some_and(|email| taken.contains_key(&email.key())) => {
                    Arrival::EmailTaken
                }
                None => Arrival::Added,
            };
            if arrival == Arrival::Added {
                let restored = restored(portable, keys.remove(&account.id).unwrap_or_default(), options, &story);
                if !options.dry_run {
                    arrival = self.restore(&restored, &story).await?;
                }
                taken.extend(exact_keys(account).into_iter().map(|key| (key, account.id)));
                known.insert(account.id, restored.portable);
            }
            arrivals.push(arrival);
        }
        Ok(arrivals)
    }

    async fn restore(&self, restored: &Restored, story: &Story) -> Result<Arrival, StoreError> {
        let added = self.0.store.restore(restored, story).await;
        self.0.journal.tell(&added, |added| match added {
            Added::Yes => vec![story.told(Some(restored.portable.account.id), restored.fact())],
            Added::NameTaken | Added::EmailTaken => Vec::new(),
        });
        Ok(match added? {
            Added::Yes => Arrival::Added,
            Added::NameTaken => Arrival::NameTaken,
            Added::EmailTaken => Arrival::EmailTaken,
        })
    }
}

fn restored(portable: &Portable, aliases: Vec<String>, options: ImportOptions, story: &Story) -> Restored {
    let mut portable = portable.clone();
    let account = &mut portable.account;
    // Above what the gate may know of an account of this id that was removed here.
    account.version = account.next_version(story.at);
    if !options.with_roles {
        account.roles.clear();
    }
    Restored { portable, aliases }
}

/// An account that is there, beside the same one as it arrives.
fn compared(there: &Portable, arriving: &Portable, with_roles: bool) -> Arrival {
    let (one, other) = (&there.account, &arriving.account);
    let parts = [
        ("name", one.name == other.name),
        ("e-mail", one.email == other.email),
        ("display name", one.display_name == other.display_name),
        ("disabled", one.disabled == other.disabled),
        ("password", there.password == arriving.password),
        ("roles", !with_roles || one.roles == other.roles),
    ];
    let differs: Vec<_> = parts.into_iter().filter(|(_, same)| !same).map(|(part, _)| part).collect();
    if differs.is_empty() { Arrival::Present } else { Arrival::Differs(differs) }
}

fn logins(account: &Account) -> Vec<(UserId, String)> {
    let email = account.email.as_ref().map(|email| (account.id, email.to_string()));
    [(account.id, account.name.to_string())].into_iter().chain(email).collect()
}

fn exact_keys(account: &Account) -> Vec<String> {
    [account.name.key()].into_iter().chain(account.email.as_ref().map(Email::key)).collect()
}
