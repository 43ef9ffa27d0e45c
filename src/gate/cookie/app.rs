//! Cookies that apps have set in a browser, remembered there until they are taken from it.
//!
//! Each is written into a helper cookie of ours, in the answer that sets it: name, `Domain` and `Path`, which are what a browser
//! knows a cookie by, signed. So no store is asked, each replica knows them, they outlive the session however it ends, and two
//! answers at once lose nothing. What a script sets never passes here, and is not known.

use http::{HeaderMap, HeaderValue};
use serde::{Serialize, Serializer};

use super::{CookieNames, Shown, each, find, parts, trim};
use crate::{clock::Timestamp, secret::Key};

/// Cookies of apps that are remembered in one browser.
const MOST: usize = 32;
/// Longest value of a helper cookie.
const LONGEST: usize = 512;
/// Characters of a signature: 132 bits.
const SIGNATURE: usize = 22;
/// Characters in the name of a helper cookie that tell it from others: 60 bits.
const LABEL: usize = 10;
/// Bytes of all helper cookies of a browser, names included: they come with each request.
const MOST_BYTES: usize = 6 * 1024;
/// Seconds for which a helper cookie is kept: 400 days, the most that browsers keep any.
const KEPT: i64 = 34_560_000;
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
    /// Now, to tell a date that lies in the past.
    pub now: Timestamp,
}

/// How long a browser keeps a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// Until its window closes, or for longer than a day.
    Long,
    /// For so many seconds, a day at most.
    Short(i64),
    /// Not at all: the answer deletes it.
    Over,
}

impl Lifetime {
    /// A day in seconds.
    const DAY: i64 = 86_400;

    const fn of(seconds: i64) -> Self {
        match seconds {
            ..=0 => Self::Over,
            1..=Self::DAY => Self::Short(seconds),
            _ => Self::Long,
        }
    }
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
    /// Reads a `Set-Cookie` as browsers do (RFC 6265bis, 5.6 and 5.7), and for how long it is. None: no browser takes it, or it
    /// cannot be written down.
    #[must_use]
    pub fn read(line: &HeaderValue, by: SetBy<'_>) -> Option<(Self, Lifetime)> {
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
        let (mut max_age, mut expires) = (None, None);
        for piece in pieces {
            let (attribute, value) = parts(piece);
            let value = value.unwrap_or_default();
            match attribute.to_ascii_lowercase().as_slice() {
                b"domain" => cookie.domain = Some(text(value)?.trim_start_matches('.').to_ascii_lowercase()),
                b"path" if value.starts_with(b"/") => cookie.path = text(value)?,
                b"path" => cookie.path = default_path(by.target)?,
                b"max-age" => max_age = seconds(value).or(max_age),
                b"expires" => expires = seconds_until(value, by.now).or(expires),
                b"secure" => cookie.secure = true,
                b"partitioned" => cookie.partitioned = true,
                _ => {}
            }
        }
        let lifetime = max_age.or(expires).map_or(Lifetime::Long, Lifetime::of);
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
    /// The browser has it written down already, or needs not.
    Known,
    /// There is no room: it will stay in the browser.
    NoRoom,
    /// A helper cookie to be set: its name and its `Set-Cookie`.
    New(String, String),
    /// A helper cookie to be dropped, as what it names is: its name and its `Set-Cookie`.
    Gone(String, String),
}

impl AppCookies {
    /// Under these names, signed with this key.
    #[must_use]
    pub fn new(names: &CookieNames, key: Key) -> Self {
        Self { prefix: format!("{}-app-", names.session), secure: names.secure, key }
    }

    /// What to do about a cookie that an app sets in a browser that sends these headers; `more` are the `Set-Cookie`s of helper
    /// cookies that the same answer has already.
    #[must_use]
    pub fn note(
        &self,
        headers: &HeaderMap,
        cookie: &AppCookie,
        lifetime: Lifetime,
        more: &[(String, String)],
    ) -> Noted {
        let (name, value) = self.written(cookie);
        let is_known = find(headers, &name) == Shown::One(value.as_bytes());
        match lifetime {
            Lifetime::Over if is_known => return Noted::Gone(name.clone(), self.dropped(&name)),
            Lifetime::Over => return Noted::Known,
            Lifetime::Long if is_known => return Noted::Known,
            // Its helper lives no longer than it, and so as long again.
            Lifetime::Long | Lifetime::Short(_) => {}
        }
        let known = self.known(headers);
        let bytes: usize = known.iter().map(|(name, cookie)| name.len() + self.written(cookie).1.len()).sum();
        let others = more.iter().filter(|(other, _)| *other != name);
        let (count, more) = others.fold((0, 0), |(count, bytes), (_, line)| (count + 1, bytes + line.len()));
        let is_full = known.len() + count >= MOST || bytes + more + name.len() + value.len() > MOST_BYTES;
        if !is_known && is_full || value.len() > LONGEST {
            return Noted::NoRoom;
        }
        let seconds = if let Lifetime::Short(seconds) = lifetime { seconds } else { KEPT };
        let line = self.set(&name, &value, seconds);
        Noted::New(name, line)
    }

    /// Names of helper cookies in these headers that we did not sign, or not with this secret: nothing is known by them.
    pub fn unknown<'h>(&'h self, headers: &'h HeaderMap) -> impl Iterator<Item = String> + 'h {
        let known: Vec<String> = self.known(headers).into_iter().map(|(name, _)| name).collect();
        let ours = each(headers).filter(|(name, _)| name.starts_with(self.prefix.as_bytes()));
        ours.filter_map(move |(name, _)| {
            let name = std::str::from_utf8(name).ok()?;
            let is_token = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
            (is_token && !known.iter().any(|one| one == name)).then(|| name.to_owned())
        })
        .take(2 * MOST)
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

    fn set(&self, name: &str, value: &str, seconds: i64) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        format!("{name}={value}; HttpOnly; SameSite=Lax{secure}; Path=/; Max-Age={seconds}")
    }

    /// The `Set-Cookie` by which a browser drops a helper cookie.
    #[must_use]
    pub fn dropped(&self, name: &str) -> String {
        self.set(name, "", 0)
    }

    /// The `Set-Cookie`s by which a browser drops a cookie of an app, and what was written down of it.
    #[must_use]
    pub fn expired(&self, name: &str, cookie: &AppCookie) -> [String; 2] {
        [cookie.expired(self.secure), self.dropped(name)]
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

/// A `Max-Age` (RFC 6265bis, 5.6.2); none where browsers ignore it.
fn seconds(value: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(value).ok()?;
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(if text.starts_with('-') { i64::MIN } else { i64::MAX }))
}

/// Seconds until an `Expires`; none where it is no date of HTTP.
fn seconds_until(value: &[u8], now: Timestamp) -> Option<i64> {
    // Netscape's form has hyphens in its date.
    let text = std::str::from_utf8(value).ok()?.replace('-', " ");
    let at = jiff::fmt::rfc2822::parse(&text).ok()?.timestamp().as_second();
    Some(at - now.as_seconds())
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

    const BY: SetBy<'_> = SetBy {
        upstream: "app",
        host: "shop.example.com",
        target: b"/a/b/page?x=/y/z",
        now: Timestamp::from_millis(1_700_000_000_000),
    };

    fn read(line: &str) -> Option<AppCookie> {
        lasting(line).map(|(cookie, _)| cookie)
    }

    fn lasting(line: &str) -> Option<(AppCookie, Lifetime)> {
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
            AppCookie::read(&HeaderValue::from_static("a=1"), SetBy { target, ..BY }).unwrap().0.path
        };
        assert_eq!([at(b"/"), at(b"/x"), at(b"/x/"), at(b"*")], ["/", "/", "/x", "/"]);
        let by_ip = SetBy { host: "192.0.2.1", ..BY };
        assert_eq!(AppCookie::read(&HeaderValue::from_static("a=1; Domain=0.2.1"), by_ip), None);
        let (own, _) = AppCookie::read(&HeaderValue::from_static("a=1; Domain=192.0.2.1"), by_ip).unwrap();
        assert_eq!(own.domain, None);
    }

    #[test]
    fn what_is_written_down_is_read_again_and_nothing_else() {
        let cookies = AppCookies::new(&CookieNames::new(true, DEFAULT_NAME), Key::new(b"key"));
        let cookie = read("session=1; Path=/app; Domain=example.com; Secure").unwrap();
        let Noted::New(name, line) = cookies.note(&HeaderMap::new(), &cookie, Lifetime::Long, &[]) else {
            panic!("it is new")
        };
        let value = line.split(['=', ';']).nth(1).unwrap().to_owned();
        assert!(name.starts_with("__Host-portcullis-app-"), "{name}");
        let sent = |pairs: &[(&str, &str)]| {
            let line: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
            HeaderMap::from_iter([(http::header::COOKIE, HeaderValue::from_str(&line.join("; ")).unwrap())])
        };
        let headers = sent(&[("a", "b"), (&name, &value)]);
        assert_eq!(cookies.known(&headers), [(name.clone(), cookie.clone())]);
        assert_eq!(cookies.note(&headers, &cookie, Lifetime::Long, &[]), Noted::Known);
        let Noted::Gone(gone, _) = cookies.note(&headers, &cookie, Lifetime::Over, &[]) else {
            panic!("it is deleted")
        };
        assert_eq!(gone, name);
        let Noted::New(_, line) = cookies.note(&headers, &cookie, Lifetime::Short(60), &[]) else {
            panic!("it is renewed")
        };
        assert!(line.ends_with("; Max-Age=60"), "{line}");
        let other = AppCookies::new(&CookieNames::new(true, DEFAULT_NAME), Key::new(b"another"));
        assert_eq!(other.known(&headers), [], "signed by another installation");
        assert_eq!(other.unknown(&headers).collect::<Vec<_>>().concat(), name, "and dropped with the others");
        assert_eq!(cookies.unknown(&headers).count(), 0);
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
        let filled = |count: usize, name: &str| {
            let written = (0..count).map(|at| {
                let (name, value) = cookies.written(&read(&format!("{name}{at}=1")).unwrap());
                format!("{name}={value}")
            });
            let line = written.collect::<Vec<_>>().join("; ");
            HeaderMap::from_iter([(http::header::COOKIE, HeaderValue::from_str(&line).unwrap())])
        };
        let note = |headers: &HeaderMap, line: &str| cookies.note(headers, &read(line).unwrap(), Lifetime::Long, &[]);
        assert_eq!(note(&filled(MOST, "a"), "b=1"), Noted::NoRoom);
        assert!(matches!(note(&filled(MOST - 1, "a"), "b=1"), Noted::New(..)));
        assert_eq!(note(&filled(20, &"a".repeat(240)), "b=1"), Noted::NoRoom, "long ones fill it sooner");
        assert_eq!(note(&HeaderMap::new(), &format!("{}=1", "a".repeat(LONGEST))), Noted::NoRoom);
        let forged = (0..MOST).map(|at| format!("__Host-portcullis-app-{at}=x")).collect::<Vec<_>>().join("; ");
        let forged = HeaderMap::from_iter([(http::header::COOKIE, HeaderValue::from_str(&forged).unwrap())]);
        assert!(matches!(note(&forged, "b=1"), Noted::New(..)), "what is not signed takes no room");
    }

    #[test]
    fn a_deletion_is_told_from_a_cookie() {
        for (line, lifetime) in [
            ("a=1", Lifetime::Long),
            ("a=; Max-Age=0", Lifetime::Over),
            ("a=; max-age=-5", Lifetime::Over),
            ("a=1; Max-Age=60", Lifetime::Short(60)),
            ("a=1; Max-Age=86401", Lifetime::Long),
            ("a=1; Max-Age=99999999999999999999", Lifetime::Long),
            ("a=1; Max-Age=x", Lifetime::Long),
            ("a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT", Lifetime::Over),
            ("a=; Expires=Thu, 01-Jan-1970 00:00:00 GMT", Lifetime::Over),
            ("a=1; Expires=Tue, 14 Nov 2023 22:14:20 GMT", Lifetime::Short(60)),
            ("a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=100000", Lifetime::Long),
            ("a=1; Expires=soon", Lifetime::Long),
        ] {
            assert_eq!(lasting(line).unwrap().1, lifetime, "{line}");
        }
    }
}
