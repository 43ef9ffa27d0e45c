//! What the sign-in page says.

use askama::Template;

use crate::{
    clock::Timestamp,
    session::{ClientKind, EndNote, EndReason, SessionPolicy, TimeLimit},
    web::{
        Error, RequestFailure,
        i18n::{Localizer, RichText, TextArg, sanitize},
        pages::form::{FormErrors, PasswordField},
        theme::{Icon, Layout},
    },
};

/// The sign-in page.
#[derive(Debug, Template)]
#[template(path = "pages/sign_in/sign_in.html")]
pub struct SignInPage {
    layout: Layout,
    end_reason: Option<RichText>,
    form_not_sent: bool,
    alert: Option<RichText>,
    errors: FormErrors,
    name: String,
    /// The words of the box, where there is one.
    remember: Option<String>,
    remember_ticked: bool,
    rd: Option<String>,
}

impl SignInPage {
    /// The empty form, with the box that the policy allows.
    #[must_use]
    pub fn new(layout: Layout, policy: &SessionPolicy) -> Self {
        let remember = policy.remember_me.allowed.then(|| remember_text(layout.localizer, policy));
        Self {
            layout,
            end_reason: None,
            form_not_sent: false,
            alert: None,
            errors: FormErrors::default(),
            name: String::new(),
            remember,
            remember_ticked: false,
            rd: None,
        }
    }

    /// With a name in the form; none where it is too long to be one.
    #[must_use]
    pub fn with_name(self, name: &str) -> Self {
        let name = if name.len() <= 256 { sanitize(name).into_owned() } else { String::new() };
        Self { name, ..self }
    }

    /// Says why the last session ended.
    #[must_use]
    pub fn with_end_note(self, ended: &EndNote, policy: &SessionPolicy, now: Timestamp) -> Self {
        Self { end_reason: Some(end_note_text(self.layout.localizer, ended, policy, now)), ..self }
    }

    /// Says that the browser holds a session that this installation does not know: another one's on the same host, or one of
    /// long ago.
    #[must_use]
    pub fn with_unknown_session(self) -> Self {
        let note = self.layout.text("sign-in-unknown-session").into();
        Self { end_reason: Some(note), ..self }
    }

    /// Says that a form could not be sent, because nobody was signed in.
    #[must_use]
    pub fn with_form_not_sent(self) -> Self {
        // Here, and not again as the result of an act.
        Self { form_not_sent: true, layout: self.layout.with_flash(None), ..self }
    }

    /// Says why the attempt failed; the name is kept, the password is not.
    #[must_use]
    pub fn with_alert(self, name: &str, remember: bool, alert: RichText) -> Self {
        Self { alert: Some(alert), ..self.with_typed(name, remember) }
    }

    /// Says which fields were left empty: the name, the password.
    #[must_use]
    pub fn with_missing(self, name: &str, remember: bool, missing: (bool, bool)) -> Self {
        let mut page = self.with_typed(name, remember);
        let localizer = page.layout.localizer;
        if missing.0 {
            page.errors.add(localizer, "username", "sign-in-name", localizer.text("sign-in-name-missing"));
        }
        if missing.1 {
            page.errors.add(localizer, "password", "sign-in-password", localizer.text("sign-in-password-missing"));
        }
        page
    }

    fn with_typed(self, name: &str, remember: bool) -> Self {
        Self { name: sanitize(name).into_owned(), remember_ticked: remember, ..self }
    }

    /// Keeps the way back, which was checked to be a path of this origin.
    #[must_use]
    pub fn with_return_to(self, rd: &str) -> Self {
        Self { rd: Some(rd.to_owned()), ..self }
    }

    fn password_field(&self) -> PasswordField {
        PasswordField::current(self.layout.localizer, "password", "sign-in-password", &self.errors)
    }
}

/// What the box says: how long one stays signed in, and how often one must come for that.
fn remember_text(localizer: &Localizer, policy: &SessionPolicy) -> String {
    // Nobody stays for ever.
    let lifetime = policy.remember_me.lifetime.duration().map(|lifetime| lifetime.min(policy.absolute_timeout));
    let idle =
        policy.idle_timeout_of(ClientKind::Web).duration().filter(|idle| lifetime.is_none_or(|life| *idle < life));
    let args: Vec<(&str, TextArg)> = [("span", lifetime), ("idle", idle)]
        .into_iter()
        .filter_map(|(name, span)| Some((name, localizer.duration(span?).into())))
        .collect();
    let key = match (lifetime, idle) {
        (Some(_), None) => "sign-in-remember",
        (Some(_), Some(_)) => "sign-in-remember-if-used",
        (None, None) => "sign-in-remember-for-ever",
        (None, Some(_)) => "sign-in-remember-for-ever-if-used",
    };
    localizer.text_with(key, &args)
}

/// Text of an error on the form; none where the form has no words for it. For a name and a password that do not go together there
/// is one sentence, whichever of them is wrong.
pub(crate) fn alert_text(localizer: &Localizer, error: &Error, now: Timestamp) -> Option<RichText> {
    Some(match error {
        Error::InvalidCredentials => localizer.text("sign-in-mismatch").into(),
        Error::TooManyAttempts { until } => retry_text(localizer, *until, now),
        Error::StoreUnavailable(_) => localizer.text("sign-in-store-away").into(),
        Error::Failed(RequestFailure::Overloaded) => localizer.text("sign-in-overloaded").into(),
        _ => return None,
    })
}

/// "Too many attempts. Try again at 14:32 (in 29 minutes)."
pub(crate) fn retry_text(localizer: &Localizer, until: Timestamp, now: Timestamp) -> RichText {
    let left = localizer.duration(until.since(now));
    localizer.text_with_time("too-many-attempts", "time", localizer.time_of_day(until), &[("span", left.into())])
}

/// The sentence that says why a session is over.
pub(crate) fn end_note_text(
    localizer: &Localizer,
    ended: &EndNote,
    policy: &SessionPolicy,
    now: Timestamp,
) -> RichText {
    let with_time = |key| localizer.text_with_time(key, "ago", localizer.time_ago("ago", ended.at, now), &[]);
    match &ended.reason {
        EndReason::SignedOut => with_time("why-signed-out"),
        EndReason::FromAnotherDevice { device } => {
            let device = localizer.device_name(device);
            let ago = localizer.time_ago("ago", ended.at, now);
            localizer.text_with_time("why-from-another-device", "ago", ago, &[("device", device.into())])
        }
        EndReason::ByAdministrator => with_time("why-by-administrator"),
        EndReason::PasswordChanged => with_time("why-password-changed"),
        EndReason::AccountDisabled => localizer.text("why-account-disabled").into(),
        EndReason::Idle { kind } => match policy.idle_timeout_of(*kind) {
            TimeLimit::After(span) => {
                localizer.text_with("why-idle", &[("span", localizer.duration(span).into())]).into()
            }
            TimeLimit::Never => localizer.text("why-idle-long").into(),
        },
        EndReason::Expired => localizer.text("why-expired").into(),
        EndReason::TooMany => localizer.text_with("why-too-many", &[("count", policy.max_per_user.into())]).into(),
    }
}
