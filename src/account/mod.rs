//! Accounts: users, their passwords, their one-time links, the devices they have used.

mod user;

mod account_change;
mod device;
mod name;
mod store;
mod unicode;

mod hasher;
mod password;
mod password_change;
mod service;
mod transfer;

pub use account_change::{AccountChange, AccountCommand, ChangeOutcome, PasswordHash, PasswordUpdate};
pub use device::DeviceRegistration;
pub use hasher::{HashCost, HashPermit, HashPriority, Hasher, HasherBusy, PasswordMatch};
pub use name::{DisplayName, Email, NameError, Role, UserName};
pub use password::{NewPassword, PasswordPolicy, PasswordRuleset, Weakness};
pub use password_change::{PasswordChangeOutcome, PasswordChangeRequest, PasswordError, PasswordFault, PasswordLink};
pub use service::{AccountError, AccountService, AccountServiceParts, LINK_LIFETIME, NewUser};
pub use store::{
    AccountRecords, AccountStore, DeviceRecords, LinkRecords, PasswordRecords, RecordUpkeep, UserPosition, UserQuery,
    UserRecords, UserSlice,
};
pub use transfer::{ExportedAccount, ImportOptions, ImportOutcome, ImportedAccount};
pub use unicode::{confusable_groups, exact_key, fold, login_aliases};
pub use user::{Account, AddResult};

pub use crate::{
    invisible::{is_invisible, is_joiner},
    session::ADMIN,
};
