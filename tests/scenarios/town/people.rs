//! People with accounts, and the browsers they have.

use std::sync::Mutex;

use portcullis::{
    account::{Account, Email, NewUser, Role, UserName},
    audit::Actor,
    id::UserId,
    secret::Password,
};

use super::{Browser, Town};

/// Everybody's password, until they change it.
pub(crate) const PASSWORD: &str = "Tr0ub4dor&3-lantern";

/// Somebody with an account.
pub(crate) struct Person<'t> {
    pub(crate) town: &'t Town,
    pub(crate) account: Account,
    pub(crate) password: Mutex<String>,
}

impl Town {
    /// Somebody who signs in with `name` or `name@example.com`, and [`PASSWORD`].
    pub(crate) async fn with_user(&self, name: &str) -> Person<'_> {
        self.with_user_of(name, &[]).await
    }

    /// The same with roles.
    pub(crate) async fn with_user_of(&self, name: &str, roles: &[&str]) -> Person<'_> {
        let person = self.with_user_without_password(name, roles).await;
        let password = Password::new(PASSWORD.to_owned());
        self.parts.accounts.set_password(&person.account, password, Actor::Operator).await.unwrap();
        self.keep_secret(PASSWORD);
        person
    }

    /// Somebody who was just added.
    pub(crate) async fn with_user_without_password(&self, name: &str, roles: &[&str]) -> Person<'_> {
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
        let account = self.parts.accounts.add(new, Actor::Operator).await.unwrap();
        Person { town: self, account, password: Mutex::new(PASSWORD.to_owned()) }
    }
}

impl<'t> Person<'t> {
    pub(crate) fn id(&self) -> UserId {
        self.account.id
    }

    pub(crate) fn name(&self) -> &str {
        self.account.name.as_str()
    }

    /// A browser that this person has just signed in with, through the form.
    pub(crate) async fn signed_in_on(&self, user_agent: &str) -> Browser<'t> {
        let browser = Browser::new(self.town, user_agent);
        self.signs_in(&browser).await;
        browser
    }

    /// The same, with the box "Keep me signed in" ticked.
    pub(crate) async fn remembered_on(&self, user_agent: &str) -> Browser<'t> {
        let browser = Browser::new(self.town, user_agent);
        let password = self.password.lock().unwrap().clone();
        let form = [("username", self.name()), ("password", &password), ("remember_me", "true")];
        assert_eq!(browser.post_form("/security/sign-in", &form).await.answer().status, 303);
        browser
    }

    pub(crate) async fn signs_in(&self, browser: &Browser<'_>) {
        let password = self.password.lock().unwrap().clone();
        let answer = browser.sign_in(self.name(), &password).await;
        assert_eq!(answer.status, 303, "{} signs in: {}", self.name(), answer.text());
        assert!(browser.cookie(self.town.cookie()).is_some());
    }

    /// This person has chosen another password.
    pub(crate) fn remembers(&self, password: &str) {
        password.clone_into(&mut self.password.lock().unwrap());
        self.town.keep_secret(password);
    }
}
