//! The style sheet and the script, under names that change with their content: they may be kept for ever.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

use crate::web::paths;

/// A file that pages load.
#[derive(Clone, Debug)]
pub struct Asset {
    /// What it holds.
    pub bytes: Vec<u8>,
    /// Its `Content-Type`.
    pub content_type: &'static str,
}

/// Where the files are.
#[derive(Clone, Debug)]
pub struct AssetUrls {
    /// The style sheet.
    pub css: String,
    /// The script.
    pub js: String,
}

static CSS: LazyLock<(String, Asset)> = LazyLock::new(|| stylesheet("portcullis", include_str!("portcullis.css")));
static JS: LazyLock<(String, Asset)> = LazyLock::new(|| {
    let script = include_str!("portcullis.js");
    let asset = Asset { bytes: script.into(), content_type: "text/javascript; charset=utf-8" };
    (format!("{}/portcullis.{}.js", paths::ASSETS, content_hash(script)), asset)
});
static WATCH: LazyLock<(String, Asset)> = LazyLock::new(|| {
    let asset = Asset { bytes: include_str!("watch.js").into(), content_type: "text/javascript; charset=utf-8" };
    (paths::WATCH_SCRIPT.to_owned(), asset)
});
static URLS: LazyLock<AssetUrls> = LazyLock::new(|| AssetUrls { css: CSS.0.clone(), js: JS.0.clone() });

/// The file at this path (`/security/assets/portcullis.<hash>.css`, `/security/assets/watch.js`).
#[must_use]
pub fn asset(path: &str) -> Option<Asset> {
    [&*CSS, &*JS, &*WATCH].into_iter().find(|(url, _)| url == path).map(|(_, asset)| asset.clone())
}

/// Where the files are.
#[must_use]
pub fn urls() -> &'static AssetUrls {
    &URLS
}

/// A style sheet, without the comments that stand in lines of their own, and the path under which it is found.
pub(super) fn stylesheet(name: &str, text: &str) -> (String, Asset) {
    let lines: Vec<_> = text.lines().filter(|line| !line.is_empty() && !line.starts_with("/*")).collect();
    let text = &lines.join("\n");
    let asset = Asset { bytes: text.as_str().into(), content_type: "text/css; charset=utf-8" };
    (format!("{}/{name}.{}.css", paths::ASSETS, content_hash(text)), asset)
}

fn content_hash(content: &str) -> String {
    use std::fmt::Write;
    Sha256::digest(content.as_bytes()).iter().take(6).fold(String::new(), |mut mark, byte| {
        let _ = write!(mark, "{byte:02x}");
        mark
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_is_found_under_its_own_name_only() {
        assert_eq!(asset(&urls().css).map(|found| found.content_type), Some("text/css; charset=utf-8"));
        assert_eq!(asset(&urls().js).map(|found| found.content_type), Some("text/javascript; charset=utf-8"));
        assert!(asset("/security/assets/portcullis.css").is_none());
        assert!(asset("/security/assets/../portcullis.css").is_none());
    }
}
