//! What stands around a page: the app's name, the way back, who is signed in, the tabs, the result of the last act.

use super::{Accent, Asset, AssetUrls, Flash, Notice, assets};
use crate::{
    session::UserSnapshot,
    web::{
        i18n::{Localizer, sanitize},
        pages::PAGES,
    },
};

/// What the operator chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branding {
    /// What the guarded app is called.
    pub app_name: String,
    /// The way back to it.
    pub home_url: String,
    /// Where people get help.
    pub support_url: Option<String>,
    /// The colour of buttons and links.
    pub accent: Option<Accent>,
}

impl Branding {
    /// The file at this path: one of the pages' own, or the operator's colour.
    #[must_use]
    pub fn asset(&self, path: &str) -> Option<Asset> {
        let accent = self.accent.as_ref().filter(|accent| accent.url() == path);
        accent.map(|accent| accent.stylesheet().clone()).or_else(|| assets::asset(path))
    }
}

/// The frame around a page.
#[derive(Clone, Debug)]
pub struct Layout {
    pub(crate) localizer: &'static Localizer,
    pub(crate) app_name: String,
    pub(crate) home_url: String,
    /// What stands before a path in a link: nothing, or the right origin on a page that is shown under another host.
    pub(crate) origin: String,
    pub(crate) support_url: Option<String>,
    pub(crate) urls: &'static AssetUrls,
    pub(crate) accent_url: Option<String>,
    pub(crate) user: Option<MenuUser>,
    pub(crate) tab: Option<Tab>,
    pub(crate) flash: Option<Notice>,
    /// The token of the page's form.
    pub(crate) form_token: Option<String>,
}

/// Who is signed in, for the menu.
#[derive(Clone, Debug)]
pub(crate) struct MenuUser {
    pub(crate) name: String,
    pub(crate) email: Option<String>,
    pub(crate) initials: String,
}

/// The pages that have a tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    /// The hub.
    Overview,
    /// Where one is signed in.
    Sessions,
    /// Sign-in history.
    History,
    /// Changing the password.
    Password,
}

impl Layout {
    /// A frame for somebody who is not signed in.
    #[must_use]
    pub fn new(localizer: &'static Localizer, branding: &Branding) -> Self {
        Self {
            localizer,
            app_name: sanitize(&branding.app_name).into_owned(),
            home_url: branding.home_url.clone(),
            origin: String::new(),
            support_url: branding.support_url.clone(),
            urls: assets::urls(),
            accent_url: branding.accent.as_ref().map(|accent| accent.url().to_owned()),
            user: None,
            tab: None,
            flash: None,
            form_token: None,
        }
    }

    /// With the menu of whoever is signed in.
    #[must_use]
    pub fn with_user(self, owner: &UserSnapshot) -> Self {
        let name = sanitize(owner.display_name.as_deref().unwrap_or(&owner.name)).into_owned();
        let initials = initials(&name);
        let email = owner.email.as_deref().map(|email| sanitize(email).into_owned());
        Self { user: Some(MenuUser { name, email, initials }), ..self }
    }

    /// For a page under another host: its links lead to this origin. Style sheet and script come from where it is shown.
    #[must_use]
    pub(crate) fn with_origin(self, origin: &str) -> Self {
        let is_path = self.home_url.starts_with('/');
        let home_url = if is_path { format!("{origin}{}", self.home_url) } else { self.home_url };
        Self { home_url, origin: origin.to_owned(), ..self }
    }

    /// With the result of the last act.
    #[must_use]
    pub fn with_flash(self, flash: Option<Flash>) -> Self {
        Self { flash: flash.map(|flash| flash.notice(self.localizer)), ..self }
    }

    /// With the token of the form on it.
    #[must_use]
    pub fn with_form_token(self, token: String) -> Self {
        Self { form_token: Some(token), ..self }
    }

    /// With the tabs, this one being the current one. The pages set it themselves.
    #[must_use]
    pub(crate) fn with_tab(self, tab: Tab) -> Self {
        Self { tab: Some(tab), ..self }
    }

    pub(crate) fn text(&self, key: &str) -> String {
        self.localizer.text(key)
    }

    /// A sentence that names the app.
    pub(crate) fn text_with_app(&self, key: &str) -> String {
        self.localizer.text_with(key, &[("app", (&self.app_name).into())])
    }

    pub(crate) fn tabs(&self) -> Vec<TabLink> {
        let Some(current) = self.tab else { return Vec::new() };
        let tabs = PAGES.iter().filter_map(|page| Some((page.path?, page.tab?)));
        tabs.map(|(href, (tab, key))| TabLink { href, text: self.text(key), current: tab == current }).collect()
    }
}

/// One tab.
pub(crate) struct TabLink {
    pub(crate) href: &'static str,
    pub(crate) text: String,
    pub(crate) current: bool,
}

/// The first letters of the first and the last word.
fn initials(name: &str) -> String {
    let mut parts = name.split_whitespace();
    let first = parts.next().and_then(|word| word.chars().next());
    let last = parts.next_back().and_then(|word| word.chars().next());
    first.into_iter().chain(last).flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use super::initials;

    #[test]
    fn initials_of_names() {
        for (name, letters) in [("Alice Liddell", "AL"), ("alice", "A"), ("Ana María de la O", "AO"), ("", "")] {
            assert_eq!(initials(name), letters);
        }
    }
}
