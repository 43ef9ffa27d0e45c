//! Device, as described by a User-Agent. Unauthenticated input: for display, never for an access decision.

use serde::{Deserialize, Serialize};

/// Browser or app of a client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Icon of the device.
    pub kind: DeviceKind,
    /// Browser with version, such as Chrome 142; for a tool, the tool.
    pub browser: Option<Software>,
    /// Operating system; its version only where the User-Agent does not freeze it.
    pub os: Option<Software>,
    /// Model, such as `iPhone`, `iPad` or `Pixel 9`, where the User-Agent has one.
    pub model: Option<String>,
}

/// Program with its version, where known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Software {
    /// Name, such as `Chrome` or `Windows`.
    pub name: String,
    /// Version, such as `142`; none where it is frozen or absent.
    pub version: Option<String>,
}

/// Kinds of device, one for each icon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// Desktop computer, or a computer of unknown form.
    Desktop,
    /// Laptop computer.
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
    /// Unrecognised User-Agent.
    #[default]
    Unknown,
}

impl Device {
    /// Platform: the family of a phone or tablet (`iPhone`), else the operating system (`macOS`).
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
