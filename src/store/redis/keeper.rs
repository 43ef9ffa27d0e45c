//! Who keeps a connection up: connects, looks whether the server is fit, looks again and again, and connects anew.

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
    keys,
    line::Line,
    link::{Link, PATIENCE},
    place::{self, About, Place},
    script::Script,
    trouble::Trouble,
};
use crate::{
    clock::{Clock, Timestamp},
    outage::StoreError,
    store::Records,
};

/// How long a connection may take to come about, with signing in and a first look. Nobody waits for it but at the start.
const CONNECTING: Duration = Duration::from_secs(3);
/// How often an open connection is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// Waits between two tries to connect: short at first, for a restart.
const WAITS: [Duration; 4] =
    [Duration::from_millis(50), Duration::from_millis(100), Duration::from_millis(250), Duration::from_millis(500)];

/// What a link tells of what it was not asked.
#[derive(Clone)]
pub(super) struct Ears {
    /// A clock that hears what time it is there.
    pub(super) clock: Clock,
    /// Somebody may have ended sessions: told to whoever waits for it, if the link shall listen.
    pub(super) hints: Option<Arc<Notify>>,
    /// Whether the log is told when the connection goes and comes: of several to one place, one is enough.
    pub(super) loud: bool,
    /// Whether the log is told what this server may lose: of several places on one server, one is enough.
    pub(super) warns: bool,
    /// The records that go with what is there, where that is looked at.
    pub(super) belonging: Option<Arc<Belonging>>,
}

impl Ears {
    pub(super) fn quiet(self) -> Self {
        Self { loud: false, warns: false, ..self }
    }
}

/// Sessions go with one set of accounts: with other ones, roles would be given to strangers.
pub(super) struct Belonging {
    records: Arc<dyn Records>,
    /// As the records last told it: for when they are away, and sessions can be read.
    identity: Mutex<Option<String>>,
}

impl Belonging {
    pub(super) fn to(records: Arc<dyn Records>) -> Self {
        Self { records, identity: Mutex::default() }
    }

    /// Looks whether the sessions at the other end go with these records; the first that are brought, do. Where it knows no
    /// records, the records are asked and not remembered: both may have been emptied together.
    ///
    /// Held by `wire::redis_faults::an_emptied_redis_is_a_new_one_to_everybody`.
    async fn look(&self, connection: &mut MultiplexedConnection, at: &str) -> Result<(), Trouble> {
        let said = |error: RedisError| Trouble::of(&error, at);
        let get = || redis::cmd("GET").arg(keys::RECORDS).to_owned();
        let mut known: Option<String> = get().query_async(connection).await.map_err(said)?;
        let before = self.identity().clone();
        let ours = match (self.records.identity().await, &before) {
            (Ok(ours), _) => ours,
            (Err(_), Some(before)) if known.is_some() => before.clone(),
            (Err(why), _) => return Err(Trouble::NoRecords { why: why.to_string() }),
        };
        *self.identity() = Some(ours.clone());
        if known.is_none() {
            let mut first = redis::cmd("SET");
            let first = first.arg(keys::RECORDS).arg(&ours).arg("NX").query_async::<Option<String>>(connection).await;
            match first.map_err(said) {
                // Nobody can sign in until there is room, and so nothing can be mixed up.
                Err(Trouble::Full) => return Ok(()),
                first => drop(first?),
            }
            known = get().query_async(connection).await.map_err(said)?;
        }
        if known.as_ref() == Some(&ours) { Ok(()) } else { Err(Trouble::OtherRecords { at: at.to_owned() }) }
    }

    /// Looks whether the records have become other ones while the sessions stayed: emptied, or put back from elsewhere.
    pub(super) async fn check(&self, sessions: &Link) -> Result<(), StoreError> {
        let known: Option<String> = sessions.ask(redis::cmd("GET").arg(keys::RECORDS)).await?;
        let is_other = match (known, self.records.identity().await) {
            (Some(known), Ok(ours)) => known != ours,
            // Emptied together, or away: looked at when a connection comes about.
            _ => false,
        };
        if is_other { Err(Trouble::OtherRecords { at: sessions.at().to_owned() }.into()) } else { Ok(()) }
    }

    fn identity(&self) -> MutexGuard<'_, Option<String>> {
        self.identity.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a connection up.
pub(super) struct Keeper {
    client: redis::RedisResult<Client>,
    at: String,
    tls: bool,
    ears: Ears,
    wait_replicas: usize,
    /// What the log was warned of when the connection last came about.
    warned: Mutex<Vec<String>>,
    /// The same server, asked for no database.
    bare: redis::RedisResult<Client>,
}

impl Keeper {
    pub(super) fn new(place: &Place, ears: Ears) -> Self {
        Self {
            client: place.client(),
            at: place.shown(),
            tls: place.tls.is_some(),
            ears,
            wait_replicas: place.wait_replicas,
            warned: Mutex::default(),
            bare: Place { db: 0, ..place.clone() }.client(),
        }
    }

    /// A new connection to a server that is fit.
    pub(super) async fn connect(&self) -> Result<(Line, About), Trouble> {
        let connecting = async {
            let client = self.client.as_ref().map_err(|error| Trouble::of(error, &self.at))?;
            let mut config = AsyncConnectionConfig::new()
                .set_connection_timeout(Some(CONNECTING))
                .set_response_timeout(None)
                .set_pipeline_buffer_size(1_024);
            if let Some(hints) = self.ears.hints.clone() {
                config = config.set_push_sender(move |push: redis::PushInfo| {
                    if push.kind == PushKind::Message {
                        hints.notify_one();
                    }
                    Ok::<(), redis::aio::SendError>(())
                });
            }
            let said = |error: RedisError| Trouble::of(&error, &self.at);
            let mut connection = client.get_multiplexed_async_connection_with_config(&config).await.map_err(said)?;
            // All at once: a server may be far away.
            let (mut looking, mut listening) = (connection.clone(), connection.clone());
            let listen = async {
                match self.ears.hints {
                    Some(_) => listening.subscribe(keys::HINTS).await,
                    None => Ok(()),
                }
            };
            let (about, listens, knows) =
                tokio::join!(self.look(&mut looking), listen, Script::teach_all(&mut connection));
            let about = about?;
            listens.and(knows).map_err(said)?;
            // Whoever may not do that may do nothing that matters, and is told so now.
            let mut probe = redis::pipe();
            probe.cmd("GET").arg(keys::USED).cmd("PUBLISH").arg(keys::HINTS).arg("0");
            let probed: Result<(Option<String>, i64), RedisError> = probe.query_async(&mut connection).await;
            probed.map_err(said)?;
            if let Some(belonging) = &self.ears.belonging {
                belonging.look(&mut connection, &self.at).await?;
            }
            self.warn(&about);
            Ok((Line::up(connection), about))
        };
        let silent = |_| Err(Trouble::Silent { at: self.at.clone() });
        match timeout(CONNECTING, connecting).await.unwrap_or_else(silent) {
            Err(Trouble::Refused(code)) if code == "ERR" && self.is_a_sentinel().await => Err(Trouble::Unfit {
                at: self.at.clone(),
                why: "is a Sentinel, which only knows where Redis is; name the Redis server itself, which redis-cli -p PORT \
                      SENTINEL MASTERS tells there"
                    .to_owned(),
            }),
            other => other.map_err(|why| self.with_a_mend(why)),
        }
    }

    /// Whether a Sentinel answers there: it refuses most commands, and so the first of a connection.
    async fn is_a_sentinel(&self) -> bool {
        let asked = async {
            let client = self.bare.as_ref().ok()?;
            let mut connection = client.get_multiplexed_async_connection().await.ok()?;
            redis::cmd("INFO").arg("server").query_async::<String>(&mut connection).await.ok()
        };
        let info = timeout(CONNECTING, asked).await.ok().flatten();
        info.is_some_and(|info| info.lines().any(|line| line.trim() == "redis_mode:sentinel"))
    }

    /// Tells the log what a fit server may lose, or keep from being done. The same is told once.
    fn warn(&self, about: &About) {
        if !self.ears.warns {
            return;
        }
        let warnings = about.warnings(&self.at, self.wait_replicas);
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        for warning in warnings.iter().filter(|warning| !warned.contains(warning)) {
            warn!("{warning}");
        }
        *warned = warnings;
    }

    /// What most often is behind it, where a connection does not come about.
    fn with_a_mend(&self, why: Trouble) -> Trouble {
        let at = self.at.clone();
        let unreachable =
            |why: &str, mend: &str| Trouble::Unreachable { at: at.clone(), why: format!("{why}; {mend}") };
        match &why {
            Trouble::Unreachable { why, .. } if self.tls && why.contains("ertificate") => {
                unreachable(why, "name the authority that signed it: rediss://…?ca_file=PATH of its certificate (PEM)")
            }
            Trouble::Unreachable { why, .. } if !self.tls && why.contains("reset") => {
                unreachable(why, "if it speaks TLS there, write rediss://")
            }
            Trouble::Unreachable { why, .. } if self.tls && why.contains("timed out") => {
                unreachable(why, "if it speaks no TLS there, write redis://")
            }
            Trouble::Silent { .. } if self.tls => {
                unreachable("no answer to TLS", "if it speaks none there, write redis://")
            }
            Trouble::Nonsense => unreachable("what listens there does not speak as Redis does", "check host and port"),
            Trouble::Refused(code) if code == "ERR" => Trouble::Unfit {
                at: at.clone(),
                why: "refuses what a connection begins with; check the number of the database (16 as a rule: 0 to 15)"
                    .to_owned(),
            },
            _ => why,
        }
    }

    /// What time it is there, and whether the server is fit, still.
    async fn look(&self, connection: &mut MultiplexedConnection) -> Result<About, Trouble> {
        let mut both = redis::pipe();
        both.cmd("TIME").cmd("INFO");
        let asked = self.ears.clock.stopwatch();
        let answer: Result<((i64, i64), String), RedisError> = both.query_async(connection).await;
        let ((seconds, micros), info) = answer.map_err(|error| Trouble::of(&error, &self.at))?;
        self.ears.clock.heard(Timestamp::from_millis(seconds * 1_000 + micros / 1_000), asked);
        place::look(&info, &self.at)
    }

    pub(super) async fn keep(self, line: Arc<ArcSwap<Line>>) {
        let mut waits = WAITS.into_iter();
        loop {
            let now = line.load_full();
            if now.was_up() {
                waits = WAITS.into_iter();
                let why = self.watch(&now).await;
                if self.ears.loud {
                    warn!("Lost Redis: {why}");
                }
                now.give_up(why.clone());
                line.store(Arc::new(Line::down(why)));
            }
            sleep(waits.next().unwrap_or(LOOK)).await;
            match self.connect().await {
                Ok((up, about)) => {
                    if self.ears.loud {
                        info!("Connected to {} at {}", about.name, self.at);
                    }
                    line.store(Arc::new(up));
                }
                Err(why) => {
                    if self.ears.loud && line.load().broken() != Some(&why) {
                        error!("Cannot use Redis: {why}");
                    }
                    line.store(Arc::new(Line::down(why)));
                }
            }
        }
    }

    /// Looks again and again, until the connection is to be given up.
    async fn watch(&self, line: &Line) -> Trouble {
        let mut connection = match line.connection() {
            Ok(connection) => connection,
            Err(why) => return why,
        };
        loop {
            tokio::select! {
                () = line.given_up() => {}
                () = sleep(LOOK) => {}
            }
            if let Some(why) = line.broken() {
                return why.clone();
            }
            let before = line.answers();
            match timeout(PATIENCE, self.look(&mut connection)).await {
                Ok(Ok(_)) => line.has_answered(),
                Ok(Err(why)) => return why,
                Err(_) => line.was_silent(before, &Trouble::Silent { at: self.at.clone() }),
            }
        }
    }
}
