//! Giving up a damaged tail, on an operator's word.
//!
//! It is judged before the directory is touched, so that a refusal changes
//! nothing, and again once the lock is ours, since until then the directory
//! could change. Then one record is appended, and the log is surveyed again:
//! the damage must be nobody's business any more. Nothing is deleted.

use super::examine::{Found, examine};
use super::findings::{flaws, standings_of};
use super::holder::Holder;
use super::sacrifice::{Sacrifice, judge};
use super::{Format, Options};
use crate::failure::Failure;
use env::Env;
use model::{Epoch, Index, Limits, PartitionId, Record, RecordKind, Stamp, code};
use partition_mgr::{DataDir, DataDirError, Expect};
use std::io::{self, BufRead, IsTerminal, Write};
use wal::{Append, LogConfig, LogIdentity, OpenLog, Urgency, index_payload};

/// The repair's own segment holds a record; the next start opens another.
const SEGMENT_BYTES: u64 = 1 << 20;

/// Repairs if that is possible and confirmed; returns the exit code.
pub(super) fn run(
    options: &Options,
    partition: PartitionId,
    after: Index,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    let env = env::real::env().map_err(|error| Failure::new(code::DIRECTORY_IO, error.to_string()))?;
    let (_, sacrifice) = look(&env, options, (partition, after))?;
    if !options.yes && !io::stdin().is_terminal() {
        let _ = writeln!(io::stderr(), "{}\nnobody is here to confirm it: say --yes", sacrifice.text());
        return Ok(2);
    }
    if !options.yes && !confirmed(&sacrifice) {
        let _ = writeln!(io::stderr(), "nothing was changed");
        return Ok(1);
    }
    let boot = give_up(&env, options, &sacrifice)?;
    let printed = match options.format {
        Format::Table | Format::Wide => writeln!(out, "repaired: {}", sacrifice.text()),
        Format::Json => writeln!(out, "{}", as_json(&sacrifice, boot)),
    };
    // The repair is done, whether or not somebody reads on.
    let _ = printed;
    Ok(0)
}

/// Reads the directory and judges what is asked.
fn look(env: &Env, options: &Options, cut: (PartitionId, Index)) -> Result<(Found, Sacrifice), Failure> {
    let found = examine(&*env.files, &options.dir, Some(cut))?;
    if let Some((_, failure)) = flaws(&found).into_iter().next() {
        return Err(failure);
    }
    let log = found.log.as_ref().ok_or_else(|| unread(&found))?;
    let standings = standings_of(&found);
    if let Err(error) = &log.survey {
        return Err(Failure::new(error.code(), error.to_string()));
    }
    let standing = standings.iter().find(|standing| standing.partition == cut.0);
    let sacrifice = judge(standing, log.climbs.get(&cut.0), cut, log.last().get(&cut.0).copied());
    match found.holder {
        Holder::Process(pid) if pid != std::process::id() => {
            Err(DataDirError::InUse { path: options.dir.clone(), pid: Some(pid) }.into())
        }
        _ => sacrifice.map(|sacrifice| (found, sacrifice)),
    }
}

fn unread(found: &Found) -> Failure {
    match &found.log_unread {
        Some(error) => Failure::new(error.code(), error.to_string()),
        None => DataDirError::Incomplete { path: found.log_dir() }.into(),
    }
}

fn confirmed(sacrifice: &Sacrifice) -> bool {
    let _ = write!(io::stderr(), "{}\nGo on? Type yes: ", sacrifice.text());
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).is_ok() && answer.trim() == "yes"
}

/// Returns the boot number under which it was done.
fn give_up(env: &Env, options: &Options, sacrifice: &Sacrifice) -> Result<u64, Failure> {
    let cut = (sacrifice.partition, sacrifice.after);
    let (found, _) = look(env, options, cut)?;
    let (Some(format), Some(identity)) = (found.directory.format.good(), found.directory.identity.good())
    else {
        return Err(unread(&found));
    };
    let (cluster, node) = (Some(identity.cluster), Some(identity.node));
    let expect = Expect { cluster, node, stores: format.stores, disk: None, may_set_up: false };
    let dir = DataDir::open(env, &options.dir, expect)?;
    let (_, now) = look(env, options, cut)?;
    if now != *sacrifice {
        let what = format!("the directory has changed meanwhile: now {}", now.text());
        return Err(Failure::new(code::REPAIR_REFUSED, what));
    }
    append(env, &dir, sacrifice)?;
    verify(env, options, cut)?;
    Ok(dir.boot())
}

fn append(env: &Env, dir: &DataDir, sacrifice: &Sacrifice) -> Result<(), Failure> {
    let identity = LogIdentity { cluster: dir.cluster(), disk: dir.disk() };
    let limits = Limits { log_segment_bytes: SEGMENT_BYTES, ..Limits::default() };
    let config = LogConfig { limits, ..LogConfig::new(dir.log_dir(), identity) };
    let OpenLog { mut writer, .. } = wal::open(env.files.clone(), config, env.clock.mono())?;
    let word = Record {
        partition: sacrifice.partition,
        epoch: Epoch::default(),
        first_index: sacrifice.after + 1,
        count: 0,
        stamp: Stamp::default(),
        kind: RecordKind::AcceptLoss,
        payload: index_payload(sacrifice.after),
    };
    writer.step(env.clock.mono(), &[Append::from(word)], Urgency::Urgent)?;
    writer.finish(env.clock.mono())?;
    Ok(())
}

/// The damage must not concern the partition any more.
fn verify(env: &Env, options: &Options, (partition, after): (PartitionId, Index)) -> Result<(), Failure> {
    let found = examine(&*env.files, &options.dir, None)?;
    let standings = standings_of(&found);
    let standing = standings.iter().find(|standing| standing.partition == partition);
    match standing {
        Some(standing) if !standing.is_damaged() && standing.reach == after => Ok(()),
        _ => {
            let what =
                format!("partition {partition}: the repair is in the log, and the damage still counts");
            Err(Failure::new(code::LOG_DAMAGED, what))
        }
    }
}

fn as_json(sacrifice: &Sacrifice, boot: u64) -> String {
    serde_json::json!({
        "schema": super::report::SCHEMA,
        "repaired": {
            "partition": sacrifice.partition.0,
            "kept_upto": sacrifice.after,
            "given_up_upto": sacrifice.last,
            "boot": boot,
        },
    })
    .to_string()
}
