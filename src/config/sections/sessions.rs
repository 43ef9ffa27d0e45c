//! `sessions`: how long visitors stay signed in.

use std::time::Duration;

use crate::config::describe::{Bounded as _, Subsection, section};
use crate::config::diagnostics::Diagnostics;
use crate::config::from_node::join_path;
use crate::config::ranges::at_least;
use crate::config::value::duration::{FiniteDuration, format_duration};
use crate::gate::cookie::{self, CookieNames};
use crate::session::{AppSessionPolicy, RememberMe, SessionPolicy, TimeLimit};

const DAY: Duration = Duration::from_hours(24);
const MIN_LIFETIME: Duration = Duration::from_secs(2);
const DEFAULT_HEARTBEAT_INTERVAL: Duration = Duration::from_secs(5);
const MIN_HEARTBEAT_INTERVAL: Duration = Duration::from_millis(100);
const MIN_STORE_OUTAGE: Duration = Duration::from_millis(100);
/// What nobody can end any more does not go on for ever.
const MAX_STORE_OUTAGE: Duration = Duration::from_hours(1);

/// The heartbeat is at most this part of an idle timeout, so that a session in use is never taken for idle.
const HEARTBEATS_PER_IDLE_TIMEOUT: u32 = 20;

section! {
    keys of SessionPolicy {
        /// A session ends when it has not been used for this long. `never`: only the lifetimes below end it.
        reload idle_timeout: TimeLimit = TimeLimit::After(7 * DAY), at_least(MIN_LIFETIME);
        /// The box "Keep me signed in" of the sign-in page.
        reload remember_me: RememberMe as Subsection = RememberMe::default();
        /// How long a session lives after the sign-in when "Keep me signed in" is not ticked. The browser
        /// also forgets it when it closes.
        reload unremembered_lifetime: Duration as FiniteDuration = 7 * DAY, at_least(MIN_LIFETIME);
        /// Sessions of an app that is installed on a device (a PWA).
        reload app: AppSessionPolicy as Subsection = AppSessionPolicy::default();
        /// Above all: no session lives longer after its sign-in, also where something else is `never`.
        reload absolute_timeout: Duration as FiniteDuration = 180 * DAY, at_least(MIN_LIFETIME);
        /// How often the last activity of a busy session is written to the store. Longer spares the store, shorter makes
        /// "last active" more exact. At most a twentieth of the shortest idle timeout; left out, it is brought below that by
        /// itself.
        reload heartbeat_interval: Duration as FiniteDuration = DEFAULT_HEARTBEAT_INTERVAL;
        /// While the store is away nobody can tell whether a session has ended. Open streams (WebSocket, events,
        /// downloads, uploads) of signed-in visitors are cut when it could not be asked for this long. Longer keeps them through a
        /// short outage, and lets those of a session that was ended meanwhile run on for as long. Public routes go on.
        /// 100ms to 1h.
        reload stream_grace ("streams_outlive_store"): Duration as FiniteDuration = Duration::from_secs(1),
            MIN_STORE_OUTAGE..=MAX_STORE_OUTAGE;
        /// How many sessions an account may have; above it the one that was idle longest ends. 1 to 10000.
        reload max_per_user: usize as u32 = 100, 1..=10_000;
    }
    check fit_heartbeat_interval;
}

section! {
    keys of RememberMe {
        /// Whether the sign-in page shows the box "Keep me signed in".
        reload allowed: bool = true;
        /// How long a remembered session lives after the sign-in. `never`: only the idle and the absolute timeout end it.
        reload lifetime ("for"): TimeLimit = TimeLimit::After(30 * DAY), at_least(MIN_LIFETIME);
    }
}

section! {
    keys of AppSessionPolicy {
        /// A session of an installed app (a PWA) ends when it has not been used for this long.
        reload idle_timeout: TimeLimit = TimeLimit::After(90 * DAY), at_least(MIN_LIFETIME);
        /// How long a session of an installed app (a PWA) lives after the sign-in; no longer than `remember_me.for`, and than
        /// `unremembered_lifetime` where `remember_me.allowed` is off: that it is an app is what its browser says.
        reload lifetime: TimeLimit = TimeLimit::After(180 * DAY), at_least(MIN_LIFETIME);
    }
}

section! {
    /// Lifetimes of sessions, and the name of their cookie.
    pub struct SessionSettings flatten(policy: SessionPolicy) {
        /// What the session's cookie is called; the others are called after it. Over https `__Host-` is put in front. Browsers keep
        /// cookies by host, not by port: each of several installations on one host needs a name of its own, or whoever signs in at
        /// one is signed out of the other. Begin it with `portcullis-`, and no app behind another one sees it. 1 to 64 of A-Z a-z
        /// 0-9 - _. A change signs everybody out, and needs a restart.
        restart cookie_name: String = cookie::DEFAULT_NAME.to_owned();
    }
    planned ["tokens", "visitor_control"];
    check check_cookie_name;
}

/// Refuses a name that no cookie can have.
fn check_cookie_name(sessions: &mut SessionSettings, key: &str, diagnostics: &Diagnostics) {
    if let Err(mend) = CookieNames::check(&sessions.cookie_name) {
        diagnostics.report_at(&join_path(key, "cookie_name"), mend);
    }
}

/// Refuses an interval that does not fit the idle timeouts; the default is brought down to what fits.
fn fit_heartbeat_interval(policy: &mut SessionPolicy, key: &str, diagnostics: &Diagnostics) {
    let idle_timeouts = [policy.idle_timeout, policy.app.idle_timeout];
    let shortest = idle_timeouts.into_iter().filter_map(TimeLimit::duration).min();
    let most = shortest.map(|idle| (idle / HEARTBEATS_PER_IDLE_TIMEOUT).max(MIN_HEARTBEAT_INTERVAL));
    let interval_key = join_path(key, "heartbeat_interval");
    let interval = policy.heartbeat_interval;
    if !diagnostics.is_written(&interval_key) {
        policy.heartbeat_interval = most.map_or(interval, |most| interval.min(most));
        return;
    }
    match most {
        Some(most) if interval > most && !diagnostics.has_error_at(&join_path(key, "idle_timeout")) => {
            let (told, idle) = (format_duration(most), format_duration(most * HEARTBEATS_PER_IDLE_TIMEOUT));
            diagnostics.report_at(
                &interval_key,
                format!("is above a twentieth of the idle timeout ({idle}); write at most {told}"),
            );
        }
        _ => {
            if let Some(message) = interval.range_error(&at_least(MIN_HEARTBEAT_INTERVAL)) {
                diagnostics.report_at(&interval_key, message);
            }
        }
    }
}
