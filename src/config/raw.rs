//! The file as written: every key that there is, with the description that the schema and the manual show.
//!
//! A key is listed here once it works. What the values mean together is decided in `validated` and `sections`.

use schemars::JsonSchema;

use super::diagnostics::Diagnostics;
use super::from_node::{FromNode, Located, Named, OneOrMore, RawField};
use super::section::Section;
use super::tree::{Node, Position};
use super::value::address::ListenAddress;
use super::value::network::Network;
use super::value::store::{RecordsLocation, StoreLocation};
use super::value::upstream_address::UpstreamAddress;
use crate::guard::LockoutPolicy;
use crate::public_url::PublicUrl;

use super::sections::activity::ActivitySettings;
use super::sections::admin::AdminSettings;
use super::sections::branding::BrandingSettings;
use super::sections::identity::RawIdentity;
use super::sections::limits::LimitSettings;
use super::sections::log::LogSettings;
use super::sections::passwords::PasswordSettings;
use super::sections::routes::RawRoute;
use super::sections::sessions::SessionSettings;
use super::sections::shutdown::ShutdownSettings;
use super::sections::sign_in::SignInSettings;
use super::sections::tls::RawTls;
use super::sections::upstreams::RawUpstream;
use crate::audit::AuditPolicy;

/// Keys of the plan that this version does not have.
const PLANNED_KEYS: [&str; 4] = ["second_factor", "confirm_identity", "geoip", "notify"];

/// The configuration of Portcullis.
#[derive(JsonSchema)]
#[schemars(title = "Portcullis configuration")]
pub(super) struct RawConfig {
    /// Scheme, host and port under which visitors reach the app, such as `https://app.example.com`. Cookie flags and
    /// redirects follow from it, and requests for another host are refused with 421. Plain `http` is for this machine
    /// only (`localhost`, `127.0.0.0/8`, `[::1]`) unless `insecure_http` is on.
    #[schemars(required)]
    pub(super) public_url: RawField<PublicUrl>,
    /// The address to listen on, `ADDR:PORT`, or a list of them. May be left out when `public_url` is an `http` URL of
    /// this machine: then it is that host and port. Without `tls` it is plain HTTP here, so an address that other
    /// machines can reach is refused unless `insecure_http` is on.
    pub(super) listen: RawField<OneOrMore<ListenAddress>>,
    /// Allows plain HTTP beyond this machine. Turn it on when something in front of Portcullis ends TLS and the network
    /// between the two is yours; otherwise anyone on the way can read and take over sessions.
    pub(super) insecure_http: RawField<bool>,
    /// TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1 on every address of `listen`. `null`: plain HTTP, for something in front that
    /// ends TLS.
    pub(super) tls: RawField<RawTls>,
    /// The networks, such as `10.0.0.0/8`, of what stands in front of Portcullis and passes requests on. From there alone
    /// `X-Forwarded-For` is believed: the last address in it that is not in one of these networks is the visitor's, for the
    /// throttle, the log, the list of sessions and the app. `X-Forwarded-Host` from there may stand for `Host`. What stands in
    /// front must append to `X-Forwarded-For`, or set it. An empty list is nobody.
    pub(super) trusted_proxies: RawField<Vec<Located<Network>>>,
    /// Whether each connection begins with a header of the PROXY protocol (version 1 or 2), which says whose it is. Then all
    /// must come from `trusted_proxies`, and none is served without it.
    pub(super) proxy_protocol: RawField<bool>,
    /// Where sessions and accounts are kept: `file:PATH` (relative to the folder of this file), for one machine;
    /// `redis://[USER:PASSWORD@]HOST[:PORT][/DB]`, a Redis or Valkey server that several machines may share, `rediss://` over
    /// TLS; or `memory`, which forgets everything when Portcullis stops.
    pub(super) store: RawField<StoreLocation>,
    /// A file that holds the value of `store`, instead of `store`. It must not be readable by everybody on the machine.
    pub(super) store_file: RawField<String>,
    /// Where accounts and the journal are kept apart from sessions, with `store: redis://…` only: `file:PATH` or another
    /// `redis://…`. `null` is in the same store.
    pub(super) records: RawField<RecordsLocation>,
    /// A file that holds the value of `records`, instead of `records`. It must not be readable by everybody on the machine.
    pub(super) records_file: RawField<String>,
    /// Base64 of at least 32 random bytes (`openssl rand -base64 32`), from which keys are made: so far the one that blinds
    /// the names that were tried at sign-in and that nobody has. With a new one their counters begin anew. With
    /// `store: memory` it may be left out: one is made at start.
    pub(super) secret: RawField<String>,
    /// A file that holds the value of `secret`, instead of `secret`. Its owner may read it, and a group
    /// (`chmod 600`, or `640`); a file that everybody on the machine may read is refused.
    pub(super) secret_file: RawField<String>,
    /// The short form for one app, all of it for signed-in visitors: the URL of the app. It stands for one upstream named
    /// `app` and one route `/`, and takes the place of `upstreams` and `routes`.
    pub(super) upstream: RawField<UpstreamAddress>,
    /// The apps behind Portcullis, each under a name of your choice (letters a-z, digits, `-` and `_`).
    pub(super) upstreams: RawField<Named<RawUpstream>>,
    /// Which paths go to which app, and who may see them. The first match wins; a path that matches no route is answered
    /// with 404 and reaches no app.
    pub(super) routes: RawField<Vec<Located<RawRoute>>>,
    /// Signing in.
    pub(super) sign_in: SignInSettings,
    /// How long visitors stay signed in. A change, shorter or longer, applies to sessions that already live.
    pub(super) sessions: SessionSettings,
    /// Rules for passwords.
    pub(super) passwords: PasswordSettings,
    /// When an account is locked after wrong passwords.
    pub(super) lockout: LockoutPolicy,
    /// What the journal keeps.
    pub(super) audit: AuditPolicy,
    /// What a client may ask of a connection. A change of these needs a restart, but for `body_size`.
    pub(super) limits: LimitSettings,
    /// How the app learns who is calling.
    pub(super) identity: RawIdentity,
    /// The port for metrics and health checks. It must not be reachable for visitors.
    pub(super) admin: AdminSettings,
    /// What is logged, and how.
    pub(super) log: LogSettings,
    /// How visitors' pages are named in the list of sessions.
    pub(super) activity: ActivitySettings,
    /// What happens between the signal to stop and the end.
    pub(super) shutdown: ShutdownSettings,
    /// How the pages under `/security` look.
    pub(super) branding: BrandingSettings,
    /// Where the file begins, for complaints about what is missing.
    #[schemars(skip)]
    pub(super) at: Position,
}

impl FromNode for RawConfig {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        let mut keys = Section::open(node, key, diagnostics)?;
        let file = Self {
            public_url: keys.take("public_url"),
            listen: keys.take("listen"),
            insecure_http: keys.take("insecure_http"),
            tls: keys.take_nullable("tls"),
            trusted_proxies: keys.take("trusted_proxies"),
            proxy_protocol: keys.take("proxy_protocol"),
            store: keys.take("store"),
            store_file: keys.take("store_file"),
            records: keys.take_nullable("records"),
            records_file: keys.take("records_file"),
            secret: keys.take("secret"),
            secret_file: keys.take("secret_file"),
            upstream: keys.take("upstream"),
            upstreams: keys.take("upstreams"),
            routes: keys.take("routes"),
            sign_in: keys.take_section("sign_in"),
            sessions: keys.take_section("sessions"),
            passwords: keys.take_section("passwords"),
            lockout: keys.take_section("lockout"),
            audit: keys.take_section("audit"),
            limits: keys.take_section("limits"),
            identity: keys.take_section("identity"),
            admin: keys.take_section("admin"),
            log: keys.take_section("log"),
            activity: keys.take_section("activity"),
            shutdown: keys.take_section("shutdown"),
            branding: keys.take_section("branding"),
            at: Position::START,
        };
        keys.finish(&PLANNED_KEYS);
        Some(file)
    }
}
