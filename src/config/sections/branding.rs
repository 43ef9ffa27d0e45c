//! `branding`: the look of the pages.

use crate::config::describe::section;
use crate::config::value::accent::AccentValue;
use crate::config::value::link::{HomeLink, SupportLink};
use crate::config::value::text::PlainLabel;
use crate::web::theme::{Accent, Branding};

section! {
    keys of Branding {
        /// The name of the app on every page. Left out, it is the host of `public_url`.
        reload app_name: String as PlainLabel = "localhost".to_owned();
        /// Where the link back to the app leads: a path or an `http` or `https` URL.
        reload home_url: String as HomeLink = "/".to_owned();
        /// Where people find help, also with a forgotten password: an `http`, `https` or `mailto` URL; `null` shows no such link,
        /// and the sign-in page tells to ask the administrator.
        reload support_url: Option<String> as Option<SupportLink> = None;
        /// The colour of buttons and links, `"#rrggbb"` in quotes; `null` keeps the built-in one. It must have a contrast of
        /// 4.5:1 on the page (`#f5f6f4`), or text in it could not be read.
        reload accent: Option<Accent> as Option<AccentValue> = None;
    }
}

section! {
    /// The look of the pages, and the script that watches a session.
    pub struct BrandingSettings flatten(pages: Branding) {
        /// Whether pages of guarded routes get the script `/security/assets/watch.js`, which tells their visitor that the session
        /// has ended or soon will: whole documents in HTML that are not compressed, in an encoding that contains ASCII, and whose
        /// Content-Security-Policy allows it.
        reload watch: bool = false;
    }
}
