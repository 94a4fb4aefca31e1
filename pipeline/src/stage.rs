//! The stages, in order. Their names are those in traces and metrics.

/// Where a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// It is taken in, or refused at the door, …
    Admit,
    /// … gets the stamp of the record it will stand in, …
    Clock,
    /// … takes its place among what waits, …
    Dispatch,
    /// … is made as durable as the table promised, …
    Log,
    /// … is applied by the machine, …
    Apply,
    /// … and answered.
    Reply,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Stage; 6] =
        [Stage::Admit, Stage::Clock, Stage::Dispatch, Stage::Log, Stage::Apply, Stage::Reply];

    /// Its name in traces and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Admit => "admit",
            Stage::Clock => "clock",
            Stage::Dispatch => "dispatch",
            Stage::Log => "log",
            Stage::Apply => "apply",
            Stage::Reply => "reply",
        }
    }
}
