//! Accounts on their way from one store to another, with their ids and password hashes. Sessions, devices, links and the
//! journal stay where they are.

use std::collections::BTreeMap;

use super::{Account, AccountService, AddResult, Email, PasswordHash, login_aliases};
use crate::{
    audit::{Actor, AuditContext, AuditEvent},
    id::UserId,
    store_error::StoreError,
};

/// An account with its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedAccount {
    /// The account.
    pub account: Account,
    /// The hash of its password; none: it has no password yet.
    pub password: Option<PasswordHash>,
}

/// An account to be added as it was elsewhere.
#[derive(Clone, Debug)]
pub struct ImportedAccount {
    /// The account and its password.
    pub exported: ExportedAccount,
    /// Further keys that sign it in ([`super::login_aliases`]), where nobody has them.
    pub aliases: Vec<String>,
}

impl ImportedAccount {
    /// The event of its import.
    #[must_use]
    pub fn event(&self) -> AuditEvent {
        AuditEvent::UserImported { roles: self.exported.account.roles.iter().map(ToString::to_string).collect() }
    }
}

/// Outcome of the import of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportOutcome {
    /// Added.
    Added,
    /// Left alone: the same account is there.
    Unchanged,
    /// Left alone: the account of that id is there, and differs in this.
    Differs(Vec<&'static str>),
    /// Not added: somebody else signs in with that name.
    NameTaken,
    /// Not added: somebody else signs in with that address.
    EmailTaken,
}

/// Options of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportOptions {
    /// Roles, which make administrators, too.
    pub with_roles: bool,
    /// Only say what would be done.
    pub dry_run: bool,
}

impl AccountService {
    /// All accounts with their passwords, for another store. The journal says so first.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn export(&self, by: Actor) -> Result<Vec<ExportedAccount>, StoreError> {
        let mut all = Vec::new();
        for account in self.0.store.list().await? {
            let password = self.0.store.password_hash(account.id).await?;
            all.push(ExportedAccount { account, password });
        }
        self.0.audit_log.record(None, by, None, AuditEvent::UsersExported { users: all.len() }).await?;
        Ok(all)
    }

    /// Adds accounts as they were in another store, under their ids. What is there already is never changed, so that an import
    /// may be repeated. Tells what became of each, in their order.
    ///
    /// # Errors
    /// When the store is away; what was added until then stays.
    pub async fn import(
        &self,
        arriving: &[ExportedAccount],
        options: ImportOptions,
        by: Actor,
    ) -> Result<Vec<ImportOutcome>, StoreError> {
        let context = self.0.audit_log.context(by, None);
        let there = self.0.store.list().await?;
        let all = there.iter().chain(arriving.iter().map(|portable| &portable.account));
        let mut keys: BTreeMap<UserId, Vec<String>> = BTreeMap::new();
        for (key, id) in login_aliases(&all.flat_map(logins).collect::<Vec<_>>()) {
            keys.entry(id).or_default().push(key);
        }
        let mut known: BTreeMap<UserId, ExportedAccount> = BTreeMap::new();
        let mut taken: BTreeMap<String, UserId> = BTreeMap::new();
        for account in there {
            taken.extend(exact_keys(&account).into_iter().map(|key| (key, account.id)));
            let password = self.0.store.password_hash(account.id).await?;
            known.insert(account.id, ExportedAccount { account, password });
        }
        let mut arrivals = Vec::new();
        for portable in arriving {
            let account = &portable.account;
            let mut arrival = match known.get(&account.id) {
                Some(there) => compare(there, portable, options.with_roles),
                None if taken.contains_key(&account.name.key()) => ImportOutcome::NameTaken,
                None if account.email.as_ref().is_some_and(|email| taken.contains_key(&email.key())) => {
                    ImportOutcome::EmailTaken
                }
                None => ImportOutcome::Added,
            };
            if arrival == ImportOutcome::Added {
                let restored =
                    prepare_import(portable, keys.remove(&account.id).unwrap_or_default(), options, &context);
                if !options.dry_run {
                    arrival = self.restore(&restored, &context).await?;
                }
                taken.extend(exact_keys(account).into_iter().map(|key| (key, account.id)));
                known.insert(account.id, restored.exported);
            }
            arrivals.push(arrival);
        }
        Ok(arrivals)
    }

    async fn restore(&self, restored: &ImportedAccount, context: &AuditContext) -> Result<ImportOutcome, StoreError> {
        let added = self.0.store.restore(restored, context).await;
        Ok(match self.0.audit_log.publish(added)? {
            AddResult::Added => ImportOutcome::Added,
            AddResult::NameTaken => ImportOutcome::NameTaken,
            AddResult::EmailTaken => ImportOutcome::EmailTaken,
        })
    }
}

fn prepare_import(
    portable: &ExportedAccount,
    aliases: Vec<String>,
    options: ImportOptions,
    context: &AuditContext,
) -> ImportedAccount {
    let mut portable = portable.clone();
    let account = &mut portable.account;
    // Above what the gate may know of an account of this id that was removed here.
    account.version = account.next_version(context.at);
    if !options.with_roles {
        account.roles.clear();
    }
    ImportedAccount { exported: portable, aliases }
}

/// An account that is there, beside the same one as it arrives.
fn compare(there: &ExportedAccount, arriving: &ExportedAccount, with_roles: bool) -> ImportOutcome {
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
    if differs.is_empty() { ImportOutcome::Unchanged } else { ImportOutcome::Differs(differs) }
}

fn logins(account: &Account) -> Vec<(UserId, String)> {
    let email = account.email.as_ref().map(|email| (account.id, email.to_string()));
    [(account.id, account.name.to_string())].into_iter().chain(email).collect()
}

fn exact_keys(account: &Account) -> Vec<String> {
    [account.name.key()].into_iter().chain(account.email.as_ref().map(Email::key)).collect()
}
