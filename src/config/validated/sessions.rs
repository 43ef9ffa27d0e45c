//! How long visitors stay signed in.

use std::time::Duration;

use serde::Serialize;

use super::ranges;
use crate::config::diagnostics::Diagnostics;
use crate::config::from_node::RawField;
use crate::config::raw::sessions::RawSessions;
use crate::config::value::length::{self, DurationOrNever, FiniteDuration};
use crate::gate::cookie::{self, CookieNames};

const MIN_IDLE_TIMEOUT: Duration = Duration::from_secs(2);
const MIN_HEARTBEAT_INTERVAL: Duration = Duration::from_millis(100);
const MIN_STORE_OUTAGE: Duration = Duration::from_millis(100);
/// What nobody can end any more does not go on for ever.
const MAX_STORE_OUTAGE: Duration = Duration::from_hours(1);

/// The heartbeat is at most this part of an idle timeout, so that a session in use is never taken for idle.
const HEARTBEATS_PER_IDLE_TIMEOUT: u32 = 20;

/// How long visitors stay signed in.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SessionSettings {
    /// Since the last hit.
    pub idle_timeout: DurationOrNever,
    /// The box "Keep me signed in".
    pub remember_me: RememberMeSettings,
    /// Since the sign-in, when the box was not ticked.
    #[serde(serialize_with = "length::serialize")]
    pub unremembered_lifetime: Duration,
    /// Sessions of an installed app.
    pub app: AppSessionSettings,
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
pub struct RememberMeSettings {
    /// Whether it is shown.
    pub allowed: bool,
    /// Since the sign-in, when it was ticked.
    #[serde(rename = "for")]
    pub lifetime: DurationOrNever,
}

/// Sessions of an installed app.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AppSessionSettings {
    /// Since the last hit.
    pub idle_timeout: DurationOrNever,
    /// Since the sign-in.
    pub lifetime: DurationOrNever,
}

impl Default for SessionSettings {
    fn default() -> Self {
        let days = |days: u64| Duration::from_hours(24 * days);
        Self {
            idle_timeout: DurationOrNever::For(days(7)),
            remember_me: RememberMeSettings { allowed: true, lifetime: DurationOrNever::For(days(30)) },
            unremembered_lifetime: days(7),
            app: AppSessionSettings {
                idle_timeout: DurationOrNever::For(days(90)),
                lifetime: DurationOrNever::For(days(180)),
            },
            absolute_timeout: days(180),
            heartbeat_interval: Duration::from_secs(5),
            streams_outlive_store: Duration::from_secs(1),
            max_per_user: 100,
            cookie_name: cookie::DEFAULT_NAME.to_owned(),
        }
    }
}

impl SessionSettings {
    pub(super) fn validate(raw: RawSessions, diagnostics: &Diagnostics) -> Self {
        let default = Self::default();
        let range = ranges::at_least(MIN_IDLE_TIMEOUT);
        let idle_timeout = ranges::duration_or_never(raw.idle_timeout, default.idle_timeout, &range, diagnostics);
        let app = AppSessionSettings {
            idle_timeout: ranges::duration_or_never(
                raw.app.idle_timeout,
                default.app.idle_timeout,
                &range,
                diagnostics,
            ),
            lifetime: ranges::duration_or_never(raw.app.lifetime, default.app.lifetime, &range, diagnostics),
        };
        Self {
            idle_timeout,
            remember_me: RememberMeSettings {
                allowed: raw.remember_me.allowed.map_or(default.remember_me.allowed, |allowed| allowed.value),
                lifetime: ranges::duration_or_never(
                    raw.remember_me.lifetime,
                    default.remember_me.lifetime,
                    &range,
                    diagnostics,
                ),
            },
            unremembered_lifetime: ranges::duration(
                raw.unremembered_lifetime,
                default.unremembered_lifetime,
                &range,
                diagnostics,
            ),
            absolute_timeout: ranges::duration(raw.absolute_timeout, default.absolute_timeout, &range, diagnostics),
            heartbeat_interval: heartbeat_interval(raw.heartbeat_interval, idle_timeout, app.idle_timeout, diagnostics),
            streams_outlive_store: ranges::duration(
                raw.streams_outlive_store,
                default.streams_outlive_store,
                &(MIN_STORE_OUTAGE..=MAX_STORE_OUTAGE),
                diagnostics,
            ),
            max_per_user: ranges::count(raw.max_per_user, default.max_per_user, &(1..=10_000), diagnostics),
            cookie_name: cookie_name(raw.cookie_name, default.cookie_name, diagnostics),
            app,
        }
    }
}

fn cookie_name(field: RawField<String>, default: String, diagnostics: &Diagnostics) -> String {
    let Some(field) = field else { return default };
    if let Err(mend) = CookieNames::check(&field.value) {
        field.report(diagnostics, mend);
    }
    field.value
}

/// The interval as written, which must fit the idle timeouts; or the default, brought down to what fits.
fn heartbeat_interval(
    field: RawField<FiniteDuration>,
    idle: DurationOrNever,
    app_idle: DurationOrNever,
    diagnostics: &Diagnostics,
) -> Duration {
    let default = SessionSettings::default().heartbeat_interval;
    let shortest_idle = [idle, app_idle].into_iter().filter_map(DurationOrNever::duration).min();
    let most = shortest_idle.map(|idle| (idle / HEARTBEATS_PER_IDLE_TIMEOUT).max(MIN_HEARTBEAT_INTERVAL));
    let Some(field) = field else {
        return most.map_or(default, |most| default.min(most));
    };
    match most {
        Some(most) if field.value.0 > most && !diagnostics.has_error_at("sessions.idle_timeout") => {
            let (told, idle) =
                (length::format_duration(most), length::format_duration(most * HEARTBEATS_PER_IDLE_TIMEOUT));
            field.report(
                diagnostics,
                format!("is above a twentieth of the idle timeout ({idle}); write at most {told}"),
            );
            most
        }
        _ => ranges::duration(Some(field), default, &ranges::at_least(MIN_HEARTBEAT_INTERVAL), diagnostics),
    }
}
