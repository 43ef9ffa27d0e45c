//! People with accounts, and the browsers they have.

use portcullis::{
    account::{Account, Email, NewUser, Role, UserName},
    audit::Actor,
    id::UserId,
    secret::Password,
};

use super::{Browser, TestApp};

/// Everybody's password.
pub(crate) const PASSWORD: &str = "Tr0ub4dor&3-lantern";

/// Somebody with an account.
pub(crate) struct TestUser<'t> {
    pub(crate) app: &'t TestApp,
    pub(crate) account: Account,
}

impl TestApp {
    /// Somebody who signs in with `name` or `name@example.com`, and [`PASSWORD`].
    pub(crate) async fn add_user(&self, name: &str) -> TestUser<'_> {
        self.add_user_with_roles(name, &[]).await
    }

    /// The same with roles.
    pub(crate) async fn add_user_with_roles(&self, name: &str, roles: &[&str]) -> TestUser<'_> {
        let user = self.add_user_without_password(name, roles).await;
        let password = Password::new(PASSWORD.to_owned());
        self.components.accounts.set_password(&user.account, password, Actor::Operator).await.unwrap();
        self.add_secret(PASSWORD);
        user
    }

    /// Somebody who was just added.
    pub(crate) async fn add_user_without_password(&self, name: &str, roles: &[&str]) -> TestUser<'_> {
        let local: String = name
            .replace(' ', ".")
            .chars()
            .filter(|c| c.is_alphanumeric() || *c == '.')
            .collect::<String>()
            .to_lowercase();
        let new = NewUser {
            name: UserName::new(name).unwrap(),
            email: Some(Email::new(&format!("{local}@example.com")).unwrap()),
            display_name: None,
            roles: roles.iter().map(|role| Role::new(role).unwrap()).collect(),
        };
        let account = self.components.accounts.add(new, Actor::Operator).await.unwrap();
        TestUser { app: self, account }
    }
}

impl<'t> TestUser<'t> {
    pub(crate) fn id(&self) -> UserId {
        self.account.id
    }

    pub(crate) fn name(&self) -> &str {
        self.account.name.as_str()
    }

    /// A browser that this person has just signed in with, through the form.
    pub(crate) async fn signed_in_on(&self, user_agent: &str) -> Browser<'t> {
        let browser = Browser::new(self.app, user_agent);
        self.sign_in(&browser).await;
        browser
    }

    /// The same, with the box "Keep me signed in" ticked.
    pub(crate) async fn remembered_on(&self, user_agent: &str) -> Browser<'t> {
        let browser = Browser::new(self.app, user_agent);
        let form = [("username", self.name()), ("password", PASSWORD), ("remember_me", "true")];
        assert_eq!(browser.post_form("/security/sign-in", &form).await.response().status, 303);
        browser
    }

    pub(crate) async fn sign_in(&self, browser: &Browser<'_>) {
        let answer = browser.sign_in(self.name(), PASSWORD).await;
        assert_eq!(answer.status, 303, "{} signs in: {}", self.name(), answer.text());
        assert!(browser.cookie(self.app.cookie_name()).is_some());
    }
}
