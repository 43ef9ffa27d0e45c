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
pub struct WatchFile {
    path: PathBuf,
    looks: Mutex<Looks>,
}

#[derive(Debug)]
struct Looks {
    /// All of them.
    paths: Vec<PathBuf>,
    /// What was there when it was read.
    read: Vec<Look>,
    /// What was there at the look before.
    last: Vec<Look>,
}

/// What tells one state of a file from another: which file the name leads to, when it was changed, and how long it is. None
/// where there is no file.
type Look = Option<(u64, u64, i64, i64, u64)>;

impl WatchFile {
    /// A watch over the file of this name, which is read at this moment.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        let (paths, now) = (vec![path.clone()], vec![look(&path)]);
        Self { path, looks: Mutex::new(Looks { paths, read: now.clone(), last: now }) }
    }

    /// It names these files, which were read with it: from now on they are watched, too, and no others.
    pub fn names(&self, others: Vec<PathBuf>) {
        let mut looks = self.looks();
        if looks.paths[1..] != others {
            // What is known of those that stay is kept: they may have changed since they were read.
            let new: Vec<Look> = others.iter().map(|path| look(path)).collect();
            looks.read.truncate(1);
            looks.last.truncate(1);
            looks.read.extend_from_slice(&new);
            looks.last.extend(new);
            looks.paths = std::iter::once(self.path.clone()).chain(others).collect();
        }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file is read at this moment, whatever comes of it: as it is now it has not changed.
    pub fn know(&self) {
        self.looks().know();
    }

    /// Looks once. Says whether the file is another than the one that was read, and has been so since the look before: who
    /// writes it may not be done yet.
    pub fn run_once(&self) -> bool {
        let mut looks = self.looks();
        let now = looks.now();
        let stands_still = looks.last == now;
        looks.last = now;
        stands_still && looks.read != looks.last
    }

    fn looks(&self) -> MutexGuard<'_, Looks> {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Looks {
    fn now(&self) -> Vec<Look> {
        self.paths.iter().map(|path| look(path)).collect()
    }

    fn know(&mut self) {
        self.read = self.now();
        self.last.clone_from(&self.read);
    }
}

fn look(path: &Path) -> Look {
    let seen = |about: fs::Metadata| (about.dev(), about.ino(), about.ctime(), about.ctime_nsec(), about.len());
    io::Result::ok(fs::metadata(path).map(seen))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// Whether it says so once, at the second look, and no more when it was read.
    fn sees_a_change(watch: &WatchFile) -> bool {
        let seen = [watch.run_once(), watch.run_once()] == [false, true];
        watch.know();
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
        let watch = WatchFile::new(at("link"));
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
        let watch = WatchFile::new(at("file"));
        watch.names(vec![at("key")]);
        assert!(!watch.run_once() && !watch.run_once(), "nothing has changed");
        fs::write(at("key"), "renewed").unwrap();
        assert!(sees_a_change(&watch));
        watch.names(vec![at("other")]);
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
        let watch = WatchFile::new(path.clone());
        for text in ["a", "ab", "abc"] {
            fs::write(&path, text).unwrap();
            assert!(!watch.run_once(), "{text}");
        }
        assert!(watch.run_once());
        assert!(watch.run_once(), "until it is read");
    }
}
