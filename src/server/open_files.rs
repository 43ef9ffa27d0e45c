//! How many files, and so connections, may be open at once.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit to the hard one: the soft one is meant for programs that cannot count beyond it. Tells the limit
/// that holds; none when there is none.
pub(super) fn raise_limit() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum,
        Err(why) => {
            tracing::warn!("Could not raise the limit of open files from {current:?} to {maximum:?}: {why}");
            current
        }
    }
}
