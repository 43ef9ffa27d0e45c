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
    connection::RedisConnection,
    error::RedisStoreError,
    script::{self, ScriptCall},
    supervisor::{ConnectionHooks, Supervisor},
    target::{RedisTarget, ServerInfo},
};
use crate::store_error::StoreError;

/// How long a check waits for its answer. A request to an app asks once, and must be answered within a second.
pub(super) const CHECK_TIMEOUT: Duration = Duration::from_millis(700);

/// A connection that is kept up by itself. Dropping it ends it.
pub(super) struct RedisClient {
    connection: Arc<ArcSwap<RedisConnection>>,
    address: String,
    /// How long one question waits for its answer.
    timeout: Duration,
    /// It had no memory left when it was last written to.
    out_of_memory: AtomicBool,
    supervisor: JoinHandle<()>,
}

impl RedisClient {
    /// Connects, and keeps the connection up from then on. Whether it could at once, and to what.
    ///
    /// # Panics
    /// Outside of a runtime.
    #[expect(
        clippy::disallowed_methods,
        reason = "the keeper ends with the link, and a panic of it shows as an outage"
    )]
    pub(super) async fn open(
        place: &RedisTarget,
        patience: Duration,
        ears: ConnectionHooks,
    ) -> (Self, Result<ServerInfo, RedisStoreError>) {
        let at = place.address();
        let keeper = Supervisor::new(place, ears);
        let (line, first) = match keeper.connect().await {
            Ok((line, about)) => (line, Ok(about)),
            Err(why) => (RedisConnection::failed(why.clone()), Err(why)),
        };
        let line = Arc::new(ArcSwap::from_pointee(line));
        let keeper = tokio::spawn(keeper.run(Arc::clone(&line)));
        (
            Self {
                connection: line,
                address: at,
                timeout: patience,
                out_of_memory: AtomicBool::new(false),
                supervisor: keeper,
            },
            first,
        )
    }

    /// Asks one thing.
    pub(super) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        Ok(self.try_query(command).await?)
    }

    /// The same, for whoever can do something about what is wrong.
    pub(super) async fn try_query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisStoreError> {
        let line = self.connection.load_full();
        let mut connection = line.connection()?;
        let answer = async { connection.send_packed_command(command).await.and_then(Value::extract_error) };
        let value = line.await_reply(&self.address, self.timeout, answer).await?;
        redis::from_redis_value(value).map_err(|_| RedisStoreError::UnexpectedReply)
    }

    /// Asks several things at once, in their order: all answers, or what the first of those that failed says.
    pub(super) async fn query_all(&self, commands: &Pipeline) -> Result<Vec<Value>, StoreError> {
        Ok(self.send_all(commands).await?)
    }

    /// Runs a script. A server that has forgotten it has done nothing, and is told it again.
    pub(super) async fn run_script<T: FromRedisValue>(&self, call: &ScriptCall) -> Result<T, StoreError> {
        match self.try_query(call.evalsha()).await {
            Err(RedisStoreError::NoScript) => self.query(&call.eval()).await,
            answer => Ok(answer?),
        }
    }

    /// Runs a script behind a command whose answer nobody needs, in one go.
    pub(super) async fn run_script_after<T: FromRedisValue>(
        &self,
        before: Cmd,
        call: &ScriptCall,
    ) -> Result<T, StoreError> {
        let mut both = redis::pipe();
        both.add_command(before).add_command(call.evalsha().clone());
        match self.send_all(&both).await {
            Err(RedisStoreError::NoScript) => self.query(&call.eval()).await,
            answers => {
                let answer = answers?.pop().ok_or(RedisStoreError::UnexpectedReply)?;
                redis::from_redis_value(answer).map_err(|_| RedisStoreError::UnexpectedReply.into())
            }
        }
    }

    /// Runs a script that may be run twice, many times at once. What fails of it alone keeps nothing else from being done,
    /// and is told to the log.
    pub(super) async fn run_scripts(&self, calls: &[ScriptCall]) -> Result<(), StoreError> {
        let mut all = redis::pipe();
        for call in calls {
            all.add_command(call.evalsha().clone());
        }
        let mut answers = self.send_each(&all).await?;
        // Those that were refused because the script was forgotten have done nothing: the first of them tells it anew.
        let forgotten = |(call, answer): (_, &Result<Value, RedisStoreError>)| {
            (*answer == Err(RedisStoreError::NoScript)).then_some(call)
        };
        let again: Vec<&ScriptCall> = calls.iter().zip(&answers).filter_map(forgotten).collect();
        if let Some((first, others)) = again.split_first() {
            answers.push(self.try_query(&first.eval()).await);
            let mut rest = redis::pipe();
            for call in others {
                rest.add_command(call.evalsha().clone());
            }
            answers.extend(self.send_each(&rest).await?);
            answers.retain(|answer| *answer != Err(RedisStoreError::NoScript));
        }
        for why in answers.into_iter().filter_map(Result::err) {
            if why.is_connection_error() || why.is_write_rejected() {
                return Err(why.into());
            }
            error!(calls = calls.len(), error = %why, "Script call in batch failed");
        }
        Ok(())
    }

    /// Asks several things at once, in their order: each has its own answer.
    pub(super) async fn query_each(
        &self,
        commands: &Pipeline,
    ) -> Result<Vec<Result<Value, RedisStoreError>>, StoreError> {
        Ok(self.send_each(commands).await?)
    }

    /// Runs a script, and waits until so many replicas have what it wrote: on the same connection, which is what Redis goes
    /// by.
    pub(super) async fn run_script_replicated<T: FromRedisValue>(
        &self,
        call: &ScriptCall,
        replicas: usize,
    ) -> Result<T, StoreError> {
        if replicas == 0 {
            return self.run_script(call).await;
        }
        let both = |script: Cmd| {
            let mut both = redis::pipe();
            both.add_command(script).cmd("WAIT").arg(replicas).arg(self.timeout.as_millis() / 2);
            both
        };
        let answers = match self.send_all(&both(call.evalsha().clone())).await {
            Err(RedisStoreError::NoScript) => self.send_all(&both(call.eval())).await?,
            answers => answers?,
        };
        let [answer, have] = <[Value; 2]>::try_from(answers).map_err(|_| RedisStoreError::UnexpectedReply)?;
        let have: usize = redis::from_redis_value(have).map_err(|_| RedisStoreError::UnexpectedReply)?;
        if have < replicas {
            return Err(RedisStoreError::NotReplicated { have, want: replicas }.into());
        }
        redis::from_redis_value(answer).map_err(|_| RedisStoreError::UnexpectedReply.into())
    }

    /// Where the server is.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Whether something can be written. A server that is full still answers who is signed in, and that is worth more than
    /// nothing: it is told to the log, once, and nobody is turned away for it.
    pub(super) async fn probe_write(&self, key: &str, value: &str) -> Result<(), StoreError> {
        let written = async {
            self.try_query::<()>(redis::cmd("SET").arg(key).arg(value)).await?;
            // Acts are scripts, and write more kinds of values: a user may be kept from any of these.
            let probe = script::PROBE.call::<_, &str>(&[format!("{key}:probe")], &[]);
            match self.try_query(probe.evalsha()).await {
                Err(RedisStoreError::NoScript) => self.try_query(&probe.eval()).await,
                done => done,
            }
        };
        let full = match written.await {
            Ok(()) => false,
            Err(RedisStoreError::OutOfMemory) => true,
            Err(why) => return Err(why.into()),
        };
        if self.out_of_memory.swap(full, Ordering::Relaxed) != full {
            if full {
                error!("{}; until then nobody can sign in", RedisStoreError::OutOfMemory);
            } else {
                info!(address = %self.address, "Redis memory available again");
            }
        }
        Ok(())
    }

    /// Whether the last try to write found no memory left.
    pub(super) fn is_out_of_memory(&self) -> bool {
        self.out_of_memory.load(Ordering::Relaxed)
    }

    /// Why nobody can be asked, if that is so.
    pub(super) fn current_error(&self) -> Option<RedisStoreError> {
        self.connection.load().error().cloned()
    }

    async fn send_all(&self, commands: &Pipeline) -> Result<Vec<Value>, RedisStoreError> {
        self.send_each(commands).await?.into_iter().collect()
    }

    async fn send_each(&self, commands: &Pipeline) -> Result<Vec<Result<Value, RedisStoreError>>, RedisStoreError> {
        let count = commands.cmd_iter().count();
        if count == 0 {
            return Ok(Vec::new());
        }
        let line = self.connection.load_full();
        let mut connection = line.connection()?;
        let answers =
            line.await_reply(&self.address, self.timeout, connection.send_packed_commands(commands, 0, count));
        let each =
            |answer: Value| answer.extract_error().map_err(|error| RedisStoreError::from_redis(&error, &self.address));
        let answers: Vec<Result<Value, RedisStoreError>> = answers.await?.into_iter().map(each).collect();
        if let Some(why) =
            answers.iter().filter_map(|answer| answer.as_ref().err()).find(|why| why.is_server_unusable())
        {
            line.close(why.clone());
        }
        Ok(answers)
    }
}

impl Drop for RedisClient {
    fn drop(&mut self) {
        self.supervisor.abort();
    }
}
