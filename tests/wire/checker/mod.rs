//! The checker of fault runs: visitors and an operator at some replicas, before an app that records; whatever is done to
//! the parts meanwhile, what is afterwards wrong with the run is a list of sentences ([`verdict`]).

mod board;
mod broken_histories;
mod history;
mod line;
mod operator;
mod recorder;
mod verdict;
mod visitor;

use std::{net::IpAddr, sync::Arc, time::Duration};

use serde_json::Value;
use tokio::task::JoinSet;

use self::{
    board::{Board, Chance},
    history::Line as Told,
    operator::Operator,
    recorder::recorder,
    verdict::{BACK_TO_LIFE, TOO_LATE, has_more_to_tell, verdict},
    visitor::Visitor,
};
pub(crate) use self::{
    history::{Act, Came, History, Outcome, What},
    line::Line,
};
use crate::harness::{Replicas, StoreKind, until};

/// A user who ends nothing, and whom nobody ends anything of: their sessions live, whatever happens.
const BYSTANDER: &str = "bystander";

/// How the people of a run behave.
#[derive(Clone, Copy)]
pub(crate) struct Habits {
    pub(crate) users: usize,
    /// How many browsers each of them has.
    pub(crate) browsers: usize,
    /// Of 1,000 steps of a visitor, so many sign in again or end something.
    pub(crate) acts: usize,
    /// Between two steps of a visitor.
    pub(crate) pause: Duration,
    /// Between two commands of the operator; none where there is no operator.
    pub(crate) commands: Option<Duration>,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            users: 4,
            browsers: 2,
            acts: 60,
            pause: Duration::from_millis(15),
            commands: Some(Duration::from_millis(300)),
        }
    }
}

/// A run that goes on.
pub(crate) struct Checker {
    pub(crate) board: Arc<Board>,
    pub(crate) replicas: Replicas,
    habits: Habits,
    seed: u64,
    load: JoinSet<()>,
}

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) violations: Vec<String>,
    pub(crate) history: History,
}

impl Report {
    /// For a story that is not about how long anybody waits: others hold that, on a machine that is less busy.
    pub(crate) fn whatever_it_took(mut self) -> Self {
        self.violations.retain(|violation| !violation.ends_with(TOO_LATE));
        self
    }

    /// For a story in which a server dies with what no other had heard: an end that was broken off may have been seen once, and be
    /// gone with that server. What was acknowledged is still held.
    pub(crate) fn although_broken_off_ends_may_be_gone(mut self) -> Self {
        let broken_off: Vec<_> =
            self.history.acts.iter().filter(|act| matches!(act.outcome, Outcome::Unknown(_))).collect();
        let sessions = self.history.sessions.iter().enumerate();
        let forgotten: Vec<&str> = sessions
            .filter(|(place, session)| broken_off.iter().any(|act| act.may_have_ended(*place, session)))
            .map(|(_, session)| session.id.as_str())
            .collect();
        self.violations.retain(|violation| {
            !(violation.contains(BACK_TO_LIFE) && forgotten.iter().any(|id| violation.contains(id)))
        });
        self
    }

    /// Stops the test where anything is wrong.
    #[track_caller]
    pub(crate) fn has_no_violation(self) -> History {
        let Self { violations, history } = self;
        let shown = violations.iter().take(20).cloned().collect::<Vec<_>>().join("\n");
        assert!(violations.is_empty(), "{} violations, among them\n{shown}", violations.len());
        history
    }

    /// Stops the test where anything is wrong, or where too little went on to say so.
    #[track_caller]
    pub(crate) fn must_be_good(self) -> History {
        let history = self.has_no_violation();
        assert!(history.seen.len() > 100 && history.sessions.len() > 10, "too little went on: {}", history.summary());
        history
    }
}

/// How many times longer than usual a run is: `PORTCULLIS_TEST_ROUNDS` for whoever has the time.
pub(crate) fn rounds() -> u32 {
    std::env::var("PORTCULLIS_TEST_ROUNDS").map_or(1, |text| text.parse().unwrap())
}

impl Checker {
    /// Replicas with these stores, and users who have not signed in yet. `PORTCULLIS_TEST_SEED` replays another run.
    pub(crate) async fn set(stores: &[StoreKind], keys: &str, habits: Habits) -> Self {
        let seed = std::env::var("PORTCULLIS_TEST_SEED").map_or(7, |text| text.parse().unwrap());
        println!("PORTCULLIS_TEST_SEED={seed}");
        let board = Arc::new(Board::new(stores.len()));
        let app = recorder(Arc::clone(&board)).await;
        let keys = format!("lockout: {{ failures: 100, within: 1m }}\n{keys}");
        let keys =
            if keys.contains("sessions:") { keys } else { format!("sessions: {{ max_per_user: 1000 }}\n{keys}") };
        let keys =
            if keys.contains("shutdown:") { keys } else { format!("shutdown: {{ drain: 0s, grace: 5s }}\n{keys}") };
        let replicas = Replicas::before(app, stores, &keys);
        let this = Self { board, replicas, habits, seed, load: JoinSet::new() };
        this.add_users();
        this
    }

    /// Adds everybody, also to a store that was emptied.
    pub(crate) fn add_users(&self) {
        self.users().iter().for_each(|user| self.replicas.user(user));
        self.replicas.user(BYSTANDER);
    }

    pub(crate) fn users(&self) -> Vec<String> {
        (0..self.habits.users).map(|user| format!("user{user}")).collect()
    }

    /// A visitor of their own.
    pub(crate) fn visitor(&self, who: usize) -> Visitor {
        let users = self.users();
        Visitor {
            board: Arc::clone(&self.board),
            user: users[who % users.len()].clone(),
            from: IpAddr::from([127, 0, 2, u8::try_from(who + 1).unwrap()]),
            replicas: self.replicas.addresses(),
            chance: Chance::of(self.seed, u64::try_from(who).unwrap()),
            acts: self.habits.acts,
            pause: self.habits.pause,
            lines: self.replicas.addresses().iter().map(|_| None).collect(),
            mine: None,
        }
    }

    /// What decides what goes wrong next.
    pub(crate) fn chance(&self) -> Chance {
        Chance::of(self.seed, 2_000)
    }

    pub(crate) fn operator(&self) -> Operator {
        Operator {
            board: Arc::clone(&self.board),
            houses: Arc::clone(&self.replicas.houses),
            users: self.users(),
            chance: Chance::of(self.seed, 1_000),
            pause: self.habits.commands.unwrap_or_default(),
        }
    }

    /// Lets everybody in: from now on they sign in, look, and end.
    pub(crate) fn begin(&mut self) {
        for who in 0..self.habits.users * self.habits.browsers {
            let visitor = self.visitor(who);
            self.load.spawn(visitor.live());
        }
        for who in 0..2 {
            let mut bystander = self.visitor(100 + who);
            (bystander.user, bystander.acts) = (BYSTANDER.to_owned(), 0);
            self.load.spawn(bystander.live());
        }
        if self.habits.commands.is_some() {
            let operator = self.operator();
            self.load.spawn(operator.live());
        }
    }

    /// Waits while so many more requests are let through to the app, and not longer than [`until`] waits.
    pub(crate) async fn let_through(&self, more: usize) {
        let wanted = self.board.history().seen.len() + more;
        until("requests to be let through", async || (self.board.history().seen.len() >= wanted).then_some(())).await;
    }

    /// Lets it go on for so long.
    pub(crate) async fn go_on(&self, time: Duration) {
        tokio::time::sleep(time * rounds()).await;
    }

    /// Does something to a part that is felt by this replica, or by all, until it is well again.
    pub(crate) async fn trouble<T>(&mut self, replica: Option<usize>, what: impl AsyncFnOnce(&mut Self) -> T) -> T {
        let trouble = self.board.troubled(replica);
        let done = what(self).await;
        // Whoever holds a connection that was cut has noticed by then.
        tokio::time::sleep(Duration::from_millis(300)).await;
        self.all_ready().await;
        self.board.mended(trouble);
        done
    }

    /// Waits until every replica is ready.
    pub(crate) async fn all_ready(&self) {
        for place in 0..self.replicas.len() {
            until("a replica to be ready", async || self.replicas.is_ready(place).await.then_some(())).await;
        }
    }

    /// Restarts a replica as a load balancer sees it: nobody is sent there from when it says that it is not ready any more
    /// until it is ready again. Nobody is to notice.
    pub(crate) async fn restart_gently(&mut self, place: usize) {
        self.replicas.running(place).child.signal("TERM");
        until("a replica to say that it stops", async || (!self.replicas.is_ready(place).await).then_some(())).await;
        self.board.set_open(place, false);
        assert_eq!(self.replicas.ended(place).await, 0);
        self.replicas.start_one(place).await;
        self.board.set_open(place, true);
    }

    /// Everybody stops, once what they have begun is answered.
    pub(crate) async fn quiet(&mut self) {
        self.board.end();
        while let Some(ended) = self.load.join_next().await {
            ended.unwrap();
        }
    }

    /// Ends the run: everybody stops, then each session is looked at once more through each replica, everybody signs in
    /// once more, and the audit trail is read.
    pub(crate) async fn end(mut self) -> Report {
        self.quiet().await;
        self.all_ready().await;
        // What was acknowledged last holds everywhere from here on.
        tokio::time::sleep(Duration::from_secs(1)).await;
        self.board.history().recovered = self.board.now();
        let mut last = self.visitor(200);
        for session in 0..self.board.sessions() {
            for replica in 0..self.replicas.len() {
                last.look(session, replica).await;
            }
        }
        for who in 0..self.habits.users {
            let mut again = self.visitor(who);
            again.sign_in(who % self.replicas.len()).await;
        }
        let mut history = self.board.history().clone();
        (history.trail, history.later_trail) = (self.trail(), self.trail());
        // What was broken off is told after some seconds.
        for _ in 0..20 {
            if has_more_to_tell(&history) {
                tokio::time::sleep(Duration::from_millis(500)).await;
                history.later_trail = self.trail();
            }
        }
        println!("{}", history.summary());
        Report { violations: verdict(&history), history }
    }

    fn trail(&self) -> Vec<Told> {
        let export = self.replicas.cli(&["audit", "export"]).ok();
        let lines = export.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let text = |value: &Value| value.as_str().map(str::to_owned);
        lines
            .map(|line| Told {
                action: text(&line["action"]).unwrap(),
                user: text(&line["user"]["name"]),
                session: text(&line["session"]),
            })
            .collect()
    }
}
