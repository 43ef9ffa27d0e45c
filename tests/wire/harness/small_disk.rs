//! A test on a file system of its own, small enough to be filled.

use std::{path::PathBuf, process::Command};

/// Folder of that file system, for a test that runs itself again there.
const HERE: &str = "PORTCULLIS_TEST_SMALL_DISK";
/// `required` where such a file system can be had: then a test without one fails.
const WANTED: &str = "PORTCULLIS_SMALL_DISK";

/// Runs the test of this name again with so many MiB for all files that it makes; their folder, where this is that run.
pub(crate) fn on_a_small_disk(name: &str, mebibytes: u32) -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os(HERE) {
        return Some(folder.into());
    }
    let folder = tempfile::tempdir().unwrap();
    let script = format!(r#"mount -t tmpfs -o size={mebibytes}m small "$1" && shift && exec "$@""#);
    let mut again = Command::new("unshare");
    again.args(["--mount", "--map-root-user", "sh", "-c", &script, "sh"]).arg(folder.path());
    again.arg(std::env::current_exe().unwrap()).args(["--exact", name]);
    let (out, err, passed) = match again.env(HERE, folder.path()).env("TMPDIR", folder.path()).output() {
        Ok(done) => {
            let [out, err] = [done.stdout, done.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
            let passed = done.status.success() && out.contains("1 passed");
            (out, err, passed)
        }
        Err(why) => (String::new(), format!("unshare: {why}"), false),
    };
    if !passed && (err.contains("unshare: ") || err.contains("mount: ")) {
        let required = std::env::var(WANTED).is_ok_and(|wanted| wanted == "required");
        assert!(!required, "{name} has no file system of its own: {err}");
        eprintln!("{name} is not run, for nobody may mount a file system here: {err}");
        return None;
    }
    assert!(passed, "{out}{err}");
    None
}
