//! Managed header names, which no client may send to an app, and reserved ones, which no operator may configure.
//!
//! Two names are aliases when they are equal after lower-casing and mapping every byte that is no letter and no digit to `_`.
//! Names in these lists are in that form; one that ends in `_` is a family: all names that begin so. All presets are among them, so
//! that no choice of preset lets another one's names through, and so is what other gateways and networks in front of apps add under
//! names of their own: no peer's word is taken in this version.

/// Managed names by their first letter, so that most names need no comparison. `Proxy` is the one that CGI turns into `HTTP_PROXY`.
const fn managed(first: u8) -> &'static [&'static [u8]] {
    match first {
        b'a' => &[b"ali_cdn_real_ip"],
        b'c' => &[
            b"cdn_src_ip",
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
        b'i' => &[b"impersonate_", b"incap_client_ip", b"iv_user", b"iv_groups", b"iv_creds"],
        b'm' => &[b"mellon_"],
        b'o' => &[b"oam_", b"oidc_"],
        b'p' => &[b"portcullis_", b"proxy", b"proxy_client_ip"],
        b'r' => &[b"remote_", b"real_ip"],
        b's' => &[b"shib_", b"sm_", b"smuser", b"ssl_client_"],
        b't' => &[b"tailscale_", b"true_client_ip"],
        b'v' => &[b"via_ip"],
        b'w' => &[b"wl_proxy_"],
        b'x' => MANAGED_X,
        _ => &[],
    }
}

const MANAGED_X: &[&[u8]] = &[
    b"x_forward_for",
    b"x_forwarded",
    b"x_forwarded_",
    b"x_original_",
    b"x_rewrite_",
    b"x_proxy_",
    b"x_portcullis_",
    b"x_envoy_",
    // Who.
    b"x_remote_",
    b"x_auth_request_",
    b"x_amzn_mtls_",
    b"x_amzn_oidc_",
    b"x_client_cert",
    b"x_client_cert_",
    b"x_client_dn",
    b"x_client_verify",
    b"x_endpoint_api_userinfo",
    b"x_goog_iap_",
    b"x_jwt_assertion",
    b"x_ms_client_principal",
    b"x_ms_client_principal_",
    b"x_ms_token_",
    b"x_pomerium_",
    b"x_ssl_cert",
    b"x_ssl_client_",
    b"x_userinfo",
    b"x_request_id",
    // Where from; of the first one also who.
    b"x_appengine_",
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
    b"x_sucuri_clientip",
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
    b"x_ssl",
    b"x_url_scheme",
    // To which path.
    b"x_override_url",
    b"x_request_uri",
    b"x_script_name",
];

/// Managed names, too, which say who somebody is and nothing else: an operator may have them set.
const IDENTITY_X: &[&[u8]] = &[
    b"x_webauth_",
    b"x_auth_user",
    b"x_auth_username",
    b"x_auth_name",
    b"x_auth_email",
    b"x_auth_groups",
    b"x_auth_roles",
    b"x_authenticated_",
    b"x_authentik_",
    b"x_consumer_",
    b"x_credential_",
    b"x_email",
    b"x_goog_authenticated_user_",
    b"x_groups",
    b"x_roles",
    b"x_token_",
    b"x_user",
    b"x_user_email",
    b"x_user_groups",
    b"x_user_id",
    b"x_user_name",
    b"x_user_roles",
    b"x_userid",
    b"x_username",
    b"x_vouch_",
];

/// Names of the same kind in families above which also say other things.
const IDENTITY: &[&[u8]] = &[
    b"remote_user",
    b"remote_name",
    b"remote_email",
    b"remote_groups",
    b"sm_",
    b"smuser",
    b"iv_user",
    b"iv_groups",
    b"oam_remote_user",
    b"oidc_claim_",
    b"shib_",
    b"tailscale_user_",
    b"x_remote_user",
    b"x_remote_name",
    b"x_remote_email",
    b"x_remote_group",
    b"x_remote_groups",
    b"x_proxy_user",
    b"x_proxy_roles",
    b"x_forwarded_user",
    b"x_forwarded_email",
    b"x_forwarded_mail",
    b"x_forwarded_name",
    b"x_forwarded_displayname",
    b"x_forwarded_groups",
    b"x_forwarded_roles",
    b"x_forwarded_preferred_username",
    b"x_auth_request_user",
    b"x_auth_request_email",
    b"x_auth_request_groups",
    b"x_auth_request_preferred_username",
    b"x_ms_client_principal_id",
    b"x_ms_client_principal_name",
];

/// Reserved names: HTTP, browsers or Portcullis read them, and so an operator may not have them set. As aliases, too.
const RESERVED: &[&[u8]] = &[
    b"a_im",
    b"accept",
    b"accept_",
    b"access_control_",
    b"age",
    b"allow",
    b"alt_used",
    b"authorization",
    b"cache_control",
    b"connection",
    b"content_",
    b"cookie",
    b"cookie2",
    b"date",
    b"dnt",
    b"early_data",
    b"expect",
    b"from",
    b"host",
    b"http2_settings",
    b"if_",
    b"keep_alive",
    b"last_event_id",
    b"last_modified",
    b"max_forwards",
    b"origin",
    b"pragma",
    b"prefer",
    b"priority",
    b"proxy_",
    b"range",
    b"referer",
    b"sec_",
    b"server",
    b"set_cookie",
    b"set_cookie2",
    b"te",
    b"trailer",
    b"transfer_",
    b"upgrade",
    b"upgrade_",
    b"user_agent",
    b"via",
    b"warning",
    b"www_authenticate",
];

/// Whether `name` becomes `alias` once it is in lower case and all that is no letter and no digit is `_`.
pub(crate) fn is_alias(name: &[u8], alias: &[u8]) -> bool {
    name.len() == alias.len() && has_alias_prefix(name, alias)
}

/// Whether only Portcullis may send a header of this (lower-case) name.
pub(crate) fn is_managed(name: &[u8]) -> bool {
    let first = name.first().map(u8::to_ascii_lowercase).unwrap_or_default();
    matches_any(name, managed(first)) || first == b'x' && matches_any(name, IDENTITY_X)
}

/// Whether a header of this name says who somebody is, and nothing else.
pub(super) fn is_identity(name: &[u8]) -> bool {
    matches_any(name, IDENTITY) || matches_any(name, IDENTITY_X)
}

/// Whether something else than an app's own code reads a header of this name.
pub(super) fn is_reserved(name: &[u8]) -> bool {
    matches_any(name, RESERVED)
}

/// Normalized name: aliases are equal in it.
pub(crate) fn normalized(name: &[u8]) -> Box<[u8]> {
    name.iter().copied().map(normalize_byte).collect()
}

fn matches_any(name: &[u8], aliases: &[&[u8]]) -> bool {
    aliases
        .iter()
        .any(|alias| if alias.ends_with(b"_") { has_alias_prefix(name, alias) } else { is_alias(name, alias) })
}

fn has_alias_prefix(name: &[u8], alias: &[u8]) -> bool {
    name.len() >= alias.len() && name.iter().zip(alias).all(|(byte, wanted)| normalize_byte(*byte) == *wanted)
}

const fn normalize_byte(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'_' }
}
