//! Rules for new passwords. Checked once; a [`NewPassword`] has passed.

use schemars::JsonSchema;
use serde::Serialize;
use unicode_normalization::char::is_combining_mark;
use zxcvbn::{Score, zxcvbn};

use super::unicode::caseless;
use crate::secret::Password;

/// Longest password in characters: more would only make the hash work.
const MAX_LENGTH: usize = 256;

/// Shortest name that a password may not contain, in letters.
const MIN_NAME_LENGTH: usize = 3;

/// The operator's rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// Which rules.
    pub ruleset: PasswordRuleset,
    /// In characters.
    pub min_length: usize,
}

/// Which rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PasswordRuleset {
    /// Upper case, lower case, a digit and a special character.
    Classic,
    /// Length and a list of common passwords.
    Modern,
}

/// A rule that a password breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Weakness {
    /// Fewer characters than this.
    TooShort(usize),
    /// More characters than this.
    TooLong(usize),
    /// No upper-case letter.
    NoUpper,
    /// No lower-case letter.
    NoLower,
    /// No digit.
    NoDigit,
    /// No special character.
    NoSpecial,
    /// Among the first that anybody would try.
    Common,
    /// It contains a name of the account.
    ContainsName,
    /// It is the password that is to be changed.
    Unchanged,
}

/// A password that keeps the rules.
#[derive(Clone, Debug)]
pub struct NewPassword(Password);

impl NewPassword {
    /// The password, for the hasher.
    #[must_use]
    pub fn into_inner(self) -> Password {
        self.0
    }
}

impl PasswordPolicy {
    /// Checks a new password, normalised; `known` is what anybody knows of the account: name, address, display name.
    ///
    /// # Errors
    /// Every rule that it breaks, in the order in which the page lists them.
    pub fn check(&self, typed: Password, known: &[&str]) -> Result<NewPassword, Vec<Weakness>> {
        let normalized = typed.normalized();
        drop(typed);
        let text = normalized.expose();
        let length = text.chars().count();
        let mut broken = Vec::new();
        let mut check_rule = |holds: bool, weakness| {
            if !holds {
                broken.push(weakness);
            }
        };
        check_rule(length >= self.min_length, Weakness::TooShort(self.min_length));
        check_rule(length <= MAX_LENGTH, Weakness::TooLong(MAX_LENGTH));
        if self.ruleset == PasswordRuleset::Classic {
            check_rule(text.chars().any(char::is_uppercase), Weakness::NoUpper);
            check_rule(text.chars().any(char::is_lowercase), Weakness::NoLower);
            check_rule(text.chars().any(char::is_numeric), Weakness::NoDigit);
            check_rule(text.chars().any(|c| !c.is_alphanumeric()), Weakness::NoSpecial);
        }
        check_rule(!is_common(text), Weakness::Common);
        check_rule(!contains_name(text, known), Weakness::ContainsName);
        if broken.is_empty() { Ok(NewPassword(normalized)) } else { Err(broken) }
    }
}

/// Whether a name, or a word of one, of three letters or more is in a password, without regard to case and width. Of an
/// address the part before the `@` is a name.
fn contains_name(text: &str, known: &[&str]) -> bool {
    let text = caseless(text);
    let is_letter = |c: char| c.is_alphanumeric() || is_combining_mark(c);
    let is_long = |word: &str| word.chars().filter(|c| is_letter(*c)).count() >= MIN_NAME_LENGTH;
    known.iter().any(|name| {
        let name = caseless(name.split('@').next().unwrap_or_default());
        let mut words = std::iter::once(&*name).chain(name.split(|c: char| !is_letter(c)));
        words.any(|word| is_long(word) && text.contains(word))
    })
}

/// Whether a guesser who knows the usual passwords, names, dates and keyboard walks gets there in under a million tries.
fn is_common(text: &str) -> bool {
    zxcvbn(text, &[]).score() <= Score::One
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: PasswordRuleset, min_length: usize, text: &str) -> Vec<Weakness> {
        let policy = PasswordPolicy { ruleset: kind, min_length };
        policy.check(Password::new(text.to_owned()), &["alice", "alice@example.com"]).err().unwrap_or_default()
    }

    #[test]
    fn classic_is_the_guides() {
        use Weakness::*;
        for (text, weak) in [
            ("", vec![TooShort(8), NoUpper, NoLower, NoDigit, NoSpecial, Common]),
            ("Tr0ub4d&", vec![]),
            ("tr0ub4d&or", vec![NoUpper]),
            ("TR0UB4D&OR", vec![NoLower]),
            ("Troubad&or", vec![NoDigit]),
            ("Tr0ub4dor1", vec![NoSpecial]),
            ("Password1!", vec![Common]),
            ("Passwort-ñandú-7", vec![]),
            ("Alice-77!", vec![ContainsName]),
            ("alice12345", vec![NoUpper, NoSpecial, Common, ContainsName]),
            ("ALICE", vec![TooShort(8), NoLower, NoDigit, NoSpecial, Common, ContainsName]),
        ] {
            assert_eq!(check(PasswordRuleset::Classic, 8, text), weak, "{text}");
        }
    }

    #[test]
    fn no_name_of_three_letters_is_in_it() {
        let policy = PasswordPolicy { ruleset: PasswordRuleset::Modern, min_length: 8 };
        let known = ["Bob", "b.o@example.com", "Ana-Zoe\u{308} Li"];
        let check = |text: &str| policy.check(Password::new(text.to_owned()), &known).err().unwrap_or_default();
        for text in
            ["qv7!kBOBwx92#", "ｂｏｂ-lantern-ferry", "lantern-ana-ferry", "lantern-ZO\u{cb}-ferry", "Ana-Zoë Li ferry"]
        {
            assert_eq!(check(text), [Weakness::ContainsName], "{text}");
        }
        for text in ["lantern-li-ferry-7", "lantern-example-7", "b.o-lantern-ferry"] {
            assert_eq!(check(text), [], "{text}");
        }
    }

    #[test]
    fn modern_asks_for_length_and_for_nothing_that_everybody_knows() {
        use Weakness::*;
        for (text, weak) in [
            ("correct horse battery staple", vec![]),
            (&*"x7#kQ ".repeat(12), vec![]),
            ("пароль вокзала семь слонов", vec![]),
            ("passwordpassword", vec![Common]),
            ("Password1!", vec![TooShort(15), Common]),
            ("qwertyuiopasdfgh", vec![Common]),
            (&*"ab ".repeat(100), vec![TooLong(256), Common]),
        ] {
            assert_eq!(check(PasswordRuleset::Modern, 15, text), weak, "{text}");
        }
    }
}
