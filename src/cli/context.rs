//! A verb that works beside a running server, or without one: it opens the same store and uses the same use cases.

use std::{io::Read as _, path::PathBuf};

use tokio::runtime::Runtime;

use super::{CommandError, ConfigFile, output::print_error};
use crate::{
    account::{Account, HashCost},
    config::{Config, RecordsLocation, StoreLocation},
    secret::Password,
    server::{Components, OpenMode, Stores},
};

/// Longest password that is read from standard input, in bytes; the rules for passwords say what is too long.
const MAX_PASSWORD_BYTES: u64 = 4096;

/// The parts of the program over the configured store.
pub(super) struct CommandContext {
    pub(super) config: Config,
    pub(super) components: Components,
    /// The store's connections belong to it.
    pub(super) runtime: Runtime,
}

/// Files of stores that are not there yet: opening makes them.
fn missing_store_files(config: &Config) -> Vec<PathBuf> {
    let store = match &config.store {
        StoreLocation::File(path) => Some(path),
        StoreLocation::Memory | StoreLocation::Redis(_) => None,
    };
    let records = match &config.records {
        Some(RecordsLocation::File(path)) => Some(path),
        Some(RecordsLocation::Redis(_)) | None => None,
    };
    store.into_iter().chain(records).filter(|path| !path.exists()).cloned().collect()
}

/// For work that is done one thing after the other.
pub(super) fn runtime() -> Result<Runtime, CommandError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|why| CommandError::from_error(&why))
}

impl CommandContext {
    /// Opens the store that the configuration names.
    pub(super) fn open(file: &ConfigFile) -> Result<Self, CommandError> {
        Self::open_as(file, OpenMode::Command)
    }

    /// The same, for a verb that ends sessions.
    pub(super) fn open_to_revoke(file: &ConfigFile) -> Result<Self, CommandError> {
        Self::open_as(file, OpenMode::RevokingCommand)
    }

    fn open_as(file: &ConfigFile, mode: OpenMode) -> Result<Self, CommandError> {
        let (path, config) = file.load()?;
        if config.store == StoreLocation::Memory {
            let path = path.display();
            return Err(CommandError::Usage(format!(
                "{path}: store: memory is inside the running server, where the command line cannot look; write file:PATH or redis://… instead"
            )));
        }
        let absent = missing_store_files(&config);
        let runtime = runtime()?;
        let opening = Stores::open(&config.store, config.records.as_ref(), mode);
        let (stores, clock) = runtime.block_on(opening).map_err(|why| CommandError::from_error(&why))?;
        for path in absent.iter().filter(|path| path.exists()) {
            print_error(&format!(
                "note: created a new store at {}: it holds no accounts and no sessions",
                path.display()
            ));
        }
        let parts = Components::new(&config, stores, clock, HashCost::default());
        Ok(Self { config, components: parts, runtime })
    }

    /// Does something with the parts.
    pub(super) fn block_on<T>(
        &self,
        task: impl AsyncFnOnce(&Self) -> Result<T, CommandError>,
    ) -> Result<T, CommandError> {
        self.runtime.block_on(task(self))
    }

    /// The account of this name or address.
    pub(super) async fn account(&self, login: &str) -> Result<Account, CommandError> {
        let found = self.components.accounts.by_login(login).await?;
        found.ok_or_else(|| {
            CommandError::Failed(format!("there is no user {login:?}; portcullis users list shows them all"))
        })
    }
}

/// Reads a password from standard input: all of it, without the line's end.
pub(super) fn password_from_stdin() -> Result<Password, CommandError> {
    let mut typed = String::new();
    let read = std::io::stdin().lock().take(MAX_PASSWORD_BYTES).read_to_string(&mut typed);
    read.map_err(|_| CommandError::Failed("the password on standard input is not text".to_owned()))?;
    typed.truncate(typed.trim_end_matches(['\r', '\n']).len());
    if typed.is_empty() {
        return Err(CommandError::Usage("there is no password on standard input".to_owned()));
    }
    Ok(Password::new(typed))
}
