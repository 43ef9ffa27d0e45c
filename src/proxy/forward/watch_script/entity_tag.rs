//! Entity tags of documents with the watch script: another representation than the app's, and so another tag, from which the
//! app's own can be read again, strong or weak as it was (RFC 9110, 8.8.3).

/// Suffix of a tag that was strong, inside its quotes.
const STRONG: &str = "-portcullis-watch";
/// Suffix of a tag that was weak.
const WEAK: &str = "-portcullis-watch-weak";

/// Whether one of these tags is of a document with the script.
pub(super) fn is_marked(tags: &str) -> bool {
    tags.contains(STRONG)
}

/// Tag of a document with the script. None: it is marked already.
pub(super) fn marked(tag: &str) -> Option<String> {
    let (plain, mark) = match tag.strip_prefix("W/") {
        Some(weak) => (weak, WEAK),
        None => (tag, STRONG),
    };
    let plain = plain.trim_matches('"');
    (!plain.ends_with(STRONG) && !plain.ends_with(WEAK)).then(|| format!("W/\"{plain}{mark}\""))
}

/// List of tags with the app's own in place of those of documents with the script.
pub(super) fn unmarked(tags: &str) -> String {
    let mut all = String::with_capacity(tags.len());
    let mut rest = tags;
    while let Some((before, quoted)) = rest.split_once('"') {
        let Some((tag, behind)) = quoted.split_once('"') else { break };
        let plain =
            [(STRONG, ""), (WEAK, "W/")].into_iter().find_map(|(mark, prefix)| Some((tag.strip_suffix(mark)?, prefix)));
        let own = match plain {
            Some((plain, prefix)) => [before.strip_suffix("W/").unwrap_or(before), prefix, "\"", plain, "\""].concat(),
            None => [before, "\"", tag, "\""].concat(),
        };
        all.push_str(&own);
        rest = behind;
    }
    all.push_str(rest);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_read_again_as_the_app_sent_it() {
        for tag in ["\"abc\"", "W/\"abc\"", "\"\"", "\"a,b\""] {
            let with_script = marked(tag).unwrap();
            assert!(with_script.starts_with("W/\"") && is_marked(&with_script), "{with_script}");
            assert_eq!(marked(&with_script), None);
            assert_eq!(unmarked(&with_script), tag);
            assert_eq!(unmarked(with_script.trim_start_matches("W/")), tag, "a client that drops W/");
            assert_eq!(unmarked(&format!("\"x\", {with_script},W/\"y\"")), format!("\"x\", {tag},W/\"y\""));
        }
        for other in ["*", "\"x", "", "\"abc-gzip\", \"-portcullis"] {
            assert_eq!(unmarked(other), other);
        }
    }
}
