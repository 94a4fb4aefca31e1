//! What happened, as one number: two runs of a seed that differ anywhere differ
//! here.

use std::cell::RefCell;
use std::fmt::Arguments;
use std::io::Write;
use std::time::Duration;
use xxhash_rust::xxh3::Xxh3;

thread_local! {
    static TRACE: RefCell<Trace> = RefCell::new(Trace::default());
}

#[derive(Default)]
struct Trace {
    hash: Xxh3,
    events: u64,
    line: Vec<u8>,
    copy: Option<Box<dyn Write>>,
}

/// Begins anew; every event is also written to `copy`, a line each.
pub fn begin(copy: Option<Box<dyn Write>>) {
    TRACE.set(Trace { copy, ..Trace::default() });
}

/// Something happened at this moment of virtual time.
pub fn event(at: Duration, what: Arguments<'_>) {
    TRACE.with_borrow_mut(|trace| {
        let Trace { hash, events, line, copy } = trace;
        line.clear();
        // Neither fails into memory.
        let _ = writeln!(line, "{:>12} {what}", at.as_micros());
        hash.update(line);
        *events += 1;
        if let Some(copy) = copy {
            // The copy is for people; its loss loses nothing else.
            let _ = copy.write_all(line);
        }
    });
}

/// Something happened on a simulated host, now.
pub fn here(what: Arguments<'_>) {
    event(turmoil::sim_elapsed().unwrap_or_default(), what);
}

/// The number, and how many events it stands for.
pub fn sum() -> (u64, u64) {
    TRACE.with_borrow_mut(|trace| {
        if let Some(copy) = &mut trace.copy {
            let _ = copy.flush();
        }
        (trace.hash.digest(), trace.events)
    })
}
