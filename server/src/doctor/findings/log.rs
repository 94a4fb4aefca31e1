//! Findings about the log as a whole.

use super::super::examine::{Found, LOG};
use super::super::log::Log;
use super::{Finding, Level, some};
use crate::failure::Failure;
use model::code;
use wal::LogError;
use wal::survey::Survey;

pub(super) fn findings(found: &Found) -> Vec<Finding> {
    let Some(log) = &found.log else { return unread(found) };
    let mut all = Vec::new();
    match &log.survey {
        Ok(survey) => all.extend(surveyed(survey)),
        Err(error) => all.push(refused(error)),
    }
    all.extend(unopened(log));
    for failure in &log.unreadable {
        let finding = Finding::failed("segment", failure);
        if !all.iter().any(|known| known.what == finding.what) {
            all.push(finding);
        }
    }
    let outstanding = log.survey.as_ref().map(wal::inspect::outstanding).unwrap_or_default();
    if outstanding.is_empty() && all.iter().all(|finding| finding.level == Level::Pass) {
        all.insert(0, sound(log));
    }
    all
}

/// A directory that lacks its log has a finding of its own.
fn unread(found: &Found) -> Vec<Finding> {
    if let Some(error) = &found.log_unread {
        return vec![Finding::failed("log", &Failure::new(error.code(), error.to_string()))];
    }
    if !found.has(LOG) {
        return Vec::new();
    }
    let why = if found.is_of_later_build() {
        "is of a build that this one does not know"
    } else {
        "does not say whose it is"
    };
    let what = format!("{} was not read: the directory {why}", found.log_dir().display());
    vec![Finding::warn("log-not-read", what, "Nothing was changed.", "See the other findings first.")]
}

fn refused(error: &LogError) -> Finding {
    let failure = Failure::new(error.code(), error.to_string());
    match error {
        LogError::Missing { .. } => Finding::failed("segment-missing", &failure).but_next(
            "Put the named file back. If it is gone for good: see below what each partition can keep.",
        ),
        _ => Finding::failed("log", &failure),
    }
}

fn sound(log: &Log) -> Finding {
    let batches: u64 = log.segments.iter().map(|segment| segment.batches).sum();
    let what = match log.segments.len() {
        0 => "it is empty; nothing has been written yet".to_owned(),
        count => format!(
            "{} with {}: all that is needed can be read",
            some(count as u64, "segment"),
            some(batches, "batch")
        ),
    };
    Finding::pass("log", what, "What was acknowledged is on disk.")
}

fn surveyed(survey: &Survey) -> Vec<Finding> {
    let mut all = tail(survey);
    for (partition, accepted) in &survey.accepted {
        for index in accepted.iter().map(|one| one.after) {
            let what = format!("partition {partition}: an operator gave up what followed index {index}");
            all.push(Finding::pass("given-up", what, "What came after that word counts.").about(*partition));
        }
    }
    for damage in survey.damages.iter().filter(|damage| damage.condemned.is_empty() && !damage.everybody) {
        let place = format!("segment {}, offset {}", damage.segment, damage.offset);
        let what = format!("{place}: bytes that cannot be read, and nobody's");
        all.push(Finding::pass("damage-nobody", what, "No record stood there."));
    }
    for damage in wal::inspect::outstanding(survey).iter().filter(|damage| damage.everybody) {
        let place = format!("segment {}, offset {}", damage.segment, damage.offset);
        let what = format!("{place}: batch {} cannot be read, and nothing tells whose it was", damage.lsn);
        let finding = Finding::coded(Level::Fail, "damage-anybody", code::LOG_DAMAGED, what);
        all.push(finding.but_next("See below what each partition can keep."));
    }
    all
}

/// What the next start does with the end of the log.
fn tail(survey: &Survey) -> Vec<Finding> {
    let mut all = Vec::new();
    if let Some((segment, offset)) = survey.torn {
        let what =
            format!("an append to segment {segment} at offset {offset} was cut off by the process's end");
        all.push(Finding::pass("torn-tail", what, "It was never acknowledged; the next start drops it."));
    }
    if !survey.kept.is_empty() {
        let kept = some(survey.kept.len() as u64, "record");
        let what = format!("{kept} behind batch {}: readable, but not proven to be on disk", survey.proven);
        let safe = "The next start keeps them, and writes them anew before it uses them.";
        all.push(Finding::pass("kept", what, safe));
    }
    all
}

/// A file behind the newest segment that was opened. A start removes it: it
/// takes it for one that was being opened when the process ended.
fn unopened(log: &Log) -> Option<Finding> {
    let newest = log.segments.last().filter(|newest| !newest.opened && newest.batches == 0)?;
    let what = format!("segment {}: {} holds no batch of this segment", newest.id, newest.path.display());
    let safe = "Nothing acknowledged stands in a segment without an opening.";
    let next = "If the process ended while it opened a segment, nothing. If the file was put there by hand, move it away: the next start removes it.";
    Some(Finding::warn("segment-unopened", what, safe, next))
}
