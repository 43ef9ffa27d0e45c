//! Lifetimes of sessions. Computed at each look from the policy of now, so that a changed setting, shorter or longer,
//! counts at once for sessions that already live.

use std::time::Duration;

use super::{ClientKind, EndReason, Session};
use crate::clock::Timestamp;

/// A length of time that may be endless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeLimit {
    /// So long.
    After(Duration),
    /// Without end.
    Never,
}

impl TimeLimit {
    /// The length, where there is one.
    #[must_use]
    pub const fn duration(self) -> Option<Duration> {
        match self {
            Self::After(span) => Some(span),
            Self::Never => None,
        }
    }
}

/// When sessions end by themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionPolicy {
    /// Since the last hit.
    pub idle_timeout: TimeLimit,
    /// Sessions of people who asked to stay signed in.
    pub remember_me: RememberMe,
    /// Since sign-in, for all others.
    pub unremembered_lifetime: Duration,
    /// Installed apps.
    pub app: AppSessionPolicy,
    /// Since sign-in, above all, also where something is never.
    pub absolute_timeout: Duration,
    /// Above it the session that has been quiet for longest ends.
    pub max_per_user: usize,
    /// How often a busy session's activity is written.
    pub heartbeat_interval: Duration,
    /// How long what is in flight for a session goes on while nobody can tell whether it has ended.
    pub stream_grace: Duration,
}

/// "Keep me signed in".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RememberMe {
    /// Whether sign-in offers it.
    pub allowed: bool,
    /// Since sign-in.
    pub lifetime: TimeLimit,
}

/// An installed app (PWA) lives longer than a tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppSessionPolicy {
    /// Since the last hit.
    pub idle_timeout: TimeLimit,
    /// Since sign-in, and no longer than a remembered session.
    pub lifetime: TimeLimit,
}

/// Terms of a session, fixed when it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTerms {
    /// When it was opened.
    pub opened: Timestamp,
    /// "Keep me signed in" was ticked, and allowed.
    pub remembered: bool,
    /// A browser or an installed app.
    pub kind: ClientKind,
}

/// Whether a session still counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionStatus {
    /// It does.
    Active,
    /// Nobody has used it for too long.
    IdleExpired {
        /// Its last hit.
        since: Timestamp,
    },
    /// It has reached the end of its life.
    Expired {
        /// When it began.
        opened: Timestamp,
    },
}

impl SessionPolicy {
    /// How a session has run out, if it has.
    #[must_use]
    pub fn end_reason(&self, session: &Session, now: Timestamp) -> Option<EndReason> {
        match self.status(session.terms, session.activity.last_seen, now) {
            SessionStatus::Active => None,
            SessionStatus::IdleExpired { .. } => Some(EndReason::Idle { kind: session.terms.kind }),
            SessionStatus::Expired { .. } => Some(EndReason::Expired),
        }
    }

    /// Whether a session with these terms, last used at `latest`, still counts.
    #[must_use]
    pub fn status(&self, terms: SessionTerms, latest: Timestamp, now: Timestamp) -> SessionStatus {
        if self.absolute_expiry(terms) <= now {
            SessionStatus::Expired { opened: terms.opened }
        } else if self.idle_expiry(terms, latest).is_some_and(|end| end <= now) {
            SessionStatus::IdleExpired { since: latest }
        } else {
            SessionStatus::Active
        }
    }

    /// When it ends if nobody uses it again; none is never.
    #[must_use]
    pub fn idle_expiry(&self, terms: SessionTerms, latest: Timestamp) -> Option<Timestamp> {
        match self.idle_timeout_of(terms.kind) {
            TimeLimit::After(span) => Some(latest.plus(span)),
            TimeLimit::Never => None,
        }
    }

    /// When it ends by itself if nobody uses it again: the earlier of its two ends.
    #[must_use]
    pub fn next_expiry(&self, terms: SessionTerms, latest: Timestamp) -> Timestamp {
        let end = self.absolute_expiry(terms);
        self.idle_expiry(terms, latest).map_or(end, |idle| idle.min(end))
    }

    /// How long a session of this kind may be quiet.
    #[must_use]
    pub const fn idle_timeout_of(&self, kind: ClientKind) -> TimeLimit {
        match kind {
            ClientKind::Web => self.idle_timeout,
            ClientKind::App => self.app.idle_timeout,
        }
    }

    /// When it ends however busy it is. That a session is an installed app's is what its client says: it buys no longer life
    /// than "Keep me signed in" could.
    #[must_use]
    pub fn absolute_expiry(&self, terms: SessionTerms) -> Timestamp {
        let kept = self.is_persistent(terms);
        let lifetime = if kept { self.remember_me.lifetime } else { TimeLimit::After(self.unremembered_lifetime) };
        let app = if terms.kind == ClientKind::App { self.app.lifetime } else { TimeLimit::Never };
        let bounds = [lifetime, app].into_iter().filter_map(TimeLimit::duration);
        terms.opened.plus(bounds.fold(self.absolute_timeout, Duration::min))
    }

    /// Whether it is still there when the window is closed: its cookie is kept. Where nobody may stay signed in, no app may.
    #[must_use]
    pub fn is_persistent(&self, terms: SessionTerms) -> bool {
        self.remember_me.allowed && (terms.remembered || terms.kind == ClientKind::App)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    fn policy() -> SessionPolicy {
        SessionPolicy {
            idle_timeout: TimeLimit::After(7 * DAY),
            remember_me: RememberMe { allowed: true, lifetime: TimeLimit::After(30 * DAY) },
            unremembered_lifetime: 7 * DAY,
            app: AppSessionPolicy { idle_timeout: TimeLimit::After(90 * DAY), lifetime: TimeLimit::After(180 * DAY) },
            absolute_timeout: 180 * DAY,
            max_per_user: 100,
            heartbeat_interval: Duration::from_secs(5),
            stream_grace: Duration::from_secs(1),
        }
    }

    fn stands(
        policy: &SessionPolicy,
        kind: ClientKind,
        remembered: bool,
        age: Duration,
        quiet: Duration,
    ) -> &'static str {
        let now = Timestamp::from_millis(1_800_000_000_000);
        let terms = SessionTerms { opened: now.minus(age), remembered, kind };
        match policy.status(terms, now.minus(quiet), now) {
            SessionStatus::Active => "live",
            SessionStatus::IdleExpired { .. } => "idle",
            SessionStatus::Expired { .. } => "worn",
        }
    }

    #[test]
    fn timeouts() {
        let second = Duration::from_secs(1);
        let usual = policy();
        assert_eq!(stands(&usual, ClientKind::Web, true, 20 * DAY, (7 * DAY).saturating_sub(second)), "live");
        assert_eq!(stands(&usual, ClientKind::Web, true, 20 * DAY, 7 * DAY), "idle");
        assert_eq!(stands(&usual, ClientKind::Web, true, (30 * DAY).saturating_sub(second), second), "live");
        assert_eq!(stands(&usual, ClientKind::Web, true, 30 * DAY, second), "worn");
        assert_eq!(stands(&usual, ClientKind::Web, false, 7 * DAY, second), "worn");
    }

    #[test]
    fn an_app_is_a_claim_that_buys_no_longer_life() {
        let second = Duration::from_secs(1);
        let remembering =
            |allowed, lifetime| SessionPolicy { remember_me: RememberMe { allowed, lifetime }, ..policy() };
        let long = remembering(true, TimeLimit::After(365 * DAY));
        assert_eq!(stands(&long, ClientKind::App, false, 100 * DAY, 89 * DAY), "live");
        assert_eq!(stands(&long, ClientKind::App, false, 100 * DAY, 90 * DAY), "idle");
        for (policy, lives) in [
            (policy(), 30 * DAY),
            (remembering(true, TimeLimit::After(12 * DAY)), 12 * DAY),
            (remembering(false, TimeLimit::Never), 7 * DAY),
            (SessionPolicy { absolute_timeout: 5 * DAY, ..remembering(true, TimeLimit::Never) }, 5 * DAY),
            (remembering(true, TimeLimit::Never), 180 * DAY),
            (
                SessionPolicy {
                    app: AppSessionPolicy { lifetime: TimeLimit::After(2 * DAY), ..policy().app },
                    ..policy()
                },
                2 * DAY,
            ),
        ] {
            for remembered in [false, true] {
                assert_eq!(stands(&policy, ClientKind::App, remembered, lives.saturating_sub(second), second), "live");
                assert_eq!(stands(&policy, ClientKind::App, remembered, lives, second), "worn", "{policy:?}");
            }
        }
    }

    #[test]
    fn the_earlier_of_two_ends_signs_out() {
        let now = Timestamp::from_millis(1_800_000_000_000);
        let terms = SessionTerms { opened: now.minus(29 * DAY), remembered: true, kind: ClientKind::Web };
        assert_eq!(policy().next_expiry(terms, now), now.plus(DAY), "it is worn before it is idle");
        assert_eq!(policy().next_expiry(terms, now.minus(7 * DAY)), now);
        let patient = SessionPolicy { idle_timeout: TimeLimit::Never, ..policy() };
        assert_eq!(patient.next_expiry(terms, now.minus(7 * DAY)), now.plus(DAY));
    }

    #[test]
    fn a_session_is_kept_where_that_was_asked_for_and_is_allowed() {
        let opened = Timestamp::from_millis(1_800_000_000_000);
        let strict =
            SessionPolicy { remember_me: RememberMe { allowed: false, lifetime: TimeLimit::Never }, ..policy() };
        for (remembered, kind, kept) in [
            (false, ClientKind::Web, false),
            (true, ClientKind::Web, true),
            (false, ClientKind::App, true),
            (true, ClientKind::App, true),
        ] {
            let terms = SessionTerms { opened, remembered, kind };
            assert_eq!(policy().is_persistent(terms), kept, "{remembered} {kind:?}");
            assert!(!strict.is_persistent(terms), "{remembered} {kind:?}");
        }
    }

    #[test]
    fn never_still_ends_with_the_absolute_timeout() {
        let endless = SessionPolicy {
            idle_timeout: TimeLimit::Never,
            remember_me: RememberMe { allowed: true, lifetime: TimeLimit::Never },
            ..policy()
        };
        assert_eq!(stands(&endless, ClientKind::Web, true, 179 * DAY, 100 * DAY), "live");
        assert_eq!(stands(&endless, ClientKind::Web, true, 180 * DAY, DAY), "worn");
    }

    #[test]
    fn a_changed_setting_counts_for_sessions_that_already_live() {
        let strict =
            SessionPolicy { remember_me: RememberMe { allowed: false, lifetime: TimeLimit::Never }, ..policy() };
        assert_eq!(stands(&strict, ClientKind::Web, true, 8 * DAY, DAY), "worn");
        let shorter = SessionPolicy { idle_timeout: TimeLimit::After(DAY), ..policy() };
        assert_eq!(stands(&shorter, ClientKind::Web, true, 3 * DAY, 2 * DAY), "idle");
    }
}
