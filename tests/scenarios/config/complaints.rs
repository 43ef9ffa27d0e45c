//! What is wrong is told, with its place and what to write instead.

use std::path::Path;

use portcullis::config::{self, Config};

use super::{MINIMAL, parse, parse_with, repository};

#[test]
fn each_broken_file_is_explained() {
    let folder = repository("tests/fixtures/config/broken");
    let variables = [("TOKEN", "hunter2-from-the-environment"), ("INJECTION", "x\nsecret: hunter2")];
    let mut names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    names.sort();
    assert!(names.len() >= 28);
    let mut wrong = Vec::new();
    for path in names {
        let text = std::fs::read_to_string(&path).unwrap();
        let told = match parse_with(&text, Path::new("/nowhere"), &variables) {
            Ok(_) => "(no complaint)".to_owned(),
            Err(complaints) => complaints.to_string(),
        };
        assert!(!told.contains("hunter2"), "{} repeats a secret: {told}", path.display());
        let expected = path.with_extension("txt");
        if std::env::var_os("UPDATE_FIXTURES").is_some() {
            std::fs::write(&expected, format!("{told}\n")).unwrap();
        }
        if std::fs::read_to_string(&expected).unwrap_or_default() != format!("{told}\n") {
            wrong.push(format!("{}:\n{told}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "differs from the .txt beside it:\n\n{}", wrong.join("\n\n"));
}

#[test]
fn a_file_that_can_not_be_read_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.yaml");
    let told = |path: &Path| Config::load(path, &|_| None).unwrap_err().to_string();

    assert!(told(&path).ends_with("portcullis.yaml: there is no such file; write one with: portcullis init"));
    assert!(told(folder.path()).ends_with(": is a folder; name the file in it"));
    std::fs::write(&path, b"store: memory\nlog: \xff\n").unwrap();
    assert!(told(&path).ends_with(": is not UTF-8 text (line 2); save it as UTF-8"));
    std::fs::write(&path, "#".repeat(1024 * 1024 + 1)).unwrap();
    assert!(told(&path).ends_with(": is larger than 1 MiB; is this the right file?"));
}

#[test]
fn a_complaint_can_be_taken_apart() {
    let complaints = parse(&format!("{MINIMAL}log:\n  level: loud\n")).unwrap_err();
    let complaint = complaints.iter().next().unwrap();
    assert_eq!(complaints.len(), 1);
    assert_eq!((complaint.key(), complaint.position()), ("log.level", Some((5, 10))));
    assert_eq!(complaint.message(), "unknown word \"loud\"; write error, warn, info, debug or trace");
}

#[test]
fn the_file_is_found_where_it_is_named_first() {
    let env = |_: &str| Some("/etc/named.yaml".to_owned());
    assert_eq!(config::find(Some(Path::new("mine.yaml")), &env).unwrap(), Path::new("mine.yaml"));
    assert_eq!(config::find(None, &env).unwrap(), Path::new("/etc/named.yaml"));
    let told = config::find(None, &|_| None).unwrap_err().to_string();
    assert!(told.contains("looked for ./portcullis.yaml and /etc/portcullis/portcullis.yaml"), "{told}");
}
