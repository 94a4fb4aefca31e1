//! Log lines, to standard error.

use crate::config::{LogFormat, LogLevel, LogSettings};
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, registry};

/// Log lines of this process look so from now on. The first call counts.
pub fn init(log: &LogSettings) {
    let level = level(log.level);
    // The raft library warns of each message that a node that is away does not answer;
    // that it is away is said by the links, once.
    let library = if level > Level::INFO { level } else { Level::ERROR };
    let told = Targets::new().with_default(level).with_target("openraft", library);
    // Where lines cannot be written, saying so cannot either: the attempt would
    // panic in the thread that had something to say.
    let lines = layer().with_writer(std::io::stderr).with_target(true).log_internal_errors(false);
    let lines = match log.format {
        LogFormat::Text => lines.compact().boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    // An error says that somebody was first: a test, or an embedding process.
    let _ = registry().with(lines.with_filter(told)).try_init();
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
