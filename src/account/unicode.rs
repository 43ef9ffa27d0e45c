//! Comparison of names and addresses: PRECIS (RFC 8264, RFC 8265) for what signs in, UTS 39 for what looks alike.

use std::collections::{BTreeMap, BTreeSet};

use unicode_normalization::{
    UnicodeNormalization as _,
    char::{canonical_combining_class, decompose_compatible},
};
use unicode_script::{Script, UnicodeScript as _};
use unicode_security::confusable_detection::skeleton;

/// Name and address as they are compared, by `UsernameCaseMapped` (RFC 8265, 3.3): trimmed, wide and narrow forms as their
/// usual ones, in lower case, NFC.
///
/// Invariant: folding twice changes nothing. Held by `account::unicode::tests::folding_twice_changes_nothing`.
#[must_use]
pub fn fold(login: &str) -> String {
    width_mapped(login.trim()).to_lowercase().nfc().collect()
}

/// Name and address by their exact spelling: trimmed, in lower case. Names from before [`fold`] was PRECIS' are kept under it,
/// so that two that fold to the same keep apart.
#[must_use]
pub fn exact_key(login: &str) -> String {
    login.trim().to_lowercase()
}

/// Further keys for names and addresses that are not kept as they are compared: by each of them its account signs in however
/// it is typed. None where two accounts would share one, or one is another's exact spelling: those keep to their spelling.
#[must_use]
pub fn login_aliases<Id: Copy + Ord>(logins: &[(Id, String)]) -> Vec<(String, Id)> {
    let exact: BTreeSet<String> = logins.iter().map(|(_, login)| exact_key(login)).collect();
    let mut folded: BTreeMap<String, BTreeSet<Id>> = BTreeMap::new();
    for (id, login) in logins {
        folded.entry(fold(login)).or_default().insert(*id);
    }
    let only = |(key, ids): (String, BTreeSet<Id>)| match (ids.len(), exact.contains(&key)) {
        (1, false) => ids.into_iter().next().map(|id| (key, id)),
        _ => None,
    };
    folded.into_iter().filter_map(only).collect()
}

/// Names, or addresses, that may be mistaken for each other, in groups of two and more.
#[must_use]
pub fn confusable_groups(names: &[String]) -> Vec<Vec<&str>> {
    let mut by_skeleton: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for name in names {
        for skeleton in skeletons(name) {
            by_skeleton.entry(skeleton).or_default().insert(name);
        }
    }
    let groups: BTreeSet<Vec<&str>> =
        by_skeleton.into_values().filter(|group| group.len() > 1).map(|group| group.into_iter().collect()).collect();
    groups.into_iter().collect()
}

/// Whether one may be mistaken for the other.
pub(super) fn is_confusable(one: &str, other: &str) -> bool {
    !skeletons(one).is_disjoint(&skeletons(other))
}

/// A new name as it is kept, by `UsernameCasePreserved` (RFC 8265, 3.4).
pub(super) fn case_preserved(name: &str) -> String {
    let kept: String = width_mapped(name.trim()).nfc().collect();
    // What lower case changes beyond its letters is kept in lower case, so that it has one key.
    let folded = fold(&kept);
    if exact_key(&kept) == folded { kept } else { folded }
}

/// Text as a password is searched for it: compatible forms as their usual ones, without regard to case.
pub(super) fn caseless(text: &str) -> String {
    let lower = text.nfkc().collect::<String>().to_lowercase();
    lower.nfkc().collect()
}

/// What a name may be mistaken for, by the skeleton of UTS 39: as it is written, and as it is folded. Two names look alike
/// where they share one.
pub(super) fn skeletons(name: &str) -> BTreeSet<String> {
    let skeleton_of = |text: &str| skeleton(&without_second_dots(text)).collect::<String>();
    let kept: String = width_mapped(name.trim()).nfc().collect();
    [skeleton_of(&kept), skeleton_of(&fold(name))].into()
}

/// Without the dots above letters that have one already (`Soft_Dotted` of Unicode, and `ı` and `ȷ`, which get theirs): no font shows
/// both. Lower case makes them of a Turkish `İ`.
fn without_second_dots(text: &str) -> String {
    const ABOVE: u8 = 230;
    let mut takes_dot = false;
    text.nfd()
        .filter(|c| {
            let is_second = takes_dot && *c == '\u{307}';
            match canonical_combining_class(*c) {
                0 => takes_dot = is_soft_dotted(*c),
                // A mark above takes the letter's own dot away; one below leaves it.
                ABOVE => takes_dot = false,
                _ => {}
            }
            !is_second
        })
        .collect()
}

const fn is_soft_dotted(c: char) -> bool {
    matches!(c, 'i' | 'j' | 'ı' | 'ȷ' | 'ɉ' | 'ɨ' | 'ʝ' | 'ϳ' | 'і' | 'ј' | 'ᶖ' | 'ⱼ' | 'ᵢ' | 'ⁱ' | 'ʲ' | 'ᶤ' | 'ᶨ')
}

/// Whether a name is read in one direction, by the Bidi rule of RFC 5893, 2, that RFC 8265, 3.3.2, asks for: with letters of both,
/// two names can look alike. Spaces between its parts are as neutral signs.
pub(super) fn has_one_direction(name: &str) -> bool {
    use unicode_bidi::BidiClass::{AL, AN, BN, CS, EN, ES, ET, NSM, ON, R, WS};
    let classes: Vec<_> = name.chars().map(unicode_bidi::bidi_class).collect();
    if !classes.iter().any(|class| matches!(class, R | AL | AN)) {
        return true;
    }
    let last = classes.iter().rfind(|class| **class != NSM);
    let contains = |of| classes.contains(&of);
    matches!(classes.first(), Some(R | AL))
        && matches!(last, Some(R | AL | EN | AN))
        && !(contains(EN) && contains(AN))
        && classes.iter().all(|class| matches!(class, R | AL | AN | EN | ES | CS | ET | ON | BN | NSM | WS))
}

/// The first letter that no name may hold, by the identifier class of RFC 8264, 4.2, with single spaces between parts
/// (RFC 8265, 3.1). `name` is normalised.
pub(super) fn first_disallowed(name: &str) -> Option<char> {
    let letters: Vec<char> = name.chars().collect();
    let bad = |(at, c): (usize, &char)| {
        let before = at.checked_sub(1).map(|at| letters[at]);
        let allowed = match c {
            ' ' => before != Some(' '),
            ..='\u{7f}' => c.is_ascii_graphic(),
            _ => is_allowed_in_context(&letters, at).unwrap_or_else(|| is_identifier(*c)),
        };
        (!allowed).then_some(*c)
    };
    letters.iter().enumerate().find_map(bad)
}

/// What depends on what stands beside it (RFC 5892, appendix A); none: it does not.
fn is_allowed_in_context(letters: &[char], at: usize) -> Option<bool> {
    let before = at.checked_sub(1).map(|at| letters[at]);
    let after = letters.get(at + 1).copied();
    let is = |c: Option<char>, script| c.is_some_and(|c| c.script() == script);
    let holds = |range: std::ops::RangeInclusive<char>| letters.iter().any(|c| range.contains(c));
    Some(match letters[at] {
        '\u{b7}' => [before, after].iter().all(|c| matches!(c, Some('l' | 'L'))),
        '\u{375}' => is(after, Script::Greek),
        '\u{5f3}' | '\u{5f4}' => is(before, Script::Hebrew),
        '\u{30fb}' => letters.iter().any(|c| matches!(c.script(), Script::Hiragana | Script::Katakana | Script::Han)),
        '\u{660}'..='\u{669}' => !holds('\u{6f0}'..='\u{6f9}'),
        '\u{6f0}'..='\u{6f9}' => !holds('\u{660}'..='\u{669}'),
        _ => return None,
    })
}

/// A letter, digit or mark that is no other one's compatible form. Unassigned ones are none.
fn is_identifier(c: char) -> bool {
    let exception = matches!(c, '\u{6fd}' | '\u{6fe}' | '\u{f0b}' | '\u{3007}');
    let barred = matches!(
        c,
        '\u{640}' | '\u{7fa}' | '\u{302e}' | '\u{302f}' | '\u{3031}'..='\u{3035}' | '\u{303b}' | '\u{1100}'..='\u{11ff}'
            | '\u{a960}'..='\u{a97c}' | '\u{d7b0}'..='\u{d7fb}'
    );
    let is_word = c.is_alphanumeric() && !matches!(c.script(), Script::Unknown);
    let is_mark = unicode_normalization::char::is_combining_mark(c) && !matches!(c, '\u{20dd}'..='\u{20e4}');
    let stays = std::iter::once(c).nfkc().eq(std::iter::once(c));
    exception || (!barred && (is_word || is_mark) && stays)
}

/// Wide and narrow forms as their usual ones, as RFC 8265 maps them; nothing else of what is compatible.
fn width_mapped(text: &str) -> String {
    let mut mapped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{3000}' => mapped.push(' '),
            // Its usual form has a compatible one of its own, which is not a matter of width.
            '\u{ffe3}' => mapped.push('\u{af}'),
            '\u{ff00}'..='\u{ffef}' => decompose_compatible(c, |usual| mapped.push(usual)),
            usual => mapped.push(usual),
        }
    }
    mapped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_has_one_key() {
        for (typed, key) in [
            (" Alice ", "alice"),
            ("Ａｌｉｃｅ７", "alice7"),
            ("JOSE\u{301}", "jos\u{e9}"),
            ("ｶﾞﾘｵ", "ガリオ"),
            ("Zo\u{308}e@EXAMPLE.com", "z\u{f6}e@example.com"),
            ("Ana　María", "ana maría"),
            ("\u{212b}sa", "\u{e5}sa"),
            ("\u{ffe3}", "\u{af}"),
        ] {
            assert_eq!(fold(typed), key, "{typed}");
        }
        assert_ne!(fold("ﬁn"), fold("fin"), "only width is mapped");
    }

    proptest::proptest! {
        #[test]
        fn folding_twice_changes_nothing(text in "\\PC{0,12}") {
            let once = fold(&text);
            proptest::prop_assert_eq!(fold(&once), once.clone());
            let kept = case_preserved(&text);
            proptest::prop_assert_eq!(exact_key(&kept), fold(&kept), "a new name has one key");
            proptest::prop_assert_eq!(fold(&kept), once);
        }
    }

    #[test]
    fn letters_of_names() {
        for good in
            ["josé", "山田太郎", "محمد", "gal·la", "ガリオ", "ト・ト", "O'Neil", "a-b_c.d+e", "Ana María", "नमस्ते"]
        {
            assert_eq!(first_disallowed(good), None, "{good}");
        }
        for (bad, letter) in [
            ("a\u{fb01}n", '\u{fb01}'),
            ("x²", '²'),
            ("al·ice", '·'),
            ("☃", '☃'),
            ("a  b", ' '),
            ("a\u{2019}b", '\u{2019}'),
            ("\u{661}\u{6f1}", '\u{661}'),
        ] {
            assert_eq!(first_disallowed(bad), Some(letter), "{bad}");
        }
    }

    #[test]
    fn one_direction() {
        for good in ["alice", "a-b 7", "José", "محمد", "דנה", "דנה7", "אבי כהן", "م\u{64b}", "محمد٣", "山田"]
        {
            assert!(has_one_direction(good), "{good}");
        }
        for bad in ["aא", "אa", "adminא", "אadmin", "1אב", "١a", "אבג abc", "abc אבג", "א١7", "אב-"] {
            assert!(!has_one_direction(bad), "{bad}");
        }
    }

    #[test]
    fn what_looks_alike() {
        for (one, other) in [
            ("alice", "аlice"),
            ("paypal", "paypaI"),
            ("paypal", "paypa1"),
            ("modern", "modem"),
            ("Ａｌｉｃｅ", "alice"),
            ("José", "jose\u{301}"),
            ("a@example.com", "а@example.com"),
            ("i\u{307}van7", "ivan7"),
            ("j\u{307}on", "jon"),
            ("\u{130}stanbul", "istanbul"),
            ("\u{1ecb}vo", "i\u{323}\u{307}vo"),
            ("\u{12f}", "\u{12f}\u{307}"),
            ("\u{268}", "\u{268}\u{307}"),
            ("\u{3f3}", "\u{3f3}\u{307}"),
        ] {
            assert!(is_confusable(one, other), "{one} {other}");
        }
        for (one, other) in [("alice", "alicia"), ("bob", "rob"), ("jose", "josé")] {
            assert!(!is_confusable(one, other), "{one} {other}");
        }
        let names = ["bob", "alice", "аlice", "carol"].map(str::to_owned);
        assert_eq!(super::confusable_groups(&names), [["alice", "аlice"]]);
    }

    #[test]
    fn old_names_get_a_key_more_where_it_is_theirs_alone() {
        let of = |logins: &[(u8, &str)]| {
            login_aliases(&logins.iter().map(|(id, login)| (*id, (*login).to_owned())).collect::<Vec<_>>())
        };
        assert_eq!(of(&[(1, "alice"), (2, "Jose\u{301}")]), [("jos\u{e9}".to_owned(), 2)]);
        assert_eq!(of(&[(1, "jos\u{e9}"), (2, "jose\u{301}")]), [], "another's exact spelling");
        assert_eq!(of(&[(1, "ＡＢ"), (2, "Aｂ")]), [], "two would share it");
    }
}
