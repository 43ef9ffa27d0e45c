//! Cookies that apps have set in a browser, remembered there until they are taken from it.
//!
//! They are written into helper cookies of ours, in the answer that sets them, signed. So no store is asked, each replica knows
//! them, and they outlive the session however it ends. Cookies that a script sets never pass here, and are not known.
//!
//! Invariant: a browser keeps at most [`SLOTS`] helper cookies, however many answers come at once, since there are no more names
//! than that (`wire::next_visitor_steps::answers_at_once_fill_no_more_than_the_slots`). An answer writes its cookies into the slot that
//! its first one leads to, or the next with room, beside what that slot holds. Of answers at once that choose one slot for different
//! cookies the last one holds: what the others set is written down when it is set again.

use http::HeaderMap;

use super::{AppCookie, CookieNames, Lifetime, each};
use crate::{clock::Timestamp, secret::Key};

/// Helper cookies of one browser.
const SLOTS: usize = 20;
/// Longest value of a helper cookie: all of them, names included, stay below 7 KiB. They come with each request.
const LONGEST: usize = 280;
/// Cookies of apps that are remembered in one browser.
const MOST: usize = 32;
/// Characters of a signature: 132 bits.
const SIGNATURE: usize = 22;
/// Seconds for which a helper cookie is kept: 400 days, the most that browsers keep any.
const KEPT: i64 = 34_560_000;
/// Bytes of a field line beside its value: `Set-Cookie: ` and the end of the line.
const LINE: usize = 14;
const DAY: i64 = 86_400;
const PURPOSE: &str = "cookies of apps";

/// Writes cookies of apps into helper cookies, and reads them.
#[derive(Clone, Debug)]
pub struct AppCookies {
    prefix: String,
    secure: bool,
    key: Key,
}

/// `Set-Cookie`s of an answer that sets cookies of an app.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Those of helper cookies.
    pub lines: Vec<String>,
    /// Cookies for which there is no room: they will stay in the browser.
    pub left_out: usize,
}

/// `Set-Cookie`s by which a browser drops cookies of apps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clearing {
    /// Within the bytes that were allowed.
    pub lines: Vec<String>,
    /// Whether nothing is left for another answer.
    pub is_complete: bool,
}

/// A cookie as it is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Note {
    cookie: AppCookie,
    /// The last day on which it needs to be known, since the Unix epoch. None: as long as can be.
    until: Option<i64>,
    /// Whether nobody had signed in when it was set.
    by_guest: bool,
}

/// Behind the day of a cookie that was set while nobody had signed in.
const GUEST: &str = "g";

impl AppCookies {
    /// Under these names, signed with this key.
    #[must_use]
    pub fn new(names: &CookieNames, key: Key) -> Self {
        Self { prefix: format!("{}-app-", names.session), secure: names.secure, key }
    }

    /// Writes down the cookies that one answer sets in a browser that sends these headers. Of several of one identity the last
    /// one holds, as in a browser. `by_guest`: nobody has signed in.
    #[must_use]
    pub fn note(&self, headers: &HeaderMap, set: &[(AppCookie, Lifetime)], by_guest: bool, now: Timestamp) -> Notes {
        let today = now.as_seconds().div_euclid(DAY);
        let mut slots = self.slots(headers);
        for notes in &mut slots {
            notes.retain(|note| note.until.is_none_or(|until| until >= today));
        }
        let mut changed = [false; SLOTS];
        let mut left_out = 0;
        let mut begin = None;
        for (cookie, lifetime) in set {
            let known = slots
                .iter()
                .enumerate()
                .find_map(|(slot, notes)| notes.iter().position(|note| note.cookie == *cookie).map(|at| (slot, at)));
            let needed = match lifetime {
                Lifetime::Long => None,
                Lifetime::Short(seconds) => Some(now.as_seconds().saturating_add(*seconds).div_euclid(DAY)),
                Lifetime::Over => {
                    if let Some((slot, at)) = known {
                        slots[slot].remove(at);
                        changed[slot] = true;
                    }
                    continue;
                }
            };
            // A day longer: a cookie that each answer sets anew is written down once a day.
            let until = needed.map(|day| day + 1);
            if let Some((slot, at)) = known {
                let held = slots[slot][at].until;
                if held.is_some_and(|held| needed.is_none_or(|needed| held < needed)) {
                    slots[slot][at].until = until;
                    changed[slot] = true;
                }
                if slots[slot][at].by_guest && !by_guest {
                    slots[slot][at].by_guest = false;
                    changed[slot] = true;
                }
                continue;
            }
            let note = Note { cookie: cookie.clone(), until, by_guest };
            let begin = *begin.get_or_insert_with(|| self.first_slot(cookie));
            let with_room = (begin..SLOTS).chain(0..begin).find(|slot| has_room(&slots[*slot], &note));
            match with_room.filter(|_| slots.iter().map(Vec::len).sum::<usize>() < MOST) {
                Some(slot) => {
                    slots[slot].push(note);
                    changed[slot] = true;
                }
                None => left_out += 1,
            }
        }
        let written = (0..SLOTS).filter(|slot| changed[*slot]).map(|slot| self.set(slot, &slots[slot], now));
        Notes { lines: written.collect(), left_out }
    }

    /// Takes cookies of apps, and what is written down of them, from a browser that sends these headers: those that `applies`
    /// to (the flag: it was set while nobody had signed in), within so many bytes of field lines. Helper cookies that we did
    /// not sign, or not with this secret, go where there is room: nothing is known by them.
    #[must_use]
    pub fn clear(
        &self,
        headers: &HeaderMap,
        applies: impl Fn(&AppCookie, bool) -> bool,
        bytes: usize,
        now: Timestamp,
    ) -> Clearing {
        let mut clearing = Clearing { lines: Vec::new(), is_complete: true };
        let mut used = 0;
        let mut take = |lines: Vec<String>, clearing: &mut Clearing| {
            let size: usize = lines.iter().map(|line| line.len() + LINE).sum();
            let fits = size <= bytes.saturating_sub(used);
            if fits {
                used += size;
                clearing.lines.extend(lines);
            }
            fits
        };
        let slots = self.slots(headers);
        for (slot, notes) in slots.iter().enumerate() {
            let (gone, kept): (Vec<Note>, Vec<Note>) =
                notes.iter().cloned().partition(|note| applies(&note.cookie, note.by_guest));
            if gone.is_empty() {
                continue;
            }
            let mut lines: Vec<String> = gone.iter().map(|note| note.cookie.expired(self.secure)).collect();
            lines.push(self.set(slot, &kept, now));
            clearing.is_complete &= take(lines, &mut clearing);
        }
        for (slot, _) in self.shown(headers).filter(|(slot, _)| slots[*slot].is_empty()) {
            take(vec![self.set(slot, &[], now)], &mut clearing);
        }
        clearing
    }

    /// Helper cookies that a browser shows, signed or not: only what has one of the names that we make.
    fn shown<'h>(&'h self, headers: &'h HeaderMap) -> impl Iterator<Item = (usize, &'h [u8])> + 'h {
        each(headers).filter_map(|(name, value)| {
            let [tens @ b'0'..=b'9', units @ b'0'..=b'9'] = name.strip_prefix(self.prefix.as_bytes())? else {
                return None;
            };
            let slot = usize::from(tens - b'0') * 10 + usize::from(units - b'0');
            (slot < SLOTS).then_some((slot, value.unwrap_or_default()))
        })
    }

    fn slots(&self, headers: &HeaderMap) -> [Vec<Note>; SLOTS] {
        let mut slots = [const { Vec::new() }; SLOTS];
        for (slot, value) in self.shown(headers) {
            if slots[slot].is_empty() {
                slots[slot] = self.read(slot, value).unwrap_or_default();
            }
        }
        slots
    }

    fn read(&self, slot: usize, value: &[u8]) -> Option<Vec<Note>> {
        let (signature, text) = std::str::from_utf8(value).ok()?.split_at_checked(SIGNATURE)?;
        let text = decoded(text)?;
        if self.signature(slot, &text) != signature {
            return None;
        }
        text.split('\t').map(Note::read).collect()
    }

    /// The `Set-Cookie` of a helper cookie: one that drops it where nothing is to be written down.
    fn set(&self, slot: usize, notes: &[Note], now: Timestamp) -> String {
        let (prefix, secure) = (&self.prefix, if self.secure { "; Secure" } else { "" });
        if notes.is_empty() {
            return format!("{prefix}{slot:02}=; Path=/; Max-Age=0{secure}");
        }
        let text = text_of(notes);
        let signature = self.signature(slot, &text);
        let until =
            notes.iter().map(|note| note.until).collect::<Option<Vec<_>>>().and_then(|days| days.into_iter().max());
        let seconds = until.map_or(KEPT, |day| (day + 1) * DAY - now.as_seconds()).clamp(1, KEPT);
        let value = encoded(&text);
        format!("{prefix}{slot:02}={signature}{value}; HttpOnly; SameSite=Lax{secure}; Path=/; Max-Age={seconds}")
    }

    fn signature(&self, slot: usize, text: &str) -> String {
        let mut signature = self.key.blind(PURPOSE, &format!("{slot}\t{text}"));
        signature.truncate(SIGNATURE);
        signature
    }

    fn first_slot(&self, cookie: &AppCookie) -> usize {
        let blind = self.key.blind(PURPOSE, &cookie.to_text());
        blind.bytes().take(8).fold(0, |sum: usize, byte| (sum * 64 + usize::from(byte)) % SLOTS)
    }
}

impl Note {
    fn to_text(&self) -> String {
        let until = self.until.map(|day| day.to_string()).unwrap_or_default();
        let guest = if self.by_guest { GUEST } else { "" };
        format!("{}\n{until}{guest}", self.cookie.to_text())
    }

    fn read(text: &str) -> Option<Self> {
        let (cookie, until) = text.rsplit_once('\n')?;
        let (until, by_guest) = until.strip_suffix(GUEST).map_or((until, false), |until| (until, true));
        let until = if until.is_empty() { None } else { Some(until.parse().ok()?) };
        Some(Self { cookie: AppCookie::from_text(cookie)?, until, by_guest })
    }
}

fn text_of(notes: &[Note]) -> String {
    notes.iter().map(Note::to_text).collect::<Vec<_>>().join("\t")
}

fn has_room(notes: &[Note], more: &Note) -> bool {
    let text = notes.iter().map(|note| note.to_text().len() + 1).sum::<usize>() + more.to_text().len();
    SIGNATURE + (text * 4).div_ceil(3) <= LONGEST
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
    use crate::gate::cookie::{DEFAULT_NAME, SetBy};
    use http::{HeaderValue, header};

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
    const BY: SetBy<'_> = SetBy { upstream: "app", host: "shop.example.com", target: b"/", now: NOW };

    fn read(line: &str) -> AppCookie {
        AppCookie::read(&HeaderValue::from_str(line).unwrap(), BY).unwrap().0
    }

    fn cookies(key: &[u8]) -> AppCookies {
        AppCookies::new(&CookieNames::new(true, DEFAULT_NAME), Key::new(key))
    }

    fn long(lines: &[String]) -> Vec<(AppCookie, Lifetime)> {
        lines.iter().map(|line| (read(line), Lifetime::Long)).collect()
    }

    fn numbered(name: &str, count: usize) -> Vec<(AppCookie, Lifetime)> {
        long(&(0..count).map(|at| format!("{name}{at}=1")).collect::<Vec<_>>())
    }

    /// What a browser sends that was given these lines.
    fn sent(lines: &[String]) -> HeaderMap {
        let pairs: Vec<_> = lines.iter().map(|line| line.split(';').next().unwrap()).collect();
        HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(&pairs.join("; ")).unwrap())])
    }

    fn noted(cookies: &AppCookies, headers: &HeaderMap) -> Vec<AppCookie> {
        cookies.slots(headers).into_iter().flatten().map(|note| note.cookie).collect()
    }

    #[test]
    fn what_is_written_down_is_read_again_and_nothing_else() {
        let ours = cookies(b"key");
        let set = long(&["session=1; Path=/app; Domain=example.com; Secure".to_owned(), "b=1".to_owned()]);
        let notes = ours.note(&HeaderMap::new(), &set, false, NOW);
        assert_eq!((notes.lines.len(), notes.left_out), (1, 0), "one helper cookie for one answer");
        let line = &notes.lines[0];
        assert!(line.starts_with("__Host-portcullis-app-") && line.ends_with("; Max-Age=34560000"), "{line}");
        let headers = sent(&notes.lines);
        assert_eq!(noted(&ours, &headers), set.iter().map(|(cookie, _)| cookie.clone()).collect::<Vec<_>>());
        assert_eq!(ours.note(&headers, &set, false, NOW), Notes::default(), "what is known is not written again");
        let gone = ours.note(&headers, &[(set[0].0.clone(), Lifetime::Over)], false, NOW);
        assert_eq!(noted(&ours, &sent(&gone.lines)), [set[1].0.clone()], "what the app deletes");
        let theirs = cookies(b"another");
        assert_eq!(noted(&theirs, &headers), [], "signed by another installation");
        let dropped = theirs.clear(&headers, |_, _| true, 1_000, NOW);
        assert!(dropped.is_complete && dropped.lines.len() == 1 && dropped.lines[0].contains("=; Path=/; Max-Age=0"));
        let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
        let moved = format!("{}{}=", &name[..name.len() - 2], if name.ends_with("07") { "08" } else { "07" });
        for other in [
            moved + value,
            format!("{name}={}{}", if value.starts_with('A') { "B" } else { "A" }, &value[1..]),
            format!("{name}="),
            format!("{name}={}", &value[..30]),
        ] {
            assert_eq!(noted(&ours, &sent(std::slice::from_ref(&other))), [], "{other}");
        }
    }

    #[test]
    fn a_helper_cookie_lives_as_long_as_what_it_names_and_is_not_written_with_each_answer() {
        let ours = cookies(b"key");
        let set = [(read("nonce=1"), Lifetime::Short(600))];
        let first = ours.note(&HeaderMap::new(), &set, false, NOW).lines;
        let seconds: i64 = first[0].rsplit('=').next().unwrap().parse().unwrap();
        assert!((600..=3 * DAY).contains(&seconds), "{seconds}");
        let headers = sent(&first);
        let later = |seconds: i64| Timestamp::from_millis((NOW.as_seconds() + seconds) * 1_000);
        assert_eq!(ours.note(&headers, &set, false, later(3_600)), Notes::default());
        assert_eq!(ours.note(&headers, &set, false, later(3 * DAY)).lines.len(), 1, "renewed");
        let lasting = ours.note(&headers, &[(read("nonce=1"), Lifetime::Long)], false, NOW).lines;
        assert!(lasting[0].ends_with(&format!("Max-Age={KEPT}")), "{lasting:?}");
    }

    #[test]
    fn so_many_are_written_down_and_no_more() {
        let ours = cookies(b"key");
        let full = ours.note(&HeaderMap::new(), &numbered("a", 2 * MOST), false, NOW);
        assert_eq!(full.left_out, MOST);
        let headers = sent(&full.lines);
        assert_eq!(noted(&ours, &headers).len(), MOST);
        assert_eq!(ours.note(&headers, &long(&["b=1".to_owned()]), false, NOW).left_out, 1);
        assert_eq!(
            ours.note(&HeaderMap::new(), &long(&[format!("{}=1", "a".repeat(LONGEST))]), false, NOW).left_out,
            1
        );
        let long_ones = ours.note(&HeaderMap::new(), &numbered(&"a".repeat(170), MOST), false, NOW);
        assert_eq!(long_ones.lines.len(), SLOTS, "each fills a helper cookie");
        let bytes: usize = long_ones.lines.iter().map(|line| line.split(';').next().unwrap().len() + 2).sum();
        assert!(bytes < 7 * 1024, "{bytes}");
    }

    #[test]
    fn they_are_taken_away_in_as_many_answers_as_it_needs() {
        let ours = cookies(b"key");
        let all = ours.note(&HeaderMap::new(), &numbered(&"a".repeat(60), 30), false, NOW).lines;
        let mut kept = all.clone();
        let (mut gone, mut answers) = (0, 0);
        loop {
            let clearing = ours.clear(&sent(&kept), |_, _| true, 2_000, NOW);
            let bytes: usize = clearing.lines.iter().map(|line| line.len() + LINE).sum();
            assert!(bytes <= 2_000 && answers < 10, "{bytes}");
            answers += 1;
            gone += clearing.lines.iter().filter(|line| !line.contains("portcullis")).count();
            let name = |line: &String| line.split('=').next().unwrap().to_owned();
            kept.retain(|line| !clearing.lines.iter().any(|dropped| name(dropped) == name(line)));
            assert_eq!(clearing.is_complete, kept.is_empty());
            if clearing.is_complete {
                break;
            }
        }
        assert!(gone == 30 && answers > 1, "{gone} in {answers}");
        let none = ours.clear(&sent(&all), |_, _| false, 2_000, NOW);
        assert_eq!(none, Clearing { lines: Vec::new(), is_complete: true });
    }

    #[test]
    fn helper_cookies_of_another_installation_are_left_alone() {
        let names = [
            "portcullis-app-device",
            "portcullis-app-last",
            "portcullis-app-app-07",
            "portcullis-app-99",
            "portcullis-app-1",
        ];
        let headers = sent(&names.map(|name| format!("__Host-{name}=x")));
        assert_eq!(cookies(b"key").clear(&headers, |_, _| true, 2_000, NOW).lines, [""; 0]);
    }
}
