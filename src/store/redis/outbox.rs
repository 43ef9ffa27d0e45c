//! What live state has to say: to the journal, which may be elsewhere, and to the other replicas.
//!
//! Each act leaves its lines in its user's outbox, in the same step. They are taken out when the journal has them, and
//! only then is the act acknowledged. Where that is broken off, somebody does it later; the journal takes a line once.

use std::time::Duration;

use redis::{FromRedisValue, Pipeline, Value, cmd};

use super::{
    Redis, keys, layout,
    live::Live,
    script::{self, Call},
};
use crate::{
    audit::{Entry, Fact},
    clock::Timestamp,
    id::{SessionId, UserId},
    outage::StoreError,
    session::{Ended, Ends, Mark},
};

/// How many ends the log keeps: each replica reads it every second at the latest.
const KEPT: usize = 50_000;
/// How many of them one look tells.
const MOST: usize = 1_000;
/// Who has not told everything after so long was broken off.
const BROKEN_OFF: Duration = Duration::from_secs(5);
/// Users whose outbox is looked into at once.
const USERS: usize = 100;

impl Live {
    /// Does an act that leaves lines in its user's outbox, and waits until it is as safe as the operator wants.
    pub(super) async fn commit<T: FromRedisValue>(
        &self,
        owner: UserId,
        at: Option<Timestamp>,
        call: &Call,
    ) -> Result<T, StoreError> {
        // Before the act, and not with it: where this cannot be written nothing is done. A user who is named there for
        // nothing does no harm.
        let mark = [owner.bare(), at.map_or(0, Timestamp::as_millis).to_string()];
        self.acts.run::<Value>(&script::MARK.call(&[keys::UNTOLD], &mark)).await?;
        let answer = self.acts.run(call).await?;
        self.acts.confirmed(self.wait_replicas).await?;
        Ok(answer)
    }

    /// Tells the replicas which sessions have ended.
    async fn announce(&self, entries: &[Entry]) -> Result<(), StoreError> {
        let mut told = vec![KEPT.to_string(), keys::HINTS.to_owned()];
        for entry in entries {
            let Fact::SessionEnded { session, ending, .. } = &entry.fact else { continue };
            told.extend([session.bare(), entry.at.as_millis().to_string(), layout::write_ending(ending)]);
        }
        if told.len() == 2 {
            return Ok(());
        }
        self.acts.run(&script::ANNOUNCE.call(&[keys::ENDS, keys::NOTES], &told)).await
    }

    pub(super) async fn ends(&self, since: Option<&Mark>) -> Result<Ends, StoreError> {
        let Some(Mark(since)) = since else {
            return Ok(Ends { ended: Vec::new(), mark: self.newest_end().await?, gap: false });
        };
        let mut range = cmd("XRANGE");
        range.arg(keys::ENDS).arg(since).arg("+").arg("COUNT").arg(MOST + 1);
        let entries: Vec<(String, Vec<String>)> = self.acts.ask(&range).await?;
        let mut entries = entries.into_iter();
        // What stood at the mark must still stand there: else the log was cut off behind it, or is another one.
        if entries.next().is_none_or(|(first, _)| first != *since) {
            return Ok(Ends { ended: Vec::new(), mark: self.newest_end().await?, gap: true });
        }
        let (mut ended, mut mark) = (Vec::new(), since.clone());
        for (place, fields) in entries {
            ended.extend(read_end(&fields));
            mark = place;
        }
        Ok(Ends { ended, mark: Mark(mark), gap: false })
    }

    /// The place of the newest entry. A log that is empty gets one that says nothing, so that there is a place to begin at.
    async fn newest_end(&self) -> Result<Mark, StoreError> {
        let mut newest = cmd("XREVRANGE");
        newest.arg(keys::ENDS).arg("+").arg("-").arg("COUNT").arg(1);
        let newest: Vec<(String, Vec<String>)> = self.acts.ask(&newest).await?;
        if let Some((place, _)) = newest.into_iter().next() {
            return Ok(Mark(place));
        }
        let mut begin = cmd("XADD");
        begin.arg(keys::ENDS).arg("*").arg("begin").arg("1");
        Ok(Mark(self.acts.ask(&begin).await?))
    }
}

fn read_end(fields: &[String]) -> Option<(SessionId, Ended)> {
    let field = |name: &str| fields.as_chunks::<2>().0.iter().find(|[key, _]| key == name).map(|[_, value]| value);
    let id = SessionId::from_bare(field("id")?.as_bytes())?;
    let at = Timestamp::from_millis(field("at")?.parse().ok()?);
    Some((id, Ended { ending: layout::read_ending(field("ending")?)?, at }))
}

impl Redis {
    /// Tells the journal and the replicas what an act of this user has left in the outbox, and takes it out.
    pub(super) async fn tell(&self, owner: UserId, entries: &[Entry]) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        let (announced, recorded) = tokio::join!(self.live.announce(entries), self.records.record(entries));
        announced?;
        recorded?;
        let mut take_out = Pipeline::new();
        for entry in entries {
            take_out.cmd("LREM").arg(keys::outbox(owner)).arg(1).arg(layout::json(entry));
        }
        self.live.acts.ask_all(&take_out).await.map(drop)
    }

    /// Tells what acts that were broken off have left, and does what still follows from changes of accounts.
    pub(super) async fn catch_up_with(&self, now: Timestamp) -> Result<usize, StoreError> {
        let before = now.minus(BROKEN_OFF);
        let mut caught_up = 0;
        for consequence in self.records.open_consequences(before).await? {
            let left = self.live.follow(&consequence).await?;
            self.tell(consequence.user, &left.entries).await?;
            self.records.done(consequence.id).await?;
            caught_up += 1;
        }
        loop {
            let mut range = cmd("ZRANGE");
            range.arg(keys::UNTOLD).arg("-inf").arg(before.as_millis()).arg("BYSCORE");
            range.arg("LIMIT").arg(0).arg(USERS).arg("WITHSCORES");
            let users: Vec<(String, f64)> = self.live.acts.ask(&range).await?;
            for (user, last) in &users {
                if let Some(owner) = UserId::from_bare(user.as_bytes()) {
                    caught_up += self.empty_outbox(owner).await?;
                }
                let told = script::TOLD.call(&[keys::UNTOLD], &[user.clone(), format!("{last}")]);
                self.live.acts.run::<Value>(&told).await?;
            }
            if users.len() < USERS {
                return Ok(caught_up);
            }
        }
    }

    async fn empty_outbox(&self, owner: UserId) -> Result<usize, StoreError> {
        let lines: Vec<String> = self.live.acts.ask(cmd("LRANGE").arg(keys::outbox(owner)).arg(0).arg(-1)).await?;
        let entries: Vec<Entry> = lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
        self.tell(owner, &entries).await?;
        Ok(entries.len())
    }
}
