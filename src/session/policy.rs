//! How long a session lasts. Computed at each look from the policy of now, so that a changed setting, shorter or longer,
//! counts at once for sessions that already live.

use std::time::Duration;

use super::{Ending, Kind, Session};
use crate::clock::Timestamp;

/// A length of time that may be endless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// So long.
    For(Duration),
    /// Without end.
    Never,
}

impl Span {
    /// The length, where there is one.
    #[must_use]
    pub const fn duration(self) -> Option<Duration> {
        match self {
            Self::For(span) => Some(span),
            Self::Never => None,
        }
    }
}

/// When sessions end by themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionPolicy {
    /// Since the last hit.
    pub idle_timeout: Span,
    /// Sessions of people who asked to stay signed in.
    pub remember_me: RememberMe,
    /// Since sign-in, for all others.
    pub unremembered_lifetime: Duration,
    /// Installed apps.
    pub app: AppPolicy,
    /// Since sign-in, above all, also where something is never.
    pub absolute_timeout: Duration,
    /// Above it the session that has been quiet for longest ends.
    pub max_per_user: usize,
    /// How often a busy session's activity is written.
    pub heartbeat_interval: Duration,
    /// How long what is in flight for a session goes on while nobody can tell whether it has ended.
    pub streams_outlive_store: Duration,
}

/// "Keep me signed in".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RememberMe {
    /// Whether sign-in offers it.
    pub allowed: bool,
    /// Since sign-in.
    pub lifetime: Span,
}

/// An installed app (PWA) lives longer than a tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppPolicy {
    /// Since the last hit.
    pub idle_timeout: Span,
    /// Since sign-in, and no longer than a remembered session.
    pub lifetime: Span,
}

/// What a session was promised when it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// When it was opened.
    pub opened: Timestamp,
    /// "Keep me signed in" was ticked, and allowed.
    pub remembered: bool,
    /// A browser or an installed app.
    pub kind: Kind,
}

/// Whether a session still counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Live,
    /// Nobody has used it for too long.
    Idle {
        /// Its last hit.
        since: Timestamp,
    },
    /// It has reached the end of its life.
    Worn {
        /// When it began.
        opened: Timestamp,
    },
}

impl SessionPolicy {
    /// How a session has run out, if it has.
    #[must_use]
    pub fn ran_out(&self, session: &Session, now: Timestamp) -> Option<Ending> {
        match self.standing(session.terms, session.activity.latest, now) {
            Standing::Live => None,
            Standing::Idle { .. } => Some(Ending::Idle { kind: session.terms.kind }),
            Standing::Worn { .. } => Some(Ending::Expired),
        }
    }

    /// Whether a session with these terms, last used at `latest`, still counts.
    #[must_use]
    pub fn standing(&self, terms: Terms, latest: Timestamp, now: Timestamp) -> Standing {
        if self.ends_at(terms) <= now {
            Standing::Worn { opened: terms.opened }
        } else if self.idles_at(terms, latest).is_some_and(|end| end <= now) {
            Standing::Idle { since: latest }
        } else {
            Standing::Live
        }
    }

    /// When it ends if nobody uses it again; none is never.
    #[must_use]
    pub fn idles_at(&self, terms: Terms, latest: Timestamp) -> Option<Timestamp> {
        match self.idle_timeout_of(terms.kind) {
            Span::For(span) => Some(latest.plus(span)),
            Span::Never => None,
        }
    }

    /// When it ends by itself if nobody uses it again: the earlier of its two ends.
    #[must_use]
    pub fn signs_out_at(&self, terms: Terms, latest: Timestamp) -> Timestamp {
        let end = self.ends_at(terms);
        self.idles_at(terms, latest).map_or(end, |idle| idle.min(end))
    }

    /// How long a session of this kind may be quiet.
    #[must_use]
    pub const fn idle_timeout_of(&self, kind: Kind) -> Span {
        match kind {
            Kind::Web => self.idle_timeout,
            Kind::App => self.app.idle_timeout,
        }
    }

    /// When it ends however busy it is. That a session is an installed app's is what its client says: it buys no longer life
    /// than "Keep me signed in" could.
    #[must_use]
    pub fn ends_at(&self, terms: Terms) -> Timestamp {
        let kept = self.is_kept(terms);
        let lifetime = if kept { self.remember_me.lifetime } else { Span::For(self.unremembered_lifetime) };
        let app = if terms.kind == Kind::App { self.app.lifetime } else { Span::Never };
        let bounds = [lifetime, app].into_iter().filter_map(Span::duration);
        terms.opened.plus(bounds.fold(self.absolute_timeout, Duration::min))
    }

    /// Whether it is still there when the window is closed: its cookie is kept. Where nobody may stay signed in, no app may.
    #[must_use]
    pub fn is_kept(&self, terms: Terms) -> bool {
        self.remember_me.allowed && (terms.remembered || terms.kind == Kind::App)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    fn policy() -> SessionPolicy {
        SessionPolicy {
            idle_timeout: Span::For(7 * DAY),
            remember_me: RememberMe { allowed: true, lifetime: Span::For(30 * DAY) },
            unremembered_lifetime: 7 * DAY,
            app: AppPolicy { idle_timeout: Span::For(90 * DAY), lifetime: Span::For(180 * DAY) },
            absolute_timeout: 180 * DAY,
            max_per_user: 100,
            heartbeat_interval: Duration::from_secs(5),
            streams_outlive_store: Duration::from_secs(1),
        }
    }

    fn stands(policy: &SessionPolicy, kind: Kind, remembered: bool, age: Duration, quiet: Duration) -> &'static str {
        let now = Timestamp::from_millis(1_800_000_000_000);
        let terms = Terms { opened: now.minus(age), remembered, kind };
        match policy.standing(terms, now.minus(quiet), now) {
            Standing::Live => "live",
            Standing::Idle { .. } => "idle",
            Standing::Worn { .. } => "worn",
        }
    }

    #[test]
    fn timeouts() {
        let second = Duration::from_secs(1);
        let usual = policy();
        assert_eq!(stands(&usual, Kind::Web, true, 20 * DAY, (7 * DAY).saturating_sub(second)), "live");
        assert_eq!(stands(&usual, Kind::Web, true, 20 * DAY, 7 * DAY), "idle");
        assert_eq!(stands(&usual, Kind::Web, true, (30 * DAY).saturating_sub(second), second), "live");
        assert_eq!(stands(&usual, Kind::Web, true, 30 * DAY, second), "worn");
        assert_eq!(stands(&usual, Kind::Web, false, 7 * DAY, second), "worn");
    }

    #[test]
    fn an_app_is_a_claim_that_buys_no_longer_life() {
        let second = Duration::from_secs(1);
        let remembering =
            |allowed, lifetime| SessionPolicy { remember_me: RememberMe { allowed, lifetime }, ..policy() };
        let long = remembering(true, Span::For(365 * DAY));
        assert_eq!(stands(&long, Kind::App, false, 100 * DAY, 89 * DAY), "live");
        assert_eq!(stands(&long, Kind::App, false, 100 * DAY, 90 * DAY), "idle");
        for (policy, lives) in [
            (policy(), 30 * DAY),
            (remembering(true, Span::For(12 * DAY)), 12 * DAY),
            (remembering(false, Span::Never), 7 * DAY),
            (SessionPolicy { absolute_timeout: 5 * DAY, ..remembering(true, Span::Never) }, 5 * DAY),
            (remembering(true, Span::Never), 180 * DAY),
            (SessionPolicy { app: AppPolicy { lifetime: Span::For(2 * DAY), ..policy().app }, ..policy() }, 2 * DAY),
        ] {
            for remembered in [false, true] {
                assert_eq!(stands(&policy, Kind::App, remembered, lives.saturating_sub(second), second), "live");
                assert_eq!(stands(&policy, Kind::App, remembered, lives, second), "worn", "{policy:?}");
            }
        }
    }

    #[test]
    fn the_earlier_of_two_ends_signs_out() {
        let now = Timestamp::from_millis(1_800_000_000_000);
        let terms = Terms { opened: now.minus(29 * DAY), remembered: true, kind: Kind::Web };
        assert_eq!(policy().signs_out_at(terms, now), now.plus(DAY), "it is worn before it is idle");
        assert_eq!(policy().signs_out_at(terms, now.minus(7 * DAY)), now);
        let patient = SessionPolicy { idle_timeout: Span::Never, ..policy() };
        assert_eq!(patient.signs_out_at(terms, now.minus(7 * DAY)), now.plus(DAY));
    }

    #[test]
    fn a_session_is_kept_where_that_was_asked_for_and_is_allowed() {
        let opened = Timestamp::from_millis(1_800_000_000_000);
        let strict = SessionPolicy { remember_me: RememberMe { allowed: false, lifetime: Span::Never }, ..policy() };
        for (remembered, kind, kept) in
            [(false, Kind::Web, false), (true, Kind::Web, true), (false, Kind::App, true), (true, Kind::App, true)]
        {
            let terms = Terms { opened, remembered, kind };
            assert_eq!(policy().is_kept(terms), kept, "{remembered} {kind:?}");
            assert!(!strict.is_kept(terms), "{remembered} {kind:?}");
        }
    }

    #[test]
    fn never_still_ends_with_the_absolute_timeout() {
        let endless = SessionPolicy {
            idle_timeout: Span::Never,
            remember_me: RememberMe { allowed: true, lifetime: Span::Never },
            ..policy()
        };
        assert_eq!(stands(&endless, Kind::Web, true, 179 * DAY, 100 * DAY), "live");
        assert_eq!(stands(&endless, Kind::Web, true, 180 * DAY, DAY), "worn");
    }

    #[test]
    fn a_changed_setting_counts_for_sessions_that_already_live() {
        let strict = SessionPolicy { remember_me: RememberMe { allowed: false, lifetime: Span::Never }, ..policy() };
        assert_eq!(stands(&strict, Kind::Web, true, 8 * DAY, DAY), "worn");
        let shorter = SessionPolicy { idle_timeout: Span::For(DAY), ..policy() };
        assert_eq!(stands(&shorter, Kind::Web, true, 3 * DAY, 2 * DAY), "idle");
    }
}
