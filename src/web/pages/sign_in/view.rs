//! What the sign-in page says.

use askama::Template;

use crate::{
    clock::Timestamp,
    session::{Ended, Ending, Kind, SessionPolicy, Span},
    web::{
        look::{Frame, Icon},
        pages::form::{Faults, Secret},
        words::{Arg, Sentence, Words, inert},
    },
};

/// The sign-in page.
#[derive(Debug, Template)]
#[template(path = "pages/sign_in/sign_in.html")]
pub struct SignInPage {
    frame: Frame,
    why: Option<Sentence>,
    form_not_sent: bool,
    alert: Option<Sentence>,
    faults: Faults,
    name: String,
    /// The words of the box, where there is one.
    remember: Option<String>,
    remember_ticked: bool,
    rd: Option<String>,
}

/// Why somebody was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotIn {
    /// The name or the password was wrong: one sentence for both.
    Mismatch,
    /// A field was left empty.
    Missing {
        /// The name.
        name: bool,
        /// The password.
        password: bool,
    },
    /// Too many attempts.
    TooMany {
        /// When one may try again.
        until: Timestamp,
    },
    /// The store does not answer.
    StoreAway,
    /// Too many people sign in at once.
    Overloaded,
}

impl SignInPage {
    /// The empty form, with the box that the policy allows.
    #[must_use]
    pub fn new(frame: Frame, policy: &SessionPolicy) -> Self {
        let remember = policy.remember_me.allowed.then(|| remember_words(frame.words, policy));
        Self {
            frame,
            why: None,
            form_not_sent: false,
            alert: None,
            faults: Faults::default(),
            name: String::new(),
            remember,
            remember_ticked: false,
            rd: None,
        }
    }

    /// With a name in the form; none where it is too long to be one.
    #[must_use]
    pub fn of(self, name: &str) -> Self {
        let name = if name.len() <= 256 { inert(name).into_owned() } else { String::new() };
        Self { name, ..self }
    }

    /// Says why the last session ended.
    #[must_use]
    pub fn because(self, ended: &Ended, policy: &SessionPolicy, now: Timestamp) -> Self {
        Self { why: Some(ended_sentence(self.frame.words, ended, policy, now)), ..self }
    }

    /// Says that the browser holds a session that this installation does not know: another one's on the same host, or one of
    /// long ago.
    #[must_use]
    pub fn unknown_session(self) -> Self {
        let note = self.frame.say("sign-in-unknown-session").into();
        Self { why: Some(note), ..self }
    }

    /// Says that a form could not be sent, because nobody was signed in.
    #[must_use]
    pub fn form_not_sent(self) -> Self {
        // Here, and not again as the result of an act.
        Self { form_not_sent: true, frame: self.frame.with_flash(None), ..self }
    }

    /// Says why the attempt failed; the name is kept, the password is not.
    #[must_use]
    pub fn refused(mut self, name: &str, remember: bool, not_in: NotIn, now: Timestamp) -> Self {
        let words = self.frame.words;
        self.name = inert(name).into_owned();
        self.remember_ticked = remember;
        match not_in {
            NotIn::Mismatch => self.alert = Some(words.say("sign-in-mismatch").into()),
            NotIn::Missing { name, password } => {
                if name {
                    self.faults.add(words, "username", "sign-in-name", words.say("sign-in-name-missing"));
                }
                if password {
                    self.faults.add(words, "password", "sign-in-password", words.say("sign-in-password-missing"));
                }
            }
            NotIn::TooMany { until } => self.alert = Some(try_again(words, until, now)),
            NotIn::StoreAway => self.alert = Some(words.say("sign-in-store-away").into()),
            NotIn::Overloaded => self.alert = Some(words.say("sign-in-overloaded").into()),
        }
        self
    }

    /// Keeps the way back, which was checked to be a path of this origin.
    #[must_use]
    pub fn on_the_way_to(self, rd: &str) -> Self {
        Self { rd: Some(rd.to_owned()), ..self }
    }

    fn secret(&self) -> Secret {
        Secret::current(self.frame.words, "password", "sign-in-password", &self.faults)
    }
}

/// What the box says: how long one stays signed in, and how often one must come for that.
fn remember_words(words: &Words, policy: &SessionPolicy) -> String {
    // Nobody stays for ever.
    let lifetime = policy.remember_me.lifetime.duration().map(|lifetime| lifetime.min(policy.absolute_timeout));
    let idle = policy.idle_timeout_of(Kind::Web).duration().filter(|idle| lifetime.is_none_or(|life| *idle < life));
    let args: Vec<(&str, Arg)> = [("span", lifetime), ("idle", idle)]
        .into_iter()
        .filter_map(|(name, span)| Some((name, words.span(span?).into())))
        .collect();
    let key = match (lifetime, idle) {
        (Some(_), None) => "sign-in-remember",
        (Some(_), Some(_)) => "sign-in-remember-if-used",
        (None, None) => "sign-in-remember-for-ever",
        (None, Some(_)) => "sign-in-remember-for-ever-if-used",
    };
    words.say_with(key, &args)
}

/// "Too many attempts. Try again at 14:32 (in 29 minutes)."
pub(crate) fn try_again(words: &Words, until: Timestamp, now: Timestamp) -> Sentence {
    let left = words.span(until.since(now));
    words.sentence("too-many-attempts", "time", words.time_of_day(until), &[("span", left.into())])
}

/// The sentence that says why a session is over.
pub(crate) fn ended_sentence(words: &Words, ended: &Ended, policy: &SessionPolicy, now: Timestamp) -> Sentence {
    let with_time = |key| words.sentence(key, "ago", words.past("ago", ended.at, now), &[]);
    match &ended.ending {
        Ending::SignedOut => with_time("why-signed-out"),
        Ending::FromAnotherDevice { device } => {
            let device = words.device(device);
            let ago = words.past("ago", ended.at, now);
            words.sentence("why-from-another-device", "ago", ago, &[("device", device.into())])
        }
        Ending::ByAdministrator => with_time("why-by-administrator"),
        Ending::PasswordChanged => with_time("why-password-changed"),
        Ending::AccountDisabled => words.say("why-account-disabled").into(),
        Ending::Idle { kind } => match policy.idle_timeout_of(*kind) {
            Span::For(span) => words.say_with("why-idle", &[("span", words.span(span).into())]).into(),
            Span::Never => words.say("why-idle-long").into(),
        },
        Ending::Expired => words.say("why-expired").into(),
        Ending::TooMany => words.say_with("why-too-many", &[("count", policy.max_per_user.into())]).into(),
    }
}
