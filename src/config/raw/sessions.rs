//! Lifetimes of sessions as written.

use schemars::JsonSchema;

use crate::config::diagnostics::Diagnostics;
use crate::config::from_node::{FromNode, RawField};
use crate::config::section::Section;
use crate::config::tree::Node;
use crate::config::value::length::{DurationOrNever, FiniteDuration};

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
