//! Who may sign in: users, their passwords, their one-time links, the devices they have used.

mod user;

mod change;
mod consequence;
mod device;
mod name;
mod store;
mod unicode;

mod accounts;
mod changing;
mod hasher;
mod password;
mod transfer;

pub use accounts::{Accounts, AccountsParts, LINK_LIFETIME, NewUser, Problem};
pub use change::{Change, Changed, NewHash, PasswordHash};
pub use changing::{PasswordChange, PasswordChanged};
pub use consequence::{Alteration, Altered, Consequence, Fate};
pub use device::KnownDevice;
pub use hasher::{Busy, Cost, Hasher, Queue, Slot, Verdict};
pub use name::{DisplayName, Email, NotAName, Role, UserName, is_invisible, is_joiner};
pub use password::{NewPassword, PasswordPolicy, PolicyKind, Weakness};
pub use store::{AccountRecords, AccountStore};
pub use transfer::{Arrival, ImportOptions, Portable, Restored};
pub use unicode::{aliases, exact_key, fold, look_alikes};
pub use user::{Account, Added};

/// The role that makes an administrator of Portcullis.
pub const ADMIN: &str = "admin";
