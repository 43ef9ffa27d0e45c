//! Tells the program which commit it is built from: from git, or from `PORTCULLIS_REVISION` and `PORTCULLIS_BUILT` where
//! there is no git (a container build).

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=PORTCULLIS_REVISION");
    println!("cargo::rerun-if-env-changed=PORTCULLIS_BUILT");
    if let Some(head) = git(&["rev-parse", "--git-path", "HEAD"]) {
        println!("cargo::rerun-if-changed={head}");
    }
    say("PORTCULLIS_REVISION", &["rev-parse", "--short=12", "HEAD"]);
    // The commit's day, not the build's: the same commit builds the same program.
    say("PORTCULLIS_BUILT", &["log", "-1", "--format=%cs"]);
}

fn say(name: &str, ask: &[&str]) {
    let value = std::env::var(name).ok().filter(|value| !value.is_empty()).or_else(|| git(ask));
    println!("cargo::rustc-env={name}={}", value.as_deref().unwrap_or("unknown"));
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}
