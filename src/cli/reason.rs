//! The reason of an act on somebody else, for the record.

/// Longest reason, in characters.
const MAX_CHARACTERS: usize = 500;

/// Reads a reason as it is typed after `--reason`: some words on one line.
///
/// # Errors
/// When it is blank, longer than 500 characters, or has a control character.
pub(super) fn reason(typed: &str) -> Result<String, String> {
    let typed = typed.trim();
    if typed.is_empty() || typed.chars().all(|c| c.is_whitespace() || crate::account::is_invisible(c)) {
        return Err("is blank; write why, for the record".to_owned());
    }
    if typed.chars().any(char::is_control) {
        return Err("has a line break or another control character; write one line".to_owned());
    }
    let length = typed.chars().count();
    if length > MAX_CHARACTERS {
        return Err(format!("has {length} characters; write at most {MAX_CHARACTERS}"));
    }
    Ok(typed.to_owned())
}

#[cfg(test)]
mod tests {
    use super::reason;

    #[test]
    fn a_reason_is_some_words() {
        let long = "x".repeat(500);
        for (typed, read) in
            [("lost laptop", Ok("lost laptop")), ("  left ", Ok("left")), (long.as_str(), Ok(long.as_str()))]
        {
            assert_eq!(reason(typed).as_deref().map_err(String::as_str), read);
        }
        for (typed, why) in [
            ("", "blank"),
            (" \t\u{a0}\u{200b}", "blank"),
            ("two\nlines", "control"),
            (&format!("{long}é"), "501 characters"),
        ] {
            assert!(reason(typed).is_err_and(|told| told.contains(why)), "{typed:?}");
        }
    }
}
