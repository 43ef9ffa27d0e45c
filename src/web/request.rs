//! One request to our own pages, as a handler sees it: who calls, and with what.

use std::sync::{Arc, OnceLock};

use askama::Template;
use axum::extract::FromRequestParts;
use http::{HeaderMap, Method, StatusCode, header, request::Parts};
use tracing::error;

use super::{
    Error, RequestFailure, ReturnTo, SiteSettings, WebResponse, WebState,
    i18n::Localizer,
    theme::{Flash, Layout},
};
use crate::{
    gate::{
        Authentication, OwnedHead, Principal, RejectReason, RequestHead,
        cookie::{self, CookieLookup},
    },
    secret::{Digest, Token},
    session::UserSnapshot,
    visitor::Visitor,
};

/// One request to our own pages.
#[derive(Clone)]
pub struct WebRequest(Arc<WebRequestParts>);

/// What is known of a call before it reaches a handler.
pub(super) struct WebRequestParts {
    pub(super) state: Arc<WebState>,
    pub(super) authentication: Authentication,
    /// Who is signed in and was refused: named in the menu, and good for nothing else.
    pub(super) refused_user: Option<UserSnapshot>,
    pub(super) head: Arc<OwnedHead>,
    /// The browser's name among those that are shown forms, once it is asked for.
    pub(super) browser_id: OnceLock<Token>,
}

impl WebRequest {
    pub(super) fn new(parts: WebRequestParts) -> Self {
        Self(Arc::new(parts))
    }

    /// The use cases.
    #[must_use]
    pub fn state(&self) -> &WebState {
        &self.0.state
    }

    /// The operator's names and links.
    #[must_use]
    pub fn site_settings(&self) -> Arc<SiteSettings> {
        self.0.state.site.load_full()
    }

    /// Whoever is signed in, or the error that asks them to.
    ///
    /// # Errors
    /// [`Error::SignInRequired`] when nobody is.
    pub fn require_principal(&self) -> Result<&Principal, Error> {
        self.principal().ok_or(Error::SignInRequired)
    }

    /// Whoever is signed in.
    #[must_use]
    pub fn principal(&self) -> Option<&Principal> {
        self.0.authentication.principal()
    }

    /// What was wrong with the session that was shown, if one was.
    #[must_use]
    pub fn reject_reason(&self) -> Option<RejectReason> {
        match self.0.authentication {
            Authentication::Rejected(because) => Some(because),
            Authentication::NotPresented | Authentication::Authenticated(_) => None,
        }
    }

    /// Who calls, as far as one can see.
    #[must_use]
    pub fn visitor(&self) -> Visitor {
        Visitor { ip: self.head().ip, device: self.0.state.user_agent_parser.detect(self.header("user-agent")) }
    }

    /// What came along under one of our names.
    #[must_use]
    pub fn cookie(&self, name: &str) -> CookieLookup<'_> {
        cookie::find(self.headers(), name)
    }

    /// The digest of the device cookie, when there is exactly one and it is one of ours.
    #[must_use]
    pub fn device_digest(&self) -> Option<Digest> {
        match self.cookie(&self.0.state.cookies.device) {
            CookieLookup::Found(value) => Token::parse(value).map(|token| token.digest()),
            CookieLookup::Missing | CookieLookup::Duplicate => None,
        }
    }

    /// The result in words that the last answer left for this page.
    #[must_use]
    pub fn flash(&self) -> Option<Flash> {
        match self.cookie(&self.0.state.cookies.flash) {
            CookieLookup::Found(value) => std::str::from_utf8(value).ok().and_then(Flash::parse),
            CookieLookup::Missing | CookieLookup::Duplicate => None,
        }
    }

    /// The words of the visitor's language.
    #[must_use]
    pub fn localizer(&self) -> &'static Localizer {
        Localizer::for_language(self.header(header::ACCEPT_LANGUAGE.as_str()))
    }

    pub(super) fn browser_id_cell(&self) -> &OnceLock<Token> {
        &self.0.browser_id
    }

    /// What stands around a page: the app's name, the menu of whoever is signed in, the result of the last act.
    #[must_use]
    pub fn layout(&self) -> Layout {
        let layout = Layout::new(self.localizer(), &self.site_settings().branding).with_flash(self.flash());
        match self.principal().map(|me| &me.subject).or(self.0.refused_user.as_ref()) {
            Some(user) => layout.with_user(user),
            None => layout,
        }
    }

    /// Sends a page. A result that was shown on it is not shown again.
    ///
    /// # Errors
    /// [`Error::Failed`] when the page cannot be rendered.
    pub fn render_page(&self, status: StatusCode, page: &impl Template) -> Result<WebResponse, Error> {
        let answer = self.with_form_cookie(WebResponse::page(status, self.render_template(page)?));
        Ok(if self.flash().is_some() { answer.without_flash(&self.state().cookies) } else { answer })
    }

    /// The text of a page.
    ///
    /// # Errors
    /// [`Error::Failed`] when it cannot be rendered.
    pub fn render_template(&self, page: &impl Template) -> Result<String, Error> {
        page.render().map_err(|why| {
            error!(request_id = self.request_id(), "A page could not be rendered: {why}");
            Error::Failed(RequestFailure::Internal)
        })
    }

    /// Where to go afterwards: the way back that was asked for, or the landing.
    #[must_use]
    pub fn return_path(&self, rd: Option<&str>) -> String {
        rd.and_then(ReturnTo::parse).map_or_else(|| self.site_settings().landing_path.clone(), ReturnTo::into_path)
    }

    /// As sent.
    #[must_use]
    pub fn method(&self) -> &Method {
        self.head().method
    }

    /// As sent.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.head().headers
    }

    /// The text of a header that is there once.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers().get(name).and_then(|value| value.to_str().ok())
    }

    /// Ours, for the log and for whoever asks for help.
    #[must_use]
    pub fn request_id(&self) -> &str {
        self.head().request_id
    }

    /// The head as the gate read it.
    #[must_use]
    pub fn head(&self) -> RequestHead<'_> {
        self.0.head.view()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for WebRequest {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        parts.extensions.get::<Self>().cloned().ok_or(Error::Failed(RequestFailure::Internal))
    }
}
