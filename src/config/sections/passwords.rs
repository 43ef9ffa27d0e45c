//! `passwords`: rules for passwords.

use crate::account::{HashCost, PasswordPolicy, PasswordRuleset};
use crate::config::describe::section;
use crate::config::diagnostics::Diagnostics;
use crate::config::from_node::{KeywordSet, join_path};
use crate::config::value::size::ByteSize;
use crate::web::OtherSessionsPolicy;

section! {
    keys of PasswordPolicy {
        /// `classic`: an upper-case letter, a lower-case letter, a digit and a special character. `modern` (NIST SP 800-63B-4):
        /// length and a list of common passwords, no composition.
        reload ruleset ("policy"): PasswordRuleset = PasswordRuleset::Classic;
        /// The fewest characters of a new password, 8 to 64. Left out, it is 8 with `classic` and 15 with `modern`, as NIST
        /// asks of a password that is the only factor. Passwords that exist keep working.
        reload min_length: usize as u32 = default_min_length(PasswordRuleset::Classic), 8..=64;
    }
    check |policy, key, diagnostics| {
        if !diagnostics.is_written(&join_path(key, "min_length")) {
            policy.min_length = default_min_length(policy.ruleset);
        }
    };
}

section! {
    /// Rules for passwords, and for what follows a change.
    pub struct PasswordSettings flatten(policy: PasswordPolicy) {
        /// What a password change does to the other sessions: `ask` shows a box, `keep` leaves them, `end_others` ends them.
        reload after_change: OtherSessionsPolicy = OtherSessionsPolicy::Ask;
        /// The most memory that all passwords which are checked at once take together, at least the `19MiB` that one takes. With `null` it is
        /// 19 MiB for each core, for 8 at most. Further ones wait their turn, and a minute after the last one the memory is given back. A
        /// hash from elsewhere that takes more than this is checked alone.
        restart memory: Option<ByteSize> as Option<ByteSize> = None;
    }
    check check_memory;
}

/// The fewest characters when none are written: the guides' eight, or what NIST SP 800-63B-4 asks of a password that is the
/// only factor.
const fn default_min_length(ruleset: PasswordRuleset) -> usize {
    match ruleset {
        PasswordRuleset::Classic => 8,
        PasswordRuleset::Modern => 15,
    }
}

/// Refuses less memory than one password takes.
fn check_memory(passwords: &mut PasswordSettings, key: &str, diagnostics: &Diagnostics) {
    let needed = ByteSize::kib(HashCost::default().memory.into());
    if passwords.memory.is_some_and(|memory| memory < needed) {
        let message = format!("is less than one password takes; write {needed} or more");
        diagnostics.report_at(&join_path(key, "memory"), message);
    }
}

impl KeywordSet for PasswordRuleset {
    const KEYWORDS: &'static [(&'static str, Self)] = &[("classic", Self::Classic), ("modern", Self::Modern)];
}

impl KeywordSet for OtherSessionsPolicy {
    const KEYWORDS: &'static [(&'static str, Self)] =
        &[("ask", Self::Ask), ("keep", Self::Keep), ("end_others", Self::EndOthers)];
}
