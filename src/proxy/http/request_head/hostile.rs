//! Property test: a hostile head that passes can be read in one way only.

use proptest::prelude::*;

use super::*;

fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let target = prop::sample::select(vec!["/", "/", "*", "http://a/", "http://b", "/ ", "/#"]);
    let line = prop::sample::select(vec![
        "Host: a",
        "host: b",
        "Host : a",
        "Content-Length: 5",
        "content-length: 6",
        "Content_Length: 5",
        "Content-Length: 5, 5",
        "Transfer-Encoding: chunked",
        "transfer-encoding: gzip",
        "Transfer_Encoding: chunked",
        "Upgrade: websocket",
        "X: y",
        " folded: z",
        ": x",
        "x",
        "X\u{e9}: y",
    ]);
    let odd = prop_oneof![12 => Just(Vec::new()), 1 => prop::collection::vec(any::<u8>(), 1..3)];
    let end = prop::sample::select(vec!["\r\n"; 12].into_iter().chain(["\n", "\r", "\r\n\r\n"]).collect::<Vec<_>>());
    let line = (line, odd, end).prop_map(|(line, odd, end)| [line.as_bytes(), &odd, end.as_bytes()].concat());
    let version = prop::sample::select(vec!["HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0"]);
    let whole = prop::sample::select(vec!["\r\n", "\r\n", "\r\nrest", "\n", ""]);
    (target, version, prop::collection::vec(line, 0..5), whole).prop_map(|(target, version, lines, whole)| {
        [format!("POST {target} {version}\r\n").as_bytes(), &lines.concat(), whole.as_bytes()].concat()
    })
}

proptest! {
    #[test]
    fn a_head_that_passes_can_be_read_in_one_way(bytes in hostile(), cut: prop::sample::Index) {
        let mut seen = 0;
        let found = find_head_end(&bytes, &mut seen);
        // Wherever it was cut, the same end is found, or the same fault.
        let (mut again, cut) = (0, cut.index(bytes.len() + 1));
        let early = find_head_end(&bytes[..cut], &mut again);
        if early == Ok(None) {
            prop_assert_eq!(find_head_end(&bytes, &mut again), found);
        } else {
            prop_assert_eq!(early, found);
        }
        let Ok(Some(end)) = found else { return Ok(()) };
        let head = &bytes[..end];
        let Ok(framing) = validate(head, 100) else { return Ok(()) };
        // Read by the plainest of readers: lines by CR LF, names before the first colon.
        let text: Vec<&[u8]> = head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)).collect();
        prop_assert!(!head.contains(&0) && text[0].split(|byte| *byte == b' ').count() == 3);
        let mut named = std::collections::HashMap::<Vec<u8>, usize>::new();
        for line in text[1..].iter().filter(|line| !line.is_empty()) {
            let colon = line.iter().position(|byte| *byte == b':').unwrap();
            prop_assert!(is_token(&line[..colon]));
            *named.entry(line[..colon].to_ascii_lowercase().iter().map(|b| if *b == b'_' { b'-' } else { *b }).collect()).or_default() += 1;
        }
        let times = |name: &str| named.get(name.as_bytes()).copied().unwrap_or_default();
        prop_assert!(times("host") <= 1 && times("content-length") + times("transfer-encoding") <= 1);
        prop_assert_eq!((times("transfer-encoding") == 1, times("content-length") == 1), (framing.is_chunked, framing.length.is_some()));
    }
}
