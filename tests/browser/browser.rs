//! Chromium with a profile of its own, and what a person does with it.

use std::process::Command;

use thirtyfour::error::{WebDriverErrorInner, WebDriverResult};
use thirtyfour::{By, Capabilities, ChromiumLikeCapabilities as _, DesiredCapabilities, Key, WebDriver, WebElement};

use crate::harness::{Child, Installation, PASSWORD, until};

/// A window. It closes with the test.
pub(crate) struct Browser {
    pub(crate) driver: WebDriver,
    origin: String,
    // In this order: Chromium, what drives it, its profile.
    _chromedriver: Child,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// A window before this installation.
    pub(crate) async fn open(house: &Installation) -> Self {
        Self::start(house, true).await
    }

    /// The same, with JavaScript switched off.
    pub(crate) async fn open_without_scripts(house: &Installation) -> Self {
        Self::start(house, false).await
    }

    /// A window without an address bar, as an installed app has it; it begins at `/`.
    pub(crate) async fn open_as_app(house: &Installation) -> Self {
        Self::start_with(house, true, &[&format!("--app=http://{}/", house.public)]).await
    }

    async fn start(house: &Installation, scripts: bool) -> Self {
        Self::start_with(house, scripts, &[]).await
    }

    async fn start_with(house: &Installation, scripts: bool, switches: &[&str]) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let chromedriver = Child::start(Command::new("chromedriver").arg("--port=0"));
        let line = chromedriver.line(|line| line.contains("started successfully on port")).await;
        let port = line.rsplit(' ').next().unwrap().trim_end_matches('.').to_owned();
        let mut wanted = DesiredCapabilities::chrome();
        for switch in [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1280,900",
            "--lang=en-US",
        ]
        .iter()
        .chain(switches)
        {
            wanted.add_arg(switch).unwrap();
        }
        wanted.add_arg(&format!("--user-data-dir={}", profile.path().display())).unwrap();
        if !scripts {
            let off = serde_json::json!({ "profile.managed_default_content_settings.javascript": 2 });
            wanted.add_experimental_option("prefs", off).unwrap();
        }
        let mut wanted = Capabilities::from(wanted);
        wanted.set("goog:loggingPrefs", serde_json::json!({ "browser": "ALL" })).unwrap();
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), wanted).await;
        let driver = driver.unwrap_or_else(|why| panic!("Chromium does not start; tests/run installs it: {why}"));
        Self { driver, origin: format!("http://{}", house.public), _chromedriver: chromedriver, _profile: profile }
    }

    /// Types an address.
    pub(crate) async fn goto(&self, path: &str) {
        self.driver.goto(format!("{}{path}", self.origin)).await.unwrap();
    }

    /// Where it is: path and query.
    pub(crate) async fn place(&self) -> String {
        let url = self.driver.current_url().await.unwrap();
        url.as_str().trim_start_matches(&self.origin).to_owned()
    }

    /// Waits until it is there.
    pub(crate) async fn arrives(&self, path: &str) {
        until(&format!("to arrive at {path}"), async || (self.place().await == path).then_some(())).await;
    }

    /// What one can read on the page.
    pub(crate) async fn text(&self) -> String {
        let body = self.driver.find(By::Tag("body")).await;
        match body {
            // The page may be on its way out.
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        }
    }

    /// Waits until one can read this.
    pub(crate) async fn reads(&self, words: &str) {
        until(&format!("to read {words:?}"), async || self.text().await.contains(words).then_some(())).await;
    }

    /// Waits until one can read this in an element.
    pub(crate) async fn reads_in(&self, css: &str, words: &str) {
        until(&format!("to read {words:?} in {css}"), async || {
            let text = self.driver.find(By::Css(css)).await.ok()?.text().await.ok()?;
            text.contains(words).then_some(())
        })
        .await;
    }

    /// Waits until there is none of these.
    pub(crate) async fn loses(&self, css: &str) {
        until(&format!("{css} to go"), async || (self.count(css).await == 0).then_some(())).await;
    }

    /// Waits for an element.
    pub(crate) async fn find(&self, css: &str) -> WebElement {
        until(css, async || self.driver.find(By::Css(css)).await.ok()).await
    }

    pub(crate) async fn count(&self, css: &str) -> usize {
        self.driver.find_all(By::Css(css)).await.unwrap().len()
    }

    /// Clicks an element. One that the page replaces in between is looked up again: nothing was clicked.
    pub(crate) async fn click(&self, css: &str) {
        until(css, async || unless_stale(self.find(css).await.click().await)).await;
    }

    /// Sends a form by its button, and waits until the page that held it is gone.
    pub(crate) async fn submit(&self, css: &str) {
        let button = self.find(css).await;
        button.click().await.unwrap();
        let gone = async || unless_stale(button.is_enabled().await).is_none().then_some(());
        until(&format!("the page of {css} to go"), gone).await;
    }

    pub(crate) async fn fill(&self, css: &str, text: &str) {
        until(css, async || unless_stale(self.find(css).await.send_keys(text).await)).await;
    }

    /// Signs in with the form that is shown.
    pub(crate) async fn sign_in(&self, name: &str) {
        self.fill("#username", name).await;
        self.fill("input[type=password]", PASSWORD).await;
        self.submit("main form button[type=submit]").await;
    }

    /// Presses keys.
    pub(crate) async fn types(&self, keys: &str) {
        self.driver.action_chain().send_keys(keys).perform().await.unwrap();
    }

    pub(crate) async fn press(&self, key: Key) {
        self.driver.action_chain().send_keys(key).perform().await.unwrap();
    }

    /// Presses Tab until this has the focus, which must be seen.
    pub(crate) async fn tab_to(&self, css: &str) {
        for _ in 0..60 {
            self.press(Key::Tab).await;
            let focused = self.driver.active_element().await.unwrap();
            let matching = self.driver.find_all(By::Css(css)).await.unwrap();
            if matching.contains(&focused) {
                let outline = focused.css_value("outline-style").await.unwrap();
                assert_ne!(outline, "none", "the focus on {css} cannot be seen");
                return;
            }
        }
        panic!("60 times Tab does not lead to {css} on {}", self.place().await);
    }

    /// What the page did that its own rules forbid.
    pub(crate) async fn violations(&self) -> Vec<String> {
        let log = self.driver.browser_log().await.unwrap();
        let forbidden = |line: &String| line.contains("Content Security Policy") || line.contains("Refused to");
        log.into_iter().map(|entry| entry.message).filter(forbidden).collect()
    }

    /// The width of the window, in CSS pixels, as on a phone.
    pub(crate) async fn width(&self, pixels: u32) {
        let size = serde_json::json!({ "width": pixels, "height": 800, "deviceScaleFactor": 1, "mobile": false });
        self.driver.cdp().send_raw("Emulation.setDeviceMetricsOverride", size).await.unwrap();
    }

    /// `light` or `dark`; and nothing moves.
    pub(crate) async fn scheme(&self, scheme: &str) {
        let media = serde_json::json!({ "features": [
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ] });
        self.driver.cdp().send_raw("Emulation.setEmulatedMedia", media).await.unwrap();
    }
}

/// What a command answered; nothing when its element belongs to a page that is gone. `ChromeDriver` says the second
/// where the page goes while it looks.
fn unless_stale<T>(answer: WebDriverResult<T>) -> Option<T> {
    match answer {
        Ok(value) => Some(value),
        Err(why) if matches!(&*why, WebDriverErrorInner::StaleElementReference(_)) => None,
        Err(why) if why.to_string().contains("does not belong to the document") => None,
        Err(why) => panic!("{why}"),
    }
}
