//! What goes wrong in the background, said once and not twice a second.

use env::Mono;
use model::Code;
use std::collections::BTreeMap;

/// What lasts is said again after so long.
const AGAIN_MS: u64 = 60_000;

/// What was said last, by what went wrong.
#[derive(Default)]
pub(super) struct Complaints(BTreeMap<&'static str, (Mono, Code)>);

impl Complaints {
    /// Says it if it is new, or has lasted.
    pub fn hear(&mut self, now: Mono, what: &'static str, result: Result<(), (Code, String)>) {
        let Err((code, error)) = result else {
            if self.0.remove(what).is_some() {
                tracing::info!("no longer: {what}");
            }
            return;
        };
        if self.is_due(now, what, code) {
            tracing::error!(%code, error, "{what}");
        }
    }

    fn is_due(&mut self, now: Mono, what: &'static str, code: Code) -> bool {
        let due =
            self.0.get(what).is_none_or(|(said, about)| *about != code || now >= said.plus_ms(AGAIN_MS));
        if due {
            self.0.insert(what, (now, code));
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::code;

    #[test]
    fn what_lasts_is_said_once_a_minute_and_what_is_new_at_once() {
        let mut complaints = Complaints::default();
        let mut due = |ms, code| complaints.is_due(Mono(0).plus_ms(ms), "it", code);
        let table = [
            (0, code::LOG_FULL, true),
            (500, code::LOG_FULL, false),
            (59_999, code::LOG_FULL, false),
            (60_000, code::LOG_FULL, true),
            (60_500, code::DISK_FULL, true),
            (61_000, code::LOG_FULL, true),
        ];
        for (ms, code, expected) in table {
            assert_eq!(due(ms, code), expected, "{ms}");
        }
        complaints.hear(Mono(0), "it", Ok(()));
        assert!(complaints.is_due(Mono(0).plus_ms(61_001), "it", code::LOG_FULL));
    }
}
