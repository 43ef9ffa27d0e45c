//! What everybody in a run writes down, and what they know of each other.

use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, Ordering},
};

use tokio::time::Instant;

use super::history::{Act, Came, History, Moment, Outcome, Request, Seen, Session, Trouble, What};

/// The one place where a run is written down.
pub(crate) struct Board {
    begun: Instant,
    begun_on_the_wall: jiff::Timestamp,
    history: Mutex<History>,
    /// The cookie of each session.
    cookies: Mutex<Vec<String>>,
    /// Which replicas a load balancer would send somebody to.
    open: Mutex<Vec<bool>>,
    over: AtomicBool,
}

impl Board {
    #[expect(clippy::disallowed_methods, reason = "what a program says of the time is compared with the time")]
    pub(crate) fn new(replicas: usize) -> Self {
        Self {
            begun: Instant::now(),
            begun_on_the_wall: jiff::Timestamp::now(),
            history: Mutex::new(History { replicas, ..History::default() }),
            cookies: Mutex::default(),
            open: Mutex::new(vec![true; replicas]),
            over: AtomicBool::new(false),
        }
    }

    pub(crate) fn now(&self) -> Moment {
        self.begun.elapsed()
    }

    /// What the clocks on the wall showed then.
    pub(crate) fn on_the_wall(&self, moment: Moment) -> jiff::Timestamp {
        self.begun_on_the_wall + moment
    }

    pub(crate) fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap()
    }

    /// A sign-in was acknowledged; the place of its session.
    pub(crate) fn signed_in(&self, session: Session, cookie: &str) -> usize {
        // One lock holds the order of both lists.
        let mut history = self.history();
        self.cookies.lock().unwrap().push(cookie.to_owned());
        history.sessions.push(session);
        history.sessions.len() - 1
    }

    pub(crate) fn cookie(&self, session: usize) -> String {
        self.cookies.lock().unwrap()[session].clone()
    }

    /// How many sessions were opened so far.
    pub(crate) fn sessions(&self) -> usize {
        self.history().sessions.len()
    }

    pub(crate) fn session(&self, place: usize) -> Session {
        self.history().sessions[place].clone()
    }

    /// Notes that a request is about to be sent; its mark.
    pub(crate) fn begin(&self, session: Option<usize>, replica: usize) -> usize {
        let now = self.now();
        let mut history = self.history();
        history.requests.push(Request { session, replica, begun: now, done: now, came: Came::Pending });
        history.requests.len() - 1
    }

    pub(crate) fn came(&self, mark: usize, came: Came) {
        let now = self.now();
        let request = &mut self.history().requests[mark];
        (request.done, request.came) = (now, came);
    }

    pub(crate) fn saw(&self, request: usize, user: String) {
        let at = self.now();
        self.history().seen.push(Seen { request, user, at });
    }

    /// Notes an act that was asked for then and is answered now.
    pub(crate) fn act(&self, what: What, replica: Option<usize>, asked: Moment, outcome: Outcome, listed: Vec<String>) {
        let done = self.now();
        self.history().acts.push(Act { what, replica, asked, done, outcome, listed });
    }

    /// From now on this replica, or everything, is out of order; what to give to [`Self::mended`].
    pub(crate) fn troubled(&self, replica: Option<usize>) -> usize {
        let from = self.now();
        let mut history = self.history();
        history.troubles.push(Trouble { replica, from, to: Moment::MAX });
        history.troubles.len() - 1
    }

    pub(crate) fn mended(&self, trouble: usize) {
        let now = self.now();
        self.history().troubles[trouble].to = now;
    }

    pub(crate) fn set_open(&self, replica: usize, open: bool) {
        self.open.lock().unwrap()[replica] = open;
    }

    /// The replicas that a load balancer would send somebody to.
    pub(crate) fn open(&self) -> Vec<usize> {
        let open = self.open.lock().unwrap();
        open.iter().enumerate().filter(|(_, open)| **open).map(|(place, _)| place).collect()
    }

    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }
}

/// Chance that is the same for the same seed.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn of(seed: u64, who: u64) -> Self {
        Self(seed.wrapping_mul(0x2545_F491_4F6C_DD1D) ^ who.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    /// A number below this one (splitmix64).
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(limit).unwrap()).unwrap()
    }
}
