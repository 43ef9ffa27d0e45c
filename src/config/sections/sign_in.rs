//! `sign_in`: the landing page.

use crate::config::describe::section;
use crate::config::value::link::AppPath;

section! {
    /// Settings of the sign-in.
    pub struct SignInSettings {
        /// The path of the app where a visitor lands who did not come from a page.
        reload landing: String as AppPath = "/".to_owned();
    }
    planned ["methods"];
}
