//! Pages to look at.

use super::SignedInPage;
use crate::web::{i18n::Localizer, pages::samples};

/// The one sample.
pub(super) fn samples(localizer: &'static Localizer) -> Vec<(&'static str, SignedInPage)> {
    vec![("signed-in", SignedInPage::new(samples::anonymous_layout(localizer)))]
}
