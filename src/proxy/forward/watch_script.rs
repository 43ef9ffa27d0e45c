//! Watch script (`branding.watch`): one line behind a document of a guarded route, which watches the session.
//!
//! Only behind a whole 200 document in plain HTML whose Content-Security-Policy allows it as it is: nothing of an app's response
//! is decoded, reordered or held back, and no policy is changed.

mod charset;
mod entity_tag;

pub(super) use charset::AppendedBytes;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use pingora::{
    Result,
    http::{RequestHeader, ResponseHeader},
};

use crate::{gate::accepts_html, proxy::forward::media_type};

/// Script element, behind a document, where parsers take it for a part of the body. Of an even length, in which blanks of UTF-16
/// fit.
const SCRIPT: &[u8] = b"\n<script src=\"/security/assets/watch.js\" defer></script>\n\n";
const _: () = assert!(SCRIPT.len().is_multiple_of(2));
/// Header of policies that only report: a script that they forbid runs, and is reported to the app's operator.
const REPORT_ONLY: HeaderName = header::CONTENT_SECURITY_POLICY_REPORT_ONLY;
/// Headers with a digest of a body: with the script they would be wrong.
const DIGEST_HEADERS: [&str; 5] = ["content-md5", "digest", "content-digest", "repr-digest", "signature"];

/// Prepares a response for the script, and returns the bytes that follow its body: none where it gets none.
///
/// # Errors
///
/// A value that cannot be a header, which those of a parsed answer can.
pub(super) fn prepare(response: &mut ResponseHeader, request: &RequestHeader, origin: &str) -> Result<AppendedBytes> {
    if response.status == StatusCode::NOT_MODIFIED {
        if header_values(&request.headers, &header::IF_NONE_MATCH).any(entity_tag::is_marked) {
            mark_entity_tag(response)?;
        }
        return Ok(AppendedBytes::default());
    }
    if !is_document_navigation(request)
        || !is_injectable_html(response)
        || !csp_allows_script(&response.headers, origin)
    {
        return Ok(AppendedBytes::default());
    }
    if let Some(length) = response.headers.get(header::CONTENT_LENGTH) {
        let sent_length: Option<u64> = length.to_str().ok().and_then(|length| length.parse().ok());
        let with_script = sent_length
            .filter(|sent_length| *sent_length > 0)
            .and_then(|sent_length| sent_length.checked_add(SCRIPT.len() as u64));
        let Some(length) = with_script else { return Ok(AppendedBytes::default()) };
        response.insert_header(header::CONTENT_LENGTH, length)?;
    }
    response.remove_header(&header::ACCEPT_RANGES);
    mark_entity_tag(response)?;
    Ok(AppendedBytes::new(SCRIPT))
}

/// Asks the app for its own representation, where a browser asks for the one with the script. `If-Range` stays as it is: parts
/// of the one are none of the other.
///
/// # Errors
///
/// A value that cannot be a header, which a part of one can.
pub(super) fn restore_entity_tags(request: &mut RequestHeader) -> Result<()> {
    for name in [header::IF_NONE_MATCH, header::IF_MATCH] {
        let tags: Vec<_> = header_values(&request.headers, &name).map(str::to_owned).collect();
        if tags.iter().any(|tags| entity_tag::is_marked(tags)) {
            request.insert_header(name, entity_tag::unmarked(&tags.join(", ")))?;
        }
    }
    Ok(())
}

fn mark_entity_tag(response: &mut ResponseHeader) -> Result<()> {
    let tag = response.headers.get(header::ETAG).and_then(|tag| tag.to_str().ok());
    if let Some(marked) = tag.and_then(entity_tag::marked).and_then(|tag| HeaderValue::from_str(&tag).ok()) {
        response.insert_header(header::ETAG, marked)?;
    }
    Ok(())
}

fn header_values<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok())
}

/// Whether a browser opens a document of its own: no frame, no `fetch`, no part of one.
fn is_document_navigation(request: &RequestHeader) -> bool {
    if request.method != Method::GET || request.headers.contains_key(header::RANGE) {
        return false;
    }
    if let Some(what) = request.headers.get("sec-fetch-dest") {
        return what == "document";
    }
    accepts_html(&request.headers)
}

/// Whether a response is HTML as it was made: not encoded, not a part, not to be kept as it is, not a file to save.
fn is_injectable_html(response: &ResponseHeader) -> bool {
    let headers = &response.headers;
    let one = |name: &HeaderName| header_values(headers, name).next().unwrap_or_default().to_ascii_lowercase();
    let is_plain = matches!(one(&header::CONTENT_ENCODING).as_str(), "" | "identity");
    let may_change =
        !header_values(headers, &header::CACHE_CONTROL).any(|it| it.to_ascii_lowercase().contains("no-transform"));
    let is_shown = !one(&header::CONTENT_DISPOSITION).starts_with("attachment");
    let is_signed = DIGEST_HEADERS.iter().any(|name| headers.contains_key(*name));
    response.status == StatusCode::OK
        && media_type::is_html(headers)
        && headers
            .get_all(header::CONTENT_TYPE)
            .iter()
            .all(|kind| kind.to_str().is_ok_and(charset::is_ascii_compatible))
        && is_plain
        && may_change
        && is_shown
        && !is_signed
        && !headers.contains_key(header::CONTENT_RANGE)
}

/// Whether every policy of a response (Content Security Policy Level 3), enforced or only reported, lets a script of `origin` run,
/// and call it.
fn csp_allows_script(headers: &HeaderMap, origin: &str) -> bool {
    let enforced = headers.get_all(header::CONTENT_SECURITY_POLICY).iter();
    let reported = headers.get_all(REPORT_ONLY).iter();
    enforced
        .chain(reported)
        .all(|value| value.to_str().is_ok_and(|text| text.split(',').all(|policy| policy_allows(policy, origin))))
}

fn policy_allows(policy: &str, origin: &str) -> bool {
    let directives: Vec<Vec<String>> = policy
        .split(';')
        .map(|directive| directive.split_ascii_whitespace().map(str::to_ascii_lowercase).collect::<Vec<_>>())
        .filter(|words| !words.is_empty())
        .collect();
    let sources = |names: &[&str]| {
        names.iter().find_map(|name| directives.iter().find(|words| words[0] == *name).map(|words| &words[1..]))
    };
    let scheme = origin.split_once("://").map_or("", |(scheme, _)| scheme);
    let host = origin.split_once("://").map_or(origin, |(_, host)| host);
    let allows_us = |sources: Option<&[String]>| {
        sources.is_none_or(|sources| {
            let names_us = |source: &String| {
                let source = source.trim_end_matches('/');
                source == "'self'"
                    || source == "*"
                    || source == format!("{scheme}:")
                    || source == origin
                    || source == host
            };
            sources.iter().any(names_us)
        })
    };
    let scripts = sources(&["script-src-elem", "script-src", "default-src"]);
    // With it browsers take no host's word, and not that of 'self'.
    let is_strict = scripts.is_some_and(|sources| sources.iter().any(|source| source == "'strict-dynamic'"));
    let is_sandboxed = sources(&["sandbox"]).is_some();
    allows_us(scripts) && !is_strict && !is_sandboxed && allows_us(sources(&["connect-src", "default-src"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &str = "https://app.example.com";

    #[test]
    fn a_policy_allows_it_as_it_is_or_not_at_all() {
        for (policy, allowed) in [
            ("", true),
            ("default-src 'self'", true),
            ("img-src 'none'", true),
            ("Default-Src 'SELF'; object-src 'none'", true),
            ("script-src https:; connect-src https://app.example.com", true),
            ("script-src app.example.com; connect-src *", true),
            ("default-src 'none'", false),
            ("script-src 'nonce-abc'", false),
            ("script-src 'self' 'strict-dynamic' 'nonce-abc'", false),
            ("script-src-elem 'none'; script-src 'self'", false),
            ("default-src 'self'; connect-src https://api.example.com", false),
            ("sandbox allow-scripts", false),
        ] {
            assert_eq!(policy_allows(policy, ORIGIN), allowed, "{policy}");
        }
        let mut headers = HeaderMap::new();
        headers.append(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'self'"));
        assert!(csp_allows_script(&headers, ORIGIN));
        headers.append(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("img-src *, script-src 'none'"));
        assert!(!csp_allows_script(&headers, ORIGIN), "each of several policies counts");
    }

    fn document(lines: &[(&'static str, &'static str)]) -> ResponseHeader {
        let mut response = ResponseHeader::build(200, None).unwrap();
        for (name, value) in
            [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", "10")].iter().chain(lines)
        {
            response.insert_header(*name, *value).unwrap();
        }
        response
    }

    fn request(lines: &[(&'static str, &'static str)]) -> RequestHeader {
        let mut request = RequestHeader::build("GET", b"/", None).unwrap();
        for (name, value) in [("Sec-Fetch-Dest", "document")].iter().chain(lines) {
            request.insert_header(*name, *value).unwrap();
        }
        request
    }

    #[test]
    fn a_whole_document_gets_it_and_nothing_else() {
        let mut response = document(&[("ETag", "\"abc\""), ("Accept-Ranges", "bytes")]);
        assert!(!prepare(&mut response, &request(&[]), ORIGIN).unwrap().is_empty());
        assert_eq!(response.headers["content-length"], (10 + SCRIPT.len()).to_string());
        assert_eq!(response.headers["etag"], "W/\"abc-portcullis-watch\"");
        assert!(!response.headers.contains_key("accept-ranges"));
        for lines in [
            ("Content-Encoding", "gzip"),
            ("Content-Type", "application/json"),
            ("Content-Range", "bytes 0-9/100"),
            ("Cache-Control", "private, No-Transform"),
            ("Content-Disposition", "attachment; filename=a.html"),
            ("Content-Digest", "sha-256=:x:"),
            ("Content-Type", "text/html; charset=utf-16"),
            ("Content-Length", "0"),
            ("Content-Length", "18446744073709551615"),
            ("Content-Length", "18446744073709551616"),
            ("Content-Security-Policy", "script-src 'none'"),
            ("Content-Security-Policy-Report-Only", "script-src 'nonce-abc'"),
        ] {
            assert!(prepare(&mut document(&[lines]), &request(&[]), ORIGIN).unwrap().is_empty(), "{lines:?}");
        }
        for lines in [("Sec-Fetch-Dest", "iframe"), ("Sec-Fetch-Dest", "empty"), ("Range", "bytes=0-9")] {
            assert!(prepare(&mut document(&[]), &request(&[lines]), ORIGIN).unwrap().is_empty(), "{lines:?}");
        }
        let mut head = request(&[]);
        head.set_method(Method::HEAD);
        assert!(prepare(&mut document(&[]), &head, ORIGIN).unwrap().is_empty());
    }

    #[test]
    fn an_app_is_asked_for_its_own_tag_and_a_browser_keeps_its() {
        let mut asked = request(&[
            ("If-None-Match", "W/\"abc-portcullis-watch-weak\", \"def\""),
            ("If-Match", "W/\"abc-portcullis-watch\""),
        ]);
        let client = asked.clone();
        restore_entity_tags(&mut asked).unwrap();
        assert_eq!(asked.headers["if-none-match"], "W/\"abc\", \"def\"");
        assert_eq!(asked.headers["if-match"], "\"abc\"");
        let mut response = ResponseHeader::build(304, None).unwrap();
        response.insert_header("ETag", "\"abc\"").unwrap();
        assert!(prepare(&mut response, &client, ORIGIN).unwrap().is_empty());
        assert_eq!(response.headers["etag"], "W/\"abc-portcullis-watch\"");
    }
}
