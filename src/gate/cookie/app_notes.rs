//! Cookies that apps have set in a browser, remembered there until they are taken from it.
//!
//! Each is written into a helper cookie of ours, in the answer that sets it, signed. So no store is asked, each replica knows
//! them, they outlive the session however it ends, and two answers at once lose nothing. Cookies that a script sets never pass
//! here, and are not known.

use http::HeaderMap;

use super::{AppCookie, CookieNames, Lifetime, Shown, each, find};
use crate::secret::Key;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Timestamp,
        gate::cookie::{DEFAULT_NAME, SetBy},
    };
    use http::HeaderValue;

    const BY: SetBy<'_> = SetBy {
        upstream: "app",
        host: "shop.example.com",
        target: b"/",
        now: Timestamp::from_millis(1_700_000_000_000),
    };

    fn read(line: &str) -> Option<AppCookie> {
        AppCookie::read(&HeaderValue::from_str(line).unwrap(), BY).map(|(cookie, _)| cookie)
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
}
