//! One request to our own pages, as a handler sees it: who calls, and with what.

use std::sync::{Arc, OnceLock};

use askama::Template;
use axum::extract::FromRequestParts;
use http::{HeaderMap, Method, StatusCode, header, request::Parts};
use tracing::error;

use super::{
    Answer, Desk, Error, House, WayBack,
    look::{Flash, Frame},
    words::Words,
};
use crate::{
    gate::{
        Because, Presented, Principal,
        cookie::{self, Shown},
    },
    secret::{Digest, Token},
    session::Owner,
    visitor::Visitor,
};

/// One request to our own pages.
#[derive(Clone)]
pub struct Call(Arc<Facts>);

/// What is known of a call before it reaches a handler.
pub(super) struct Facts {
    pub(super) desk: Arc<Desk>,
    pub(super) presented: Presented,
    /// Who is signed in and was refused: named in the menu, and good for nothing else.
    pub(super) refused: Option<Owner>,
    pub(super) ip: std::net::IpAddr,
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) request_id: String,
    /// The browser's name among those that are shown forms, once it is asked for.
    pub(super) browser: OnceLock<Token>,
}

impl Call {
    pub(super) fn new(facts: Facts) -> Self {
        Self(Arc::new(facts))
    }

    /// The use cases.
    #[must_use]
    pub fn desk(&self) -> &Desk {
        &self.0.desk
    }

    /// The operator's names and links.
    #[must_use]
    pub fn house(&self) -> Arc<House> {
        self.0.desk.house.load_full()
    }

    /// Whoever is signed in, or the error that asks them to.
    ///
    /// # Errors
    /// [`Error::SignInRequired`] when nobody is.
    pub fn me(&self) -> Result<&Principal, Error> {
        self.principal().ok_or(Error::SignInRequired)
    }

    /// Whoever is signed in.
    #[must_use]
    pub fn principal(&self) -> Option<&Principal> {
        self.0.presented.good()
    }

    /// What was wrong with the session that was shown, if one was.
    #[must_use]
    pub fn because(&self) -> Option<Because> {
        match self.0.presented {
            Presented::Bad(because) => Some(because),
            Presented::Nothing | Presented::Good(_) => None,
        }
    }

    /// Who calls, as far as one can see.
    #[must_use]
    pub fn visitor(&self) -> Visitor {
        Visitor { ip: self.0.ip, device: self.0.desk.recogniser.recognise(self.header("user-agent")) }
    }

    /// What came along under one of our names.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Shown<'_> {
        cookie::find(&self.0.headers, name)
    }

    /// The digest of the device cookie, when there is exactly one and it is one of ours.
    #[must_use]
    pub fn device(&self) -> Option<Digest> {
        match self.cookie(&self.0.desk.cookies.device) {
            Shown::One(value) => Token::parse(value).map(|token| token.digest()),
            Shown::Nothing | Shown::Several => None,
        }
    }

    /// The result in words that the last answer left for this page.
    #[must_use]
    pub fn flash(&self) -> Option<Flash> {
        match self.cookie(&self.0.desk.cookies.flash) {
            Shown::One(value) => std::str::from_utf8(value).ok().and_then(Flash::parse),
            Shown::Nothing | Shown::Several => None,
        }
    }

    /// The words of the visitor's language.
    #[must_use]
    pub fn words(&self) -> &'static Words {
        Words::for_language(self.header(header::ACCEPT_LANGUAGE.as_str()))
    }

    pub(super) fn browser_cell(&self) -> &OnceLock<Token> {
        &self.0.browser
    }

    /// What stands around a page: the app's name, the menu of whoever is signed in, the result of the last act.
    #[must_use]
    pub fn frame(&self) -> Frame {
        let frame = Frame::new(self.words(), &self.house().branding).with_flash(self.flash());
        match self.principal().map(|me| &me.owner).or(self.0.refused.as_ref()) {
            Some(person) => frame.of(person),
            None => frame,
        }
    }

    /// Sends a page. A result that was shown on it is not shown again.
    ///
    /// # Errors
    /// [`Error::Broken`] when the page cannot be rendered.
    pub fn show(&self, status: StatusCode, page: &impl Template) -> Result<Answer, Error> {
        let answer = self.with_form_cookie(Answer::page(status, self.render(page)?));
        Ok(if self.flash().is_some() { answer.without_flash(&self.desk().cookies) } else { answer })
    }

    /// The text of a page.
    ///
    /// # Errors
    /// [`Error::Broken`] when it cannot be rendered.
    pub fn render(&self, page: &impl Template) -> Result<String, Error> {
        page.render().map_err(|why| {
            error!(request_id = self.request_id(), "A page could not be rendered: {why}");
            Error::Broken
        })
    }

    /// Where to go afterwards: the way back that was asked for, or the landing.
    #[must_use]
    pub fn onward(&self, rd: Option<&str>) -> String {
        rd.and_then(WayBack::parse).map_or_else(|| self.house().landing.clone(), WayBack::into_path)
    }

    /// As sent.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.0.method
    }

    /// As sent.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// The text of a header that is there once.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Ours, for the log and for whoever asks for help.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.0.request_id
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Call {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        parts.extensions.get::<Self>().cloned().ok_or(Error::Broken)
    }
}
