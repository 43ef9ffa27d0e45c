//! Target of a request line: the forms that it may have, and the bytes of it that are encoded before Pingora parses it.

use bytes::BytesMut;
use memchr::memchr;

/// Whether a target is a path, `*`, or an absolute URL: nothing else is asked of a reverse proxy.
pub(super) fn has_target_form(target: &[u8]) -> bool {
    target.starts_with(b"/") || target == b"*" || authority(target).is_some_and(|host| !host.is_empty())
}

/// Whether a target has no blank or control character, and no fragment, which is never sent (RFC 9112, 3.2).
pub(super) fn has_only_target_bytes(target: &[u8]) -> bool {
    target.iter().map(|byte| u8::from(*byte <= b' ' || *byte == b'#')).fold(0, |found, odd| found | odd) == 0
}

/// Host and port of a target in absolute form.
pub(super) fn authority(target: &[u8]) -> Option<&[u8]> {
    let scheme = [&b"http://"[..], b"https://"]
        .into_iter()
        .find(|scheme| target.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))?;
    let rest = &target[scheme.len()..];
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'\\')).unwrap_or(rest.len());
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']');
    (rest.get(end) != Some(&b'\\') && rest[..end].iter().all(plain)).then_some(&rest[..end])
}

/// Encodes in the target of a head what Pingora would refuse in its own name, though clients send it and no server reads it in
/// two ways. Its parsers take `<` and `>` nowhere, a backtick in a query only, a quotation mark in a path only, and no bytes that
/// are not UTF-8. Returns by how much the head has grown.
pub(super) fn encode_rejected_bytes(head: &mut BytesMut) -> usize {
    let Some(begin) = memchr(b' ', head).map(|blank| blank + 1) else { return 0 };
    let end = memchr(b' ', &head[begin..]).map_or(begin, |length| begin + length);
    let target = &head[begin..end];
    let path_end = memchr(b'?', target).unwrap_or(target.len());
    let is_utf8 = std::str::from_utf8(target).is_ok();
    let is_rejected = |(index, byte): (usize, &u8)| match byte {
        b'<' | b'>' => true,
        b'`' => index < path_end,
        b'"' => index > path_end,
        0x80.. => !is_utf8,
        _ => false,
    };
    if !target.iter().enumerate().any(is_rejected) {
        return 0;
    }
    let mut encoded = BytesMut::with_capacity(head.len() + 64);
    encoded.extend_from_slice(&head[..begin]);
    for (index, byte) in target.iter().enumerate() {
        if is_rejected((index, byte)) {
            encoded.extend_from_slice(format!("%{byte:02X}").as_bytes());
        } else {
            encoded.extend_from_slice(&[*byte]);
        }
    }
    encoded.extend_from_slice(&head[end..]);
    let longer = encoded.len() - head.len();
    *head = encoded;
    longer
}

#[cfg(test)]
mod tests {
    use http::uri::PathAndQuery;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_target_is_encoded() {
        for (head, encoded) in [
            (
                "GET /a`b\"<c>?d`e\"<f> HTTP/1.1\r\nA: `\"<>\r\n\r\n<",
                "GET /a%60b\"%3Cc%3E?d`e%22%3Cf%3E HTTP/1.1\r\nA: `\"<>\r\n\r\n<",
            ),
            ("GET http://a/<> HTTP/1.1\r\n\r\n", "GET http://a/%3C%3E HTTP/1.1\r\n\r\n"),
            ("GET / HTTP/1.1\r\n\r\n>", "GET / HTTP/1.1\r\n\r\n>"),
            ("GET /\u{e9} HTTP/1.1\r\n\r\n", "GET /\u{e9} HTTP/1.1\r\n\r\n"),
        ] {
            let mut bytes = BytesMut::from(head);
            assert_eq!(encode_rejected_bytes(&mut bytes), encoded.len() - head.len(), "{head}");
            assert_eq!(bytes, encoded.as_bytes());
        }
        let mut latin = BytesMut::from(&b"GET /\xe9\xc3\xa9 HTTP/1.1\r\n\r\n"[..]);
        encode_rejected_bytes(&mut latin);
        assert_eq!(latin, &b"GET /%E9%C3%A9 HTTP/1.1\r\n\r\n"[..]);
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_parsed(target in "/[!-~&&[^#]]{0,20}") {
            let mut head = BytesMut::from(format!("GET {target} HTTP/1.1\r\n\r\n").as_str());
            encode_rejected_bytes(&mut head);
            let text = String::from_utf8(head.to_vec()).unwrap();
            prop_assert!(PathAndQuery::try_from(text.split(' ').nth(1).unwrap()).is_ok(), "{}", text);
        }
    }
}
