//! A verb that works beside a running server, or without one: it opens the same store and uses the same use cases.

use std::{io::Read as _, path::PathBuf};

use tokio::runtime::Runtime;

use super::{ConfigFile, Failed, output::complain};
use crate::{
    account::{Account, Cost},
    config::{Config, RecordsIn, Store},
    secret::Password,
    server::{Opener, Parts, Stores},
};

/// Longest password that is read from standard input, in bytes; the rules for passwords say what is too long.
const LONGEST: u64 = 4096;

/// The parts of the program over the configured store.
pub(super) struct Beside {
    pub(super) config: Config,
    pub(super) parts: Parts,
    /// The store's connections belong to it.
    pub(super) runtime: Runtime,
}

/// Files of stores that are not there yet: opening makes them.
fn absent_files(config: &Config) -> Vec<PathBuf> {
    let store = match &config.store {
        Store::File(path) => Some(path),
        Store::Memory | Store::Redis(_) => None,
    };
    let records = match &config.records {
        Some(RecordsIn::File(path)) => Some(path),
        Some(RecordsIn::Redis(_)) | None => None,
    };
    store.into_iter().chain(records).filter(|path| !path.exists()).cloned().collect()
}

/// For work that is done one thing after the other.
pub(super) fn runtime() -> Result<Runtime, Failed> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|why| Failed::because(&why))
}

impl Beside {
    /// Opens the store that the configuration names.
    pub(super) fn open(file: &ConfigFile) -> Result<Self, Failed> {
        Self::open_as(file, Opener::CommandLine)
    }

    /// The same, for a verb that ends sessions.
    pub(super) fn open_to_end(file: &ConfigFile) -> Result<Self, Failed> {
        Self::open_as(file, Opener::CommandLineThatEnds)
    }

    fn open_as(file: &ConfigFile, opener: Opener) -> Result<Self, Failed> {
        let (path, config) = file.load()?;
        if config.store == Store::Memory {
            let path = path.display();
            return Err(Failed::Usage(format!(
                "{path}: store: memory is inside the running server, where the command line cannot look; write file:PATH or redis://… instead"
            )));
        }
        let absent = absent_files(&config);
        let runtime = runtime()?;
        let opening = Stores::open(&config.store, config.records.as_ref(), opener);
        let (stores, clock) = runtime.block_on(opening).map_err(|why| Failed::because(&why))?;
        for path in absent.iter().filter(|path| path.exists()) {
            complain(&format!("note: created a new store at {}: it holds no accounts and no sessions", path.display()));
        }
        let parts = Parts::new(&config, stores, clock, Cost::default());
        Ok(Self { config, parts, runtime })
    }

    /// Does something with the parts.
    pub(super) fn work<T>(&self, deed: impl AsyncFnOnce(&Self) -> Result<T, Failed>) -> Result<T, Failed> {
        self.runtime.block_on(deed(self))
    }

    /// The account of this name or address.
    pub(super) async fn account(&self, login: &str) -> Result<Account, Failed> {
        let found = self.parts.accounts.by_login(login).await?;
        found.ok_or_else(|| Failed::No(format!("there is no user {login:?}; portcullis users list shows them all")))
    }
}

/// Reads a password from standard input: all of it, without the line's end.
pub(super) fn password_from_stdin() -> Result<Password, Failed> {
    let mut typed = String::new();
    let read = std::io::stdin().lock().take(LONGEST).read_to_string(&mut typed);
    read.map_err(|_| Failed::No("the password on standard input is not text".to_owned()))?;
    typed.truncate(typed.trim_end_matches(['\r', '\n']).len());
    if typed.is_empty() {
        return Err(Failed::Usage("there is no password on standard input".to_owned()));
    }
    Ok(Password::new(typed))
}
