//! What the pages and the API work with: the use cases, and what the operator has said of the house.

use std::{collections::BTreeMap, sync::Arc};

use arc_swap::ArcSwap;
use schemars::JsonSchema;
use serde::Serialize;

use super::theme::Branding;
use crate::{
    account::AccountService,
    audit::AuditLog,
    clock::Clock,
    gate::cookie::{AppCookieRecorder, CookieNames, ForgetOn},
    guard::FormGuard,
    public_url::PublicUrl,
    secret::SecretKey,
    session::SessionService,
    sign_in::SignIn,
    visitor::DeviceDetector,
};

/// The use cases that handlers call. One for the whole program.
pub struct WebState {
    /// The one origin.
    pub public_url: PublicUrl,
    /// The names of our cookies.
    pub cookies: CookieNames,
    /// What apps have left in a browser.
    pub app_cookies: AppCookieRecorder,
    /// Signs what a browser keeps for us.
    pub signing_key: SecretKey,
    /// What time it is.
    pub clock: Clock,
    /// Open, list, end.
    pub sessions: SessionService,
    /// Users and passwords.
    pub accounts: AccountService,
    /// From nobody to a session.
    pub sign_in: SignIn,
    /// Tokens of forms, and whether one was sent before.
    pub forms: FormGuard,
    /// What happened.
    pub audit_log: AuditLog,
    /// Names devices.
    pub user_agent_parser: DeviceDetector,
    /// Names, links and habits; may change while we run.
    pub site: Arc<ArcSwap<SiteSettings>>,
}

/// What the operator has said of the app: how it is called and where things lead.
#[derive(Clone, Debug)]
pub struct SiteSettings {
    /// How the app is called, where it is, its colour.
    pub branding: Branding,
    /// Where one lands after signing in without a way back.
    pub landing_path: String,
    /// What happens to the other sessions when the password changes.
    pub other_sessions: OtherSessionsPolicy,
    /// Names for pages of the app, by path.
    pub page_labels: BTreeMap<String, String>,
    /// When cookies of an upstream are taken from a browser, by its name.
    pub clear_cookies_on: BTreeMap<String, ForgetOn>,
}

/// What happens to the other sessions when the password changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OtherSessionsPolicy {
    /// The visitor decides.
    Ask,
    /// They stay.
    Keep,
    /// They end.
    EndOthers,
}

impl SiteSettings {
    /// The operator's name for a page of the app.
    #[must_use]
    pub fn page_label(&self, path: &str) -> Option<&str> {
        self.page_labels.get(path).map(String::as_str)
    }
}
