//! Fields of a form that are carried through a page: a browser that posts the page's form sends them as they came.

use std::{borrow::Cow, fmt, fmt::Write as _};

use askama::filters::HtmlSafe;
use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

/// Most fields of a form that is carried: each takes more room on the page than it did in the form.
const MAX_FIELDS: usize = 500;

/// The fields of a form, and the encoding in which they came.
#[derive(Clone, Debug)]
pub struct FormFields {
    encoding: &'static Encoding,
    pairs: Vec<(String, String)>,
}

impl FormFields {
    /// Reads the content of a form of the type `application/x-www-form-urlencoded`. None: a browser would not send it in the
    /// same way again.
    #[must_use]
    pub fn parse(content: &[u8]) -> Option<Self> {
        let mut bytes = Vec::new();
        for pair in content.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let (name, value) = match pair.iter().position(|byte| *byte == b'=') {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &[][..]),
            };
            bytes.push((form_decode(name), form_decode(value)));
        }
        let is_utf8 = bytes.iter().all(|(name, value)| [name, value].iter().all(|it| std::str::from_utf8(it).is_ok()));
        // In windows-1252 each byte is one character, and that character is this byte: whatever came goes out again.
        let encoding = if is_utf8 { UTF_8 } else { WINDOWS_1252 };
        let text = |bytes: &[u8]| encoding.decode_without_bom_handling(bytes).0.into_owned();
        let pairs: Vec<_> = bytes.iter().map(|(name, value)| (text(name), text(value))).collect();
        let stays = |(name, value): &(String, String)| {
            let is_charset = name.eq_ignore_ascii_case("_charset_") && value != encoding.name();
            !name.is_empty() && !is_charset && has_stable_newlines(name) && has_stable_newlines(value)
        };
        (pairs.len() <= MAX_FIELDS && pairs.iter().all(stays)).then_some(Self { encoding, pairs })
    }

    /// What `accept-charset` must say.
    pub(super) fn charset(&self) -> &'static str {
        self.encoding.name()
    }
}

/// The `input` elements.
impl fmt::Display for FormFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.pairs {
            f.write_str("<input type=\"hidden\" name=\"")?;
            escape_attribute(name, f)?;
            f.write_str("\" value=\"")?;
            escape_attribute(value, f)?;
            f.write_str("\">\n")?;
        }
        Ok(())
    }
}

// Names and values are escaped above.
impl HtmlSafe for FormFields {}

/// A value of an attribute. A newline that is not written as a reference is changed when the page is read.
fn escape_attribute(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for character in text.chars() {
        match character {
            '&' | '<' | '>' | '"' | '\'' | '\r' | '\n' => write!(f, "&#{};", u32::from(character))?,
            character => f.write_char(character)?,
        }
    }
    Ok(())
}

/// Whether a browser sends a text as it is: it writes each newline as CRLF, and has no NUL on a page.
fn has_stable_newlines(text: &str) -> bool {
    let rest = text.replace("\r\n", "");
    !rest.contains(['\r', '\n', '\0'])
}

fn form_decode(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    match percent_encoding::percent_decode(&spaced).into() {
        Cow::Borrowed(same) => same.to_vec(),
        Cow::Owned(decoded) => decoded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(content: &str) -> Option<String> {
        FormFields::parse(content.as_bytes()).map(|fields| fields.to_string().replace('\n', ""))
    }

    #[test]
    fn fields_are_carried_in_their_order_and_are_no_markup() {
        assert_eq!(
            shown("a=1&a=2&&b&c=%22%3E%3Cscript%3E%26%27&d=x+y%2Bz&e=%C3%A9").as_deref(),
            Some(
                "<input type=\"hidden\" name=\"a\" value=\"1\"><input type=\"hidden\" name=\"a\" value=\"2\">\
                 <input type=\"hidden\" name=\"b\" value=\"\">\
                 <input type=\"hidden\" name=\"c\" value=\"&#34;&#62;&#60;script&#62;&#38;&#39;\">\
                 <input type=\"hidden\" name=\"d\" value=\"x y+z\"><input type=\"hidden\" name=\"e\" value=\"é\">"
            )
        );
        assert_eq!(shown("a=x%0D%0Ay").as_deref(), Some("<input type=\"hidden\" name=\"a\" value=\"x&#13;&#10;y\">"));
        assert_eq!(shown("").as_deref(), Some(""));
    }

    #[test]
    fn bytes_of_another_encoding_are_carried_as_bytes() {
        let every: Vec<u8> = (1..=255).filter(|byte| !b"\r\n".contains(byte)).collect();
        let content = percent_encoding::percent_encode(&every, percent_encoding::NON_ALPHANUMERIC);
        let fields = FormFields::parse(format!("a={content}").as_bytes()).expect("fields");
        assert_eq!(fields.charset(), "windows-1252");
        let (sent, _, lossy) = WINDOWS_1252.encode(&fields.pairs[0].1);
        assert!(!lossy);
        assert_eq!(sent.as_ref(), every);
        assert_eq!(FormFields::parse("a=%C3%A9".as_bytes()).expect("fields").charset(), "UTF-8");
    }

    #[test]
    fn what_a_browser_would_change_is_not_carried() {
        for content in ["=x", "a=%00", "a=x%0Ay", "a=x%0Dy", "a%0A=x", "_charset_=x", "_CHARSET_=utf-8"] {
            assert_eq!(shown(content), None, "{content}");
        }
        assert!(shown("_charset_=UTF-8").is_some());
        assert!(shown(&"a&".repeat(MAX_FIELDS)).is_some());
        assert_eq!(shown(&"a&".repeat(MAX_FIELDS + 1)), None);
    }
}
