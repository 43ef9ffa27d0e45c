//! Tests of the records of cookies that apps have set.

use super::*;
use crate::gate::cookie::{DEFAULT_NAME, SetCookieContext};
use http::{HeaderValue, header};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const BY: SetCookieContext<'_> = SetCookieContext { upstream: "app", host: "shop.example.com", target: b"/", now: NOW };

fn read(line: &str) -> AppCookie {
    AppCookie::parse(&HeaderValue::from_str(line).unwrap(), BY).unwrap().0
}

fn cookies(key: &[u8]) -> AppCookieRecorder {
    AppCookieRecorder::new(&CookieNames::new(true, DEFAULT_NAME), SecretKey::new(key))
}

fn long(lines: &[String]) -> Vec<(AppCookie, CookieLifetime)> {
    lines.iter().map(|line| (read(line), CookieLifetime::Long)).collect()
}

fn numbered(name: &str, count: usize) -> Vec<(AppCookie, CookieLifetime)> {
    long(&(0..count).map(|at| format!("{name}{at}=1")).collect::<Vec<_>>())
}

/// What a browser sends that was given these lines.
fn sent(lines: &[String]) -> HeaderMap {
    let pairs: Vec<_> = lines.iter().map(|line| line.split(';').next().unwrap()).collect();
    HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(&pairs.join("; ")).unwrap())])
}

fn noted(cookies: &AppCookieRecorder, headers: &HeaderMap) -> Vec<AppCookie> {
    cookies.slots(headers).into_iter().flatten().map(|record| record.cookie).collect()
}

#[test]
fn what_is_written_down_is_read_again_and_nothing_else() {
    let ours = cookies(b"key");
    let set = long(&["session=1; Path=/app; Domain=example.com; Secure".to_owned(), "b=1".to_owned()]);
    let records = ours.record(&HeaderMap::new(), &set, false, NOW);
    assert_eq!((records.lines.len(), records.left_out), (1, 0), "one helper cookie for one answer");
    let line = &records.lines[0];
    assert!(line.starts_with("__Host-portcullis-app-") && line.ends_with("; Max-Age=34560000"), "{line}");
    let headers = sent(&records.lines);
    assert_eq!(noted(&ours, &headers), set.iter().map(|(cookie, _)| cookie.clone()).collect::<Vec<_>>());
    assert_eq!(
        ours.record(&headers, &set, false, NOW),
        RecordedCookies::default(),
        "what is known is not written again"
    );
    let gone = ours.record(&headers, &[(set[0].0.clone(), CookieLifetime::Deleted)], false, NOW);
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
    let set = [(read("nonce=1"), CookieLifetime::Short(600))];
    let first = ours.record(&HeaderMap::new(), &set, false, NOW).lines;
    let seconds: i64 = first[0].rsplit('=').next().unwrap().parse().unwrap();
    assert!((600..=3 * DAY).contains(&seconds), "{seconds}");
    let headers = sent(&first);
    let later = |seconds: i64| Timestamp::from_millis((NOW.as_seconds() + seconds) * 1_000);
    assert_eq!(ours.record(&headers, &set, false, later(3_600)), RecordedCookies::default());
    assert_eq!(ours.record(&headers, &set, false, later(3 * DAY)).lines.len(), 1, "renewed");
    let lasting = ours.record(&headers, &[(read("nonce=1"), CookieLifetime::Long)], false, NOW).lines;
    assert!(lasting[0].ends_with(&format!("Max-Age={MAX_AGE_SECONDS}")), "{lasting:?}");
}

#[test]
fn so_many_are_written_down_and_no_more() {
    let ours = cookies(b"key");
    let full = ours.record(&HeaderMap::new(), &numbered("a", 2 * MAX_RECORDS), false, NOW);
    assert_eq!(full.left_out, MAX_RECORDS);
    let headers = sent(&full.lines);
    assert_eq!(noted(&ours, &headers).len(), MAX_RECORDS);
    assert_eq!(ours.record(&headers, &long(&["b=1".to_owned()]), false, NOW).left_out, 1);
    assert_eq!(
        ours.record(&HeaderMap::new(), &long(&[format!("{}=1", "a".repeat(MAX_VALUE_CHARS))]), false, NOW).left_out,
        1
    );
    let long_ones = ours.record(&HeaderMap::new(), &numbered(&"a".repeat(170), MAX_RECORDS), false, NOW);
    assert_eq!(long_ones.lines.len(), SLOTS, "each fills a helper cookie");
    let bytes: usize = long_ones.lines.iter().map(|line| line.split(';').next().unwrap().len() + 2).sum();
    assert!(bytes < 7 * 1024, "{bytes}");
}

#[test]
fn they_are_taken_away_in_as_many_answers_as_it_needs() {
    let ours = cookies(b"key");
    let all = ours.record(&HeaderMap::new(), &numbered(&"a".repeat(60), 30), false, NOW).lines;
    let mut kept = all.clone();
    let (mut gone, mut answers) = (0, 0);
    loop {
        let clearing = ours.clear(&sent(&kept), |_, _| true, 2_000, NOW);
        let bytes: usize = clearing.lines.iter().map(|line| line.len() + FIELD_LINE_OVERHEAD).sum();
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
    assert_eq!(none, ClearedCookies { lines: Vec::new(), is_complete: true });
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
