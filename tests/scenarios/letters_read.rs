//! Property: however servers read a path that is let through, each reading falls under the rule that was looked up.

use percent_encoding::percent_decode;
use portcullis::gate::{Access, LiteralChars, PathPolicy, Route, RouteTable};
use proptest::prelude::*;

const RULES: [&str; 5] = ["/admin", "/api/open", "/api", "/names", "/"];

fn route_table(permits: u32) -> RouteTable {
    let routes = RULES.iter().enumerate().map(|(place, path)| {
        let bit = |at: usize| permits >> (3 * place + at) & 1 == 1;
        let paths = PathPolicy {
            allow_encoded_slash: bit(0),
            keep_double_slash: bit(1),
            preserve_path: bit(2),
            literal_chars: LiteralChars::default(),
        };
        Route::new(path, Access::SignedIn, 0, true).unwrap().with_paths(paths)
    });
    RouteTable::new(routes.collect())
}

fn is_below(path: &str, root: &str) -> bool {
    root == "/" || path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What servers do with a path.
#[derive(Clone, Copy, Debug)]
enum DecodeStep {
    Decode,
    Merge,
    Resolve,
    CutParameters,
    EndAtParameters,
    ReadBackslashes,
    DropTabsAndLineBreaks,
    DropControls,
    EndAtControl,
    EndAtNull,
    EndAtMark,
    ReadOverlong,
    TrimNames,
}

const STEPS: [DecodeStep; 13] = [
    DecodeStep::Decode,
    DecodeStep::Merge,
    DecodeStep::Resolve,
    DecodeStep::CutParameters,
    DecodeStep::EndAtParameters,
    DecodeStep::ReadBackslashes,
    DecodeStep::DropTabsAndLineBreaks,
    DecodeStep::DropControls,
    DecodeStep::EndAtControl,
    DecodeStep::EndAtNull,
    DecodeStep::EndAtMark,
    DecodeStep::ReadOverlong,
    DecodeStep::TrimNames,
];

fn take_until(path: &[u8], ends: impl Fn(u8) -> bool) -> Vec<u8> {
    path.iter().copied().take_while(|byte| !ends(*byte)).collect()
}

fn drop_bytes(path: &[u8], drops: impl Fn(u8) -> bool) -> Vec<u8> {
    path.iter().copied().filter(|byte| !drops(*byte)).collect()
}

/// As Windows reads a name; one of dots and blanks alone is none.
fn trim_name(name: &[u8]) -> Vec<u8> {
    let end = name.iter().rposition(|byte| !matches!(byte, b'.' | b' '));
    end.map_or_else(|| name.to_vec(), |end| name[..=end].to_vec())
}

fn map_segments(path: &[u8], of: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    path.split(|byte| *byte == b'/').map(of).collect::<Vec<_>>().join(&b'/')
}

fn apply(path: &[u8], step: DecodeStep) -> Vec<u8> {
    match step {
        DecodeStep::Decode => percent_decode(path).collect(),
        DecodeStep::Merge => {
            let mut merged = path.to_vec();
            merged.dedup_by(|a, b| *a == b'/' && *b == b'/');
            merged
        }
        DecodeStep::Resolve => {
            let mut segments: Vec<&[u8]> = Vec::new();
            for segment in path.split(|byte| *byte == b'/').skip(1) {
                match segment {
                    b"." => {}
                    b".." => drop(segments.pop()),
                    name => segments.push(name),
                }
            }
            [b"/", segments.join(&b'/').as_slice()].concat()
        }
        DecodeStep::CutParameters => map_segments(path, |segment| take_until(segment, |byte| byte == b';')),
        DecodeStep::EndAtParameters => take_until(path, |byte| byte == b';'),
        DecodeStep::ReadBackslashes => path.iter().map(|byte| if *byte == b'\\' { b'/' } else { *byte }).collect(),
        DecodeStep::DropTabsAndLineBreaks => drop_bytes(path, |byte| matches!(byte, b'\t' | b'\n' | b'\r')),
        DecodeStep::DropControls => drop_bytes(path, |byte| byte.is_ascii_control()),
        DecodeStep::EndAtControl => take_until(path, |byte| byte.is_ascii_control()),
        DecodeStep::EndAtNull => take_until(path, |byte| byte == 0),
        DecodeStep::EndAtMark => take_until(path, |byte| matches!(byte, b'?' | b'#')),
        DecodeStep::ReadOverlong => {
            let text: String = path.iter().map(|byte| char::from(*byte)).collect();
            let mut text = text;
            for byte in 0..0x80_u8 {
                let long = [0xc0 | byte >> 6, 0x80 | byte & 0x3f].map(char::from).iter().collect::<String>();
                text = text.replace(&long, &char::from(byte).to_string());
            }
            text.chars().map(|letter| letter as u8).collect()
        }
        DecodeStep::TrimNames => map_segments(path, trim_name),
    }
}

fn targets() -> impl Strategy<Value = String> {
    let parts = [
        "admin",
        "admin",
        "api",
        "open",
        "names",
        "security",
        "sign-in",
        "..",
        ".",
        "%2e%2e",
        "x",
        "",
        "%61dmin",
        "%2561dmin",
        "%252e%252e",
        "%c0%ae%c0%ae",
        "%c1%a1dmin",
        "ad%09min",
        "adm%0Ain",
        "..%0d",
        "%01..",
        ".%7f.",
    ];
    let ends = [
        "", "", "", ";", ";v=1", "%3b", "%3Bx", "%5c", "%5C..", "%09", "%0a", "%3f", "%23", "%2500", "%253b", "%20",
        "%c0%af",
    ];
    let slashes = [
        "/", "/", "/", "//", "%2f", "%5c", "%5C", "%255c", "%252f", ";/", "/;/", "%3b/", "/%09", "%0a/", "/../", "/%5c",
    ];
    let part = (
        prop::sample::select(slashes.to_vec()),
        prop::sample::select(parts.to_vec()),
        prop::sample::select(ends.to_vec()),
    );
    prop::collection::vec(part, 1..6).prop_map(|parts| {
        let path: String = parts.iter().flat_map(|(slash, part, end)| [*slash, *part, *end]).collect();
        if path.starts_with('/') { path } else { format!("/{path}") }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(4000), ..ProptestConfig::default() })]

    /// Whatever a server does to what it is sent, in whatever order, it does not come to another rule, or to ours.
    #[test]
    fn no_server_reads_another_rule(
        target in targets(),
        permits in prop_oneof![Just(0_u32), any::<u32>()],
        steps in prop::collection::vec(prop::sample::select(STEPS.to_vec()), 0..7),
    ) {
        let table = route_table(permits);
        let Ok(path) = table.parse_path(target.as_bytes()) else { return Ok(()) };
        let sent = path.forwarded();
        let mut read = sent.split(|byte| *byte == b'?').next().unwrap().to_vec();
        let Some((place, route)) = table.find(&path) else { panic!("there is a rule for everything") };
        let is_ours = is_below(path.path(), "/security");
        for step in &steps {
            read = apply(&read, *step);
        }
        let shown = String::from_utf8_lossy(&read).into_owned();
        let (sent, read) = (String::from_utf8_lossy(&sent).into_owned(), if shown.starts_with('/') { shown } else { format!("/{shown}") });
        prop_assert_eq!(is_below(&read, "/security"), is_ours, "{} sent on as {}, is read as {} by {:?}", target, sent, read, steps);
        if is_ours {
            return Ok(());
        }
        let found = RULES.iter().position(|rule| is_below(&read, rule));
        prop_assert_eq!(found, Some(place), "{} sent on as {}, is read as {} by {:?}", target, sent, read, steps);
        prop_assert!(!route.paths.preserve_path || sent == target, "{} is sent on as {}", target, sent);
        prop_assert!(!sent.to_lowercase().contains("%00") && !sent.contains('\\'));
    }

    /// With one rule for everything nothing is refused but what no key allows.
    #[test]
    fn one_rule_refuses_no_name(name in "([a-z]|;|%3b|%5C|%09|%0a|%7f|%3f|%23|%20|%25){1,12}") {
        let rule = Route::new("/", Access::SignedIn, 0, true).unwrap();
        let table = RouteTable::new(vec![rule]);
        let target = format!("/files/x{name}x/y");
        prop_assert!(table.parse_path(target.as_bytes()).is_ok(), "{}: {:?}", target, table.parse_path(target.as_bytes()));
    }
}
