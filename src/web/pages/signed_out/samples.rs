//! Pages to look at.

use super::SignedOutPage;
use crate::web::{i18n::Localizer, pages::samples, theme::Flash};

/// Samples.
pub(super) fn samples(localizer: &'static Localizer) -> Vec<(&'static str, SignedOutPage)> {
    let everywhere = samples::anonymous_layout(localizer).with_flash(Some(Flash::Ended(4)));
    vec![
        ("signed-out", SignedOutPage::new(samples::anonymous_layout(localizer))),
        ("signed-out-everywhere", SignedOutPage::new(everywhere)),
    ]
}
