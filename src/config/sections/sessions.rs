//! `sessions`: how long visitors stay signed in.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::config::diagnostics::Diagnostics;
use crate::config::from_node::{FromNode, RawField};
use crate::config::ranges;
use crate::config::section::Section;
use crate::config::tree::Node;
use crate::config::value::duration;
use crate::config::value::duration::{DurationOrNever, FiniteDuration};
use crate::gate::cookie;
use crate::gate::cookie::CookieNames;

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
    #[serde(serialize_with = "duration::serialize")]
    pub unremembered_lifetime: Duration,
    /// Sessions of an installed app.
    pub app: AppSessionSettings,
    /// Since the sign-in, above all else.
    #[serde(serialize_with = "duration::serialize")]
    pub absolute_timeout: Duration,
    /// How often activity is written; at most a twentieth of each idle timeout.
    #[serde(serialize_with = "duration::serialize")]
    pub heartbeat_interval: Duration,
    /// How long open streams go on while the store is away.
    #[serde(serialize_with = "duration::serialize")]
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

/// How long visitors stay signed in.
#[derive(Default, JsonSchema)]
pub(in crate::config) struct RawSessions {
    /// A session ends when it has not been used for this long. `never`: only the lifetimes below end it.
    pub(in crate::config) idle_timeout: RawField<DurationOrNever>,
    /// The box "Keep me signed in" of the sign-in page.
    pub(in crate::config) remember_me: RawRememberMe,
    /// How long a session lives after the sign-in when "Keep me signed in" is not ticked. The browser
    /// also forgets it when it closes.
    pub(in crate::config) unremembered_lifetime: RawField<FiniteDuration>,
    /// Sessions of an app that is installed on a device (a PWA).
    pub(in crate::config) app: RawAppSessions,
    /// Above all: no session lives longer after its sign-in, also where something else is `never`.
    pub(in crate::config) absolute_timeout: RawField<FiniteDuration>,
    /// How often the last activity of a busy session is written to the store. Longer spares the store, shorter makes
    /// "last active" more exact. At most a twentieth of the shortest idle timeout; left out, it is brought below that by
    /// itself.
    pub(in crate::config) heartbeat_interval: RawField<FiniteDuration>,
    /// While the store is away nobody can tell whether a session has ended. Open streams (WebSocket, events,
    /// downloads, uploads) of signed-in visitors are cut when it could not be asked for this long. Longer keeps them through a
    /// short outage, and lets those of a session that was ended meanwhile run on for as long. Public routes go on.
    /// 100ms to 1h.
    pub(in crate::config) streams_outlive_store: RawField<FiniteDuration>,
    /// How many sessions an account may have; above it the one that was idle longest ends. 1 to 10000.
    pub(in crate::config) max_per_user: RawField<u32>,
    /// What the session's cookie is called; the others are called after it. Over https `__Host-` is put in front. Browsers keep
    /// cookies by host, not by port: each of several installations on one host needs a name of its own, or whoever signs in at
    /// one is signed out of the other. Begin it with `portcullis-`, and no app behind another one sees it. 1 to 64 of A-Z a-z
    /// 0-9 - _. A change signs everybody out, and needs a restart.
    pub(in crate::config) cookie_name: RawField<String>,
}

/// The box "Keep me signed in".
#[derive(Default, JsonSchema)]
pub(in crate::config) struct RawRememberMe {
    /// Whether the sign-in page shows the box "Keep me signed in".
    pub(in crate::config) allowed: RawField<bool>,
    /// How long a remembered session lives after the sign-in. `never`: only the idle and the absolute timeout end it.
    #[schemars(rename = "for")]
    pub(in crate::config) lifetime: RawField<DurationOrNever>,
}

/// Sessions of an installed app.
#[derive(Default, JsonSchema)]
pub(in crate::config) struct RawAppSessions {
    /// A session of an installed app (a PWA) ends when it has not been used for this long.
    pub(in crate::config) idle_timeout: RawField<DurationOrNever>,
    /// How long a session of an installed app (a PWA) lives after the sign-in; no longer than `remember_me.for`, and than
    /// `unremembered_lifetime` where `remember_me.allowed` is off: that it is an app is what its browser says.
    pub(in crate::config) lifetime: RawField<DurationOrNever>,
}

impl FromNode for RawSessions {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        let mut keys = Section::open(node, key, diagnostics)?;
        let sessions = Self {
            idle_timeout: keys.take("idle_timeout"),
            remember_me: keys.take_section("remember_me"),
            unremembered_lifetime: keys.take("unremembered_lifetime"),
            app: keys.take_section("app"),
            absolute_timeout: keys.take("absolute_timeout"),
            heartbeat_interval: keys.take("heartbeat_interval"),
            streams_outlive_store: keys.take("streams_outlive_store"),
            max_per_user: keys.take("max_per_user"),
            cookie_name: keys.take("cookie_name"),
        };
        keys.finish(&["tokens", "visitor_control"]);
        Some(sessions)
    }
}

impl FromNode for RawRememberMe {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        let mut keys = Section::open(node, key, diagnostics)?;
        let remember_me = Self { allowed: keys.take("allowed"), lifetime: keys.take("for") };
        keys.finish(&[]);
        Some(remember_me)
    }
}

impl FromNode for RawAppSessions {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        let mut keys = Section::open(node, key, diagnostics)?;
        let app = Self { idle_timeout: keys.take("idle_timeout"), lifetime: keys.take("lifetime") };
        keys.finish(&[]);
        Some(app)
    }
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
    pub(in crate::config) fn validate(raw: RawSessions, diagnostics: &Diagnostics) -> Self {
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
                (duration::format_duration(most), duration::format_duration(most * HEARTBEATS_PER_IDLE_TIMEOUT));
            field.report(
                diagnostics,
                format!("is above a twentieth of the idle timeout ({idle}); write at most {told}"),
            );
            most
        }
        _ => ranges::duration(Some(field), default, &ranges::at_least(MIN_HEARTBEAT_INTERVAL), diagnostics),
    }
}
