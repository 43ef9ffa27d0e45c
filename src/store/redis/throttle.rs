//! Counters of tries. A counter is one value: until when it is closed, and when it was tried.

use redis::Value;

use super::{
    keys,
    live::{Live, understand},
    script,
    trouble::Trouble,
};
use crate::{
    clock::Timestamp,
    guard::{Caller, Counter, Tally},
    outage::StoreError,
};

impl Live {
    pub(super) async fn attempt(
        &self,
        asked: &[Counter],
        beside: &[Counter],
        caller: Caller,
        now: Timestamp,
    ) -> Result<Tally, StoreError> {
        let all: Vec<&Counter> = asked.iter().chain(beside).collect();
        let touched: Vec<String> = all.iter().map(|counter| keys::counter(&counter.name)).collect();
        let mut arguments = vec![asked.len().to_string(), now.as_millis().to_string(), told(caller)];
        for counter in &all {
            arguments.push(counter.tries.to_string());
            arguments.push(counter.within.as_millis().to_string());
            arguments.push(counter.cool_off.as_millis().to_string());
        }
        let answer: Vec<Value> = self.acts.run(&script::ATTEMPT.call(&touched, &arguments)).await?;
        let mut answer = answer.into_iter();
        let mut next = || answer.next().ok_or(Trouble::Nonsense);
        if understand::<String>(next()?)? == "closed" {
            return Ok(Tally::Closed { until: moment(&understand::<String>(next()?)?)? });
        }
        let places: Vec<usize> = understand(next()?)?;
        let closed = places.into_iter().filter_map(|place| all.get(place.checked_sub(1)?));
        let closed = closed.map(|counter| counter.name.clone()).collect();
        let beside_until = understand::<Option<String>>(next()?)?.map(|until| moment(&until)).transpose()?;
        Ok(Tally::Counted { closed, beside_until })
    }

    pub(super) async fn is_closed(&self, name: &str, now: Timestamp) -> Result<bool, StoreError> {
        let value: Option<String> = self.acts.ask(redis::cmd("GET").arg(keys::counter(name))).await?;
        match value.as_deref().and_then(|value| value.split(' ').next()) {
            None | Some("-") => Ok(false),
            Some(until) => Ok(now < moment(until)?),
        }
    }

    pub(super) async fn settle(&self, anew: &[String], take_back: &[String], caller: Caller) -> Result<(), StoreError> {
        if anew.is_empty() && take_back.is_empty() {
            return Ok(());
        }
        let touched: Vec<String> = anew.iter().chain(take_back).map(|name| keys::counter(name)).collect();
        self.acts.run(&script::SETTLE.call(&touched, &[anew.len().to_string(), told(caller)])).await
    }
}

/// The caller, as the scripts want it.
fn told(caller: Caller) -> String {
    match caller {
        Caller::Anybody => "anybody",
        Caller::SignedIn => "signed in",
    }
    .to_owned()
}

fn moment(millis: &str) -> Result<Timestamp, StoreError> {
    millis.parse().map(Timestamp::from_millis).map_err(|_| Trouble::Nonsense.into())
}
