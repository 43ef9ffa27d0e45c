//! The log: JSON for programs, text on a terminal. A sink that does not keep up loses lines; it never holds a request up.

mod access;
mod sink;

pub(crate) use access::AccessLogEntry;

use std::io::{self, IsTerminal as _};

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

/// Capacity of the log queue, in lines; allocated in advance.
const BUFFERED_LINES: usize = 16 * 1024;

/// Log settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogOptions {
    /// Encoding of log lines.
    pub format: LogEncoding,
    /// Lowest level that is written.
    pub level: LevelFilter,
    /// Whether the access log is written.
    pub access: bool,
}

/// Encoding of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogEncoding {
    /// Text on a terminal, else JSON.
    Auto,
    /// JSON.
    Json,
    /// Text.
    Text,
}

/// Starts the log on standard output. What is waiting is written when the guard is dropped.
#[must_use = "dropping the guard writes what is waiting and ends the log"]
pub fn start(style: LogOptions) -> WorkerGuard {
    let (sink, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(BUFFERED_LINES)
        .finish(sink::BatchingWriter::new(io::stdout()));
    let level = if style.access { LevelFilter::INFO } else { LevelFilter::OFF };
    let filter = Targets::new()
        .with_default(LevelFilter::WARN.min(style.level))
        .with_target("portcullis", style.level)
        // What goes wrong between us and an app is told by us. Pingora calls it an error, too, that it takes a new connection
        // instead of a kept one: any client could fill the log with that.
        .with_target("pingora_core::connectors", LevelFilter::OFF)
        // The same of a client that asks for what is not spoken.
        .with_target("rustls", LevelFilter::OFF)
        .with_target(access::TARGET, level);
    let log = tracing_subscriber::registry().with(filter);
    let json = match style.format {
        LogEncoding::Json => true,
        LogEncoding::Text => false,
        LogEncoding::Auto => !io::stdout().is_terminal(),
    };
    let started = if json {
        let format = fmt::format().json().flatten_event(true).with_current_span(false).with_span_list(false);
        let lines = style.access.then(|| sink.clone());
        let started = log.with(fmt::layer().json().event_format(format).with_writer(sink)).try_init();
        if let (Ok(()), Some(lines)) = (&started, lines) {
            access::set_json_sink(lines);
        }
        started
    } else {
        log.with(fmt::layer().with_ansi(io::stdout().is_terminal()).with_writer(sink)).try_init()
    };
    // A second start in one process (tests) keeps the first log.
    drop(started);
    guard
}
