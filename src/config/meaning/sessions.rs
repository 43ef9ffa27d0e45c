//! How long visitors stay signed in.

use std::time::Duration;

use serde::Serialize;

use super::bounds;
use crate::config::complaint::Desk;
use crate::config::file::sessions::SessionsFile;
use crate::config::read::Field;
use crate::config::value::length::{self, Length, Span};
use crate::gate::cookie::{self, CookieNames};

const SHORTEST_IDLE: Duration = Duration::from_secs(2);
const SHORTEST_HEARTBEAT: Duration = Duration::from_millis(100);
const SHORTEST_OUTAGE: Duration = Duration::from_millis(100);
/// What nobody can end any more does not go on for ever.
const LONGEST_OUTAGE: Duration = Duration::from_hours(1);

/// The heartbeat is at most this part of an idle timeout, so that a session in use is never taken for idle.
const HEARTBEATS_IN_IDLE: u32 = 20;

/// How long visitors stay signed in.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sessions {
    /// Since the last hit.
    pub idle_timeout: Span,
    /// The box "Keep me signed in".
    pub remember_me: RememberMe,
    /// Since the sign-in, when the box was not ticked.
    #[serde(serialize_with = "length::serialize")]
    pub unremembered_lifetime: Duration,
    /// Sessions of an installed app.
    pub app: AppSessions,
    /// Since the sign-in, above all else.
    #[serde(serialize_with = "length::serialize")]
    pub absolute_timeout: Duration,
    /// How often activity is written; at most a twentieth of each idle timeout.
    #[serde(serialize_with = "length::serialize")]
    pub heartbeat_interval: Duration,
    /// How long open streams go on while the store is away.
    #[serde(serialize_with = "length::serialize")]
    pub streams_outlive_store: Duration,
    /// Above it the session that was idle longest ends.
    pub max_per_user: u32,
    /// What the session's cookie is called, without its prefix.
    pub cookie_name: String,
}

/// The box "Keep me signed in".
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RememberMe {
    /// Whether it is shown.
    pub allowed: bool,
    /// Since the sign-in, when it was ticked.
    #[serde(rename = "for")]
    pub lifetime: Span,
}

/// Sessions of an installed app.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AppSessions {
    /// Since the last hit.
    pub idle_timeout: Span,
    /// Since the sign-in.
    pub lifetime: Span,
}

impl Default for Sessions {
    fn default() -> Self {
        let days = |days: u64| Duration::from_hours(24 * days);
        Self {
            idle_timeout: Span::For(days(7)),
            remember_me: RememberMe { allowed: true, lifetime: Span::For(days(30)) },
            unremembered_lifetime: days(7),
            app: AppSessions { idle_timeout: Span::For(days(90)), lifetime: Span::For(days(180)) },
            absolute_timeout: days(180),
            heartbeat_interval: Duration::from_secs(5),
            streams_outlive_store: Duration::from_secs(1),
            max_per_user: 100,
            cookie_name: cookie::DEFAULT_NAME.to_owned(),
        }
    }
}

impl Sessions {
    pub(super) fn of(file: SessionsFile, desk: &Desk) -> Self {
        let default = Self::default();
        let range = bounds::from(SHORTEST_IDLE);
        let idle_timeout = bounds::span(file.idle_timeout, default.idle_timeout, &range, desk);
        let app = AppSessions {
            idle_timeout: bounds::span(file.app.idle_timeout, default.app.idle_timeout, &range, desk),
            lifetime: bounds::span(file.app.lifetime, default.app.lifetime, &range, desk),
        };
        Self {
            idle_timeout,
            remember_me: RememberMe {
                allowed: file.remember_me.allowed.map_or(default.remember_me.allowed, |allowed| allowed.value),
                lifetime: bounds::span(file.remember_me.lifetime, default.remember_me.lifetime, &range, desk),
            },
            unremembered_lifetime: bounds::length(
                file.unremembered_lifetime,
                default.unremembered_lifetime,
                &range,
                desk,
            ),
            absolute_timeout: bounds::length(file.absolute_timeout, default.absolute_timeout, &range, desk),
            heartbeat_interval: heartbeat(file.heartbeat_interval, idle_timeout, app.idle_timeout, desk),
            streams_outlive_store: bounds::length(
                file.streams_outlive_store,
                default.streams_outlive_store,
                &(SHORTEST_OUTAGE..=LONGEST_OUTAGE),
                desk,
            ),
            max_per_user: bounds::count(file.max_per_user, default.max_per_user, &(1..=10_000), desk),
            cookie_name: cookie_name(file.cookie_name, default.cookie_name, desk),
            app,
        }
    }
}

fn cookie_name(field: Field<String>, default: String, desk: &Desk) -> String {
    let Some(field) = field else { return default };
    if let Err(mend) = CookieNames::check(&field.value) {
        field.complain(desk, mend);
    }
    field.value
}

/// The interval as written, which must fit the idle timeouts; or the default, brought down to what fits.
fn heartbeat(field: Field<Length>, idle: Span, app_idle: Span, desk: &Desk) -> Duration {
    let default = Sessions::default().heartbeat_interval;
    let shortest_idle = [idle, app_idle].into_iter().filter_map(Span::duration).min();
    let most = shortest_idle.map(|idle| (idle / HEARTBEATS_IN_IDLE).max(SHORTEST_HEARTBEAT));
    let Some(field) = field else {
        return most.map_or(default, |most| default.min(most));
    };
    match most {
        Some(most) if field.value.0 > most && !desk.knows("sessions.idle_timeout") => {
            let (told, idle) = (length::format(most), length::format(most * HEARTBEATS_IN_IDLE));
            field.complain(desk, format!("is above a twentieth of the idle timeout ({idle}); write at most {told}"));
            most
        }
        _ => bounds::length(Some(field), default, &bounds::from(SHORTEST_HEARTBEAT), desk),
    }
}
