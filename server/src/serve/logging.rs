//! Log lines, to standard error.

use crate::config::{LogFormat, LogLevel, LogSettings};
use tracing::Level;
use tracing_subscriber::fmt;

/// Log lines of this process look so from now on. The first call counts.
pub fn init(log: &LogSettings) {
    let lines = fmt().with_max_level(level(log.level)).with_writer(std::io::stderr).with_target(true);
    // Where lines cannot be written, saying so cannot either: the attempt would
    // panic in the thread that had something to say.
    let lines = lines.log_internal_errors(false);
    // An error says that somebody was first: a test, or an embedding process.
    let _ = match log.format {
        LogFormat::Text => lines.compact().try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
}

fn level(level: LogLevel) -> Level {
    match level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Trace => Level::TRACE,
    }
}
