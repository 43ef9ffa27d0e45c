//! Counters of tries. A counter is one row: when it was tried, and until when it is closed.
//!
//! Closing spends the tries that closed it: a counter that opens again begins anew, whichever of `within` and `cool_off`
//! is the longer.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _};

use super::{EmbeddedStore, columns::AsJson, writer::WriteClass};
use crate::{
    clock::Timestamp,
    guard::{AttemptCounter, CallerClass, CountResult, ThrottleStore},
    store_error::StoreError,
};

#[derive(Clone, Default, PartialEq, Eq)]
struct CounterState {
    /// Oldest first.
    tries: Vec<Timestamp>,
    closed_until: Option<Timestamp>,
}

impl CounterState {
    /// What lies in the future counts as now: no counter is closed for longer than its rule has it.
    fn clamped(mut self, counter: &AttemptCounter, now: Timestamp) -> Self {
        for at in &mut self.tries {
            *at = (*at).min(now);
        }
        self.closed_until = self.closed_until.map(|until| until.min(now.plus(counter.cool_off)));
        self
    }
}

#[async_trait]
impl ThrottleStore for EmbeddedStore {
    async fn attempt(
        &self,
        asked: &[AttemptCounter],
        beside: &[AttemptCounter],
        caller: CallerClass,
        now: Timestamp,
    ) -> Result<CountResult, StoreError> {
        let (asked, beside) = (asked.to_vec(), beside.to_vec());
        self.write_with(write_class(caller), move |connection| attempt(connection, &asked, &beside, now)).await
    }

    async fn is_closed(&self, name: &str, now: Timestamp) -> Result<bool, StoreError> {
        self.read(|connection| Ok(read_counter(connection, name)?.closed_until.is_some_and(|until| now < until)))
    }

    async fn finish(&self, anew: &[String], take_back: &[String], caller: CallerClass) -> Result<(), StoreError> {
        let (anew, give_back) = (anew.to_vec(), take_back.to_vec());
        self.write_with(write_class(caller), move |connection| {
            for name in &anew {
                connection.prepare_cached("DELETE FROM throttle WHERE name = ?1")?.execute([name])?;
            }
            give_back.iter().try_for_each(|name| undo_attempt(connection, name))
        })
        .await
    }

    async fn delete_stale(&self, now: Timestamp) -> Result<(), StoreError> {
        const DROP: &str = "DELETE FROM throttle WHERE name IN
                            (SELECT name FROM throttle WHERE says_nothing_from < ?1 LIMIT ?2)";
        self.delete_in_batches(DROP, now).await
    }
}

const fn write_class(caller: CallerClass) -> WriteClass {
    match caller {
        CallerClass::Stranger => WriteClass::Ordinary,
        CallerClass::SignedIn => WriteClass::Urgent,
    }
}

fn attempt(
    connection: &Connection,
    asked: &[AttemptCounter],
    beside: &[AttemptCounter],
    now: Timestamp,
) -> rusqlite::Result<CountResult> {
    let mut closed_until = None;
    for counter in asked {
        closed_until = closed_until.max(clamp_and_read(connection, counter, now)?);
    }
    for counter in beside {
        // Where they are of the future they run from now on, too, whether they are counted or not.
        clamp_and_read(connection, counter, now)?;
    }
    if let Some(until) = closed_until {
        return Ok(CountResult::Closed { until });
    }
    let (mut closed, mut beside_until) = (Vec::new(), None);
    for counter in asked.iter().chain(beside) {
        match clamp_and_read(connection, counter, now)? {
            Some(until) => beside_until = beside_until.max(Some(until)),
            None if count_attempt(connection, counter, now)? => closed.push(counter.name.clone()),
            None => {}
        }
    }
    Ok(CountResult::Counted { newly_closed: closed, account_closed_until: beside_until })
}

fn clamp_and_read(
    connection: &Connection,
    counter: &AttemptCounter,
    now: Timestamp,
) -> rusqlite::Result<Option<Timestamp>> {
    let read = read_counter(connection, &counter.name)?;
    let state = read.clone().clamped(counter, now);
    if state != read {
        // Whoever reads it first writes that: it runs from now on.
        write_counter(connection, counter, &state, now)?;
    }
    Ok(state.closed_until.filter(|until| now < *until))
}

/// The tries that are left are fewer than those that close it: it is open, whichever try had closed it.
fn undo_attempt(connection: &Connection, name: &str) -> rusqlite::Result<()> {
    let mut tries = read_counter(connection, name)?.tries;
    tries.pop();
    connection
        .prepare_cached("UPDATE throttle SET tries = ?2, closed_until = NULL WHERE name = ?1")?
        .execute((name, AsJson(tries)))
        .map(drop)
}

/// Counts one try on an open counter; whether that closed it.
fn count_attempt(connection: &Connection, counter: &AttemptCounter, now: Timestamp) -> rusqlite::Result<bool> {
    let before = read_counter(connection, &counter.name)?;
    // A counter that was closed and is open again has spent its tries.
    let mut tries = if before.closed_until.is_some() { Vec::new() } else { before.tries };
    tries.retain(|at| now.since(*at) <= counter.window);
    tries.push(now);
    let closes = u32::try_from(tries.len()).unwrap_or(u32::MAX) >= counter.limit;
    let closed_until = closes.then(|| now.plus(counter.cool_off));
    write_counter(connection, counter, &CounterState { tries, closed_until }, now)?;
    Ok(closes)
}

fn write_counter(
    connection: &Connection,
    counter: &AttemptCounter,
    state: &CounterState,
    now: Timestamp,
) -> rusqlite::Result<()> {
    // The later of both: when the try that closed it is taken back, the others still count.
    let says_nothing_from = state.closed_until.max(Some(now.plus(counter.window)));
    connection
        .prepare_cached(
            "INSERT INTO throttle (name, tries, closed_until, says_nothing_from) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (name) DO UPDATE SET
             tries = excluded.tries, closed_until = excluded.closed_until,
             says_nothing_from = excluded.says_nothing_from",
        )?
        .execute((&counter.name, AsJson(&state.tries), state.closed_until, says_nothing_from))
        .map(drop)
}

fn read_counter(connection: &Connection, name: &str) -> rusqlite::Result<CounterState> {
    let state = connection
        .prepare_cached("SELECT tries, closed_until FROM throttle WHERE name = ?1")?
        .query_row([name], |row| Ok(CounterState { tries: row.get::<_, AsJson<_>>(0)?.0, closed_until: row.get(1)? }))
        .optional()?;
    Ok(state.unwrap_or_default())
}
