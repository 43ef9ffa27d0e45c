//! Devices by name: short in a title, with versions on the line below.

use super::Localizer;
use crate::{
    session::{ClientKind, Session},
    visitor::{Device, DeviceKind, Software},
};

impl Localizer {
    /// `Chrome on macOS`, `Safari on iPhone`, `curl 8.5`.
    #[must_use]
    pub fn device_name(&self, device: &Device) -> String {
        match (&device.browser, device.platform()) {
            (Some(tool), _) if device.kind == DeviceKind::Bot => self.software_name(tool),
            (Some(browser), Some(platform)) if browser.name == platform => super::sanitize(platform).into_owned(),
            (Some(browser), Some(platform)) => {
                self.text_with("device-on", &[("browser", (&browser.name).into()), ("platform", platform.into())])
            }
            (Some(browser), None) => self.software_name(browser),
            (None, Some(platform)) => super::sanitize(platform).into_owned(),
            (None, None) => self.text("device-unknown"),
        }
    }

    /// What a session is called: its device, or for an installed app the app's name and where it runs.
    #[must_use]
    pub fn session_name(&self, session: &Session, app_name: &str) -> String {
        match (session.terms.kind, session.device.platform()) {
            (ClientKind::App, Some(platform)) => {
                self.text_with("device-app-on", &[("app", app_name.into()), ("platform", platform.into())])
            }
            (ClientKind::App, None) => self.text_with("device-app", &[("app", app_name.into())]),
            (ClientKind::Web, _) => self.device_name(&session.device),
        }
    }

    /// What the title leaves out: `Chrome 142`, `macOS 15`; each only where it is really told.
    #[must_use]
    pub fn versions(&self, device: &Device) -> Vec<String> {
        let tool = device.kind == DeviceKind::Bot;
        let browser = device.browser.as_ref().filter(|browser| browser.version.is_some() && !tool);
        let os =
            device.os.as_ref().filter(|os| os.version.is_some() || device.platform() != Some(os.name.as_str()) || tool);
        browser.into_iter().chain(os).map(|software| self.software_name(software)).collect()
    }

    /// `Chrome 142`.
    #[must_use]
    pub fn software_name(&self, software: &Software) -> String {
        super::sanitize(&software.to_string()).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::pages::samples;

    #[test]
    fn devices_by_name() {
        let localizer = Localizer::for_language(None);
        let name = |device: &Device| (localizer.device_name(device), localizer.versions(device).join(", "));
        let said = |title: &str, versions: &str| (title.to_owned(), versions.to_owned());
        assert_eq!(name(&samples::mac()), said("Chrome on macOS", "Chrome 142, macOS Sonoma"));
        assert_eq!(name(&samples::iphone()), said("Safari on iPhone", "Safari 18.2, iOS"));
        assert_eq!(name(&samples::curl()), said("curl 8.5", ""));
        assert_eq!(name(&Device::default()), said("Unknown device", ""));
    }

    #[test]
    fn an_app_has_its_own_name() {
        let localizer = Localizer::for_language(None);
        let mut session = samples::current_session(samples::NOW);
        session.terms.kind = ClientKind::App;
        session.device = samples::iphone();
        assert_eq!(localizer.session_name(&session, "Meridian"), "Meridian app on iPhone");
        session.device = Device::default();
        assert_eq!(localizer.session_name(&session, "Meridian"), "Meridian app");
    }
}
