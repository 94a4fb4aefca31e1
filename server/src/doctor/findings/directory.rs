//! Findings about the directory itself: FORMAT, IDENTITY, its parts, its user.

use super::super::examine::Found;
use super::super::holder::Holder;
use super::{Finding, Level};
use crate::failure::Failure;
use model::{Code, code};
use partition_mgr::data_dir::{Finding as File, Flaw, PartFinding};
use std::path::Path;

pub(super) fn findings(found: &Found) -> Vec<Finding> {
    let mut all = Vec::new();
    all.extend(in_use(found));
    let directory = &found.directory;
    all.extend(flaws(found).iter().map(|(name, failure)| Finding::failed(name, failure)));
    let identity = all.iter_mut().find(|finding| finding.name == "identity");
    if let (Some(finding), Some(owner)) = (identity, found.log_owner) {
        let what = format!("; the log says: cluster {}, disk {}", owner.cluster, owner.disk);
        finding.what.push_str(&what);
    }
    all.extend(directory.parts.iter().filter_map(|(name, part)| part_finding(&found.dir, name, part)));
    if all.iter().all(|finding| finding.level == Level::Warn) {
        let whole = "FORMAT and IDENTITY are whole and every part is there";
        all.push(Finding::pass("directory", whole, "A start takes the directory for what it is."));
    }
    all.extend(others(found));
    all
}

fn in_use(found: &Found) -> Option<Finding> {
    let dir = found.dir.display();
    let next = "Stop the process for a report to rely on.";
    match found.holder {
        Holder::Nobody => None,
        Holder::Process(pid) => {
            let what =
                format!("process {pid} has {dir} open: what is reported may be changing while it is read");
            let mut finding = Finding::warn("in-use", what, "Reading disturbs nobody.", next);
            finding.code = Some(code::DIRECTORY_IN_USE.to_string());
            Some(finding)
        }
        Holder::Unknown(pid) => {
            let what = format!(
                "process {pid} had {dir} open last, and this system does not tell whether it still has"
            );
            Some(Finding::warn("in-use", what, "Reading disturbs nobody.", next))
        }
    }
}

/// What is wrong with FORMAT and IDENTITY, under the name of its finding.
pub(in super::super) fn flaws(found: &Found) -> Vec<(&'static str, Failure)> {
    let directory = &found.directory;
    let format = flaw(&directory.format).map(|flaw| ("format", "FORMAT", code::FORMAT_DAMAGED, flaw));
    let identity =
        flaw(&directory.identity).map(|flaw| ("identity", "IDENTITY", code::IDENTITY_DAMAGED, flaw));
    let both = format.into_iter().chain(identity);
    let failure = |(name, file, damaged, (flaw, why)): (_, &str, Code, (Option<&Flaw>, String))| {
        let code = match flaw {
            Some(Flaw::Absent) if file == "FORMAT" => code::DIRECTORY_FOREIGN,
            Some(Flaw::Version { .. }) => code::FORMAT_UNKNOWN,
            _ => damaged,
        };
        (name, Failure::new(code, format!("{}: {why}", found.dir.join(file).display())))
    };
    both.map(failure).collect()
}

fn flaw<T>(file: &File<T>) -> Option<(Option<&Flaw>, String)> {
    match file {
        File::Good(_) => None,
        File::Flawed(flaw) => Some((Some(flaw), flaw.to_string())),
        File::Unreadable(error) => Some((None, error.to_string())),
    }
}

fn part_finding(dir: &Path, name: &str, part: &PartFinding) -> Option<Finding> {
    let path = dir.join(name);
    match part {
        PartFinding::Holds(_) => None,
        PartFinding::Absent => {
            let what = format!("{} is missing", path.display());
            Some(Finding::coded(Level::Fail, "part-missing", code::DIRECTORY_INCOMPLETE, what))
        }
        PartFinding::Unreadable(error) => {
            let code = match error.kind() {
                std::io::ErrorKind::NotADirectory => code::WRONG_FILE_TYPE,
                _ => code::DIRECTORY_IO,
            };
            let what = format!("{}: {error}", path.display());
            Some(Finding::coded(Level::Fail, "part-unreadable", code, what))
        }
    }
}

fn others(found: &Found) -> Option<Finding> {
    let others = &found.directory.others;
    (!others.is_empty()).then(|| {
        let what = format!("{} also holds {}", found.dir.display(), others.join(", "));
        let safe = "A start leaves alone what it does not know.";
        Finding::warn("other-names", what, safe, "Move away what does not belong here.")
    })
}
