//! Caching of responses of guarded routes (RFC 9111, RFC 9213): what a browser and the caches in between may keep.
//!
//! A cache that may keep a response gives it to anybody, and asks nobody. So no shared cache may keep a guarded one, whatever the
//! app says, and a browser keeps what the app says nothing about as little as can be.

use http::{HeaderName, HeaderValue, header};
use pingora::{
    Result,
    http::{RequestHeader, ResponseHeader},
};

use crate::{gate::CachePolicy, proxy::forward::media_type};

static SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Makes a guarded response `private`, and one about whose caching the app says nothing `no-store` (a document) or
/// `no-cache` (anything else). With `allow_shared_cache`, what the app says stands as it is.
pub(super) fn restrict(response: &mut ResponseHeader, request: &RequestHeader, policy: CachePolicy) -> Result<()> {
    let directives = CacheDirectives::from_response(response);
    let is_explicit = directives.has_explicit || response.headers.contains_key(header::EXPIRES);
    if !policy.allow_shared_cache {
        remove_targeted(response);
    } else if is_explicit || directives.removed_shared || has_pragma_no_cache(response) {
        return Ok(());
    }
    let default_directive = match () {
        () if is_explicit => "",
        () if has_pragma_no_cache(response) => "no-cache",
        () if policy.no_store_documents && is_document(response, request) => "no-store",
        () => "no-cache",
    };
    if directives.is_private && default_directive.is_empty() {
        return Ok(());
    }
    let private = if directives.is_private || default_directive == "no-store" { "" } else { "private" };
    let parts = [private.as_bytes(), default_directive.as_bytes(), &directives.kept.join(&b", "[..])];
    let parts: Vec<&[u8]> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    // What was taken from a header goes into one.
    let value = HeaderValue::from_bytes(&parts.join(&b", "[..])).unwrap_or(HeaderValue::from_static("no-store"));
    response.insert_header("Cache-Control", value)
}

/// Whether a response has `Pragma: no-cache`: no standard, but browsers obey it. Any other `Pragma` says nothing.
fn has_pragma_no_cache(response: &ResponseHeader) -> bool {
    let lines = response.headers.get_all(header::PRAGMA);
    lines.iter().flat_map(|line| list_members(line.as_bytes())).any(|member| member.eq_ignore_ascii_case(b"no-cache"))
}

/// Removes headers for shared caches alone: `CDN-Cache-Control` and every other `…-Cache-Control` (RFC 9213), and the
/// older ones of Edge Architecture, Akamai and nginx.
fn remove_targeted(response: &mut ResponseHeader) {
    let is_targeted = |name: &&HeaderName| {
        let name = name.as_str();
        name.ends_with("-cache-control") || matches!(name, "surrogate-control" | "edge-control" | "x-accel-expires")
    };
    while let Some(name) = response.headers.keys().find(is_targeted).cloned() {
        response.remove_header(&name);
    }
}

/// Whether a browser shows the response as a page: it is HTML, or the browser says that it opens it, in a frame too.
fn is_document(response: &ResponseHeader, request: &RequestHeader) -> bool {
    let opened = request.headers.get(&SEC_FETCH_DEST).is_some_and(|dest| {
        matches!(dest.as_bytes(), b"document" | b"iframe" | b"frame" | b"fencedframe" | b"embed" | b"object")
    });
    opened || media_type::is_page(&response.headers)
}

/// Directives of `Cache-Control`, without those for shared caches.
#[derive(Default)]
struct CacheDirectives {
    /// Directives as the app wrote them, in its order.
    kept: Vec<Vec<u8>>,
    /// Whether there is nothing but `private` or `no-store`, in the form for the whole response, and nothing was removed.
    is_private: bool,
    /// Whether a directive for shared caches was removed.
    removed_shared: bool,
    /// Whether a directive is left that tells a browser how to keep the response.
    has_explicit: bool,
}

impl CacheDirectives {
    fn from_response(response: &ResponseHeader) -> Self {
        let mut directives = Self::default();
        let (mut private, mut understands) = (false, false);
        for line in response.headers.get_all(header::CACHE_CONTROL) {
            for member in list_members(line.as_bytes()) {
                let name = directive_name(member).to_ascii_lowercase();
                let whole = name.len() == member.len();
                match name.as_slice() {
                    b"s-maxage" | b"proxy-revalidate" => directives.removed_shared = true,
                    // Of named headers it says that they alone are private: the rest is for anybody.
                    b"public" | b"private" if !whole || name == b"public" => {
                        directives.removed_shared = true;
                        directives.has_explicit = true;
                    }
                    _ => {
                        private |= whole && matches!(name.as_slice(), b"private" | b"no-store");
                        understands |= name == b"must-understand";
                        directives.has_explicit |= EXPLICIT_DIRECTIVES.contains(&name.as_slice());
                        directives.kept.push(member.to_vec());
                    }
                }
            }
        }
        // A cache that knows the status keeps `must-understand, no-store` (RFC 9111, 5.2.2.3).
        directives.is_private = private && !directives.removed_shared && !understands;
        directives
    }
}

/// Directives that tell a browser whether or how long it may keep a response.
const EXPLICIT_DIRECTIVES: [&[u8]; 9] = [
    b"max-age",
    b"no-cache",
    b"no-store",
    b"private",
    b"must-revalidate",
    b"must-understand",
    b"immutable",
    b"stale-while-revalidate",
    b"stale-if-error",
];

fn directive_name(member: &[u8]) -> &[u8] {
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let end = member.iter().position(|byte| !is_token(byte)).unwrap_or(member.len());
    &member[..end]
}

/// Members of a list. A comma between quotes separates none; a quote that is never closed holds nothing together.
fn list_members(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = line;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let end = member_end(rest);
            let member = rest[..end].trim_ascii();
            rest = rest.get(end + 1..).unwrap_or_default();
            if !member.is_empty() {
                return Some(member);
            }
        }
        None
    })
}

fn member_end(line: &[u8]) -> usize {
    let mut at = 0;
    while at < line.len() && line[at] != b',' {
        at += match line[at] {
            b'"' => closing_quote(&line[at..]).unwrap_or(0) + 1,
            _ => 1,
        };
    }
    at
}

fn closing_quote(quoted: &[u8]) -> Option<usize> {
    let mut at = 1;
    while at < quoted.len() {
        match quoted[at] {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: CachePolicy = CachePolicy { allow_shared_cache: false, no_store_documents: true };

    fn restricted(lines: &[(&'static str, &'static str)], dest: Option<&str>, policy: CachePolicy) -> ResponseHeader {
        let mut request = RequestHeader::build("GET", b"/", None).unwrap();
        if let Some(dest) = dest {
            request.insert_header("Sec-Fetch-Dest", dest).unwrap();
        }
        let mut response = ResponseHeader::build(200, None).unwrap();
        for (name, value) in lines {
            response.append_header(*name, *value).unwrap();
        }
        restrict(&mut response, &request, policy).unwrap();
        response
    }

    fn control(response: &ResponseHeader) -> Vec<&str> {
        response.headers.get_all(header::CACHE_CONTROL).iter().map(|value| value.to_str().unwrap()).collect()
    }

    #[test]
    fn what_the_app_says_to_browsers_stands_and_no_shared_cache_may_keep_it() {
        for (said, expected) in [
            ("public", "private"),
            ("PUBLIC, max-age=60", "private, max-age=60"),
            ("max-age=60", "private, max-age=60"),
            ("no-cache", "private, no-cache"),
            ("must-revalidate", "private, must-revalidate"),
            ("s-maxage=600, max-age=5", "private, max-age=5"),
            ("s-maxage=600", "private, no-cache"),
            ("S-MaxAge = 600 ,public ; x", "private"),
            ("proxy-revalidate", "private, no-cache"),
            ("private", "private"),
            ("Private, max-age=60", "Private, max-age=60"),
            ("private, public, max-age=60", "private, private, max-age=60"),
            ("private=\"set-cookie, x\", max-age=60", "private, max-age=60"),
            ("no-cache=\"public, s-maxage=9\"", "private, no-cache=\"public, s-maxage=9\""),
            ("no-cache=\"a, s-maxage=600, public", "private, no-cache=\"a"),
            ("no-store", "no-store"),
            ("no-store, s-maxage=600", "private, no-store"),
            ("must-understand, no-store", "private, must-understand, no-store"),
            ("no-transform", "private, no-cache, no-transform"),
            ("", "private, no-cache"),
            (",, ,", "private, no-cache"),
            ("immutable, max-age=31536000, public", "private, immutable, max-age=31536000"),
            ("no-transform, x=\"\\\", public\"", "private, no-cache, no-transform, x=\"\\\", public\""),
        ] {
            let lines = [("Content-Type", "text/css"), ("Cache-Control", said)];
            assert_eq!(control(&restricted(&lines, None, STRICT)), [expected], "{said:?}");
        }
    }

    #[test]
    fn several_lines_are_one_list() {
        let lines = [("Cache-Control", "max-age=60"), ("cache-control", "public"), ("CACHE-CONTROL", "s-maxage=1")];
        assert_eq!(control(&restricted(&lines, None, STRICT)), ["private, max-age=60"]);
    }

    #[test]
    fn older_headers_are_a_word_too() {
        for (name, value, expected) in [
            ("Expires", "Wed, 21 Oct 2099 07:28:00 GMT", "private"),
            ("Expires", "0", "private"),
            ("Pragma", "No-Cache", "private, no-cache"),
            ("Pragma", "x", "no-store"),
        ] {
            let response = restricted(&[("Content-Type", "text/html"), (name, value)], None, STRICT);
            assert_eq!(control(&response), [expected], "{name}: {value}");
            assert_eq!(response.headers.get(name).unwrap(), value, "it stands");
        }
    }

    #[test]
    fn documents_without_a_word_are_not_stored() {
        for (kind, dest, expected) in [
            (Some("text/html"), None, "no-store"),
            (Some("TEXT/HTML ; charset=utf-8"), Some("empty"), "no-store"),
            (Some("application/xhtml+xml"), None, "no-store"),
            (Some("application/pdf"), Some("document"), "no-store"),
            (None, Some("iframe"), "no-store"),
            (Some("text/htmlx"), None, "private, no-cache"),
            (Some("image/png"), Some("image"), "private, no-cache"),
            (Some("application/json"), Some("empty"), "private, no-cache"),
            (None, None, "private, no-cache"),
        ] {
            let lines: Vec<_> = kind.map(|kind| ("Content-Type", kind)).into_iter().collect();
            assert_eq!(control(&restricted(&lines, dest, STRICT)), [expected], "{kind:?} {dest:?}");
            let kept = CachePolicy { no_store_documents: false, ..STRICT };
            assert_eq!(control(&restricted(&lines, dest, kept)), ["private, no-cache"], "{kind:?} {dest:?}");
        }
        let transformed = [("Content-Type", "text/html"), ("Cache-Control", "no-transform")];
        assert_eq!(control(&restricted(&transformed, None, STRICT)), ["no-store, no-transform"]);
    }

    #[test]
    fn what_is_said_to_shared_caches_alone_is_removed_unless_they_are_allowed() {
        let names = [
            "CDN-Cache-Control",
            "Cloudflare-CDN-Cache-Control",
            "Vercel-CDN-Cache-Control",
            "Netlify-CDN-Cache-Control",
            "X-LiteSpeed-Cache-Control",
            "Surrogate-Control",
            "Edge-Control",
            "X-Accel-Expires",
        ];
        let lines: Vec<_> =
            names.iter().map(|name| (*name, "max-age=600")).chain([("Cache-Control", "public")]).collect();
        let strict = restricted(&lines, None, STRICT);
        assert!(names.iter().all(|name| !strict.headers.contains_key(*name)), "{strict:?}");
        assert_eq!(control(&strict), ["private"]);
        let shared = restricted(&lines, None, CachePolicy { allow_shared_cache: true, ..STRICT });
        assert!(names.iter().all(|name| shared.headers.contains_key(*name)), "{shared:?}");
        assert_eq!(control(&shared), ["public"], "its word stands");
        let aged =
            restricted(&[("Cache-Control", "s-maxage=9")], None, CachePolicy { allow_shared_cache: true, ..STRICT });
        assert_eq!(control(&aged), ["s-maxage=9"]);
        let nothing = restricted(&[], None, CachePolicy { allow_shared_cache: true, ..STRICT });
        assert_eq!(control(&nothing), ["private, no-cache"], "what says nothing is kept by nobody");
    }
}
