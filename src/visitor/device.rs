//! A device, as its User-Agent names it. It is told, not proved: good for recognising, never for deciding.

use serde::{Deserialize, Serialize};

/// What somebody signs in with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Which picture it gets.
    pub kind: DeviceKind,
    /// Chrome 142; for tools, the tool.
    pub browser: Option<Software>,
    /// macOS, Windows, Android …; the version only where it is really told.
    pub os: Option<Software>,
    /// `iPhone`, `iPad`, `Pixel 9`: where the browser says so.
    pub model: Option<String>,
}

/// A program and, where it is told, its version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Software {
    /// `Chrome`, `Windows`.
    pub name: String,
    /// `142`, `11`; none where it is frozen or unsaid.
    pub version: Option<String>,
}

/// The nine pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// A computer on a desk, or one that does not say.
    Desktop,
    /// A computer that is carried.
    Laptop,
    /// A phone.
    Phone,
    /// A tablet.
    Tablet,
    /// A television.
    Tv,
    /// A games console.
    Console,
    /// A program without a person in front of it: curl, a crawler, a script.
    Bot,
    /// It says nothing we understand.
    #[default]
    Unknown,
}

impl Device {
    /// What it runs in: the family of a phone or tablet (`iPhone`), else the operating system (`macOS`).
    #[must_use]
    pub fn platform(&self) -> Option<&str> {
        let family = match self.kind {
            DeviceKind::Phone | DeviceKind::Tablet => self.model.as_deref(),
            _ => None,
        };
        family.or_else(|| self.os.as_ref().map(|os| os.name.as_str()))
    }

    /// `Chrome on macOS`, `Safari on iPhone`, `curl 8.5`, in English, for the API and the command line; pages say it in
    /// the visitor's language.
    #[must_use]
    pub fn label(&self) -> String {
        match (&self.browser, self.platform()) {
            (Some(tool), _) if self.kind == DeviceKind::Bot => tool.to_string(),
            (Some(browser), Some(platform)) => format!("{} on {platform}", browser.name),
            (Some(browser), None) => browser.to_string(),
            (None, Some(platform)) => platform.to_owned(),
            (None, None) => "Unknown device".to_owned(),
        }
    }
}

impl std::fmt::Display for Software {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.version {
            Some(version) => write!(f, "{} {version}", self.name),
            None => f.write_str(&self.name),
        }
    }
}
