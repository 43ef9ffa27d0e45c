//! Puts sessions into a new store, ten for each of a hundred people as a rule, and prints the values of their cookies.
//!
//! `fill STORE SESSIONS [REDIS-PORT]`: into a file; or, with a port, into the Redis there and records into the file.

#[path = "../people.rs"]
mod people;

use std::{env, error::Error, path::Path, sync::Arc};

use portcullis::{
    clock::Clock,
    store::{
        embedded::EmbeddedStore,
        redis::{RedisStore, RedisTarget},
    },
};

const EACH: usize = 10;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (store, sessions, port) = match arguments.as_slice() {
        [store, sessions] => (store, sessions, None),
        [store, sessions, port] => (store, sessions, Some(port.parse()?)),
        _ => return Err("usage: fill STORE SESSIONS [REDIS-PORT]".into()),
    };
    let people = sessions.parse::<usize>()?.div_ceil(EACH);
    let file = EmbeddedStore::open(Path::new(store))?;
    let now = Clock::system().now();
    let tokens = match port {
        None => people::settle(&file, people, EACH, now).await?,
        Some(port) => {
            let place = RedisTarget::without_auth("127.0.0.1", port);
            let (redis, _) = RedisStore::open(&place, Arc::new(file), &Clock::system()).await;
            people::settle(&redis, people, EACH, now).await?
        }
    };
    for token in tokens {
        println!("{}", token.to_cookie_value());
    }
    Ok(())
}
