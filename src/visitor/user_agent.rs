//! Parser from a User-Agent to a [`Device`], by the uap-core patterns, with rules for frozen versions.
//!
//! Browsers report Windows 10, macOS 10.15.7, Android 10 and iOS 18 whatever they run on: a wrong version frightens
//! people, so a frozen one is none. A parse takes a third of a millisecond: it happens at sign-in, never on the path of a
//! request, and what was read is remembered.

use std::{sync::OnceLock, thread};

use moka::sync::Cache;
use tracing::error;
use uaparser::{Parser as _, UserAgentParser};

use super::{Device, DeviceKind, Software};

/// How much of a User-Agent is read, in bytes: what comes behind it would only make the patterns work.
const MAX_USER_AGENT_BYTES: usize = 512;
const PATTERNS: &[u8] = include_bytes!("uap-core/regexes.yaml");

/// The compiled patterns. They are a part of the program, so there is one of them.
static PARSER: OnceLock<Option<UserAgentParser>> = OnceLock::new();

/// Reads User-Agents. Cheap to clone; the patterns are compiled once, beside the start of the program.
#[derive(Clone)]
pub struct DeviceDetector {
    cache: Cache<String, Device>,
}

impl DeviceDetector {
    /// Starts compiling the patterns on a thread of its own; the first parse waits for it.
    #[must_use]
    pub fn start() -> Self {
        if PARSER.get().is_none() {
            thread::spawn(|| {
                PARSER.get_or_init(compile_patterns);
            });
        }
        Self { cache: Cache::new(10_000) }
    }

    /// Parses a User-Agent; the device is unknown when no pattern matches.
    #[must_use]
    pub fn detect(&self, user_agent: Option<&str>) -> Device {
        let Some(text) = user_agent.map(truncate).filter(|text| !text.is_empty()) else { return Device::default() };
        self.cache.get_with_by_ref(text, || match PARSER.get_or_init(compile_patterns) {
            Some(parser) => detect_device(parser, text),
            None => Device::default(),
        })
    }
}

fn compile_patterns() -> Option<UserAgentParser> {
    UserAgentParser::builder()
        .with_unicode_support(false)
        .build_from_bytes(PATTERNS)
        .map_err(|why| error!("The User-Agent patterns cannot be read, so devices stay unknown: {why}"))
        .ok()
}

fn truncate(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_USER_AGENT_BYTES)]
}

fn detect_device(parser: &UserAgentParser, text: &str) -> Device {
    let client = parser.parse(text);
    let os = operating_system(&client.os, text);
    let kind = device_kind(text, &client.device.family, &client.user_agent.family, os.as_ref());
    let family = client.user_agent.family.as_ref();
    let browser = (family != "Other").then(|| Software {
        name: browser_family(family).to_owned(),
        version: browser_version(kind, &client.user_agent),
    });
    Device { kind, browser, os, model: device_model(&client.device.family, kind) }
}

fn browser_family(family: &str) -> &str {
    match family {
        "Mobile Safari" | "Mobile Safari UI/WKWebView" => "Safari",
        "Chrome Mobile" | "Chrome Mobile iOS" | "Chrome Mobile WebView" | "HeadlessChrome" => "Chrome",
        "Firefox Mobile" | "Firefox iOS" => "Firefox",
        "Edge Mobile" => "Edge",
        "Opera Mobile" | "Opera Touch" => "Opera",
        other => other,
    }
}

fn browser_version(kind: DeviceKind, browser: &uaparser::UserAgent<'_>) -> Option<String> {
    let major = browser.major.as_deref()?;
    let minor = browser.minor.as_deref().filter(|minor| *minor != "0");
    let tells_minor = kind == DeviceKind::Bot || browser.family.contains("Safari");
    Some(match minor {
        Some(minor) if tells_minor => format!("{major}.{minor}"),
        _ => major.to_owned(),
    })
}

fn operating_system(os: &uaparser::OS<'_>, text: &str) -> Option<Software> {
    let major = os.major.as_deref();
    let version = match (os.family.as_ref(), major, os.minor.as_deref()) {
        ("Other", ..) => return None,
        ("Windows" | "Android", Some("10"), _) | ("Mac OS X", Some("10"), Some("15")) if is_frozen_version(text) => {
            None
        }
        ("iOS", Some("18"), _) if !text.contains("CriOS") && !text.contains("FxiOS") => None,
        ("iOS" | "Mac OS X" | "Ubuntu", Some(major), Some(minor)) => Some(format!("{major}.{minor}")),
        (_, major, _) => major.map(str::to_owned),
    };
    let name = match os.family.as_ref() {
        "Mac OS X" => "macOS",
        "Chrome OS" => "ChromeOS",
        other => other,
    };
    Some(Software { name: name.to_owned(), version })
}

/// Whether the version is the one that every browser of this kind reports, true or not.
fn is_frozen_version(text: &str) -> bool {
    text.contains("Windows NT 10.0")
        || text.contains("Mac OS X 10_15_7")
        || text.contains("Mac OS X 10.15")
        || text.contains("Android 10; K")
}

fn device_kind(text: &str, family: &str, browser: &str, os: Option<&Software>) -> DeviceKind {
    let os = os.map_or("", |os| os.name.as_str());
    if family == "Spider" || (!text.starts_with("Mozilla/") && !text.starts_with("Opera/") && browser != "Other") {
        DeviceKind::Bot
    } else if text.contains("TV") || family.contains("TV") || os == "Tizen" && !text.contains("Mobile") {
        DeviceKind::Tv
    } else if ["PlayStation", "Xbox", "Nintendo"].iter().any(|console| text.contains(console)) {
        DeviceKind::Console
    } else if family == "iPad" || text.contains("Tablet") || os == "Android" && !text.contains("Mobile") {
        DeviceKind::Tablet
    } else if family == "iPhone" || family == "iPod" || os == "iOS" || text.contains("Mobile") {
        DeviceKind::Phone
    } else if matches!(os, "macOS" | "ChromeOS") {
        DeviceKind::Laptop
    } else if os.is_empty() {
        DeviceKind::Unknown
    } else {
        DeviceKind::Desktop
    }
}

fn device_model(family: &str, kind: DeviceKind) -> Option<String> {
    let named = !matches!(
        family,
        "Other" | "K" | "Mac" | "Spider" | "Generic Smartphone" | "Generic Tablet" | "Generic Feature Phone"
    );
    (named && kind != DeviceKind::Bot).then(|| family.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn people_recognise_their_devices() {
        let recogniser = DeviceDetector::start();
        for (text, label, kind, os_version) in [
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
                "Chrome on macOS",
                DeviceKind::Laptop,
                None,
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0",
                "Edge on Windows",
                DeviceKind::Desktop,
                None,
            ),
            (
                "Mozilla/5.0 (Windows NT 6.1; rv:115.0) Gecko/20100101 Firefox/115.0",
                "Firefox on Windows",
                DeviceKind::Desktop,
                Some("7"),
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
                DeviceKind::Phone,
                Some("17.2"),
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
                DeviceKind::Phone,
                None,
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
                "Chrome on Android",
                DeviceKind::Phone,
                None,
            ),
            (
                "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Firefox on Ubuntu",
                DeviceKind::Desktop,
                None,
            ),
            ("curl/8.5.0", "curl 8.5", DeviceKind::Bot, None),
            ("", "Unknown device", DeviceKind::Unknown, None),
            ("<script>alert(1)</script>", "Unknown device", DeviceKind::Unknown, None),
        ] {
            let device = recogniser.detect(Some(text));
            assert_eq!((device.label().as_str(), device.kind), (label, kind), "{text}");
            assert_eq!(device.os.and_then(|os| os.version).as_deref(), os_version, "{text}");
        }
    }

    fn user_agent() -> impl Strategy<Value = String> {
        let word = prop::sample::select(vec![
            "Mozilla/5.0 ",
            "(",
            ")",
            "; ",
            "Macintosh; Intel Mac OS X 10_15_7",
            "Windows NT 10.0",
            "Android 10",
            "; K",
            "iPhone; CPU iPhone OS",
            " like Mac OS X",
            "AppleWebKit/537.36 ",
            "Chrome/",
            "Safari/604.1",
            "Version/",
            "Firefox/",
            "Edg/",
            "curl/",
            "bot",
            "/",
            ".",
            "1",
            "99999999999999999999",
            "<script>",
            "$1",
            "\\",
            "\u{202e}",
            "\0",
            "\r\n",
        ]);
        let piece = prop_oneof![4 => word.prop_map(str::to_owned), 1 => "(?s).{0,3}"];
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        // Each is read by all patterns, which takes its time where nothing is optimised.
        #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 8, ..ProptestConfig::default() })]

        #[test]
        fn whatever_a_browser_calls_itself_there_is_a_device(text in user_agent()) {
            let device = DeviceDetector::start().detect(Some(&text));
            prop_assert_eq!(&device, &DeviceDetector::start().detect(Some(truncate(&text))));
            for software in [&device.browser, &device.os].into_iter().flatten() {
                prop_assert!(!software.name.is_empty() && software.name.len() <= 2 * MAX_USER_AGENT_BYTES, "{:?}", software);
                prop_assert!(software.version.as_deref().is_none_or(|version| !version.is_empty()), "{:?}", software);
            }
            prop_assert!(!device.label().is_empty());
        }
    }

    #[test]
    fn a_long_user_agent_is_cut_where_a_character_ends() {
        assert_eq!(truncate(&"é".repeat(400)).len(), MAX_USER_AGENT_BYTES);
        assert_eq!(truncate(&format!("x{}", "é".repeat(400))).len(), MAX_USER_AGENT_BYTES - 1);
    }
}
