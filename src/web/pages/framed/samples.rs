//! The framed page to look at.

use super::FramedPage;
use crate::web::{i18n::Localizer, pages::samples};

/// Samples: there is one.
pub(super) fn samples(localizer: &'static Localizer) -> Vec<(&'static str, FramedPage)> {
    vec![("framed", FramedPage::new(samples::anonymous_layout(localizer)))]
}
