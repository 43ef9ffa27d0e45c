//! Who may sign in: users, their passwords, their one-time links, the devices they have used.

mod accounts;
mod changing;
mod device;
mod hasher;
mod name;
mod password;
mod store;

pub use accounts::{Accounts, AccountsParts, LINK_LIFETIME, NewUser, Problem};
pub use changing::{PasswordChange, PasswordChanged};
pub use device::KnownDevice;
pub use hasher::{Busy, Cost, Hasher, Slot, Verdict};
pub use name::{Email, NotAName, Role, UserName, fold};
pub use password::{NewPassword, PasswordPolicy, PolicyKind, Weakness};
pub use store::{Account, AccountStore, Added, Change, Changed, NewHash, PasswordHash};

/// The role that makes an administrator of Portcullis.
pub const ADMIN: &str = "admin";
