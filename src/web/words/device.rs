//! Devices by name: short in a title, with versions on the line below.

use super::Words;
use crate::{
    session::{Kind, Session},
    visitor::{Device, DeviceKind, Software},
};

impl Words {
    /// `Chrome on macOS`, `Safari on iPhone`, `curl 8.5`.
    #[must_use]
    pub fn device(&self, device: &Device) -> String {
        match (&device.browser, device.platform()) {
            (Some(tool), _) if device.kind == DeviceKind::Bot => self.software(tool),
            (Some(browser), Some(platform)) if browser.name == platform => super::inert(platform).into_owned(),
            (Some(browser), Some(platform)) => {
                self.say_with("device-on", &[("browser", (&browser.name).into()), ("platform", platform.into())])
            }
            (Some(browser), None) => self.software(browser),
            (None, Some(platform)) => super::inert(platform).into_owned(),
            (None, None) => self.say("device-unknown"),
        }
    }

    /// What a session is called: its device, or for an installed app the app's name and where it runs.
    #[must_use]
    pub fn session(&self, session: &Session, app_name: &str) -> String {
        match (session.terms.kind, session.device.platform()) {
            (Kind::App, Some(platform)) => {
                self.say_with("device-app-on", &[("app", app_name.into()), ("platform", platform.into())])
            }
            (Kind::App, None) => self.say_with("device-app", &[("app", app_name.into())]),
            (Kind::Web, _) => self.device(&session.device),
        }
    }

    /// What the title leaves out: `Chrome 142`, `macOS 15`; each only where it is really told.
    #[must_use]
    pub fn versions(&self, device: &Device) -> Vec<String> {
        let tool = device.kind == DeviceKind::Bot;
        let browser = device.browser.as_ref().filter(|browser| browser.version.is_some() && !tool);
        let os =
            device.os.as_ref().filter(|os| os.version.is_some() || device.platform() != Some(os.name.as_str()) || tool);
        browser.into_iter().chain(os).map(|software| self.software(software)).collect()
    }

    /// `Chrome 142`.
    #[must_use]
    pub fn software(&self, software: &Software) -> String {
        super::inert(&software.to_string()).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::pages::samples;

    #[test]
    fn devices_by_name() {
        let words = Words::for_language(None);
        let name = |device: &Device| (words.device(device), words.versions(device).join(", "));
        let said = |title: &str, versions: &str| (title.to_owned(), versions.to_owned());
        assert_eq!(name(&samples::mac()), said("Chrome on macOS", "Chrome 142, macOS Sonoma"));
        assert_eq!(name(&samples::iphone()), said("Safari on iPhone", "Safari 18.2, iOS"));
        assert_eq!(name(&samples::tool()), said("curl 8.5", ""));
        assert_eq!(name(&Device::default()), said("Unknown device", ""));
    }

    #[test]
    fn an_app_has_its_own_name() {
        let words = Words::for_language(None);
        let mut session = samples::current(samples::NOW);
        session.terms.kind = Kind::App;
        session.device = samples::iphone();
        assert_eq!(words.session(&session, "Meridian"), "Meridian app on iPhone");
        session.device = Device::default();
        assert_eq!(words.session(&session, "Meridian"), "Meridian app");
    }
}
