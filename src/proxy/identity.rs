//! Who is calling, as the app is told: strip what the client sent, then set what is true.
//!
//! Called from `upstream_request_filter` and nowhere earlier, because before it Pingora removes what `Connection:`
//! nominates: headers set earlier could be nominated away. Two names are aliases when they are equal after lower-casing
//! and mapping every byte that is no letter and no digit to `_`, because apps behind CGI-like interfaces see them so.

use http::{HeaderName, HeaderValue, header};
use pingora::http::RequestHeader;

use crate::{gate::cookie, session::Owner};

/// What tells an app who is calling, where from, to which host, over which scheme, or to which path, by the first letter of
/// the name. As aliases; one that ends in `_` is a family: all names that begin so. All presets are in it, so that no
/// choice of preset lets another one's names through, and what networks in front of apps add under names of their own: no
/// peer's word is taken in this version. `Proxy` is the one that CGI turns into `HTTP_PROXY`.
const fn managed(first: u8) -> &'static [&'static [u8]] {
    match first {
        b'c' => &[
            b"client_ip",
            b"cf_access_",
            b"cf_connecting_",
            b"cf_pseudo_ipv4",
            b"cf_visitor",
            b"cloudfront_forwarded_proto",
            b"cloudfront_viewer_address",
        ],
        b'd' => &[b"do_connecting_ip"],
        b'f' => &[b"forwarded", b"forwarded_", b"fastly_client_ip", b"fly_client_ip", b"front_end_https"],
        b'p' => &[b"portcullis_", b"proxy", b"proxy_client_ip"],
        b'r' => &[b"remote_", b"real_ip"],
        b's' => &[b"sm_", b"smuser"],
        b't' => &[b"true_client_ip"],
        b'v' => &[b"via_ip"],
        b'w' => &[b"wl_proxy_"],
        b'x' => MANAGED_X,
        _ => &[],
    }
}

const MANAGED_X: &[&[u8]] = &[
    b"x_forwarded",
    b"x_forwarded_",
    b"x_original_",
    b"x_rewrite_",
    b"x_proxy_",
    b"x_portcullis_",
    b"x_envoy_",
    // Who.
    b"x_remote_",
    b"x_webauth_",
    b"x_auth_request_",
    b"x_user",
    b"x_email",
    b"x_groups",
    b"x_authenticated_user",
    b"x_request_id",
    // Where from.
    b"x_appengine_user_ip",
    b"x_azure_clientip",
    b"x_azure_socketip",
    b"x_client_ip",
    b"x_cluster_client_ip",
    b"x_cluster_ip",
    b"x_coming_from",
    b"x_custom_ip_authorization",
    b"x_nf_client_connection_ip",
    b"x_originating_ip",
    b"x_proxyuser_ip",
    b"x_real_ip",
    b"x_realip",
    b"x_true_client_ip",
    b"x_vercel_forwarded_for",
    // To which host, over which scheme.
    b"x_arr_ssl",
    b"x_backend_host",
    b"x_front_end_https",
    b"x_host",
    b"x_http_host_override",
    b"x_port",
    b"x_protocol",
    b"x_scheme",
    b"x_url_scheme",
    // To which path.
    b"x_override_url",
    b"x_request_uri",
    b"x_script_name",
];

/// What the app is told besides who is calling.
pub(super) struct Origin<'a> {
    /// Host and port of the one origin, in our spelling and not in the client's.
    pub(super) host: &'a str,
    /// Address of the visitor.
    pub(super) ip: &'a str,
    /// `http` or `https`, as the visitor came.
    pub(super) scheme: &'static str,
    /// Ours, never the client's.
    pub(super) request_id: &'a str,
}

/// Removes from a request whatever only we may say, and our cookies. Tells how many names were removed.
pub(super) fn strip(request: &mut RequestHeader) -> u64 {
    let spoofed: Vec<HeaderName> = request.headers.keys().filter(|name| is_managed(name.as_str())).cloned().collect();
    for name in &spoofed {
        request.remove_header(name);
    }
    strip_our_cookies(request);
    spoofed.len() as u64
}

/// Says who is calling, or nothing where nobody is known. Comes after [`strip`].
pub(super) fn set(request: &mut RequestHeader, person: Option<&Owner>, origin: &Origin<'_>) {
    if let Some(person) = person {
        say(request, "Remote-User", &person.name);
        say(request, "Remote-Name", person.display_name.as_deref().unwrap_or(&person.name));
        if let Some(email) = &person.email {
            say(request, "Remote-Email", email);
        }
        say(request, "Remote-Groups", &person.roles.join(","));
    }
    if request.headers.get(header::HOST).is_none_or(|host| host.as_bytes() != origin.host.as_bytes()) {
        say(request, "Host", origin.host);
    }
    say(request, "X-Forwarded-Host", origin.host);
    say(request, "X-Forwarded-For", origin.ip);
    say(request, "X-Forwarded-Proto", origin.scheme);
    say(request, "X-Request-Id", origin.request_id);
}

/// Whether `name` becomes `alias` once it is in lower case and all that is no letter and no digit is `_`.
pub(super) fn is_alias(name: &[u8], alias: &[u8]) -> bool {
    name.len() == alias.len() && begins_as(name, alias)
}

/// Whether only we may send a header of this (lower-case) name. Most names are let go at their first letters.
fn is_managed(name: &str) -> bool {
    let name = name.as_bytes();
    let aliases = name.first().map_or(&[][..], |first| managed(*first));
    aliases.iter().any(|alias| if alias.ends_with(b"_") { begins_as(name, alias) } else { is_alias(name, alias) })
}

fn begins_as(name: &[u8], alias: &[u8]) -> bool {
    let folded = |byte: &u8| if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'_' };
    name.len() >= alias.len() && name.iter().zip(alias).all(|(byte, wanted)| folded(byte) == *wanted)
}

fn strip_our_cookies(request: &mut RequestHeader) {
    let lines = request.headers.get_all(header::COOKIE);
    let kept: Vec<Option<HeaderValue>> = lines.iter().map(cookie::without_ours).collect();
    if lines.iter().zip(&kept).all(|(sent, kept)| Some(sent) == kept.as_ref()) {
        return;
    }
    request.remove_header(&header::COOKIE);
    for line in kept.into_iter().flatten() {
        // Fails only above 32,768 headers; a cookie that is lost is no danger.
        let _ = request.append_header("Cookie", line);
    }
}

/// A value with a control character in it is not sent at all: no header is better than a forged one.
fn say(request: &mut RequestHeader, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
        put(request, name, value);
    }
}

fn put(request: &mut RequestHeader, name: &'static str, value: HeaderValue) {
    if let Err(error) = request.insert_header(name, value) {
        tracing::error!(error = %error, "Could not set {name} on a request");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::UserId;

    fn request(lines: &[(&str, &[u8])]) -> RequestHeader {
        let mut request = RequestHeader::build("GET", b"/", None).unwrap();
        for (name, value) in lines {
            request.append_header((*name).to_owned(), HeaderValue::from_bytes(value).unwrap()).unwrap();
        }
        request
    }

    fn owner(name: &str, roles: &[&str]) -> Owner {
        Owner {
            id: UserId::mint(),
            name: name.to_owned(),
            display_name: None,
            email: Some("a@example.com".to_owned()),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            disabled: false,
            version: 1,
        }
    }

    const ORIGIN: Origin<'static> = Origin { host: "a:1", ip: "192.0.2.1", scheme: "https", request_id: "abc" };

    #[test]
    fn every_alias_of_a_managed_name_goes() {
        for name in [
            "Remote-User",
            "remote_user",
            "REMOTE.USER",
            "Remote-Groups",
            "Remote~Name",
            "X-Remote-User",
            "X-WEBAUTH-USER",
            "x_webauth_email",
            "X-Forwarded-User",
            "X-Forwarded-Preferred-Username",
            "SM_USER",
            "sm-universalid",
            "SMUSER",
            "X-Portcullis-Assertion",
            "Portcullis-Session",
            "X-Request-Id",
            "x_request_id",
            "X-Forwarded-For",
            "X_Forwarded_Proto",
            "X-Forwarded-Host",
            "X-Forwarded-Uri",
            "X-Forwarded-Method",
            "X-Forwarded",
            "Forwarded",
            "X-Real-Ip",
            "x_real.ip",
            "X-Original-Url",
            "X-Rewrite-Url",
            "X-Proxy-User",
            "x-proxy-roles",
            "Proxy",
            "True-Client-Ip",
            "CF-Connecting-IP",
            "X-Auth-Request-Email",
            "Client-IP",
            "client.ip",
            "X-Originating-IP",
            "X_HOST",
            "Front-End-Https",
        ] {
            let mut request = request(&[(name, b"root"), ("Accept", b"*/*")]);
            assert_eq!(strip(&mut request), 1, "{name}");
            assert_eq!(request.headers.len(), 1, "{name}");
        }
    }

    #[test]
    fn other_names_stay() {
        for name in [
            "Accept",
            "Cookie",
            "Content-Type",
            "Cache-Control",
            "Referer",
            "Range",
            "Sec-Fetch-Mode",
            "User-Agent",
            "X-Requested-With",
            "X-HTTP-Method-Override",
            "X-Client-Version",
            "Via",
            "X-Csrf-Token",
            "Remote",
            "Smart-Header",
            "Proxy-Status",
            "X-Api-Key",
            "Traceparent",
        ] {
            assert!(!is_managed(&name.to_ascii_lowercase()), "{name}");
        }
    }

    #[test]
    fn identity_is_what_the_session_says() {
        let mut request = request(&[("Remote-User", b"root"), ("Host", b"a:1")]);
        strip(&mut request);
        set(&mut request, Some(&owner("Ana Mar\u{ed}a", &["admin", "staff"])), &ORIGIN);
        let value = |name: &str| request.headers.get_all(name).iter().map(HeaderValue::as_bytes).collect::<Vec<_>>();
        assert_eq!(value("remote-user"), ["Ana Mar\u{ed}a".as_bytes()]);
        assert_eq!(value("remote-name"), ["Ana Mar\u{ed}a".as_bytes()]);
        assert_eq!(value("remote-email"), [&b"a@example.com"[..]]);
        assert_eq!(value("remote-groups"), [&b"admin,staff"[..]]);
        assert_eq!(value("x-forwarded-host"), [&b"a:1"[..]]);
        assert_eq!(value("x-forwarded-for"), [&b"192.0.2.1"[..]]);
        assert_eq!(value("x-request-id"), [&b"abc"[..]]);
    }

    #[test]
    fn nobody_is_nobody_and_control_characters_are_not_sent() {
        let mut public = request(&[]);
        set(&mut public, None, &ORIGIN);
        assert!(!public.headers.contains_key("remote-user") && !public.headers.contains_key("remote-groups"));
        let mut forged = request(&[]);
        set(&mut forged, Some(&owner("a\r\nRemote-Groups: admin", &[])), &ORIGIN);
        assert!(!forged.headers.contains_key("remote-user"));
    }

    #[test]
    fn our_cookies_stay_here_and_the_apps_travel() {
        let mut request =
            request(&[("Cookie", b"a=\xff; portcullis=x; b=2"), ("Cookie", b"portcullis-device=y"), ("Cookie", b"c")]);
        strip(&mut request);
        let left: Vec<_> = request.headers.get_all("cookie").iter().map(HeaderValue::as_bytes).collect();
        assert_eq!(left, [&b"a=\xff; b=2"[..], b"c"]);
    }
}
