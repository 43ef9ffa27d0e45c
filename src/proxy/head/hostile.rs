//! Heads of which no two programs shall read two things, made up by the thousand.

use proptest::prelude::*;

use super::*;

fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let word = prop::sample::select(vec![
        "GET ",
        "POST ",
        "/",
        "*",
        "http://a",
        " HTTP/1.1",
        " HTTP/1.0",
        "\r\n",
        "\r\n",
        "\r\n",
        "\n",
        "\r",
        " ",
        "\t",
        "\0",
        ":",
        ": ",
        "Host",
        "Host: a",
        "Content-Length",
        "Content_Length: 5",
        "Content-Length: 5",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding",
        "Upgrade: websocket",
        "chunked",
        "5",
        ",",
        "X: y",
        "\u{e9}",
        "#",
        "@",
        "\r\n\r\n",
    ]);
    let piece =
        prop_oneof![8 => word.prop_map(|word| word.as_bytes().to_vec()), 1 => prop::collection::vec(any::<u8>(), 0..3)];
    let beginning = prop::sample::select(vec!["GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a\r\n", "\r\n", ""]);
    (beginning, prop::collection::vec(piece, 0..16))
        .prop_map(|(beginning, pieces)| [beginning.as_bytes(), &pieces.concat()].concat())
}

proptest! {
    #[test]
    fn a_head_that_passes_can_be_read_in_one_way(bytes in hostile(), cut: prop::sample::Index) {
        let mut seen = 0;
        let found = end_of_head(&bytes, &mut seen);
        // Wherever it was cut, the same end is found, or the same fault.
        let (mut again, cut) = (0, cut.index(bytes.len() + 1));
        let early = end_of_head(&bytes[..cut], &mut again);
        if early == Ok(None) {
            prop_assert_eq!(end_of_head(&bytes, &mut again), found);
        } else {
            prop_assert_eq!(early, found);
        }
        let Ok(Some(end)) = found else { return Ok(()) };
        let head = &bytes[..end];
        let Ok(framing) = inspect(head, 100) else { return Ok(()) };
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
        prop_assert_eq!((times("transfer-encoding") == 1, times("content-length") == 1), (framing.chunked, framing.length));
    }
}
