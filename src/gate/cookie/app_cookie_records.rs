//! Cookies that apps have set in a browser, remembered there until they are taken from it.
//!
//! They are written into helper cookies of ours, in the answer that sets them, signed. So no store is asked, each replica knows
//! them, and they outlive the session however it ends. Cookies that a script sets never pass here, and are not known.
//!
//! Invariant: a browser keeps at most [`SLOTS`] helper cookies, however many answers come at once, since there are no more
//! names
//! than that (`wire::next_visitor_steps::answers_at_once_fill_no_more_than_the_slots`). An answer writes its cookies into the
//! slot that
//! its first one leads to, or the next with room, beside what that slot holds. Of answers at once that choose one slot for
//! different
//! cookies the last one holds: what the others set is written down when it is set again.

use http::HeaderMap;

use super::{AppCookie, CookieLifetime, CookieNames, cookies};
use crate::{clock::Timestamp, secret::SecretKey};

/// Helper cookies of one browser.
const SLOTS: usize = 20;
/// Longest value of a helper cookie: all of them, names included, stay below 7 KiB. They come with each request.
const MAX_VALUE_CHARS: usize = 280;
/// Cookies of apps that are remembered in one browser.
const MAX_RECORDS: usize = 32;
/// Characters of a signature: 132 bits.
const SIGNATURE_CHARS: usize = 22;
/// Seconds for which a helper cookie is kept: 400 days, the most that browsers keep any.
const MAX_AGE_SECONDS: i64 = 34_560_000;
/// Bytes of a field line beside its value: `Set-Cookie: ` and the end of the line.
const FIELD_LINE_OVERHEAD: usize = 14;
const DAY: i64 = 86_400;
const PURPOSE: &str = "cookies of apps";

/// Writes cookies of apps into helper cookies, and reads them.
#[derive(Clone, Debug)]
pub struct AppCookieRecorder {
    prefix: String,
    secure: bool,
    key: SecretKey,
}

/// `Set-Cookie`s of an answer that sets cookies of an app.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordedCookies {
    /// `Set-Cookie` values of helper cookies.
    pub lines: Vec<String>,
    /// Number of cookies without room in the records: they are never deleted from the browser.
    pub left_out: usize,
}

/// `Set-Cookie`s by which a browser drops cookies of apps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClearedCookies {
    /// `Set-Cookie` values within the byte budget.
    pub lines: Vec<String>,
    /// Whether all deletions fitted; else the next response continues.
    pub is_complete: bool,
}

/// Record of one cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
struct CookieRecord {
    cookie: AppCookie,
    /// The last day on which it needs to be known, since the Unix epoch. None: as long as can be.
    until: Option<i64>,
    /// Whether nobody had signed in when it was set.
    by_guest: bool,
}

/// Behind the day of a cookie that was set while nobody had signed in.
const GUEST_FLAG: &str = "g";

impl AppCookieRecorder {
    /// Creates records under these cookie names, signed with this key.
    #[must_use]
    pub fn new(names: &CookieNames, key: SecretKey) -> Self {
        Self { prefix: format!("{}-app-", names.session), secure: names.secure, key }
    }

    /// Writes down the cookies that one answer sets in a browser that sends these headers. Of several of one identity the last
    /// one holds, as in a browser. `by_guest`: nobody has signed in.
    #[must_use]
    pub fn record(
        &self,
        headers: &HeaderMap,
        set: &[(AppCookie, CookieLifetime)],
        by_guest: bool,
        now: Timestamp,
    ) -> RecordedCookies {
        let today = now.as_seconds().div_euclid(DAY);
        let mut slots = self.slots(headers);
        for records in &mut slots {
            records.retain(|record| record.until.is_none_or(|until| until >= today));
        }
        let mut changed = [false; SLOTS];
        let mut left_out = 0;
        let mut start = None;
        for (cookie, lifetime) in set {
            let known = slots.iter().enumerate().find_map(|(slot, records)| {
                records.iter().position(|record| record.cookie == *cookie).map(|at| (slot, at))
            });
            let needed = match lifetime {
                CookieLifetime::Long => None,
                CookieLifetime::Short(seconds) => Some(now.as_seconds().saturating_add(*seconds).div_euclid(DAY)),
                CookieLifetime::Deleted => {
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
                let known_until = slots[slot][at].until;
                if known_until.is_some_and(|known_until| needed.is_none_or(|needed| known_until < needed)) {
                    slots[slot][at].until = until;
                    changed[slot] = true;
                }
                if slots[slot][at].by_guest && !by_guest {
                    slots[slot][at].by_guest = false;
                    changed[slot] = true;
                }
                continue;
            }
            let record = CookieRecord { cookie: cookie.clone(), until, by_guest };
            let start = *start.get_or_insert_with(|| self.first_slot(cookie));
            let with_room = (start..SLOTS).chain(0..start).find(|slot| has_room(&slots[*slot], &record));
            match with_room.filter(|_| slots.iter().map(Vec::len).sum::<usize>() < MAX_RECORDS) {
                Some(slot) => {
                    slots[slot].push(record);
                    changed[slot] = true;
                }
                None => left_out += 1,
            }
        }
        let written = (0..SLOTS).filter(|slot| changed[*slot]).map(|slot| self.slot_header(slot, &slots[slot], now));
        RecordedCookies { lines: written.collect(), left_out }
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
    ) -> ClearedCookies {
        let mut clearing = ClearedCookies { lines: Vec::new(), is_complete: true };
        let mut used = 0;
        let mut take = |lines: Vec<String>, clearing: &mut ClearedCookies| {
            let size: usize = lines.iter().map(|line| line.len() + FIELD_LINE_OVERHEAD).sum();
            let fits = size <= bytes.saturating_sub(used);
            if fits {
                used += size;
                clearing.lines.extend(lines);
            }
            fits
        };
        let slots = self.slots(headers);
        for (slot, records) in slots.iter().enumerate() {
            let (gone, kept): (Vec<CookieRecord>, Vec<CookieRecord>) =
                records.iter().cloned().partition(|record| applies(&record.cookie, record.by_guest));
            if gone.is_empty() {
                continue;
            }
            let mut lines: Vec<String> = gone.iter().map(|record| record.cookie.deletion(self.secure)).collect();
            lines.push(self.slot_header(slot, &kept, now));
            clearing.is_complete &= take(lines, &mut clearing);
        }
        for (slot, _) in self.record_cookies(headers).filter(|(slot, _)| slots[*slot].is_empty()) {
            take(vec![self.slot_header(slot, &[], now)], &mut clearing);
        }
        clearing
    }

    /// Helper cookies that a browser shows, signed or not: only what has one of the names that we make.
    fn record_cookies<'h>(&'h self, headers: &'h HeaderMap) -> impl Iterator<Item = (usize, &'h [u8])> + 'h {
        cookies(headers).filter_map(|(name, value)| {
            let [tens @ b'0'..=b'9', units @ b'0'..=b'9'] = name.strip_prefix(self.prefix.as_bytes())? else {
                return None;
            };
            let slot = usize::from(tens - b'0') * 10 + usize::from(units - b'0');
            (slot < SLOTS).then_some((slot, value.unwrap_or_default()))
        })
    }

    fn slots(&self, headers: &HeaderMap) -> [Vec<CookieRecord>; SLOTS] {
        let mut slots = [const { Vec::new() }; SLOTS];
        for (slot, value) in self.record_cookies(headers) {
            if slots[slot].is_empty() {
                slots[slot] = self.read_slot(slot, value).unwrap_or_default();
            }
        }
        slots
    }

    fn read_slot(&self, slot: usize, value: &[u8]) -> Option<Vec<CookieRecord>> {
        let (signature, text) = std::str::from_utf8(value).ok()?.split_at_checked(SIGNATURE_CHARS)?;
        let text = base64_decode(text)?;
        if self.signature(slot, &text) != signature {
            return None;
        }
        text.split('\t').map(CookieRecord::parse).collect()
    }

    /// The `Set-Cookie` of a helper cookie: one that drops it where nothing is to be written down.
    fn slot_header(&self, slot: usize, records: &[CookieRecord], now: Timestamp) -> String {
        let (prefix, secure) = (&self.prefix, if self.secure { "; Secure" } else { "" });
        if records.is_empty() {
            return format!("{prefix}{slot:02}=; Path=/; Max-Age=0{secure}");
        }
        let text = join_records(records);
        let signature = self.signature(slot, &text);
        let until = records
            .iter()
            .map(|record| record.until)
            .collect::<Option<Vec<_>>>()
            .and_then(|days| days.into_iter().max());
        let seconds = until.map_or(MAX_AGE_SECONDS, |day| (day + 1) * DAY - now.as_seconds()).clamp(1, MAX_AGE_SECONDS);
        let value = base64_encode(&text);
        format!("{prefix}{slot:02}={signature}{value}; HttpOnly; SameSite=Lax{secure}; Path=/; Max-Age={seconds}")
    }

    fn signature(&self, slot: usize, text: &str) -> String {
        let mut signature = self.key.keyed_digest(PURPOSE, &format!("{slot}\t{text}"));
        signature.truncate(SIGNATURE_CHARS);
        signature
    }

    fn first_slot(&self, cookie: &AppCookie) -> usize {
        let blind = self.key.keyed_digest(PURPOSE, &cookie.to_text());
        blind.bytes().take(8).fold(0, |sum: usize, byte| (sum * 64 + usize::from(byte)) % SLOTS)
    }
}

impl CookieRecord {
    fn to_text(&self) -> String {
        let until = self.until.map(|day| day.to_string()).unwrap_or_default();
        let guest = if self.by_guest { GUEST_FLAG } else { "" };
        format!("{}\n{until}{guest}", self.cookie.to_text())
    }

    fn parse(text: &str) -> Option<Self> {
        let (cookie, until) = text.rsplit_once('\n')?;
        let (until, by_guest) = until.strip_suffix(GUEST_FLAG).map_or((until, false), |until| (until, true));
        let until = if until.is_empty() { None } else { Some(until.parse().ok()?) };
        Some(Self { cookie: AppCookie::from_text(cookie)?, until, by_guest })
    }
}

fn join_records(records: &[CookieRecord]) -> String {
    records.iter().map(CookieRecord::to_text).collect::<Vec<_>>().join("\t")
}

fn has_room(records: &[CookieRecord], added: &CookieRecord) -> bool {
    let text = records.iter().map(|record| record.to_text().len() + 1).sum::<usize>() + added.to_text().len();
    SIGNATURE_CHARS + (text * 4).div_ceil(3) <= MAX_VALUE_CHARS
}

fn base64_encode(text: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.encode(text)
}

fn base64_decode(value: &str) -> Option<String> {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    String::from_utf8(URL_SAFE_NO_PAD.decode(value).ok()?).ok()
}

#[cfg(test)]
mod tests;
