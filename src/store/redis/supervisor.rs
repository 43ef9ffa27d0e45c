//! Supervisor of a connection: connects, looks whether the server is fit, looks again and again, and connects anew.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use redis::{AsyncConnectionConfig, Client, PushKind, RedisError, aio::MultiplexedConnection};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};
use tracing::{error, info, warn};

use super::{
    client::{CHECK_TIMEOUT, RedisClient},
    connection::RedisConnection,
    error::RedisStoreError,
    keys,
    script::Script,
    target::{self, RedisTarget, ServerInfo},
};
use crate::{
    clock::{Clock, Timestamp},
    store::RecordStore,
    store_error::StoreError,
};

/// How long a connection may take to come about, with signing in and a first look. Nobody waits for it but at the start.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How often an open connection is looked at.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);
/// Waits between two tries to connect: short at first, for a restart.
const RECONNECT_DELAYS: [Duration; 4] =
    [Duration::from_millis(50), Duration::from_millis(100), Duration::from_millis(250), Duration::from_millis(500)];

/// What a link tells of what it was not asked.
#[derive(Clone)]
pub(super) struct ConnectionHooks {
    /// A clock that hears what time it is there.
    pub(super) clock: Clock,
    /// Somebody may have ended sessions: told to whoever waits for it, if the link shall listen.
    pub(super) end_hints: Option<Arc<Notify>>,
    /// Whether the log is told when the connection goes and comes: of several to one place, one is enough.
    pub(super) log_changes: bool,
    /// Whether the log is told what this server may lose: of several places on one server, one is enough.
    pub(super) log_warnings: bool,
    /// The records that go with what is there, where that is looked at.
    pub(super) records_binding: Option<Arc<RecordsBinding>>,
}

impl ConnectionHooks {
    pub(super) fn without_logging(self) -> Self {
        Self { log_changes: false, log_warnings: false, ..self }
    }
}

/// Sessions go with one set of accounts: with other ones, roles would be given to strangers.
pub(super) struct RecordsBinding {
    records: Arc<dyn RecordStore>,
    /// As the records last told it: for when they are away, and sessions can be read.
    known_id: Mutex<Option<String>>,
}

impl RecordsBinding {
    pub(super) fn new(records: Arc<dyn RecordStore>) -> Self {
        Self { records, known_id: Mutex::default() }
    }

    /// Looks whether the sessions at the other end go with these records; the first that are brought, do. Where it knows no
    /// records, the records are asked and not remembered: both may have been emptied together.
    ///
    /// Held by `wire::redis_faults::an_emptied_redis_is_a_new_one_to_everybody`.
    async fn verify_on_connect(&self, connection: &mut MultiplexedConnection, at: &str) -> Result<(), RedisStoreError> {
        let said = |error: RedisError| RedisStoreError::from_redis(&error, at);
        let get = || redis::cmd("GET").arg(keys::BOUND_RECORDS).to_owned();
        let mut known: Option<String> = get().query_async(connection).await.map_err(said)?;
        let before = self.known_id().clone();
        let ours = match (self.records.records_id().await, &before) {
            (Ok(ours), _) => ours,
            (Err(_), Some(before)) if known.is_some() => before.clone(),
            (Err(why), _) => return Err(RedisStoreError::RecordsAway { why: why.to_string() }),
        };
        *self.known_id() = Some(ours.clone());
        if known.is_none() {
            let mut first = redis::cmd("SET");
            let first =
                first.arg(keys::BOUND_RECORDS).arg(&ours).arg("NX").query_async::<Option<String>>(connection).await;
            match first.map_err(said) {
                // Nobody can sign in until there is room, and so nothing can be mixed up.
                Err(RedisStoreError::OutOfMemory) => return Ok(()),
                first => drop(first?),
            }
            known = get().query_async(connection).await.map_err(said)?;
        }
        if known.as_ref() == Some(&ours) { Ok(()) } else { Err(RedisStoreError::RecordsMismatch { at: at.to_owned() }) }
    }

    /// Looks whether the records have become other ones while the sessions stayed: emptied, or put back from elsewhere.
    pub(super) async fn verify(&self, sessions: &RedisClient) -> Result<(), StoreError> {
        let known: Option<String> = sessions.query(redis::cmd("GET").arg(keys::BOUND_RECORDS)).await?;
        let is_other = match (known, self.records.records_id().await) {
            (Some(known), Ok(ours)) => known != ours,
            // Emptied together, or away: looked at when a connection comes about.
            _ => false,
        };
        if is_other {
            Err(RedisStoreError::RecordsMismatch { at: sessions.address().to_owned() }.into())
        } else {
            Ok(())
        }
    }

    fn known_id(&self) -> MutexGuard<'_, Option<String>> {
        self.known_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a connection up.
pub(super) struct Supervisor {
    client: redis::RedisResult<Client>,
    address: String,
    tls: bool,
    hooks: ConnectionHooks,
    wait_replicas: usize,
    /// What the log was warned of when the connection last came about.
    last_warnings: Mutex<Vec<String>>,
    /// The same server, asked for no database.
    default_db_client: redis::RedisResult<Client>,
}

impl Supervisor {
    pub(super) fn new(place: &RedisTarget, ears: ConnectionHooks) -> Self {
        Self {
            client: place.client(),
            address: place.address(),
            tls: place.tls.is_some(),
            hooks: ears,
            wait_replicas: place.wait_replicas,
            last_warnings: Mutex::default(),
            default_db_client: RedisTarget { db: 0, ..place.clone() }.client(),
        }
    }

    /// A new connection to a server that is fit.
    pub(super) async fn connect(&self) -> Result<(RedisConnection, ServerInfo), RedisStoreError> {
        let connecting = async {
            let client = self.client.as_ref().map_err(|error| RedisStoreError::from_redis(error, &self.address))?;
            let mut config = AsyncConnectionConfig::new()
                .set_connection_timeout(Some(CONNECT_TIMEOUT))
                .set_response_timeout(None)
                .set_pipeline_buffer_size(1_024);
            if let Some(hints) = self.hooks.end_hints.clone() {
                config = config.set_push_sender(move |push: redis::PushInfo| {
                    if push.kind == PushKind::Message {
                        hints.notify_one();
                    }
                    Ok::<(), redis::aio::SendError>(())
                });
            }
            let said = |error: RedisError| RedisStoreError::from_redis(&error, &self.address);
            let mut connection = client.get_multiplexed_async_connection_with_config(&config).await.map_err(said)?;
            // All at once: a server may be far away.
            let (mut looking, mut listening) = (connection.clone(), connection.clone());
            let listen = async {
                match self.hooks.end_hints {
                    Some(_) => listening.subscribe(keys::END_CHANNEL).await,
                    None => Ok(()),
                }
            };
            let (about, listens, knows) =
                tokio::join!(self.check_server(&mut looking), listen, Script::load_all(&mut connection));
            let about = about?;
            listens.and(knows).map_err(said)?;
            // Whoever may not do that may do nothing that matters, and is told so now.
            let mut probe = redis::pipe();
            probe.cmd("GET").arg(keys::LAST_USED).cmd("PUBLISH").arg(keys::END_CHANNEL).arg("0");
            let probed: Result<(Option<String>, i64), RedisError> = probe.query_async(&mut connection).await;
            probed.map_err(said)?;
            if let Some(belonging) = &self.hooks.records_binding {
                belonging.verify_on_connect(&mut connection, &self.address).await?;
            }
            self.log_warnings(&about);
            Ok((RedisConnection::open(connection), about))
        };
        let silent = |_| Err(RedisStoreError::Timeout { at: self.address.clone() });
        match timeout(CONNECT_TIMEOUT, connecting).await.unwrap_or_else(silent) {
            Err(RedisStoreError::ServerError(code)) if code == "ERR" && self.is_sentinel().await => Err(RedisStoreError::Unsupported {
                at: self.address.clone(),
                why: "is a Sentinel, which only knows where Redis is; name the Redis server itself, which redis-cli -p PORT \
                      SENTINEL MASTERS tells there"
                    .to_owned(),
            }),
            other => other.map_err(|why| self.with_hint(why)),
        }
    }

    /// Whether a Sentinel answers there: it refuses most commands, and so the first of a connection.
    async fn is_sentinel(&self) -> bool {
        let asked = async {
            let client = self.default_db_client.as_ref().ok()?;
            let mut connection = client.get_multiplexed_async_connection().await.ok()?;
            redis::cmd("INFO").arg("server").query_async::<String>(&mut connection).await.ok()
        };
        let info = timeout(CONNECT_TIMEOUT, asked).await.ok().flatten();
        info.is_some_and(|info| info.lines().any(|line| line.trim() == "redis_mode:sentinel"))
    }

    /// Tells the log what a fit server may lose, or keep from being done. The same is told once.
    fn log_warnings(&self, about: &ServerInfo) {
        if !self.hooks.log_warnings {
            return;
        }
        let warnings = about.warnings(&self.address, self.wait_replicas);
        let mut warned = self.last_warnings.lock().unwrap_or_else(PoisonError::into_inner);
        for warning in warnings.iter().filter(|warning| !warned.contains(warning)) {
            warn!("{warning}");
        }
        *warned = warnings;
    }

    /// What most often is behind it, where a connection does not come about.
    fn with_hint(&self, why: RedisStoreError) -> RedisStoreError {
        let at = self.address.clone();
        let unreachable =
            |why: &str, mend: &str| RedisStoreError::Unreachable { at: at.clone(), why: format!("{why}; {mend}") };
        match &why {
            RedisStoreError::Unreachable { why, .. } if self.tls && why.contains("ertificate") => {
                unreachable(why, "name the authority that signed it: rediss://…?ca_file=PATH of its certificate (PEM)")
            }
            RedisStoreError::Unreachable { why, .. } if !self.tls && why.contains("reset") => {
                unreachable(why, "if it speaks TLS there, write rediss://")
            }
            RedisStoreError::Unreachable { why, .. } if self.tls && why.contains("timed out") => {
                unreachable(why, "if it speaks no TLS there, write redis://")
            }
            RedisStoreError::Timeout { .. } if self.tls => {
                unreachable("no answer to TLS", "if it speaks none there, write redis://")
            }
            RedisStoreError::UnexpectedReply => {
                unreachable("what listens there does not speak as Redis does", "check host and port")
            }
            RedisStoreError::ServerError(code) if code == "ERR" => RedisStoreError::Unsupported {
                at: at.clone(),
                why: "refuses what a connection begins with; check the number of the database (16 as a rule: 0 to 15)"
                    .to_owned(),
            },
            _ => why,
        }
    }

    /// What time it is there, and whether the server is fit, still.
    async fn check_server(&self, connection: &mut MultiplexedConnection) -> Result<ServerInfo, RedisStoreError> {
        let mut both = redis::pipe();
        both.cmd("TIME").cmd("INFO");
        let asked = self.hooks.clock.stopwatch();
        let answer: Result<((i64, i64), String), RedisError> = both.query_async(connection).await;
        let ((seconds, micros), info) = answer.map_err(|error| RedisStoreError::from_redis(&error, &self.address))?;
        self.hooks.clock.synchronize(Timestamp::from_millis(seconds * 1_000 + micros / 1_000), asked);
        target::check_server(&info, &self.address)
    }

    pub(super) async fn run(self, line: Arc<ArcSwap<RedisConnection>>) {
        let mut waits = RECONNECT_DELAYS.into_iter();
        loop {
            let now = line.load_full();
            if now.was_open() {
                waits = RECONNECT_DELAYS.into_iter();
                let why = self.monitor(&now).await;
                if self.hooks.log_changes {
                    warn!(error = %why, "Redis connection lost");
                }
                now.close(why.clone());
                line.store(Arc::new(RedisConnection::failed(why)));
            }
            sleep(waits.next().unwrap_or(CHECK_INTERVAL)).await;
            match self.connect().await {
                Ok((up, about)) => {
                    if self.hooks.log_changes {
                        info!(server = %about.name, address = %self.address, "Redis connected");
                    }
                    line.store(Arc::new(up));
                }
                Err(why) => {
                    if self.hooks.log_changes && line.load().error() != Some(&why) {
                        error!(error = %why, "Redis not usable");
                    }
                    line.store(Arc::new(RedisConnection::failed(why)));
                }
            }
        }
    }

    /// Looks again and again, until the connection is to be given up.
    async fn monitor(&self, line: &RedisConnection) -> RedisStoreError {
        let mut connection = match line.connection() {
            Ok(connection) => connection,
            Err(why) => return why,
        };
        loop {
            tokio::select! {
                () = line.closed() => {}
                () = sleep(CHECK_INTERVAL) => {}
            }
            if let Some(why) = line.error() {
                return why.clone();
            }
            let before = line.reply_count();
            match timeout(CHECK_TIMEOUT, self.check_server(&mut connection)).await {
                Ok(Ok(_)) => line.record_reply(),
                Ok(Err(why)) => return why,
                Err(_) => line.record_timeout(before, &RedisStoreError::Timeout { at: self.address.clone() }),
            }
        }
    }
}
