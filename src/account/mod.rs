//! Who may sign in: users, their passwords, their one-time links, the devices they have used.

// mod accounts;
mod device;
// mod hasher;
mod name;
// mod password;
mod store;

// pub use accounts::{Accounts, NewUser, Problem};
pub use device::KnownDevice;
// pub use hasher::{Busy, Hasher, Verdict};
pub use name::{Email, Role, UserName, fold};
// pub use password::{NewPassword, PasswordPolicy, PolicyKind, Weakness};
pub use store::{Account, AccountStore, Added, Change, PasswordHash};

/// The role that makes an administrator of Portcullis.
pub const ADMIN: &str = "admin";
