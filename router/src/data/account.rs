//! What is written down about a request once it is answered: its stages as
//! metrics and trace events, and a line if it was slow.

use crate::door::Arrival;
use crate::house::House;
use crate::meters;
use pipeline::Done;
use proto::Failure;

/// Takes note of a write's ends, one for each partition it went to.
pub(super) fn account(house: &House, arrival: Arrival, ends: &[Result<Done, Failure>]) {
    let now = house.clock.mono();
    for done in ends.iter().flatten() {
        house.meters.stages(&done.timings, now);
        for (stage, took_ns) in meters::stages(&done.timings, now) {
            tracing::trace!(
                target: "statehouse::stage",
                partition = done.partition.0,
                index = done.first_index,
                stage = stage.name(),
                us = took_ns / 1000,
            );
        }
    }
    if now.ms_since(arrival.at) >= house.settings.slow_ms {
        house.meters.slow.inc();
        say_slow(house, arrival, ends, now);
    }
}

fn say_slow(house: &House, arrival: Arrival, ends: &[Result<Done, Failure>], now: env::Mono) {
    let total_ms = now.ms_since(arrival.at);
    let slowest = ends.iter().flatten().max_by_key(|done| done.timings.applied);
    let under_way = house.under_way();
    let Some(done) = slowest else {
        let why = ends.iter().find_map(|end| end.as_ref().err()).map(ToString::to_string);
        let why = why.unwrap_or_default();
        return tracing::warn!(target: "statehouse::slow", method = arrival.rpc.name(), total_ms, under_way, %why, "slow request, refused");
    };
    let [dispatch, log, apply, reply] = meters::stages(&done.timings, now).map(|(_, ns)| ns / 1000);
    tracing::warn!(
        target: "statehouse::slow",
        method = arrival.rpc.name(),
        total_ms,
        partition = done.partition.0,
        index = done.first_index,
        commands = done.count,
        dispatch_us = dispatch,
        log_us = log,
        apply_us = apply,
        reply_us = reply,
        under_way,
        "slow request"
    );
}
