//! Connection-oriented authentication (NTLM, Negotiate, Kerberos: RFC 4559, 6), as heads of requests and responses show it.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::proxy::http::request_head::IS_TOKEN_BYTE;

/// Authentication schemes that sign a connection in.
const CONNECTION_AUTH_SCHEMES: [&[u8]; 5] = [b"ntlm", b"negotiate", b"kerberos", b"nego2", b"gss-negotiate"];
static PERSISTENT_AUTH: HeaderName = HeaderName::from_static("persistent-auth");

/// Whether a request signs its connection to the app in.
pub(super) fn has_connection_auth(request: &HeaderMap) -> bool {
    any_names_scheme(request, &header::AUTHORIZATION) || any_names_scheme(request, &header::PROXY_AUTHORIZATION)
}

/// Whether a response offers to sign its connection in, or says that it is.
pub(super) fn offers_connection_auth(response: &HeaderMap) -> bool {
    any_names_scheme(response, &header::WWW_AUTHENTICATE)
        || any_names_scheme(response, &header::PROXY_AUTHENTICATE)
        || response
            .get_all(&PERSISTENT_AUTH)
            .iter()
            .any(|value| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"true"))
}

fn any_names_scheme(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers.get_all(name).iter().any(names_scheme)
}

/// Whether a header value names such a scheme. Each member of a list may begin a challenge (RFC 9110, 11.6.1).
fn names_scheme(value: &HeaderValue) -> bool {
    value.as_bytes().split(|byte| *byte == b',').any(|member| {
        let member = member.trim_ascii();
        let end = member.iter().position(|byte| !IS_TOKEN_BYTE[usize::from(*byte)]).unwrap_or(member.len());
        let (scheme, rest) = member.split_at(end);
        rest.first().is_none_or(|next| matches!(next, b' ' | b'\t'))
            && CONNECTION_AUTH_SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_signed_in_by_some_schemes_however_they_are_written() {
        let asked = |lines: &[&'static str]| {
            let lines = lines.iter().map(|line| (header::AUTHORIZATION, HeaderValue::from_static(line)));
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(name, value);
            }
            has_connection_auth(&headers)
        };
        for lines in [
            &["NTLM TlRMTVNTUAAB"][..],
            &["ntlm"],
            &["nEgOtIaTe\tYII"],
            &["Kerberos x"],
            &["GSS-Negotiate x"],
            &["Basic YTpi, NTLM x"],
            &["Basic YTpi,Negotiate"],
            &["Basic YTpi", "Negotiate x"],
            &["  NTLM  x"],
        ] {
            assert!(asked(lines), "{lines:?}");
        }
        for lines in [
            &[][..],
            &["Basic YTpi"],
            &["Bearer ntlm"],
            &["Digest username=\"ntlm\", realm=x"],
            &["NTLMv9 x"],
            &["X-Negotiate x"],
            &["Digest ntlm=x, negotiate=\"y\""],
        ] {
            assert!(!asked(lines), "{lines:?}");
        }
        let offered = |name: &'static str, value| {
            offers_connection_auth(&HeaderMap::from_iter([(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )]))
        };
        assert!(offered("www-authenticate", "Basic realm=\"x\", NTLM") && offered("proxy-authenticate", "negotiate"));
        assert!(offered("persistent-auth", " True") && !offered("persistent-auth", "false"));
        assert!(!offered("www-authenticate", "Digest realm=\"x\", qop=\"auth\""));
    }
}
