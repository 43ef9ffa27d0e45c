//! The connection to Redis, with a breaker and a watchdog of our own.
//!
//! The library's own manager tries again behind the back of whoever waits, for seconds, and never leaves a server that
//! takes connections and says nothing. Here each question has a deadline and is asked once; after three silences in a row
//! the connection is given up, and as long as there is none every question is answered at once: no. Somebody looks again
//! and again, so that it is back within a second of the server.
//!
//! Invariant: a reply never reaches another question. The library matches them in order and drops those that nobody waits
//! for any more; a connection that was given up is never asked again. Held by `wire::redis_faults`.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use redis::{
    AsyncConnectionConfig, Client, Cmd, FromRedisValue, Pipeline, PushKind, RedisError, Value,
    aio::MultiplexedConnection,
};
use tokio::{
    sync::Notify,
    task::JoinHandle,
    time::{sleep, timeout},
};
use tracing::{error, info, warn};

use super::{
    keys, place,
    place::{About, Place},
    script::{Call, Script},
    trouble::Trouble,
};
use crate::{
    clock::{Clock, Timestamp},
    outage::StoreError,
};

/// How long a check waits for its answer. A request to an app asks once, and must be answered within a second.
pub(super) const PATIENCE: Duration = Duration::from_millis(700);
/// How long a connection may take to come about, with signing in and a first look. Nobody waits for it but at the start.
const CONNECTING: Duration = Duration::from_secs(3);
/// How often an open connection is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// Silences in a row until a connection is given up.
const SILENCES: u32 = 3;
/// Waits between two tries to connect: short at first, for a restart.
const WAITS: [Duration; 4] =
    [Duration::from_millis(50), Duration::from_millis(100), Duration::from_millis(250), Duration::from_millis(500)];

/// A connection that is kept up by itself. Dropping it ends it.
pub(super) struct Link {
    line: Arc<ArcSwap<Line>>,
    at: String,
    /// How long one question waits for its answer.
    patience: Duration,
    /// It had no memory left when it was last written to.
    full: AtomicBool,
    keeper: JoinHandle<()>,
}

/// What a link tells of what it was not asked.
#[derive(Clone)]
pub(super) struct Ears {
    /// A clock that hears what time it is there.
    pub(super) clock: Clock,
    /// Somebody may have ended sessions: told to whoever waits for it, if the link shall listen.
    pub(super) hints: Option<Arc<Notify>>,
    /// Whether the log is told when the connection goes and comes: of several to one place, one is enough.
    pub(super) loud: bool,
}

impl Ears {
    pub(super) fn quiet(self) -> Self {
        Self { loud: false, ..self }
    }
}

/// One connection, from its beginning to its end.
struct Line {
    connection: Option<MultiplexedConnection>,
    /// Once it is set, nobody asks here any more.
    broken: OnceLock<Trouble>,
    noticed: Notify,
    /// How many questions have had an answer.
    answers: AtomicU64,
    /// Questions in a row that had none, and nobody else had one meanwhile.
    silences: AtomicU32,
}

impl Line {
    fn up(connection: MultiplexedConnection) -> Self {
        Self::of(Some(connection), OnceLock::new())
    }

    fn down(why: Trouble) -> Self {
        Self::of(None, OnceLock::from(why))
    }

    const fn of(connection: Option<MultiplexedConnection>, broken: OnceLock<Trouble>) -> Self {
        let (answers, silences) = (AtomicU64::new(0), AtomicU32::new(0));
        Self { connection, broken, noticed: Notify::const_new(), answers, silences }
    }

    fn connection(&self) -> Result<MultiplexedConnection, Trouble> {
        match (self.broken.get(), &self.connection) {
            (None, Some(connection)) => Ok(connection.clone()),
            (Some(why), _) => Err(why.clone()),
            (None, None) => Err(Trouble::Nonsense),
        }
    }

    fn give_up(&self, why: Trouble) {
        if self.broken.set(why).is_ok() {
            self.noticed.notify_one();
        }
    }

    /// Waits for an answer, and notes what that says of the connection.
    async fn answered<T>(
        &self,
        at: &str,
        patience: Duration,
        answer: impl Future<Output = Result<T, RedisError>>,
    ) -> Result<T, Trouble> {
        let before = self.answers.load(Ordering::Relaxed);
        match timeout(patience, answer).await {
            Err(_) => {
                let silent = Trouble::Silent { at: at.to_owned() };
                // Where others were answered meanwhile it is busy, and so may we be: that is no reason to leave it.
                if self.answers.load(Ordering::Relaxed) == before
                    && self.silences.fetch_add(1, Ordering::Relaxed) + 1 >= SILENCES
                {
                    self.give_up(silent.clone());
                }
                Err(silent)
            }
            Ok(answer) => {
                self.answers.fetch_add(1, Ordering::Relaxed);
                if self.silences.load(Ordering::Relaxed) != 0 {
                    self.silences.store(0, Ordering::Relaxed);
                }
                answer.map_err(|error| {
                    let trouble = Trouble::of(&error, at);
                    if error.is_unrecoverable_error() || trouble.is_of_the_server() {
                        self.give_up(trouble.clone());
                    }
                    trouble
                })
            }
        }
    }
}

impl Link {
    /// Connects, and keeps the connection up from then on. Whether it could at once, and to what.
    ///
    /// # Panics
    /// Outside of a runtime.
    #[expect(
        clippy::disallowed_methods,
        reason = "the keeper ends with the link, and a panic of it shows as an outage"
    )]
    pub(super) async fn open(place: &Place, patience: Duration, ears: Ears) -> (Self, Result<About, Trouble>) {
        let at = place.shown();
        let keeper = Keeper { client: place.client(), at: at.clone(), ears };
        let (line, first) = match keeper.connect().await {
            Ok((line, about)) => (line, Ok(about)),
            Err(why) => (Line::down(why.clone()), Err(why)),
        };
        let line = Arc::new(ArcSwap::from_pointee(line));
        let keeper = tokio::spawn(keeper.keep(Arc::clone(&line)));
        (Self { line, at, patience, full: AtomicBool::new(false), keeper }, first)
    }

    /// Asks one thing.
    pub(super) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        Ok(self.try_ask(command).await?)
    }

    /// The same, for whoever can do something about what is wrong.
    pub(super) async fn try_ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Trouble> {
        let line = self.line.load_full();
        let mut connection = line.connection()?;
        let answer = async { connection.send_packed_command(command).await.and_then(Value::extract_error) };
        let value = line.answered(&self.at, self.patience, answer).await?;
        redis::from_redis_value(value).map_err(|_| Trouble::Nonsense)
    }

    /// Asks several things at once, in their order: all answers, or what the first of those that failed says.
    pub(super) async fn ask_all(&self, commands: &Pipeline) -> Result<Vec<Value>, StoreError> {
        Ok(self.all(commands).await?)
    }

    /// Runs a script. A server that has forgotten it has done nothing, and is told it again.
    pub(super) async fn run<T: FromRedisValue>(&self, call: &Call) -> Result<T, StoreError> {
        match self.try_ask(call.by_hash()).await {
            Err(Trouble::Forgetful) => self.ask(&call.by_text()).await,
            answer => Ok(answer?),
        }
    }

    /// Runs a script behind a command whose answer nobody needs, in one go.
    pub(super) async fn run_after<T: FromRedisValue>(&self, before: Cmd, call: &Call) -> Result<T, StoreError> {
        let mut both = redis::pipe();
        both.add_command(before).add_command(call.by_hash().clone());
        match self.all(&both).await {
            Err(Trouble::Forgetful) => self.ask(&call.by_text()).await,
            answers => {
                let answer = answers?.pop().ok_or(Trouble::Nonsense)?;
                redis::from_redis_value(answer).map_err(|_| Trouble::Nonsense.into())
            }
        }
    }

    /// Runs a script that may be run twice, many times at once.
    pub(super) async fn run_all(&self, calls: &[Call]) -> Result<(), StoreError> {
        let Some(first) = calls.first() else { return Ok(()) };
        let mut all = redis::pipe();
        for call in calls {
            all.add_command(call.by_hash().clone());
        }
        match self.all(&all).await {
            Err(Trouble::Forgetful) => {
                self.ask::<Value>(&first.by_text()).await?;
                self.ask_all(&all).await?;
            }
            answer => drop(answer?),
        }
        Ok(())
    }

    /// Runs a script, and waits until so many replicas have what it wrote: on the same connection, which is what Redis goes
    /// by.
    pub(super) async fn run_confirmed<T: FromRedisValue>(&self, call: &Call, replicas: usize) -> Result<T, StoreError> {
        if replicas == 0 {
            return self.run(call).await;
        }
        let both = |script: Cmd| {
            let mut both = redis::pipe();
            both.add_command(script).cmd("WAIT").arg(replicas).arg(self.patience.as_millis() / 2);
            both
        };
        let answers = match self.all(&both(call.by_hash().clone())).await {
            Err(Trouble::Forgetful) => self.all(&both(call.by_text())).await?,
            answers => answers?,
        };
        let [answer, have] = <[Value; 2]>::try_from(answers).map_err(|_| Trouble::Nonsense)?;
        let have: usize = redis::from_redis_value(have).map_err(|_| Trouble::Nonsense)?;
        if have < replicas {
            return Err(Trouble::Unconfirmed { have, want: replicas }.into());
        }
        redis::from_redis_value(answer).map_err(|_| Trouble::Nonsense.into())
    }

    async fn all(&self, commands: &Pipeline) -> Result<Vec<Value>, Trouble> {
        let count = commands.cmd_iter().count();
        if count == 0 {
            return Ok(Vec::new());
        }
        let line = self.line.load_full();
        let mut connection = line.connection()?;
        let answers = async {
            let answers = connection.send_packed_commands(commands, 0, count).await?;
            answers.into_iter().map(Value::extract_error).collect()
        };
        line.answered(&self.at, self.patience, answers).await
    }

    /// Whether something can be written. A server that is full still answers who is signed in, and that is worth more than
    /// nothing: it is told to the log, once, and nobody is turned away for it.
    pub(super) async fn try_to_write(&self, key: &str, value: &str) -> Result<(), StoreError> {
        let full = match self.try_ask::<()>(redis::cmd("SET").arg(key).arg(value)).await {
            Ok(()) => false,
            Err(Trouble::Full) => true,
            Err(why) => return Err(why.into()),
        };
        if self.full.swap(full, Ordering::Relaxed) != full {
            if full {
                error!("{}; until then nobody can sign in", Trouble::Full);
            } else {
                info!("Redis at {} has memory again", self.at);
            }
        }
        Ok(())
    }

    /// Why nobody can be asked, if that is so.
    pub(super) fn trouble_now(&self) -> Option<Trouble> {
        self.line.load().broken.get().cloned()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

/// Keeps a connection up.
struct Keeper {
    client: redis::RedisResult<Client>,
    at: String,
    ears: Ears,
}

impl Keeper {
    /// A new connection to a server that is fit.
    async fn connect(&self) -> Result<(Line, About), Trouble> {
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
            Ok((Line::up(connection), about))
        };
        timeout(CONNECTING, connecting).await.unwrap_or_else(|_| Err(Trouble::Silent { at: self.at.clone() }))
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

    async fn keep(self, line: Arc<ArcSwap<Line>>) {
        let mut waits = WAITS.into_iter();
        loop {
            let now = line.load_full();
            if now.connection.is_some() {
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
                    if self.ears.loud && line.load().broken.get() != Some(&why) {
                        error!("Cannot use Redis: {why}");
                    }
                    line.store(Arc::new(Line::down(why)));
                }
            }
        }
    }

    /// Looks again and again, until the connection is to be given up.
    async fn watch(&self, line: &Line) -> Trouble {
        let Some(connection) = &line.connection else { return Trouble::Nonsense };
        let mut connection = connection.clone();
        loop {
            tokio::select! {
                () = line.noticed.notified() => {}
                () = sleep(LOOK) => {}
            }
            if let Some(why) = line.broken.get() {
                return why.clone();
            }
            let before = line.answers.load(Ordering::Relaxed);
            match timeout(PATIENCE, self.look(&mut connection)).await {
                Ok(Ok(_)) => line.silences.store(0, Ordering::Relaxed),
                Ok(Err(why)) => return why,
                Err(_) if line.answers.load(Ordering::Relaxed) != before => {}
                Err(_) if line.silences.fetch_add(1, Ordering::Relaxed) + 1 >= SILENCES => {
                    return Trouble::Silent { at: self.at.clone() };
                }
                Err(_) => {}
            }
        }
    }
}
