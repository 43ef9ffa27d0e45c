//! Administrators: the power to act on others, as a value that an act asks for.

use super::UserSnapshot;
use crate::audit::Actor;

/// The role that makes an administrator of Portcullis.
pub const ADMIN: &str = "admin";

/// Somebody who may act on others' accounts and sessions. Whoever holds one needs no further check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admin(Actor);

impl Admin {
    /// The user of a session, where their roles make them an administrator now.
    #[must_use]
    pub fn from_user(user: &UserSnapshot) -> Option<Self> {
        let is_admin = !user.disabled && user.roles.iter().any(|role| role == ADMIN);
        is_admin.then_some(Self(Actor::User(user.id)))
    }

    /// The operator of the command line: whoever can read the store may do everything.
    #[must_use]
    pub const fn operator() -> Self {
        Self(Actor::Operator)
    }

    /// The actor, for the audit trail.
    #[must_use]
    pub const fn actor(&self) -> Actor {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::UserId;

    #[test]
    fn only_the_role_makes_an_administrator() {
        let user = |roles: &[&str], disabled| UserSnapshot {
            id: UserId::mint(),
            name: "alice".to_owned(),
            display_name: None,
            email: None,
            roles: roles.iter().map(ToString::to_string).collect(),
            disabled,
            version: 1,
        };
        let admin = user(&["admin", "staff"], false);
        assert_eq!(Admin::from_user(&admin).map(|admin| admin.actor()), Some(Actor::User(admin.id)));
        assert_eq!(Admin::from_user(&user(&["admins", "staff"], false)), None);
        assert_eq!(Admin::from_user(&user(&["admin"], true)), None);
    }
}
