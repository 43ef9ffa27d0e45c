//! Identity headers of a request to an app: those that the client sent are removed, then those of the permit are set.
//!
//! Called from `upstream_request_filter` and nowhere earlier, because before it Pingora removes what `Connection:`
//! nominates: headers set earlier could be nominated away. Two names are aliases when they are equal after lower-casing
//! and mapping every byte that is no letter and no digit to `_`, because apps behind CGI-like interfaces see them so.

mod headers;

use http::{HeaderName, HeaderValue, header};
use pingora::http::{IntoCaseHeaderName, RequestHeader};

use crate::{
    gate::cookie::{self, CookieNames},
    identity_headers::IdentityEncoding,
    session::UserSnapshot,
};

pub use self::headers::IdentityHeaders;

/// Origin of a request, as the app is told besides who is calling.
pub(super) struct RequestOrigin<'a> {
    /// Host and port of the public URL, as configured and not as the client spells them.
    pub(super) host: &'a str,
    /// Address of the visitor.
    pub(super) ip: &'a str,
    /// `http` or `https`, as the visitor came.
    pub(super) scheme: &'static str,
    /// Id that Portcullis gave the request, never the client's.
    pub(super) request_id: &'a str,
}

/// Removes managed headers and Portcullis' cookies from a request. Returns the number of header names that it removed.
pub(super) fn strip_headers(request: &mut RequestHeader, ours: &IdentityHeaders, cookies: &CookieNames) -> u64 {
    let spoofed: Vec<HeaderName> = request.headers.keys().filter(|name| ours.manages(name.as_str())).cloned().collect();
    for name in &spoofed {
        request.remove_header(name);
    }
    strip_our_cookies(request, cookies);
    spoofed.len() as u64
}

/// Sets the identity headers of a user, if one is known, and those of the origin. Comes after [`strip_headers`].
pub(super) fn set_headers(
    request: &mut RequestHeader,
    ours: &IdentityHeaders,
    encoding: IdentityEncoding,
    user: Option<&UserSnapshot>,
    origin: &RequestOrigin<'_>,
) {
    if let Some(user) = user {
        ours.for_each_header(user, |name, value| insert_text(request, name, &encoding.encode(value)));
        // A secret is the app's own word: no encoding of names changes it.
        for (name, value) in ours.fixed() {
            insert_value(request, name, value);
        }
    }
    if request.headers.get(header::HOST).is_none_or(|host| host.as_bytes() != origin.host.as_bytes()) {
        insert_text(request, "Host", origin.host);
    }
    insert_text(request, "X-Forwarded-Host", origin.host);
    insert_text(request, "X-Forwarded-For", origin.ip);
    insert_text(request, "X-Forwarded-Proto", origin.scheme);
    insert_text(request, "X-Request-Id", origin.request_id);
}

fn strip_our_cookies(request: &mut RequestHeader, names: &CookieNames) {
    let lines = request.headers.get_all(header::COOKIE);
    let kept: Vec<Option<HeaderValue>> = lines.iter().map(|line| cookie::strip_own(names, line)).collect();
    if lines.iter().zip(&kept).all(|(sent, kept)| Some(sent) == kept.as_ref()) {
        return;
    }
    request.remove_header(&header::COOKIE);
    for line in kept.into_iter().flatten() {
        // Fails only above 32,768 headers; a cookie that is lost is no danger.
        let _ = request.append_header("Cookie", line);
    }
}

/// Sets a header. A value with a control character in it is not sent at all: no header is better than a forged one.
fn insert_text(request: &mut RequestHeader, name: impl IntoCaseHeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
        insert_value(request, name, value);
    }
}

fn insert_value(request: &mut RequestHeader, name: impl IntoCaseHeaderName, value: HeaderValue) {
    if let Err(error) = request.insert_header(name, value) {
        tracing::error!(error = %error, "Request header not set");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strip(request: &mut RequestHeader, ours: &IdentityHeaders) -> u64 {
        super::strip_headers(request, ours, &CookieNames::new(true, cookie::DEFAULT_NAME))
    }
    fn set(
        request: &mut RequestHeader,
        ours: &IdentityHeaders,
        user: Option<&UserSnapshot>,
        origin: &RequestOrigin<'_>,
    ) {
        super::set_headers(request, ours, IdentityEncoding::Utf8, user, origin);
    }

    use crate::{
        id::UserId,
        identity_headers::{IdentityField, IdentityPreset},
    };

    fn request(lines: &[(&str, &[u8])]) -> RequestHeader {
        let mut request = RequestHeader::build("GET", b"/", None).unwrap();
        for (name, value) in lines {
            request.append_header((*name).to_owned(), HeaderValue::from_bytes(value).unwrap()).unwrap();
        }
        request
    }

    fn owner(name: &str, roles: &[&str]) -> UserSnapshot {
        UserSnapshot {
            id: UserId::mint(),
            name: name.to_owned(),
            display_name: None,
            email: Some("a@example.com".to_owned()),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            disabled: false,
            version: 1,
        }
    }

    fn remote() -> IdentityHeaders {
        IdentityHeaders::new(IdentityPreset::Remote, [])
    }

    fn value<'a>(request: &'a RequestHeader, name: &str) -> Vec<&'a [u8]> {
        request.headers.get_all(name).iter().map(HeaderValue::as_bytes).collect()
    }

    const ORIGIN: RequestOrigin<'static> =
        RequestOrigin { host: "a:1", ip: "192.0.2.1", scheme: "https", request_id: "abc" };

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
            // Those of other gateways.
            "X-Auth-User",
            "X-Authentik-Username",
            "x_authentik_groups",
            "X-Goog-Authenticated-User-Email",
            "X-Goog-IAP-JWT-Assertion",
            "X-Amzn-Oidc-Data",
            "X-Amzn-Mtls-Clientcert",
            "X-Ms-Client-Principal",
            "X-MS-CLIENT-PRINCIPAL-NAME",
            "X-Ms-Token-Aad-Access-Token",
            "X-Ssl-Client-S-Dn",
            "X-Client-Cert",
            "X-Client-Cert-Chain",
            "Ssl-Client-Verify",
            "X-Forwarded-Client-Cert",
            "X-Token-Subject",
            "X-Userinfo",
            "X-User-Id",
            "Cf-Access-Authenticated-User-Email",
            "Tailscale-User-Login",
            "OIDC_CLAIM_email",
            "Shib-Identity-Provider",
            "OAM_REMOTE_USER",
            "iv-user",
            "X-Consumer-Username",
            "X-Appengine-User-Email",
            "X-Pomerium-Claim-Email",
            "X-Vouch-User",
        ] {
            let mut request = request(&[(name, b"root"), ("Accept", b"*/*")]);
            assert_eq!(strip(&mut request, &remote()), 1, "{name}");
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
            "X-Auth-Token",
            "X-Token",
            "X-Client-Certainty",
            "X-Userland",
            "Oidcard",
            "Traceparent",
        ] {
            assert!(!remote().manages(&name.to_ascii_lowercase()), "{name}");
        }
    }

    #[test]
    fn identity_is_what_the_session_says() {
        let mut request = request(&[("Remote-User", b"root"), ("Host", b"a:1")]);
        strip(&mut request, &remote());
        set(&mut request, &remote(), Some(&owner("Ana Mar\u{ed}a", &["admin", "staff"])), &ORIGIN);
        let value = |name: &str| value(&request, name);
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
        set(&mut public, &remote(), None, &ORIGIN);
        assert!(!public.headers.contains_key("remote-user") && !public.headers.contains_key("remote-groups"));
        let mut forged = request(&[]);
        set(&mut forged, &remote(), Some(&owner("a\r\nRemote-Groups: admin", &[])), &ORIGIN);
        assert!(!forged.headers.contains_key("remote-user"));
    }

    #[test]
    fn our_cookies_stay_here_and_the_apps_travel() {
        let mut request =
            request(&[("Cookie", b"a=\xff; portcullis=x; b=2"), ("Cookie", b"portcullis-device=y"), ("Cookie", b"c")]);
        strip(&mut request, &remote());
        let left: Vec<_> = request.headers.get_all("cookie").iter().map(HeaderValue::as_bytes).collect();
        assert_eq!(left, [&b"a=\xff; b=2"[..], b"c"]);
    }

    #[test]
    fn each_preset_says_it_as_its_apps_read_it() {
        let user = owner("ana", &["admin", "team:a"]);
        let id = user.id.to_string();
        for (preset, expected) in [
            (
                IdentityPreset::Webauth,
                vec![
                    ("X-WEBAUTH-USER", "ana"),
                    ("X-WEBAUTH-NAME", "ana"),
                    ("X-WEBAUTH-FULLNAME", "ana"),
                    ("X-WEBAUTH-EMAIL", "a@example.com"),
                    ("X-WEBAUTH-GROUPS", "admin,team:a"),
                ],
            ),
            (
                IdentityPreset::Forwarded,
                vec![
                    ("X-Forwarded-User", "ana"),
                    ("X-Forwarded-Preferred-Username", "ana"),
                    ("X-Forwarded-Email", "a@example.com"),
                    ("X-Forwarded-Groups", "admin,team:a"),
                ],
            ),
            (
                IdentityPreset::Jenkins,
                vec![
                    ("X-Forwarded-User", "ana"),
                    ("X-Forwarded-DisplayName", "ana"),
                    ("X-Forwarded-Mail", "a@example.com"),
                    ("X-Forwarded-Groups", "admin|team:a"),
                ],
            ),
            (IdentityPreset::Opensearch, vec![("x-proxy-user", "ana"), ("x-proxy-roles", "admin,team:a")]),
            (
                IdentityPreset::Siteminder,
                vec![("SM_USER", "ana"), ("SM_UNIVERSALID", &id), ("SM_USERGROUPS", "admin^team:a")],
            ),
        ] {
            let mut request = request(&[]);
            set(&mut request, &IdentityHeaders::new(preset, []), Some(&user), &ORIGIN);
            // Host, three that tell of the origin, and the request's id.
            assert_eq!(request.headers.len(), expected.len() + 5, "{preset:?}");
            for (name, said) in expected {
                assert_eq!(value(&request, name), [said.as_bytes()], "{preset:?}");
            }
        }
    }

    #[test]
    fn an_extra_header_is_ours_alone_in_any_spelling() {
        let ours = IdentityHeaders::new(
            IdentityPreset::Jenkins,
            [("X-Employee_No", IdentityField::Email), ("Teams", IdentityField::Roles)],
        );
        for name in ["X-Employee-No", "x_employee_no", "X.EMPLOYEE.NO", "teams", "Remote-User", "X-WEBAUTH-USER"] {
            let mut request = request(&[(name, b"root"), ("X-Employee-Nose", b"*")]);
            assert_eq!(strip(&mut request, &ours), 1, "{name}");
            assert_eq!(request.headers.len(), 1, "{name}");
        }
        let mut request = request(&[]);
        set(&mut request, &ours, Some(&owner("ana", &["a", "b"])), &ORIGIN);
        assert_eq!(value(&request, "x-employee_no"), [b"a@example.com"]);
        assert_eq!(value(&request, "teams"), [b"a|b"]);
        set(&mut public_of(&ours), &ours, None, &ORIGIN);
        let mut nameless = owner("ana", &[]);
        nameless.email = None;
        let mut without = public_of(&ours);
        set(&mut without, &ours, Some(&nameless), &ORIGIN);
        assert!(!without.headers.contains_key("x-employee_no"), "no address, no header");
    }

    /// A request whose client has lied about all that is ours.
    fn public_of(ours: &IdentityHeaders) -> RequestHeader {
        let mut request = request(&[("X-Employee-No", b"root"), ("Teams", b"root")]);
        strip(&mut request, ours);
        assert!(request.headers.is_empty());
        request
    }

    #[test]
    fn no_role_is_read_as_two() {
        let spoiled = owner("ana", &["a", "b,admin", "c|admin", "d^admin"]);
        for (preset, header, told) in [
            (IdentityPreset::Remote, "remote-groups", "a,c|admin,d^admin"),
            (IdentityPreset::Jenkins, "x-forwarded-groups", "a|d^admin"),
            (IdentityPreset::Siteminder, "sm_usergroups", "a^c|admin"),
        ] {
            let mut request = request(&[]);
            set(&mut request, &IdentityHeaders::new(preset, []), Some(&spoiled), &ORIGIN);
            assert_eq!(value(&request, header), [told.as_bytes()]);
        }
    }
}
