//! Made-up people, devices and times: each page is rendered with them, in every language, by the tests and by whoever
//! wants to look at it.

use std::{net::IpAddr, time::Duration};

use askama::Template;

use super::PAGES;
use crate::{
    auth_method::Assurance,
    clock::Timestamp,
    id::{EventId, SessionId, UserId},
    session::{
        Activity, AppSessionPolicy, AuthMethod, ClientKind, Proof, RememberMe, Session, SessionPolicy, SessionTerms,
        TimeLimit, UserSnapshot,
    },
    visitor::{Device, DeviceKind, Software},
    web::{
        i18n::Localizer,
        theme::{Branding, Layout},
    },
};

/// The moment at which all samples are looked at: 2026-11-21T12:30:00Z.
pub const NOW: Timestamp = Timestamp::from_millis(1_795_264_200_000);
/// Sixty minutes.
pub const HOUR: Duration = Duration::from_hours(1);
/// Twenty-four hours.
pub const DAY: Duration = Duration::from_hours(24);

/// A page as it would be sent.
#[derive(Clone, Debug)]
pub struct Sample {
    /// `sessions-four.en`
    pub name: String,
    /// The page.
    pub html: String,
}

/// Every sample of every page in every language.
#[must_use]
pub fn all() -> Vec<Sample> {
    Localizer::all().iter().flat_map(|localizer| PAGES.iter().flat_map(|page| (page.samples)(localizer))).collect()
}

/// Renders the samples of one page.
pub(super) fn render<P: Template>(localizer: &Localizer, pages: Vec<(&'static str, P)>) -> Vec<Sample> {
    let render = |(name, page): (&str, P)| {
        let html = page.render().expect("a page of plain values renders");
        Sample { name: format!("{name}.{}", localizer.lang()), html }
    };
    pages.into_iter().map(render).collect()
}

/// A page's frame as Alice sees it.
#[must_use]
pub fn signed_in_layout(localizer: &'static Localizer) -> Layout {
    anonymous_layout(localizer).with_user(&UserSnapshot {
        id: user_id(),
        name: "alice".to_owned(),
        display_name: Some("Alice Liddell".to_owned()),
        email: Some("alice@meridian.example".to_owned()),
        roles: Vec::new(),
        disabled: false,
        version: 1,
    })
}

/// A page's frame for somebody who is not signed in.
#[must_use]
pub fn anonymous_layout(localizer: &'static Localizer) -> Layout {
    let support_url = Some("https://help.meridian.example/".to_owned());
    Layout::new(
        localizer,
        &Branding { app_name: "Meridian".to_owned(), home_url: "/".to_owned(), support_url, accent: None },
    )
}

/// The policy of the defaults.
#[must_use]
pub fn policy() -> SessionPolicy {
    SessionPolicy {
        idle_timeout: TimeLimit::After(7 * DAY),
        remember_me: RememberMe { allowed: true, lifetime: TimeLimit::After(30 * DAY) },
        unremembered_lifetime: 7 * DAY,
        app: AppSessionPolicy { idle_timeout: TimeLimit::After(90 * DAY), lifetime: TimeLimit::After(180 * DAY) },
        absolute_timeout: 180 * DAY,
        max_per_user: 100,
        heartbeat_interval: Duration::from_secs(5),
        stream_grace: Duration::from_secs(1),
    }
}

/// Alice.
#[must_use]
pub fn user_id() -> UserId {
    current_id().owner()
}

/// The session in use.
#[must_use]
pub fn current_id() -> SessionId {
    session_id(1)
}

fn session_id(number: u32) -> SessionId {
    SessionId::from_bare(format!("c81xk4m9t2vqe{number:013}").as_bytes()).expect("our alphabet")
}

/// An entry's id.
///
/// # Panics
/// Never: digits are in the alphabet of ids.
#[must_use]
pub fn event_id(number: u32) -> EventId {
    format!("evt_{number:013}").parse().expect("our alphabet")
}

/// A session opened and last used so long ago, from a made-up address.
#[must_use]
pub fn session(number: u32, device: Device, now: Timestamp, age: Duration, quiet: Duration) -> Session {
    let ip = ip_address(number);
    Session {
        id: session_id(number),
        terms: SessionTerms { opened: now.minus(age), remembered: true, kind: ClientKind::Web },
        proof: Proof { assurance: Assurance::OneFactor, methods: vec![AuthMethod::Password], at: now.minus(age) },
        device,
        first_ip: ip,
        sign_ins: number + 11,
        activity: Activity {
            last_seen: now.minus(quiet),
            ip,
            actions: 1_234,
            last_path: Some("/dashboard".to_owned()),
        },
    }
}

/// The session in use: Chrome on a Mac.
#[must_use]
pub fn current_session(now: Timestamp) -> Session {
    session(1, mac(), now, 11 * DAY, Duration::from_secs(20))
}

/// Four sessions, one of each sort that people have.
#[must_use]
pub fn typical_sessions(now: Timestamp) -> Vec<Session> {
    let mut app = session(4, pixel(), now, 2 * DAY, 26 * HOUR);
    app.terms.kind = ClientKind::App;
    let mut tablet =
        session(5, device(DeviceKind::Tablet, "Safari", "18.2", "iPadOS", None, Some("iPad")), now, 40 * DAY, 3 * DAY);
    tablet.terms.opened = now.minus(27 * DAY);
    vec![
        session(2, windows(), now, 9 * HOUR, Duration::from_mins(12)),
        session(3, iphone(), now, 24 * DAY, 2 * HOUR),
        current_session(now),
        app,
        tablet,
    ]
}

/// What one may meet: the other pictures, IPv6, an end that is near, and a User-Agent that would like to be markup.
///
/// # Panics
/// Never: the address is one.
#[must_use]
pub fn unusual_sessions(now: Timestamp) -> Vec<Session> {
    let mut tv =
        session(8, device(DeviceKind::Tv, "Samsung Internet", "5.0", "Tizen", Some("6.0"), None), now, DAY, HOUR);
    tv.activity.ip = "2001:db8:85a3:8d3:1319:8a2e:370:7348".parse().expect("an address");
    let mut ending =
        session(6, device(DeviceKind::Desktop, "Firefox", "145", "Ubuntu", None, None), now, 7 * DAY, HOUR);
    ending.terms.remembered = false;
    ending.terms.opened = now.minus(DAY * 6 + Duration::from_mins(24 * 60 - 14));
    let hostile = "<script>alert(1)</script>\"'\u{202e}emorhC";
    vec![
        current_session(now),
        ending,
        session(7, device(DeviceKind::Console, "PlayStation", "5", "PlayStation", None, None), now, 5 * DAY, DAY),
        tv,
        session(9, curl(), now, HOUR, Duration::from_mins(1)),
        session(10, Device::default(), now, 13 * DAY, 6 * DAY),
        session(
            11,
            device(DeviceKind::Unknown, hostile, "<b>1</b>", "<i>OS</i>", None, Some("<u>model</u>")),
            now,
            DAY,
            HOUR,
        ),
    ]
}

/// So many sessions.
#[must_use]
pub fn many_sessions(now: Timestamp, count: u32) -> Vec<Session> {
    (0..count)
        .map(|number| {
            let device = if number % 3 == 0 { windows() } else { iphone() };
            session(20 + number, device, now, DAY * (number + 1), HOUR * number)
        })
        .collect()
}

/// Chrome on a Mac whose version is really known.
#[must_use]
pub fn mac() -> Device {
    device(DeviceKind::Laptop, "Chrome", "142", "macOS", Some("Sonoma"), None)
}

/// Chrome on Windows.
#[must_use]
pub fn windows() -> Device {
    device(DeviceKind::Desktop, "Chrome", "141", "Windows", Some("11"), None)
}

/// Safari on an iPhone.
#[must_use]
pub fn iphone() -> Device {
    device(DeviceKind::Phone, "Safari", "18.2", "iOS", None, Some("iPhone"))
}

fn pixel() -> Device {
    device(DeviceKind::Phone, "Chrome", "142", "Android", Some("16"), Some("Pixel 9"))
}

/// A tool that tells nothing but its name.
#[must_use]
pub fn curl() -> Device {
    Device { kind: DeviceKind::Bot, browser: Some(software("curl", Some("8.5"))), os: None, model: None }
}

fn device(
    kind: DeviceKind,
    browser: &str,
    version: &str,
    os: &str,
    os_version: Option<&str>,
    model: Option<&str>,
) -> Device {
    Device {
        kind,
        browser: Some(software(browser, Some(version))),
        os: Some(software(os, os_version)),
        model: model.map(str::to_owned),
    }
}

fn software(name: &str, version: Option<&str>) -> Software {
    Software { name: name.to_owned(), version: version.map(str::to_owned) }
}

/// An address of the blocks kept for examples.
#[must_use]
pub fn ip_address(number: u32) -> IpAddr {
    IpAddr::from([203, 0, 113, u8::try_from(number % 250).unwrap_or_default()])
}
