//! The rules for a new password, and which of them one missed: each stands once, in one list.

use std::mem::discriminant;

use crate::{
    account::{PasswordPolicy, PasswordRuleset, Weakness},
    web::i18n::Localizer,
};

/// A rule, as the list shows it.
#[derive(Clone, Debug)]
pub(crate) struct PasswordRule {
    pub(crate) text: String,
    pub(crate) missed: bool,
    /// What a password has that breaks it; none for what only explains.
    weakness: Option<Weakness>,
}

/// The rules for a new password.
pub(crate) fn rules(localizer: &Localizer, policy: PasswordPolicy) -> Vec<PasswordRule> {
    let composition = match policy.ruleset {
        PasswordRuleset::Classic => &[Weakness::NoUpper, Weakness::NoLower, Weakness::NoDigit, Weakness::NoSpecial][..],
        PasswordRuleset::Modern => &[],
    };
    let mut rules = vec![Weakness::TooShort(policy.min_length)];
    rules.extend_from_slice(composition);
    rules.extend([Weakness::Common, Weakness::ContainsName]);
    let mut rules: Vec<PasswordRule> =
        rules.into_iter().filter_map(|weakness| PasswordRule::for_weakness(localizer, weakness)).collect();
    if policy.ruleset == PasswordRuleset::Modern {
        rules.push(PasswordRule { text: localizer.text("password-rule-words"), missed: false, weakness: None });
    }
    rules
}

/// Marks the rule that a password broke. False: the list holds no such rule, and something else must say so.
pub(crate) fn mark_broken(rules: &mut [PasswordRule], localizer: &Localizer, weakness: Weakness) -> bool {
    let broken =
        |rule: &&mut PasswordRule| rule.weakness.is_some_and(|it| discriminant(&it) == discriminant(&weakness));
    let Some(rule) = rules.iter_mut().find(broken) else { return false };
    if !rule.missed {
        rule.missed = true;
        rule.text = localizer.text_with("password-rule-missed", &[("rule", (&rule.text).into())]);
    }
    true
}

impl PasswordRule {
    fn for_weakness(localizer: &Localizer, weakness: Weakness) -> Option<Self> {
        let text = match weakness {
            Weakness::TooShort(count) => localizer.text_with("password-rule-length", &[("count", count.into())]),
            Weakness::NoUpper => localizer.text("password-rule-upper"),
            Weakness::NoLower => localizer.text("password-rule-lower"),
            Weakness::NoDigit => localizer.text("password-rule-digit"),
            Weakness::NoSpecial => localizer.text("password-rule-special"),
            Weakness::Common => localizer.text("password-rule-uncommon"),
            Weakness::ContainsName => localizer.text("password-rule-name"),
            Weakness::TooLong(_) | Weakness::Unchanged => return None,
        };
        Some(Self { text, missed: false, weakness: Some(weakness) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_missed_rule_is_marked_once() {
        let localizer = Localizer::for_language(None);
        let mut rules = rules(localizer, PasswordPolicy { ruleset: PasswordRuleset::Classic, min_length: 8 });
        for weakness in [Weakness::NoDigit, Weakness::NoDigit, Weakness::TooShort(12)] {
            assert!(mark_broken(&mut rules, localizer, weakness));
        }
        assert!(!mark_broken(&mut rules, localizer, Weakness::Unchanged));
        let missed: Vec<&str> = rules.iter().filter(|rule| rule.missed).map(|rule| rule.text.as_str()).collect();
        assert_eq!(missed, ["Not yet: at least 8 characters", "Not yet: at least one number"]);
    }
}
