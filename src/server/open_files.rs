//! Limit of open files, and so of connections.

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};

/// Raises the soft limit to the hard one: the soft one is meant for programs that cannot count beyond it. Tells the limit
/// that holds; none when there is none.
pub(super) fn raise_limit() -> Option<u64> {
    let (current, maximum) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    let holds = match setrlimit(Resource::RLIMIT_NOFILE, maximum, maximum) {
        Ok(()) => maximum,
        Err(why) => {
            tracing::warn!(current, maximum, error = %why, "Limit of open files not raised");
            current
        }
    };
    (holds != RLIM_INFINITY).then_some(holds)
}
