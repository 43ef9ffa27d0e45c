//! Errors of Redis, in words that an operator can act on, and without a word of what was asked: that may be a
//! secret.

use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::store_error::StoreError;

/// Why Redis cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedisStoreError {
    /// There is no connection.
    #[error("there is no connection to Redis at {at}: {why}")]
    Unreachable {
        /// Where it should be.
        at: String,
        /// What the operating system, or TLS, said.
        why: String,
    },
    /// It takes connections and says nothing.
    #[error("Redis at {at} does not answer")]
    Timeout {
        /// Where it is.
        at: String,
    },
    /// It does not let us in.
    #[error("Redis at {at} does not accept this user and password; correct them in store:")]
    AuthFailed {
        /// Where it is.
        at: String,
    },
    /// A command is not allowed to this user.
    #[error(
        "Redis does not allow its user what Portcullis needs; give it: \
         ~portcullis:* &portcullis:* +@read +@write +@scripting +@pubsub +@connection +info +time +wait"
    )]
    PermissionDenied,
    /// It is not fit for what must be kept.
    #[error("Redis at {at} {why}")]
    Unsupported {
        /// Where it is.
        at: String,
        /// What is the matter, and what mends it.
        why: String,
    },
    /// The sessions there are of other accounts.
    #[error(
        "the sessions in Redis at {at} belong to other accounts than those that records: leads to; write the same records: in \
         every replica (a file serves one machine alone), or, if the accounts have moved, empty that database: redis-cli \
         FLUSHDB"
    )]
    RecordsMismatch {
        /// Where it is.
        at: String,
    },
    /// Nobody can say which accounts go with the sessions there.
    #[error("the accounts that go with the sessions cannot be asked: {why}")]
    RecordsAway {
        /// What is wrong with them.
        why: String,
    },
    /// It is a replica: what it shows may be old, and it takes no writes.
    #[error("Redis at {at} is a replica; name the primary, or wait until one is promoted")]
    Replica {
        /// Where it is.
        at: String,
    },
    /// It is still reading its file.
    #[error("Redis is loading its data")]
    Loading,
    /// It has no memory left for writes.
    #[error("Redis has reached its maxmemory; raise it")]
    OutOfMemory,
    /// Its last snapshot failed, or its append-only file does: it takes no writes until that is mended.
    #[error("Redis cannot save to its disk and takes no writes (MISCONF); give its disk room, or look into its log")]
    PersistenceFailed,
    /// Fewer replicas follow it than its `min-replicas-to-write`.
    #[error("Redis has fewer replicas than min-replicas-to-write asks for and takes no writes (NOREPLICAS)")]
    TooFewReplicas,
    /// Not enough replicas have confirmed an act.
    #[error("{have} of {want} Redis replicas have confirmed it")]
    NotReplicated {
        /// So many have.
        have: usize,
        /// So many must.
        want: usize,
    },
    /// It does not know a script: it was restarted, or told to forget them.
    #[error("Redis has forgotten a script")]
    NoScript,
    /// The same was changed by others again and again while it was being changed.
    #[error("others change the same again and again; try it once more")]
    Contended,
    /// There is an account of this id.
    #[error("there is an account of this id already")]
    DuplicateId,
    /// Something else: its code.
    #[error("Redis answers {0}")]
    ServerError(String),
    /// It answered something that makes no sense here.
    #[error("Redis answers something else than was asked")]
    UnexpectedReply,
}

impl RedisStoreError {
    /// From what the library says. Of the server's own words only the code is kept: the rest may repeat what was sent.
    pub(super) fn from_redis(error: &RedisError, at: &str) -> Self {
        match error.kind() {
            ErrorKind::AuthenticationFailed => Self::AuthFailed { at: at.to_owned() },
            ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown) => {
                Self::Replica { at: at.to_owned() }
            }
            ErrorKind::Server(ServerErrorKind::BusyLoading) => Self::Loading,
            ErrorKind::Server(ServerErrorKind::NoScript) => Self::NoScript,
            ErrorKind::Server(ServerErrorKind::NoPerm) => Self::PermissionDenied,
            ErrorKind::Io => Self::Unreachable { at: at.to_owned(), why: error.to_string() },
            // Redis says it like that where a script may not do something.
            _ if error.detail().is_some_and(|detail| detail.contains("ACL failure")) => Self::PermissionDenied,
            _ => match error.code() {
                Some("OOM") => Self::OutOfMemory,
                Some("MISCONF") => Self::PersistenceFailed,
                Some("NOREPLICAS") => Self::TooFewReplicas,
                Some("NOAUTH" | "WRONGPASS") => Self::AuthFailed { at: at.to_owned() },
                Some(code) => Self::ServerError(code.to_owned()),
                None => Self::UnexpectedReply,
            },
        }
    }

    /// Whether this server must not be asked at all: what it shows may be old, or not there yet.
    pub(super) const fn is_server_unusable(&self) -> bool {
        matches!(self, Self::Replica { .. } | Self::Loading | Self::AuthFailed { .. })
    }

    /// Whether this server takes no writes of anybody, and may be read.
    pub(super) const fn is_write_rejected(&self) -> bool {
        matches!(self, Self::OutOfMemory | Self::PersistenceFailed | Self::TooFewReplicas)
    }

    /// Whether nobody can be asked at all.
    pub(super) const fn is_connection_error(&self) -> bool {
        self.is_server_unusable() || matches!(self, Self::Unreachable { .. } | Self::Timeout { .. })
    }
}

/// Whether an outage means that nobody can be asked at all, and not that one thing is wrong.
pub(super) fn is_unreachable(why: &StoreError) -> bool {
    matches!(why, StoreError::Unavailable(why) if why.downcast_ref().is_some_and(RedisStoreError::is_connection_error))
}

impl From<RedisStoreError> for StoreError {
    fn from(trouble: RedisStoreError) -> Self {
        Self::Unavailable(Box::new(trouble))
    }
}
