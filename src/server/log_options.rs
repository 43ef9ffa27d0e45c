//! Log options from the configuration.

use tracing_subscriber::filter::LevelFilter;

use crate::{
    config::{self, Config},
    telemetry::{LogEncoding, LogOptions},
};

/// Options of the log: format, level and whether each request is logged.
#[must_use]
pub fn log_options(config: &Config) -> LogOptions {
    LogOptions {
        format: match config.log.format {
            config::LogFormatSetting::Auto => LogEncoding::Auto,
            config::LogFormatSetting::Json => LogEncoding::Json,
            config::LogFormatSetting::Text => LogEncoding::Text,
        },
        level: match config.log.level {
            config::LogLevel::Error => LevelFilter::ERROR,
            config::LogLevel::Warn => LevelFilter::WARN,
            config::LogLevel::Info => LevelFilter::INFO,
            config::LogLevel::Debug => LevelFilter::DEBUG,
            config::LogLevel::Trace => LevelFilter::TRACE,
        },
        access: config.log.access,
    }
}
