//! Cookies that apps have set in a browser, remembered there until they are taken from it.
//!
//! Each is written into a helper cookie of ours, in the answer that sets it: name, `Domain` and `Path`, which are what a browser
//! knows a cookie by, signed. So no store is asked, each replica knows them, they outlive the session however it ends, and two
//! answers at once lose nothing. What a script sets never passes here, and is not known.

use http::{HeaderMap, HeaderValue};
use serde::{Serialize, Serializer};

use super::{CookieNames, Shown, each, find, parts, trim};
use crate::secret::Key;

/// Cookies of apps that are remembered in one browser.
const MOST: usize = 32;
/// Longest value of a helper cookie.
const LONGEST: usize = 512;
/// Characters of a signature: 132 bits.
const SIGNATURE: usize = 22;
/// Characters in the name of a helper cookie that tell it from others: 60 bits.
const LABEL: usize = 10;
const PURPOSE: &str = "cookie of an app";

/// When the cookies of an upstream are taken from a browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForgetOn {
    /// When somebody signs out.
    pub sign_out: bool,
    /// When somebody signs in and somebody else was signed in last.
    pub other_visitor: bool,
}

impl ForgetOn {
    /// Both.
    pub const ALWAYS: Self = Self { sign_out: true, other_visitor: true };
    /// Neither.
    pub const NEVER: Self = Self { sign_out: false, other_visitor: false };
}

/// As an operator writes it.
impl Serialize for ForgetOn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if *self == Self::NEVER {
            return serializer.serialize_str("never");
        }
        let words = [("sign_out", self.sign_out), ("other_visitor", self.other_visitor)];
        serializer.collect_seq(words.iter().filter(|(_, on)| *on).map(|(word, _)| word))
    }
}

/// Where a `Set-Cookie` was seen.
#[derive(Clone, Copy, Debug)]
pub struct SetBy<'a> {
    /// The upstream that sent it, as the operator calls it.
    pub upstream: &'a str,
    /// The host that the browser asked.
    pub host: &'a str,
    /// Path and query that it asked for.
    pub target: &'a [u8],
}

/// A cookie of an app, as a browser knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppCookie {
    /// The upstream that set it.
    pub upstream: String,
    name: String,
    /// Without a dot in front; none is the host alone.
    domain: Option<String>,
    path: String,
    secure: bool,
    partitioned: bool,
}

impl AppCookie {
    /// Reads a `Set-Cookie` as browsers do (RFC 6265bis, 5.6 and 5.7). None: no browser keeps it, or it cannot be written down.
    #[must_use]
    pub fn read(line: &HeaderValue, by: SetBy<'_>) -> Option<Self> {
        let mut pieces = line.as_bytes().split(|byte| *byte == b';');
        let (name, value) = match parts(pieces.next()?) {
            (name, Some(value)) => (name, value),
            (value, None) => (&b""[..], value),
        };
        if name.is_empty() && value.is_empty() {
            return None;
        }
        let mut cookie = Self {
            upstream: by.upstream.to_owned(),
            name: text(name)?,
            domain: None,
            path: default_path(by.target)?,
            secure: false,
            partitioned: false,
        };
        for piece in pieces {
            let (attribute, value) = parts(piece);
            let value = value.unwrap_or_default();
            match attribute.to_ascii_lowercase().as_slice() {
                b"domain" => cookie.domain = Some(text(value)?.trim_start_matches('.').to_ascii_lowercase()),
                b"path" if value.starts_with(b"/") => cookie.path = text(value)?,
                b"path" => cookie.path = default_path(by.target)?,
                b"secure" => cookie.secure = true,
                b"partitioned" => cookie.partitioned = true,
                _ => {}
            }
        }
        cookie.domain = cookie.domain.filter(|domain| !domain.is_empty());
        if let Some(domain) = &cookie.domain {
            if by.host.parse::<std::net::IpAddr>().is_ok() || by.host.starts_with('[') {
                return (domain == by.host).then_some(Self { domain: None, ..cookie });
            }
            let parent =
                by.host.strip_suffix(domain.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
            if !parent {
                return None;
            }
        }
        Some(cookie)
    }

    /// The `Set-Cookie` by which a browser drops it. `secure`: over https.
    fn expired(&self, secure: bool) -> String {
        // A cookie with neither name nor value is not looked at.
        let value = if self.name.is_empty() { "deleted" } else { "" };
        let domain = self.domain.as_ref().map(|domain| format!("; Domain={domain}")).unwrap_or_default();
        let secure = if secure || self.secure { "; Secure" } else { "" };
        let partitioned = if self.partitioned { "; Partitioned" } else { "" };
        format!(
            "{}={value}; Path={}{domain}; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly{secure}{partitioned}",
            self.name, self.path
        )
    }

    fn to_text(&self) -> String {
        let domain = self.domain.as_deref().unwrap_or_default();
        let flag = |on, flag| if on { flag } else { "" };
        let flags = [flag(self.secure, "s"), flag(self.partitioned, "p")].concat();
        [self.upstream.as_str(), &self.name, domain, &self.path, &flags].join("\n")
    }

    fn from_text(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.split('\n').collect();
        let [upstream, name, domain, path, flags] = fields.as_slice() else { return None };
        Some(Self {
            upstream: (*upstream).to_owned(),
            name: (*name).to_owned(),
            domain: (!domain.is_empty()).then(|| (*domain).to_owned()),
            path: (*path).to_owned(),
            secure: flags.contains('s'),
            partitioned: flags.contains('p'),
        })
    }
}

/// Writes cookies of apps into helper cookies, and reads them.
#[derive(Clone, Debug)]
pub struct AppCookies {
    prefix: String,
    secure: bool,
    key: Key,
}

/// What becomes of a cookie that an app sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Noted {
    /// The browser has it written down already.
    Known,
    /// There is no room: it will stay in the browser.
    NoRoom,
    /// A helper cookie to be set: its name and its value.
    New(String, String),
}

impl AppCookies {
    /// Under these names, signed with this key.
    #[must_use]
    pub fn new(names: &CookieNames, key: Key) -> Self {
        Self { prefix: format!("{}-app-", names.session), secure: names.secure, key }
    }

    /// What to do about a cookie that an app sets in a browser that sends these headers; `more` are new in the same answer.
    #[must_use]
    pub fn note(&self, headers: &HeaderMap, cookie: &AppCookie, more: usize) -> Noted {
        let (name, value) = self.written(cookie);
        if find(headers, &name) == Shown::One(value.as_bytes()) {
            return Noted::Known;
        }
        let known = each(headers).filter(|(name, _)| name.starts_with(self.prefix.as_bytes())).count();
        if known + more >= MOST || value.len() > LONGEST { Noted::NoRoom } else { Noted::New(name, value) }
    }

    /// The cookies that are written down in a browser that sends these headers, each with the name of its helper cookie. What
    /// we did not sign is none.
    #[must_use]
    pub fn known(&self, headers: &HeaderMap) -> Vec<(String, AppCookie)> {
        let ours = each(headers).filter(|(name, _)| name.starts_with(self.prefix.as_bytes()));
        let read = |(name, value): (&[u8], Option<&[u8]>)| {
            let value = std::str::from_utf8(value?).ok()?;
            let cookie = AppCookie::from_text(&decoded(value.get(SIGNATURE..)?)?)?;
            let (expected, signed) = self.written(&cookie);
            (expected.as_bytes() == name && signed == value).then_some((expected, cookie))
        };
        ours.filter_map(read).take(2 * MOST).collect()
    }

    /// The `Set-Cookie` of a helper cookie, for as long as browsers keep any.
    #[must_use]
    pub fn set(&self, name: &str, value: &str) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        format!("{name}={value}; HttpOnly; SameSite=Lax{secure}; Path=/; Max-Age=34560000")
    }

    /// The `Set-Cookie`s by which a browser drops a cookie of an app, and what was written down of it.
    #[must_use]
    pub fn expired(&self, name: &str, cookie: &AppCookie) -> [String; 2] {
        let secure = if self.secure { "; Secure" } else { "" };
        [cookie.expired(self.secure), format!("{name}=; HttpOnly; SameSite=Lax{secure}; Path=/; Max-Age=0")]
    }

    fn written(&self, cookie: &AppCookie) -> (String, String) {
        let text = cookie.to_text();
        let blind = self.key.blind(PURPOSE, &text);
        let (signature, label) = (&blind[..SIGNATURE], &blind[blind.len() - LABEL..]);
        (format!("{}{label}", self.prefix), format!("{signature}{}", encoded(&text)))
    }
}

fn encoded(text: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.encode(text)
}

fn decoded(value: &str) -> Option<String> {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    String::from_utf8(URL_SAFE_NO_PAD.decode(value).ok()?).ok()
}

/// What can be written into a header again as it came.
fn text(bytes: &[u8]) -> Option<String> {
    let bytes = trim(bytes);
    let fits = bytes.iter().all(|byte| matches!(byte, b' '..=b'~') && *byte != b';');
    if fits { String::from_utf8(bytes.to_vec()).ok() } else { None }
}

/// Where a cookie without a `Path` counts: the folder of what was asked for (RFC 6265, 5.1.4).
fn default_path(target: &[u8]) -> Option<String> {
    let path = target.split(|byte| *byte == b'?').next()?;
    let folder = path.iter().rposition(|byte| *byte == b'/').map_or(&b""[..], |end| &path[..end]);
    text(if folder.starts_with(b"/") { folder } else { b"/" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::cookie::DEFAULT_NAME;

    const BY: SetBy<'_> = SetBy { upstream: "app", host: "shop.example.com", target: b"/a/b/page?x=/y/z" };

    fn read(line: &str) -> Option<AppCookie> {
        AppCookie::read(&HeaderValue::from_str(line).unwrap(), BY)
    }

    #[test]
    fn a_cookie_is_dropped_by_what_a_browser_knows_it_by() {
        const END: &str = "; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure";
        for (line, dropped) in [
            ("a=1", Some("a=; Path=/a/b".to_owned())),
            (" a = 1 ; Path=/; HttpOnly", Some("a=; Path=/".to_owned())),
            ("a=1; path=/x; PATH=/y", Some("a=; Path=/y".to_owned())),
            ("a=1; Path=x", Some("a=; Path=/a/b".to_owned())),
            ("a=1; Path=/; Domain=.Example.COM", Some("a=; Path=/; Domain=example.com".to_owned())),
            ("a=1; Path=/; Domain=shop.example.com", Some("a=; Path=/; Domain=shop.example.com".to_owned())),
            ("a=1; Path=/; Domain=", Some("a=; Path=/".to_owned())),
            ("a=1; Path=/; Domain=other.example.com", None),
            ("a=1; Path=/; Domain=ple.com", None),
            ("=1; Path=/", Some("=deleted; Path=/".to_owned())),
            ("value; Path=/", Some("=deleted; Path=/".to_owned())),
            ("=; Path=/", None),
            ("a b=1; Path=/", Some("a b=; Path=/".to_owned())),
        ] {
            let dropped = dropped.map(|dropped| dropped + END);
            assert_eq!(read(line).map(|cookie| cookie.expired(true)), dropped, "{line}");
        }
        let partitioned = read("__Host-a=1; Secure; Path=/; Partitioned").unwrap();
        assert!(partitioned.expired(false).ends_with("; Secure; Partitioned"));
        assert!(!read("a=1").unwrap().expired(false).contains("Secure"));
        let at = |target: &'static [u8]| {
            AppCookie::read(&HeaderValue::from_static("a=1"), SetBy { target, ..BY }).unwrap().path
        };
        assert_eq!([at(b"/"), at(b"/x"), at(b"/x/"), at(b"*")], ["/", "/", "/x", "/"]);
        let by_ip = SetBy { host: "192.0.2.1", ..BY };
        assert_eq!(AppCookie::read(&HeaderValue::from_static("a=1; Domain=0.2.1"), by_ip), None);
        let own = AppCookie::read(&HeaderValue::from_static("a=1; Domain=192.0.2.1"), by_ip).unwrap();
        assert_eq!(own.domain, None);
    }

    #[test]
    fn what_is_written_down_is_read_again_and_nothing_else() {
        let cookies = AppCookies::new(&CookieNames::new(true, DEFAULT_NAME), Key::new(b"key"));
        let cookie = read("session=1; Path=/app; Domain=example.com; Secure").unwrap();
        let Noted::New(name, value) = cookies.note(&HeaderMap::new(), &cookie, 0) else { panic!("it is new") };
        assert!(name.starts_with("__Host-portcullis-app-"), "{name}");
        let sent = |pairs: &[(&str, &str)]| {
            let line: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
            HeaderMap::from_iter([(http::header::COOKIE, HeaderValue::from_str(&line.join("; ")).unwrap())])
        };
        let headers = sent(&[("a", "b"), (&name, &value)]);
        assert_eq!(cookies.known(&headers), [(name.clone(), cookie.clone())]);
        assert_eq!(cookies.note(&headers, &cookie, 0), Noted::Known);
        let other = AppCookies::new(&CookieNames::new(true, DEFAULT_NAME), Key::new(b"another"));
        assert_eq!(other.known(&headers), [], "signed by another installation");
        let renamed = format!("{name}x");
        let changed = format!("A{}", &value[1..]);
        for (name, value) in [(renamed.as_str(), value.as_str()), (&name, &changed), (&name, ""), (&name, &value[..30])]
        {
            assert_eq!(cookies.known(&sent(&[(name, value)])), [], "{name}={value}");
        }
    }

    #[test]
    fn so_many_are_written_down_and_no_more() {
        let cookies = AppCookies::new(&CookieNames::new(true, DEFAULT_NAME), Key::new(b"key"));
        let line = (0..MOST).map(|at| format!("__Host-portcullis-app-{at}=x")).collect::<Vec<_>>().join("; ");
        let full = HeaderMap::from_iter([(http::header::COOKIE, HeaderValue::from_str(&line).unwrap())]);
        let cookie = read("a=1").unwrap();
        assert_eq!(cookies.note(&full, &cookie, 0), Noted::NoRoom);
        assert_eq!(cookies.note(&HeaderMap::new(), &cookie, MOST), Noted::NoRoom);
        let long = read(&format!("{}=1", "a".repeat(LONGEST))).unwrap();
        assert_eq!(cookies.note(&HeaderMap::new(), &long, 0), Noted::NoRoom);
    }
}
