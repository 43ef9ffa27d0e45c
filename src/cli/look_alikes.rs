//! What `portcullis doctor` says of accounts that may be mistaken for each other: those from before names were compared by
//! what they look like.

use super::{checks::Finding, context::runtime, output::printable};
use crate::{account::confusable_groups, config::Config, server::Stores};

/// Names and addresses that look alike, a group a line. None where no store can be read, which another check says.
pub(super) fn check_accounts(config: &Config) -> Vec<Finding> {
    let Ok(runtime) = runtime() else { return Vec::new() };
    let logins = runtime.block_on(Stores::probe_logins(&config.store, config.records.as_ref()));
    let Ok(logins) = logins else { return Vec::new() };
    let groups = logins.iter().flat_map(|names| confusable_groups(names));
    let said = |group: Vec<&str>| {
        let shown: Vec<String> =
            group.iter().map(|name| format!("{} ({})", printable(name), name.escape_unicode())).collect();
        Finding::Warn(format!(
            "accounts: {} look alike, and each signs in by its exact spelling only; remove one and add it anew under \
             another name",
            shown.join(" and ")
        ))
    };
    groups.map(said).collect()
}
