//! Cookies of apps, identified as in browsers: by name, `Domain` and `Path`.

use http::HeaderValue;
use serde::{Serialize, Serializer};

use super::{split_name_value, trim};
use crate::clock::Timestamp;

/// Longest attribute value that browsers accept, in bytes (RFC 6265bis, 5.6).
const LONGEST_ATTRIBUTE: usize = 1_024;

/// Events at which the cookies of an upstream are deleted from a browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForgetOn {
    /// Deletion at sign-out.
    pub sign_out: bool,
    /// Deletion at a sign-in when another user was signed in last.
    pub other_visitor: bool,
}

impl ForgetOn {
    /// Deletion at both events.
    pub const ALWAYS: Self = Self { sign_out: true, other_visitor: true };
    /// No deletion.
    pub const NEVER: Self = Self { sign_out: false, other_visitor: false };
}

/// Serialized as an operator writes the setting.
impl Serialize for ForgetOn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if *self == Self::NEVER {
            return serializer.serialize_str("never");
        }
        let words = [("sign_out", self.sign_out), ("other_visitor", self.other_visitor)];
        serializer.collect_seq(words.iter().filter(|(_, on)| *on).map(|(word, _)| word))
    }
}

/// Context of a `Set-Cookie`.
#[derive(Clone, Copy, Debug)]
pub struct SetCookieContext<'a> {
    /// Upstream that sent it, by its configured name.
    pub upstream: &'a str,
    /// Host of the request.
    pub host: &'a str,
    /// Path and query of the request.
    pub target: &'a [u8],
    /// Current time, to recognise an `Expires` in the past.
    pub now: Timestamp,
}

/// Lifetime of a cookie in a browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieLifetime {
    /// Session cookie, or one kept longer than a day.
    Long,
    /// Seconds, at most a day.
    Short(i64),
    /// Deleted by the response.
    Deleted,
}

impl CookieLifetime {
    /// A day in seconds.
    const DAY: i64 = 86_400;

    const fn from_seconds(seconds: i64) -> Self {
        match seconds {
            ..=0 => Self::Deleted,
            1..=Self::DAY => Self::Short(seconds),
            _ => Self::Long,
        }
    }
}

/// An attribute that says how long. Browsers do not agree on one that is unreadable, nor on two that differ: whoever takes such
/// a cookie for deleted leaves it where a browser keeps it.
#[derive(Clone, Copy, Default)]
enum LifetimeAttribute {
    #[default]
    Absent,
    Seconds(i64),
    Ambiguous,
}

impl LifetimeAttribute {
    fn merge(&mut self, seconds: Option<i64>) {
        *self = match (*self, seconds) {
            (Self::Absent, Some(seconds)) => Self::Seconds(seconds),
            (Self::Seconds(held), Some(seconds)) if held == seconds => *self,
            _ => Self::Ambiguous,
        };
    }
}

/// Cookie of an app, with the attributes that identify it in a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppCookie {
    /// Upstream that set the cookie.
    pub upstream: String,
    name: String,
    /// `Domain` without a leading dot; none for a host-only cookie.
    domain: Option<String>,
    path: String,
    secure: bool,
    partitioned: bool,
}

impl AppCookie {
    /// Reads a `Set-Cookie` as browsers do (RFC 6265bis, 5.6 and 5.7), and for how long it is. None: no browser takes it, or it
    /// cannot be written down.
    #[must_use]
    pub fn parse(line: &HeaderValue, by: SetCookieContext<'_>) -> Option<(Self, CookieLifetime)> {
        let mut pieces = line.as_bytes().split(|byte| *byte == b';');
        let (name, value) = match split_name_value(pieces.next()?) {
            (name, Some(value)) => (name, value),
            (value, None) => (&b""[..], value),
        };
        if name.is_empty() && value.is_empty() {
            return None;
        }
        let mut cookie = Self {
            upstream: by.upstream.to_owned(),
            name: header_text(name)?,
            domain: None,
            path: default_path(by.target)?,
            secure: false,
            partitioned: false,
        };
        let (mut max_age, mut expires) = (LifetimeAttribute::default(), LifetimeAttribute::default());
        for piece in pieces {
            let (attribute, value) = split_name_value(piece);
            let value = value.unwrap_or_default();
            let is_ignored = value.len() > LONGEST_ATTRIBUTE;
            match attribute.to_ascii_lowercase().as_slice() {
                b"max-age" => max_age.merge(parse_max_age(value).filter(|_| !is_ignored)),
                b"expires" => expires.merge(parse_expires(value, by.now).filter(|_| !is_ignored)),
                _ if is_ignored => {}
                b"domain" => cookie.domain = Some(header_text(value)?.trim_start_matches('.').to_ascii_lowercase()),
                b"path" if value.starts_with(b"/") => cookie.path = header_text(value)?,
                b"path" => cookie.path = default_path(by.target)?,
                b"secure" => cookie.secure = true,
                b"partitioned" => cookie.partitioned = true,
                _ => {}
            }
        }
        let lifetime = match (max_age, expires) {
            (LifetimeAttribute::Seconds(seconds), LifetimeAttribute::Absent | LifetimeAttribute::Seconds(_))
            | (LifetimeAttribute::Absent, LifetimeAttribute::Seconds(seconds)) => CookieLifetime::from_seconds(seconds),
            _ => CookieLifetime::Long,
        };
        cookie.domain = cookie.domain.filter(|domain| !domain.is_empty());
        if let Some(domain) = &cookie.domain {
            if by.host.parse::<std::net::IpAddr>().is_ok() || by.host.starts_with('[') {
                return (domain == by.host).then_some((Self { domain: None, ..cookie }, lifetime));
            }
            let parent =
                by.host.strip_suffix(domain.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
            if !parent {
                return None;
            }
        }
        Some((cookie, lifetime))
    }

    /// The `Set-Cookie` by which a browser drops it. `secure`: over https.
    pub(super) fn deletion(&self, secure: bool) -> String {
        // A cookie with neither name nor value is not looked at.
        let value = if self.name.is_empty() { "deleted" } else { "" };
        let domain = self.domain.as_ref().map(|domain| format!("; Domain={domain}")).unwrap_or_default();
        let secure = if secure || self.secure { "; Secure" } else { "" };
        let partitioned = if self.partitioned { "; Partitioned" } else { "" };
        format!("{}={value}; Path={}{domain}; Max-Age=0{secure}{partitioned}", self.name, self.path)
    }

    pub(super) fn to_text(&self) -> String {
        let domain = self.domain.as_deref().unwrap_or_default();
        let flag = |on, flag| if on { flag } else { "" };
        let flags = [flag(self.secure, "s"), flag(self.partitioned, "p")].concat();
        [self.upstream.as_str(), &self.name, domain, &self.path, &flags].join("\n")
    }

    pub(super) fn from_text(text: &str) -> Option<Self> {
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

/// Bytes as text that is valid in a header; none otherwise.
fn header_text(bytes: &[u8]) -> Option<String> {
    let bytes = trim(bytes);
    let fits = bytes.iter().all(|byte| matches!(byte, b' '..=b'~') && *byte != b';');
    if fits { String::from_utf8(bytes.to_vec()).ok() } else { None }
}

/// Seconds of a `Max-Age` (RFC 6265bis, 5.6.2); none where browsers ignore it.
fn parse_max_age(value: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(value).ok()?;
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(if text.starts_with('-') { i64::MIN } else { i64::MAX }))
}

/// Seconds until an `Expires`; none where it is no date of HTTP, or one that browsers read otherwise: they know no zone but
/// GMT.
fn parse_expires(value: &[u8], now: Timestamp) -> Option<i64> {
    // Netscape's form has hyphens in its date, and two digits for its year.
    let text = std::str::from_utf8(value).ok()?.replace('-', " ");
    let mut words: Vec<&str> = text.split_ascii_whitespace().collect();
    let [_, _, _, year, _, "GMT"] = words.as_slice() else { return None };
    let full = match (year.len(), year.parse().ok()?) {
        (2, short @ 70..=99) => format!("19{short}"),
        (2, short @ 0..=69_u16) => format!("20{short:02}"),
        _ => (*year).to_owned(),
    };
    words[3] = &full;
    let at = jiff::fmt::rfc2822::parse(&words.join(" ")).ok()?.timestamp().as_second();
    Some(at - now.as_seconds())
}

/// Default path of a cookie without `Path`: the directory of the request path (RFC 6265, 5.1.4).
fn default_path(target: &[u8]) -> Option<String> {
    let path = target.split(|byte| *byte == b'?').next()?;
    let folder = path.iter().rposition(|byte| *byte == b'/').map_or(&b""[..], |end| &path[..end]);
    header_text(if folder.starts_with(b"/") { folder } else { b"/" })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BY: SetCookieContext<'_> = SetCookieContext {
        upstream: "app",
        host: "shop.example.com",
        target: b"/a/b/page?x=/y/z",
        now: Timestamp::from_millis(1_700_000_000_000),
    };

    fn read(line: &str) -> Option<AppCookie> {
        lasting(line).map(|(cookie, _)| cookie)
    }

    fn lasting(line: &str) -> Option<(AppCookie, CookieLifetime)> {
        AppCookie::parse(&HeaderValue::from_str(line).unwrap(), BY)
    }

    #[test]
    fn a_cookie_is_dropped_by_what_a_browser_knows_it_by() {
        const END: &str = "; Max-Age=0; Secure";
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
            assert_eq!(read(line).map(|cookie| cookie.deletion(true)), dropped, "{line}");
        }
        let partitioned = read("__Host-a=1; Secure; Path=/; Partitioned").unwrap();
        assert!(partitioned.deletion(false).ends_with("; Secure; Partitioned"));
        assert!(!read("a=1").unwrap().deletion(false).contains("Secure"));
        let at = |target: &'static [u8]| {
            AppCookie::parse(&HeaderValue::from_static("a=1"), SetCookieContext { target, ..BY }).unwrap().0.path
        };
        assert_eq!([at(b"/"), at(b"/x"), at(b"/x/"), at(b"*")], ["/", "/", "/x", "/"]);
        let by_ip = SetCookieContext { host: "192.0.2.1", ..BY };
        assert_eq!(AppCookie::parse(&HeaderValue::from_static("a=1; Domain=0.2.1"), by_ip), None);
        let (own, _) = AppCookie::parse(&HeaderValue::from_static("a=1; Domain=192.0.2.1"), by_ip).unwrap();
        assert_eq!(own.domain, None);
    }

    #[test]
    fn a_deletion_is_told_from_a_cookie() {
        for (line, lifetime) in [
            ("a=1", CookieLifetime::Long),
            ("a=; Max-Age=0", CookieLifetime::Deleted),
            ("a=; max-age=-5", CookieLifetime::Deleted),
            ("a=1; Max-Age=0; Max-Age=+5", CookieLifetime::Long),
            ("a=1; Max-Age=0; Max-Age=5", CookieLifetime::Long),
            ("a=1; Max-Age=5; Max-Age=0", CookieLifetime::Long),
            ("a=1; Max-Age=0; Max-Age=\"5\"", CookieLifetime::Long),
            ("a=1; Max-Age=0; Max-Age", CookieLifetime::Long),
            ("a=1; Max-Age=0; Max-Age=0", CookieLifetime::Deleted),
            ("a=1; Max-Age=0; Expires=soon", CookieLifetime::Long),
            ("a=1; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT", CookieLifetime::Deleted),
            ("a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Expires=Thu, 01 Jan 2099 00:00:00 GMT", CookieLifetime::Long),
            ("a=1; Max-Age=60", CookieLifetime::Short(60)),
            ("a=1; Max-Age=86401", CookieLifetime::Long),
            ("a=1; Max-Age=99999999999999999999", CookieLifetime::Long),
            ("a=1; Max-Age=x", CookieLifetime::Long),
            ("a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT", CookieLifetime::Deleted),
            ("a=; Expires=Thu, 01-Jan-1970 00:00:00 GMT", CookieLifetime::Deleted),
            ("a=1; Expires=Tue, 14 Nov 2023 22:14:20 GMT", CookieLifetime::Short(60)),
            ("a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=100000", CookieLifetime::Long),
            ("a=1; Expires=soon", CookieLifetime::Long),
            ("a=; Expires=Thu, 01-Jan-70 00:00:00 GMT", CookieLifetime::Deleted),
            ("a=1; Expires=Thu, 01 Jan 1970 00:00:00 +0530", CookieLifetime::Long),
            ("a=1; Expires=Sun, 14 Nov 55 22:14:20 GMT", CookieLifetime::Long),
        ] {
            assert_eq!(lasting(line).unwrap().1, lifetime, "{line}");
        }
    }
}
