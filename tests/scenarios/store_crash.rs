//! `kill -9` while it writes: what was acknowledged is there.
//!
//! The test runs itself as a child, which writes and says what was acknowledged; the parent kills it at some moment and
//! looks. One file goes through all of it.

use std::{
    collections::HashSet,
    io::{self, BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use portcullis::{
    audit::{Actor, AuditEntry, AuditEvent, AuditStore, LoginHistoryQuery},
    id::{EventId, SessionId, UserId},
    secret,
    session::{AuthMethod, EndReason, EndTarget, SessionStore},
    store::embedded::EmbeddedStore,
};
use tokio::task::JoinSet;

use crate::store_contract::fixtures::{at, end_record, open_session};

const STORE_VARIABLE: &str = "PORTCULLIS_TEST_WRITE_UNTIL_KILLED";
const ROUNDS: usize = 200;

#[tokio::test]
async fn what_was_acknowledged_survives_two_hundred_kills() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let mut acknowledged = 0;
    for _ in 0..ROUNDS {
        let lines = run_killed_writer(&path);
        let store = EmbeddedStore::open(&path).expect("it opens after any kill");
        acknowledged += check(&store, &lines).await;
    }
    assert!(acknowledged > ROUNDS, "the children wrote something: {acknowledged}");
}

/// What a child said before it was killed, some milliseconds after its first word.
fn run_killed_writer(path: &Path) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store_crash::write_until_killed", "--ignored", "--nocapture"])
        .env(STORE_VARIABLE, path)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut lines = Vec::new();
    let mut first = String::new();
    said.read_line(&mut first).unwrap();
    lines.push(first);
    let [chance] = secret::random_bytes::<1>();
    let killer = thread::spawn(move || {
        thread::sleep(Duration::from_micros(u64::from(chance) * 60));
        child.kill().unwrap();
        child.wait().unwrap();
    });
    loop {
        let mut line = String::new();
        if said.read_line(&mut line).unwrap() == 0 {
            break;
        }
        lines.push(line);
    }
    killer.join().unwrap();
    lines.retain(|line| line.ends_with('\n')); // the last word may have been cut off
    lines
}

async fn check(store: &EmbeddedStore, lines: &[String]) -> usize {
    let (mut opened, mut touched_by_end, mut ended, mut recorded) =
        (HashSet::new(), HashSet::new(), HashSet::new(), HashSet::new());
    for line in lines {
        let (word, id) = line.trim_end().split_once(' ').unwrap_or_else(|| panic!("the child said {line}"));
        match word {
            "opened" => drop(opened.insert(id.parse::<SessionId>().unwrap())),
            "ending" => drop(touched_by_end.insert(id.parse::<SessionId>().unwrap())),
            "ended" => drop(ended.insert(id.parse::<SessionId>().unwrap())),
            "recorded" => drop(recorded.insert(id.to_owned())),
            _ => panic!("the child said {line}"),
        }
    }
    for id in &ended {
        assert!(store.find(*id).await.unwrap().is_none(), "ended, and there again");
    }
    for id in opened.difference(&touched_by_end) {
        assert!(SessionStore::get(store, *id).await.unwrap().is_some(), "opened, and not there");
    }
    for line in &recorded {
        let (user, event) = line.split_once('/').unwrap();
        let query = LoginHistoryQuery { user: user.parse().unwrap(), outcome: None, after: None, limit: 1 };
        let page = store.login_history(&query).await.unwrap();
        assert_eq!(page.entries[0].id.to_string(), event, "recorded, and not there");
    }
    opened.len() + ended.len() + recorded.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the child of what_was_acknowledged_survives_two_hundred_kills"]
async fn write_until_killed() {
    let Some(path) = std::env::var_os(STORE_VARIABLE) else { return };
    let store = Arc::new(EmbeddedStore::open(Path::new(&path)).unwrap());
    let mut tasks = JoinSet::new();
    for _ in 0..4 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            for _ in 0..2_000 {
                write(&store).await;
            }
        });
    }
    tasks.join_all().await;
}

async fn write(store: &EmbeddedStore) {
    let owner = UserId::mint();
    let (stays, goes) =
        (open_session(store, owner, at(1)).await.session.id, open_session(store, owner, at(1)).await.session.id);
    print_line(&format!("opened {stays}\nopened {goes}\nending {goes}\n"));
    let which = EndTarget::One { owner, id: goes };
    assert_eq!(store.end(which, &end_record(EndReason::SignedOut, at(2))).await.unwrap().len(), 1);
    print_line(&format!("ended {goes}\n"));
    let entry = AuditEntry {
        id: EventId::mint(),
        at: at(3),
        user: Some(owner),
        actor: Actor::System,
        ip: None,
        device: None,
        event: AuditEvent::SignedIn { session: stays, method: AuthMethod::Password },
    };
    store.record(std::slice::from_ref(&entry)).await.unwrap();
    print_line(&format!("recorded {owner}/{}\n", entry.id));
}

/// In one write, so that the words of several tasks do not mix.
fn print_line(words: &str) {
    io::stderr().write_all(words.as_bytes()).unwrap();
}
