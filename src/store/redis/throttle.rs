//! Counters of tries. A counter is one value: until when it is closed, and when it was tried.

use redis::Value;

use super::{
    error::RedisStoreError,
    keys, script,
    sessions::{LiveState, decode_reply},
};
use crate::{
    clock::Timestamp,
    guard::{AttemptCounter, CallerClass, CountResult},
    store_error::StoreError,
};

impl LiveState {
    pub(super) async fn attempt(
        &self,
        asked: &[AttemptCounter],
        beside: &[AttemptCounter],
        caller: CallerClass,
        now: Timestamp,
    ) -> Result<CountResult, StoreError> {
        let all: Vec<&AttemptCounter> = asked.iter().chain(beside).collect();
        let touched: Vec<String> = all.iter().map(|counter| keys::attempt_counter(&counter.name)).collect();
        let mut arguments = vec![asked.len().to_string(), now.as_millis().to_string(), caller_arg(caller)];
        for counter in &all {
            arguments.push(counter.limit.to_string());
            arguments.push(counter.window.as_millis().to_string());
            arguments.push(counter.cool_off.as_millis().to_string());
        }
        let answer: Vec<Value> = self.client.run_script(&script::ATTEMPT.call(&touched, &arguments)).await?;
        let mut answer = answer.into_iter();
        let mut next = || answer.next().ok_or(RedisStoreError::UnexpectedReply);
        if decode_reply::<String>(next()?)? == "closed" {
            return Ok(CountResult::Closed { until: parse_timestamp(&decode_reply::<String>(next()?)?)? });
        }
        let places: Vec<usize> = decode_reply(next()?)?;
        let closed = places.into_iter().filter_map(|place| all.get(place.checked_sub(1)?));
        let closed = closed.map(|counter| counter.name.clone()).collect();
        let beside_until = decode_reply::<Option<String>>(next()?)?.map(|until| parse_timestamp(&until)).transpose()?;
        Ok(CountResult::Counted { newly_closed: closed, account_closed_until: beside_until })
    }

    pub(super) async fn is_closed(&self, name: &str, now: Timestamp) -> Result<bool, StoreError> {
        let value: Option<String> = self.client.query(redis::cmd("GET").arg(keys::attempt_counter(name))).await?;
        match value.as_deref().and_then(|value| value.split(' ').next()) {
            None | Some("-") => Ok(false),
            Some(until) => Ok(now < parse_timestamp(until)?),
        }
    }

    pub(super) async fn finish(
        &self,
        anew: &[String],
        take_back: &[String],
        caller: CallerClass,
    ) -> Result<(), StoreError> {
        if anew.is_empty() && take_back.is_empty() {
            return Ok(());
        }
        let touched: Vec<String> = anew.iter().chain(take_back).map(|name| keys::attempt_counter(name)).collect();
        self.client
            .run_script(&script::FINISH_ATTEMPT.call(&touched, &[anew.len().to_string(), caller_arg(caller)]))
            .await
    }
}

/// The caller, as the scripts want it.
fn caller_arg(caller: CallerClass) -> String {
    match caller {
        CallerClass::Stranger => "anybody",
        CallerClass::SignedIn => "signed in",
    }
    .to_owned()
}

fn parse_timestamp(millis: &str) -> Result<Timestamp, StoreError> {
    millis.parse().map(Timestamp::from_millis).map_err(|_| RedisStoreError::UnexpectedReply.into())
}
