//! What a browser may keep of a guarded answer.

use http::header;
use pingora::{Result, http::ResponseHeader};

/// A browser keeps what says nothing about keeping for as long as it likes (RFC 9111, 4.2.2), and shows it without asking:
/// somebody whose session has ended would go on reading. Where the app says nothing, it must ask each time, and nobody
/// between may keep it.
pub(super) fn ask_each_time(answer: &mut ResponseHeader) -> Result<()> {
    let said = [header::CACHE_CONTROL, header::EXPIRES, header::PRAGMA];
    if said.iter().any(|name| answer.headers.contains_key(name)) {
        return Ok(());
    }
    answer.insert_header("Cache-Control", "private, no-cache")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_app_says_counts() {
        for (said, expected) in [
            (None, Some("private, no-cache")),
            (Some(("Cache-Control", "max-age=60")), Some("max-age=60")),
            (Some(("Expires", "0")), None),
        ] {
            let mut answer = ResponseHeader::build(200, None).unwrap();
            if let Some((name, value)) = said {
                answer.insert_header(name, value).unwrap();
            }
            ask_each_time(&mut answer).unwrap();
            let control = answer.headers.get(header::CACHE_CONTROL).map(|value| value.to_str().unwrap());
            assert_eq!(control, expected, "{said:?}");
        }
    }
}
