//! The operator of a run: the command line beside the servers, again and again.

use std::{sync::Arc, time::Duration};

use super::{
    board::{Board, Chance},
    history::{Outcome, What},
};
use crate::harness::{Installation, Said};

/// Whoever holds the machine of a replica.
pub(crate) struct Operator {
    pub(crate) board: Arc<Board>,
    pub(crate) houses: Arc<Vec<Installation>>,
    pub(crate) users: Vec<String>,
    pub(crate) chance: Chance,
    /// Between two commands.
    pub(crate) pause: Duration,
}

impl Operator {
    /// Ends sessions, and disables the last of the users and enables it again.
    pub(crate) async fn live(mut self) {
        let mut is_disabled = false;
        while !self.board.is_over() {
            tokio::time::sleep(self.pause).await;
            let user = self.users[self.chance.below(self.users.len())].clone();
            let last = self.users.last().unwrap().clone();
            match self.chance.below(7) {
                0 | 1 if self.board.sessions() > 0 => {
                    let session = self.chance.below(self.board.sessions());
                    let id = self.board.session(session).id;
                    self.run(What::End { session }, &["sessions", "revoke", &id]).await;
                }
                2 | 3 => {
                    let words = ["sessions", "revoke", "--user", &user, "--reason", "a test"];
                    self.run(What::EndAll { user: user.clone() }, &words).await;
                }
                _ if is_disabled => {
                    self.run(What::Enable { user: last.clone() }, &["users", "enable", &last, "--reason", "back"])
                        .await;
                    is_disabled = false;
                }
                _ => {
                    self.run(What::Disable { user: last.clone() }, &["users", "disable", &last, "--reason", "left"])
                        .await;
                    is_disabled = true;
                }
            }
        }
    }

    /// Runs a command to its end.
    pub(crate) async fn run(&mut self, what: What, words: &[&str]) {
        let place = self.chance.below(self.houses.len());
        let (houses, words) =
            (Arc::clone(&self.houses), words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        let asked = self.board.now();
        let command = tokio::task::spawn_blocking(move || {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            houses[place].cli(&words)
        });
        let outcome = outcome(&command.await.unwrap());
        self.board.act(what, None, asked, outcome, Vec::new());
    }
}

fn outcome(said: &Said) -> Outcome {
    match said.code {
        0 => Outcome::Acknowledged,
        _ if said.err.contains("there is no session") => Outcome::Refused(said.err.clone()),
        _ => Outcome::Unknown(format!("{said:?}")),
    }
}
