//! Where things are kept: how it is written, what it means, and that no password is seen.

use std::path::{Path, PathBuf};

use portcullis::config::{self, Config, RecordsLocation, RedisUrl, StoreLocation};

use super::{SECRET, parse, parse_with, write_private};

const BASE_CONFIG: &str = "public_url: http://localhost:8080\nupstream: http://127.0.0.1:3000\n";

fn parse_with_keys(keys: &str) -> Result<Config, String> {
    parse(&format!("{BASE_CONFIG}secret: {SECRET}\n{keys}\n")).map_err(|complaints| complaints.to_string())
}

fn redis_url(url: &str) -> Result<RedisUrl, String> {
    match parse_with_keys(&format!("store: \"{url}\""))?.store {
        StoreLocation::Redis(url) => Ok(url),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_server_is_written_as_a_url() {
    for (written, tls, host, port, db) in [
        ("redis://cache", false, "cache", 6379, 0),
        ("redis://cache/", false, "cache", 6379, 0),
        ("redis://Cache.Example.COM:6380/7", false, "cache.example.com", 6380, 7),
        ("rediss://10.0.0.7/3", true, "10.0.0.7", 6379, 3),
        ("redis://[::1]", false, "::1", 6379, 0),
        ("rediss://[2001:db8::7]:6380/15", true, "2001:db8::7", 6380, 15),
    ] {
        let url = redis_url(written).unwrap();
        assert_eq!((url.tls(), url.host(), url.port(), url.db()), (tls, host, port, db), "{written}");
        assert!(url.user().is_none() && url.password().is_none(), "{written}");
        assert_eq!(redis_url(&url.to_string()).unwrap(), url, "{written}: what is shown is the same");
    }
}

#[test]
fn whoever_signs_in_there_may_have_any_name_and_password() {
    for (login, user, password) in [
        ("alice:hunter2", Some("alice"), "hunter2"),
        (":hunter2", None, "hunter2"),
        ("al%2Fice:p%40s%3As%2Fw%23rd%25", Some("al/ice"), "p@s:s/w#rd%"),
        ("alice:with:colons", Some("alice"), "with:colons"),
        ("alice:plus+is+plus", Some("alice"), "plus+is+plus"),
        ("%C3%A9t%C3%A9:%E6%BC%A2", Some("été"), "漢"),
    ] {
        let url = redis_url(&format!("redis://{login}@cache:6379/0")).unwrap();
        assert_eq!((url.user(), url.password().map(portcullis::secret::Password::expose)), (user, Some(password)));
    }
}

#[test]
fn a_password_is_shown_nowhere() {
    let config = parse_with_keys(
        "store: rediss://alice:hunter2@cache.example.com/0?wait_replicas=2\nrecords: redis://:hunter2@records.example.com/1",
    )
    .unwrap();
    let shown = config::show(&config);
    for told in [format!("{config:?}"), shown.clone(), serde_json::to_string(&config).unwrap()] {
        assert!(!told.contains("hunter2"), "{told}");
    }
    assert!(shown.contains("rediss://alice:<redacted>@cache.example.com:6379/0?wait_replicas=2"), "{shown}");
    assert!(shown.contains("redis://:<redacted>@records.example.com:6379/1"), "{shown}");
    let told = redis_url("redis://alice:<redacted>@cache:6379/0").unwrap_err();
    assert!(told.contains("has a password that is no part of a URL"), "what is shown is no password: {told}");
}

#[test]
fn two_urls_are_the_same_only_with_the_same_password() {
    let url = |password: &str| redis_url(&format!("redis://alice:{password}@cache/0")).unwrap();
    assert_eq!(url("one"), url("%6Fne"));
    assert_ne!(url("one"), url("two"));
    assert_ne!(url("one"), redis_url("redis://cache/0").unwrap());
    let config = |url: &str| parse_with_keys(&format!("store: {url}")).unwrap();
    let (old, new) = (config("redis://:one@cache"), config("redis://:two@cache"));
    assert_eq!(old.needs_restart(&new), ["store"]);
}

#[test]
fn tls_may_trust_a_file_and_an_end_may_wait_for_replicas() {
    let url = redis_url("rediss://cache/0?wait_replicas=2&ca_file=tls/my%20ca&co.pem").unwrap_err();
    assert!(url.contains("has a parameter that is none"), "{url}");
    let url = redis_url("rediss://cache/0?wait_replicas=2&ca_file=tls/my%20ca%26co.pem").unwrap();
    assert_eq!((url.wait_replicas(), url.ca_file()), (Some(2), Some(Path::new("/etc/portcullis/tls/my ca&co.pem"))));
    assert_eq!(redis_url(&url.to_string()).unwrap(), url);
    assert_eq!(redis_url("redis://cache?wait_replicas=10").unwrap().wait_replicas(), Some(10));
    assert_eq!(redis_url("redis://cache").unwrap().wait_replicas(), None);
}

#[test]
fn what_is_no_such_url_is_mended() {
    for (written, wrong, mend) in [
        ("redis:cache", "begins with what is no scheme", "write redis://HOST:6379/0"),
        ("redis+sentinel://hunter2,b/name/0", "names Sentinels, which come later", "write redis://HOST"),
        ("rediss+sentinel://hunter2,b/name/0", "names Sentinels, which come later", "write redis://HOST"),
        ("redis+cluster://hunter2,b", "names a cluster, which comes later", "write redis://HOST"),
        ("unix:///run/hunter2.sock", "names a socket in a folder, which comes later", "write redis://HOST"),
        ("redis+unix:///run/hunter2.sock", "names a socket in a folder, which comes later", "write redis://HOST"),
        ("valkey://hunter2", "begins with valkey://", "write redis://, which Valkey speaks too"),
        ("valkeys://hunter2", "begins with valkeys://", "write rediss://, which Valkey speaks too"),
        ("redis://", "has no valid host", "write redis://HOST"),
        ("redis:///0", "has no valid host", "write redis://HOST"),
        ("redis://hunter2_-.-", "has no valid host", "write redis://HOST"),
        ("redis://a,b", "has no valid host", "write redis://HOST"),
        ("redis://[::1", "has no valid host", "write redis://HOST"),
        ("redis://::1", "has no valid host", "write redis://HOST"),
        ("redis://cache:0", "has no valid port", "write redis://HOST"),
        ("redis://cache:65536", "has no valid port", "write redis://HOST"),
        ("redis://:hunter2/x@cache", "has no valid host", "in a user or a password write @ as %40"),
        ("redis://alice:hunter2/x@cache", "has no valid port", "in a user or a password write @ as %40"),
        ("redis://:hunter2#x@cache", "has a # in it", "in a user or a password write @ as %40"),
        ("redis://alice:6379/hunter2@cache", "something else than the number", "write @ as %40"),
        ("redis://:hunter2@x@cache", "has a password that is no part of a URL", "write @ as %40"),
        ("redis://:hunter2%zz@cache", "has a password that is no part of a URL", "% as %25"),
        ("redis://:hunter2%ff@cache", "has a password that is no part of a URL", "% as %25"),
        ("redis://:hunter 2@cache", "has a password that is no part of a URL", "a space as %20"),
        ("redis://hunter2@cache", "has a user without a password", "write redis://USER:PASSWORD@HOST"),
        ("redis://@cache", "has a user without a password", "write redis://USER:PASSWORD@HOST"),
        ("redis://hunter2:@cache", "has an empty password", "write one, or leave out"),
        ("redis://cache/one", "something else than the number", "write redis://HOST"),
        ("redis://cache/-1", "something else than the number", "write redis://HOST"),
        ("redis://cache/0/", "something else than the number", "write redis://HOST"),
        ("redis://cache/99999999999", "something else than the number", "write redis://HOST"),
        ("redis://cache/0?", "has a parameter that is none", "write only ca_file=PATH"),
        ("redis://cache/0?protocol=hunter2", "has a parameter that is none", "write only ca_file=PATH"),
        ("redis://cache/0?ca_file=x.pem", "which only TLS needs", "write rediss://"),
        ("rediss://cache/0?ca_file=", "names no file", "write ca_file=PATH"),
        ("rediss://cache/0?ca_file=tls/", "names no file", "write ca_file=PATH"),
        ("redis://cache/0?wait_replicas=0", "a number of replicas that cannot be", "wait_replicas=1 to 10"),
        ("redis://cache/0?wait_replicas=11", "a number of replicas that cannot be", "wait_replicas=1 to 10"),
        ("redis://cache/0?wait_replicas", "a number of replicas that cannot be", "wait_replicas=1 to 10"),
        ("redis://cache?wait_replicas=1&wait_replicas=2", "says wait_replicas twice", "keep one of them"),
    ] {
        let told = redis_url(written).expect_err(written);
        assert_eq!(told.lines().count(), 1, "{told}");
        assert!(told.starts_with("portcullis.yaml:4:8: store: ") && !told.contains("hunter2"), "{written}: {told}");
        let (what, instead) = told.split_once("; ").expect("what is wrong; what to write instead");
        assert!(what.contains(wrong) && instead.contains(mend), "{written}: {told}");
    }
}

#[test]
fn a_password_in_clear_is_known_to_be() {
    for (written, bare) in [
        ("redis://:x@cache", true),
        ("redis://:x@10.0.0.7", true),
        ("redis://:x@localhost.example.com", true),
        ("redis://:x@127.0.0.1", false),
        ("redis://:x@[::1]", false),
        ("redis://:x@localhost", false),
        ("rediss://:x@cache", false),
        ("redis://cache", false),
    ] {
        assert_eq!(redis_url(written).unwrap().exposes_password(), bare, "{written}");
    }
}

#[test]
fn records_may_be_kept_apart() {
    assert_eq!(parse_with_keys("store: redis://cache").unwrap().records, None);
    assert_eq!(parse_with_keys("store: redis://cache\nrecords: null").unwrap().records, None);
    let file = parse_with_keys("store: redis://cache\nrecords: file:records.db").unwrap();
    assert_eq!(file.records, Some(RecordsLocation::File(PathBuf::from("/etc/portcullis/records.db"))));
    let other = parse_with_keys("store: redis://cache\nrecords: rediss://records/2").unwrap();
    assert!(matches!(&other.records, Some(RecordsLocation::Redis(url)) if (url.host(), url.db()) == ("records", 2)));
    assert_eq!(file.needs_restart(&other), ["records"]);
    for config in [file, other] {
        let shown = config::show(&config).replace("(redacted)", SECRET);
        assert_eq!(parse(&shown).unwrap(), config, "{shown}");
    }
}

#[test]
fn records_are_apart_only_from_a_store_on_redis() {
    for (keys, told) in [
        (
            "store: memory\nrecords: file:records.db",
            "5:10: records: goes only with store: redis://…; leave it out, records are in memory too",
        ),
        (
            "records: file:records.db",
            "4:10: records: goes only with store: redis://…; leave it out, records are in the same file",
        ),
        (
            "store: redis://cache\nrecords: memory",
            "5:10: records: would forget every account and the journal when Portcullis stops; write file:records.db or \
             redis://HOST:6379/0, or leave it out",
        ),
        ("store: reddis\nrecords: file:records.db", "4:8: store: is not a store that this version knows; "),
    ] {
        let complaints = parse_with_keys(keys).unwrap_err();
        assert!(complaints.starts_with(&format!("portcullis.yaml:{told}")), "{complaints}");
        assert_eq!(complaints.lines().count(), 1, "{complaints}");
    }
}

#[test]
fn urls_come_from_files_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    for (name, url) in
        [("store.url", "rediss://:hunter2@cache/0?ca_file=ca.pem\n"), ("records.url", "file:records.db\n")]
    {
        write_private(&folder.path().join(name), url, 0o600);
    }
    let text = format!("{BASE_CONFIG}secret: {SECRET}\nstore_file: store.url\nrecords_file: records.url\n");
    let config = parse_with(&text, folder.path(), &[]).unwrap_or_else(|complaints| panic!("{complaints}"));
    let ca_file = folder.path().join("ca.pem");
    assert!(matches!(&config.store, StoreLocation::Redis(url) if url.ca_file() == Some(&ca_file)), "{config:?}");
    assert_eq!(config.records, Some(RecordsLocation::File(folder.path().join("records.db"))));

    let told = |text: &str| parse_with(text, folder.path(), &[]).unwrap_err().to_string();
    std::fs::write(folder.path().join("records.url"), "redis://hunter2@cache\n").unwrap();
    let complaints = told(&text);
    assert!(complaints.contains("records_file: has a user without a password"), "{complaints}");
    assert!(!complaints.contains("hunter2"), "{complaints}");
    let both = told(&format!("{text}records: file:records.db\n"));
    assert!(both.contains("records: records_file is written too; keep one of records and records_file"), "{both}");
}

#[test]
fn a_store_on_a_server_needs_the_secret_too() {
    let complaints = parse(&format!("{BASE_CONFIG}store: redis://cache\n")).unwrap_err().to_string();
    assert!(complaints.contains("secret: is missing; write secret_file:"), "{complaints}");
}
