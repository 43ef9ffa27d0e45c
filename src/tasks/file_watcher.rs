//! Sees when a file has changed, or one that is read with it: by looking, not by being told. A look sees an edit in place, a file that another one was
//! renamed over, and a symbolic link that leads elsewhere now (as Kubernetes swaps what it mounts), on every file system.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Watches one file, and those that it names.
#[derive(Debug)]
pub struct FileWatcher {
    path: PathBuf,
    snapshots: Mutex<FileSnapshots>,
}

#[derive(Debug)]
struct FileSnapshots {
    /// All of them.
    paths: Vec<PathBuf>,
    /// What was there when it was read.
    at_read: Vec<FileSnapshot>,
    /// What was there at the look before.
    at_last_run: Vec<FileSnapshot>,
}

/// What tells one state of a file from another: which file the name leads to, when it was changed, and how long it is. None
/// where there is no file.
type FileSnapshot = Option<(u64, u64, i64, i64, u64)>;

impl FileWatcher {
    /// A watch over the file of this name, which is read at this moment.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        let (paths, now) = (vec![path.clone()], vec![take_snapshot(&path)]);
        Self { path, snapshots: Mutex::new(FileSnapshots { paths, at_read: now.clone(), at_last_run: now }) }
    }

    /// It names these files, which were read with it: from now on they are watched, too, and no others.
    pub fn watch_also(&self, others: Vec<PathBuf>) {
        let mut looks = self.snapshots();
        if looks.paths[1..] != others {
            // What is known of those that stay is kept: they may have changed since they were read.
            let new: Vec<FileSnapshot> = others.iter().map(|path| take_snapshot(path)).collect();
            looks.at_read.truncate(1);
            looks.at_last_run.truncate(1);
            looks.at_read.extend_from_slice(&new);
            looks.at_last_run.extend(new);
            looks.paths = std::iter::once(self.path.clone()).chain(others).collect();
        }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file is read at this moment, whatever comes of it: as it is now it has not changed.
    pub fn mark_read(&self) {
        self.snapshots().mark_read();
    }

    /// Looks once. Says whether the file is another than the one that was read, and has been so since the look before: who
    /// writes it may not be done yet.
    pub fn run_once(&self) -> bool {
        let mut looks = self.snapshots();
        let now = looks.take_all();
        let stands_still = looks.at_last_run == now;
        looks.at_last_run = now;
        stands_still && looks.at_read != looks.at_last_run
    }

    fn snapshots(&self) -> MutexGuard<'_, FileSnapshots> {
        self.snapshots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FileSnapshots {
    fn take_all(&self) -> Vec<FileSnapshot> {
        self.paths.iter().map(|path| take_snapshot(path)).collect()
    }

    fn mark_read(&mut self) {
        self.at_read = self.take_all();
        self.at_last_run.clone_from(&self.at_read);
    }
}

fn take_snapshot(path: &Path) -> FileSnapshot {
    let seen = |about: fs::Metadata| (about.dev(), about.ino(), about.ctime(), about.ctime_nsec(), about.len());
    io::Result::ok(fs::metadata(path).map(seen))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// Whether it says so once, at the second look, and no more when it was read.
    fn sees_a_change(watch: &FileWatcher) -> bool {
        let seen = [watch.run_once(), watch.run_once()] == [false, true];
        watch.mark_read();
        seen && !watch.run_once()
    }

    #[test]
    fn every_way_to_change_a_file_is_seen_once_it_stands_still() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let write = |name: &str, text: &str| fs::write(at(name), text).unwrap();
        write("old", "one");
        write("new", "two");
        symlink(at("old"), at("link")).unwrap();
        let watch = FileWatcher::new(at("link"));
        assert!(!watch.run_once() && !watch.run_once(), "nothing has changed");

        write("old", "longer");
        assert!(sees_a_change(&watch), "written in place");
        fs::rename(at("new"), at("old")).unwrap();
        assert!(sees_a_change(&watch), "another was renamed over it");
        write("third", "two");
        symlink(at("third"), at("swap")).unwrap();
        fs::rename(at("swap"), at("link")).unwrap();
        assert!(sees_a_change(&watch), "the link leads elsewhere");
        fs::remove_file(at("third")).unwrap();
        assert!(sees_a_change(&watch), "it is gone");
        write("third", "two");
        assert!(sees_a_change(&watch), "it is back");
    }

    #[test]
    fn what_the_file_names_is_watched_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["file", "key", "other"] {
            fs::write(at(name), name).unwrap();
        }
        let watch = FileWatcher::new(at("file"));
        watch.watch_also(vec![at("key")]);
        assert!(!watch.run_once() && !watch.run_once(), "nothing has changed");
        fs::write(at("key"), "renewed").unwrap();
        assert!(sees_a_change(&watch));
        watch.watch_also(vec![at("other")]);
        fs::write(at("key"), "nobody reads it any more").unwrap();
        assert!(!watch.run_once() && !watch.run_once(), "it names another");
        fs::write(at("file"), "changed").unwrap();
        assert!(sees_a_change(&watch), "itself");
    }

    #[test]
    fn what_is_still_being_written_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "").unwrap();
        let watch = FileWatcher::new(path.clone());
        for text in ["a", "ab", "abc"] {
            fs::write(&path, text).unwrap();
            assert!(!watch.run_once(), "{text}");
        }
        assert!(watch.run_once());
        assert!(watch.run_once(), "until it is read");
    }
}
