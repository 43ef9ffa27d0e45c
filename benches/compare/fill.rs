//! Puts sessions into a new store, ten for each of a hundred people as a rule, and prints the values of their cookies.
//!
//! `fill STORE SESSIONS`

#[path = "../people.rs"]
mod people;

use std::{env, error::Error, path::Path};

use portcullis::{clock::Clock, store::embedded::Embedded};

const EACH: usize = 10;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [store, sessions] = arguments.as_slice() else { return Err("usage: fill STORE SESSIONS".into()) };
    let store = Embedded::open(Path::new(store))?;
    let people = sessions.parse::<usize>()?.div_ceil(EACH);
    for token in people::settle(&store, people, EACH, Clock::machine().now()).await? {
        println!("{}", token.hand_over());
    }
    Ok(())
}
