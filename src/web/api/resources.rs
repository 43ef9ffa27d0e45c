//! What the API shows of a session and of a user. Unknown is `null`, never is `null`.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    id::SessionId,
    session::{AuthMethod, ClientKind, Session, SessionPolicy, UserSnapshot},
    visitor::{Device, DeviceKind, Software},
    web::SiteSettings,
};

/// One place where somebody is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionResource {
    /// `sess_…`
    #[schema(value_type = String, pattern = "^sess_[0-9a-hj-km-np-tv-z]{26}$")]
    pub id: SessionId,
    /// Whether it is the session that asks.
    pub current: bool,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339.
    pub last_active_at: String,
    /// When it ends if nobody uses it again; null is never.
    pub idle_expires_at: Option<String>,
    /// When it ends however busy it is.
    pub expires_at: String,
    /// "Keep me signed in" was ticked.
    pub remembered: bool,
    /// `web` or `app`.
    pub kind: &'static str,
    /// How its owner proved who they are.
    pub auth: AuthResource,
    /// What it was opened with.
    pub device: DeviceResource,
    /// Where it is.
    pub network: NetworkResource,
    /// Where that is on the map, as far as it is known.
    pub place: PlaceResource,
    /// What it has done.
    pub activity: ActivityResource,
    /// What is odd about it.
    pub risk: RiskResource,
}

/// How somebody proved who they are.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuthResource {
    /// 1 after one factor, 2 after two.
    pub assurance: u8,
    /// In the order in which they were given.
    pub methods: Vec<&'static str>,
}

/// A device, as its User-Agent names it.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeviceResource {
    /// `Chrome on macOS`
    pub label: String,
    /// `desktop`, `laptop`, `phone`, `tablet`, `tv`, `console`, `bot`, `key`, `unknown`
    #[schema(value_type = String)]
    pub kind: DeviceKind,
    /// The browser.
    pub browser: Option<SoftwareResource>,
    /// The operating system; its version only where it is really told.
    pub os: Option<SoftwareResource>,
    /// `iPhone`
    pub model: Option<String>,
}

/// A program.
#[derive(Debug, Serialize, ToSchema)]
pub struct SoftwareResource {
    /// `Chrome`
    pub name: String,
    /// `142`
    pub version: Option<String>,
}

/// Where a session is on the network.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct NetworkResource {
    /// Of the last hit.
    pub ip: Option<String>,
    /// Of the sign-in.
    pub first_ip: Option<String>,
    /// Autonomous system.
    pub asn: Option<u32>,
    /// Who runs it.
    pub isp: Option<String>,
}

/// A place; all null while no place is known.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct PlaceResource {
    /// `London, United Kingdom`
    pub label: Option<String>,
    /// City.
    pub city: Option<String>,
    /// Region.
    pub region: Option<String>,
    /// ISO 3166.
    pub country_code: Option<String>,
}

/// What a session has done.
#[derive(Debug, Serialize, ToSchema)]
pub struct ActivityResource {
    /// Sign-ins of its owner from the same device, this one included.
    pub sign_ins: u32,
    /// Requests whose method is not safe: other than GET, HEAD, OPTIONS and QUERY.
    pub actions: u64,
    /// The last page navigation.
    pub last_page: Option<PageResource>,
}

/// A page of the app.
#[derive(Debug, Serialize, ToSchema)]
pub struct PageResource {
    /// Without its query.
    pub path: String,
    /// The operator's name for it.
    pub label: Option<String>,
}

/// What is odd about a session; null and empty while nothing is.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct RiskResource {
    /// `high`, `medium`, `low`
    pub level: Option<&'static str>,
    /// Why.
    pub reasons: Vec<&'static str>,
}

/// Somebody with an account.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UserResource {
    /// `usr_…`
    #[schema(value_type = String, pattern = "^usr_[0-9a-hj-km-np-tv-z]{13}$")]
    pub id: crate::id::UserId,
    /// What they sign in with.
    pub name: String,
    /// How they are shown.
    pub display_name: Option<String>,
    /// Signs in too.
    pub email: Option<String>,
    /// What they may do.
    pub roles: Vec<String>,
}

impl SessionResource {
    /// What `current` may see of a session.
    #[must_use]
    pub fn from_session(
        session: &Session,
        current: Option<SessionId>,
        policy: &SessionPolicy,
        site: &SiteSettings,
    ) -> Self {
        let activity = &session.activity;
        let page = |path: &String| PageResource { path: path.clone(), label: site.page_label(path).map(str::to_owned) };
        Self {
            id: session.id,
            current: current == Some(session.id),
            created_at: session.terms.opened.rfc3339(),
            last_active_at: activity.last_seen.rfc3339(),
            idle_expires_at: policy
                .idle_expiry(session.terms, activity.last_seen)
                .map(crate::clock::Timestamp::rfc3339),
            expires_at: policy.absolute_expiry(session.terms).rfc3339(),
            remembered: session.terms.remembered,
            kind: match session.terms.kind {
                ClientKind::Web => "web",
                ClientKind::App => "app",
            },
            auth: AuthResource {
                assurance: session.proof.assurance.into(),
                methods: session.proof.methods.iter().map(|m| method_name(*m)).collect(),
            },
            device: DeviceResource::from_device(&session.device),
            network: NetworkResource {
                ip: Some(activity.ip.to_string()),
                first_ip: Some(session.first_ip.to_string()),
                ..NetworkResource::default()
            },
            place: PlaceResource::default(),
            activity: ActivityResource {
                sign_ins: session.sign_ins,
                actions: activity.actions,
                last_page: activity.last_path.as_ref().map(page),
            },
            risk: RiskResource::default(),
        }
    }
}

impl DeviceResource {
    /// What is shown of a device.
    #[must_use]
    pub fn from_device(device: &Device) -> Self {
        let software = |known: &Software| SoftwareResource { name: known.name.clone(), version: known.version.clone() };
        Self {
            label: device.label(),
            kind: device.kind,
            browser: device.browser.as_ref().map(software),
            os: device.os.as_ref().map(software),
            model: device.model.clone(),
        }
    }
}

impl UserResource {
    /// What is shown of a user to themselves.
    #[must_use]
    pub(super) fn from_user(owner: &UserSnapshot) -> Self {
        let UserSnapshot { id, name, display_name, email, roles, .. } = owner.clone();
        Self { id, name, display_name, email, roles }
    }
}

/// A way to prove who one is, by name.
pub(super) const fn method_name(method: AuthMethod) -> &'static str {
    match method {
        AuthMethod::Password => "password",
    }
}
