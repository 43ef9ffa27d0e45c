//! How the pages look: one style sheet, one script, the pictures, and the frame around each page.
//!
//! Nothing here comes from a third party, and nothing is inline: the content security policy allows neither.

mod accent;
mod assets;
mod flash;
mod icon;
mod layout;

pub use accent::{Accent, BadAccent};
pub use assets::{Asset, AssetUrls, asset, urls};
pub use flash::{Flash, Notice};
pub use icon::Icon;
pub use layout::{Branding, Layout, Tab};
