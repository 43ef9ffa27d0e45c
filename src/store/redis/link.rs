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
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use redis::{Cmd, FromRedisValue, Pipeline, Value};
use tokio::task::JoinHandle;
use tracing::{error, info};

use super::{
    keeper::{Ears, Keeper},
    line::Line,
    place::{About, Place},
    script::{self, Call},
    trouble::Trouble,
};
use crate::outage::StoreError;

/// How long a check waits for its answer. A request to an app asks once, and must be answered within a second.
pub(super) const PATIENCE: Duration = Duration::from_millis(700);

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
        let keeper = Keeper::new(place, ears);
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

    /// Runs a script that may be run twice, many times at once. What fails of it alone keeps nothing else from being done,
    /// and is told to the log.
    pub(super) async fn run_all(&self, calls: &[Call]) -> Result<(), StoreError> {
        let mut all = redis::pipe();
        for call in calls {
            all.add_command(call.by_hash().clone());
        }
        let mut answers = self.each(&all).await?;
        // Those that were refused because the script was forgotten have done nothing: the first of them tells it anew.
        let forgotten =
            |(call, answer): (_, &Result<Value, Trouble>)| (*answer == Err(Trouble::Forgetful)).then_some(call);
        let again: Vec<&Call> = calls.iter().zip(&answers).filter_map(forgotten).collect();
        if let Some((first, others)) = again.split_first() {
            answers.push(self.try_ask(&first.by_text()).await);
            let mut rest = redis::pipe();
            for call in others {
                rest.add_command(call.by_hash().clone());
            }
            answers.extend(self.each(&rest).await?);
            answers.retain(|answer| *answer != Err(Trouble::Forgetful));
        }
        for why in answers.into_iter().filter_map(Result::err) {
            if why.is_of_the_connection() || why.is_of_all_writes() {
                return Err(why.into());
            }
            error!("One of {} like it could not be done: {why}", calls.len());
        }
        Ok(())
    }

    /// Asks several things at once, in their order: each has its own answer.
    pub(super) async fn ask_each(&self, commands: &Pipeline) -> Result<Vec<Result<Value, Trouble>>, StoreError> {
        Ok(self.each(commands).await?)
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

    /// Where the server is.
    pub(super) fn at(&self) -> &str {
        &self.at
    }

    /// Whether something can be written. A server that is full still answers who is signed in, and that is worth more than
    /// nothing: it is told to the log, once, and nobody is turned away for it.
    pub(super) async fn try_to_write(&self, key: &str, value: &str) -> Result<(), StoreError> {
        let written = async {
            self.try_ask::<()>(redis::cmd("SET").arg(key).arg(value)).await?;
            // Acts are scripts, and write more kinds of values: a user may be kept from any of these.
            let probe = script::PROBE.call::<_, &str>(&[format!("{key}:probe")], &[]);
            match self.try_ask(probe.by_hash()).await {
                Err(Trouble::Forgetful) => self.try_ask(&probe.by_text()).await,
                done => done,
            }
        };
        let full = match written.await {
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

    /// Whether the last try to write found no memory left.
    pub(super) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Why nobody can be asked, if that is so.
    pub(super) fn trouble_now(&self) -> Option<Trouble> {
        self.line.load().broken().cloned()
    }

    async fn all(&self, commands: &Pipeline) -> Result<Vec<Value>, Trouble> {
        self.each(commands).await?.into_iter().collect()
    }

    async fn each(&self, commands: &Pipeline) -> Result<Vec<Result<Value, Trouble>>, Trouble> {
        let count = commands.cmd_iter().count();
        if count == 0 {
            return Ok(Vec::new());
        }
        let line = self.line.load_full();
        let mut connection = line.connection()?;
        let answers = line.answered(&self.at, self.patience, connection.send_packed_commands(commands, 0, count));
        let each = |answer: Value| answer.extract_error().map_err(|error| Trouble::of(&error, &self.at));
        let answers: Vec<Result<Value, Trouble>> = answers.await?.into_iter().map(each).collect();
        if let Some(why) = answers.iter().filter_map(|answer| answer.as_ref().err()).find(|why| why.is_of_the_server())
        {
            line.give_up(why.clone());
        }
        Ok(answers)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}
