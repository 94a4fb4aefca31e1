//! How each fault is carried out, and how it is known to have had its effect.

use crate::disk::Frozen;
use crate::fault::Fault;
use crate::system;
use crate::world::World;
use cli::verify::{Tally, rim};
use model::code;
use std::io;
use std::time::Duration;

/// What is on its way arrives within this.
const QUIET: Duration = Duration::from_millis(150);
/// So much room is left on a full disk: less than a segment of the log.
const LEFT_BYTES: u64 = 256 << 10;
/// How long a disk stays full at most.
const FULL_FOR: Duration = Duration::from_secs(8);
/// A disk that fails is noticed by then.
const NOTICED_WITHIN: Duration = Duration::from_secs(60);

/// Carries a fault out and waits until the node serves again. An error ends the
/// run: the node is not what it should be, or the machine is not.
pub async fn strike(world: &mut World, fault: Fault) -> io::Result<()> {
    world.must_live()?;
    let mut met = true;
    match fault {
        Fault::Kill => kill(world).await?,
        Fault::Stop => stop(world).await?,
        Fault::Cut => cut(world).await?,
        Fault::Power => power(world).await?,
        Fault::Eio => eio(world).await?,
        Fault::Full => met = full(world).await?,
        Fault::Slow => slow(world).await?,
    }
    if met {
        *world.happened.entry(fault).or_default() += 1;
    }
    world.look_after_partitions().await?;
    let before = world.tally();
    let done = move |now: &Tally| now.written() > before.written() + 10 && now.read() > before.read() + 10;
    world.until(&format!("reads and writes after {fault}"), done).await
}

async fn kill(world: &mut World) -> io::Result<()> {
    if !world.kill()? {
        return Err(io::Error::other(format!("the node had ended by itself: {}", world.launch.last_words())));
    }
    world.start().await
}

/// While it stands still nobody is answered.
async fn stop(world: &mut World) -> io::Result<()> {
    let pid = world.node.pid();
    system::signal(pid, libc::SIGSTOP)?;
    let silent = silence(world, 500, 3000, |tally| tally.written() + tally.read()).await;
    system::signal(pid, libc::SIGCONT)?;
    expect(silent, "a process that is stopped answers")
}

/// While it is cut nobody is answered.
async fn cut(world: &mut World) -> io::Result<()> {
    world.link.cut(true);
    let silent = silence(world, 300, 3000, |tally| tally.written() + tally.read()).await;
    world.link.cut(false);
    expect(silent, "answers pass a link that is cut")
}

/// While syncs wait no write is acknowledged.
async fn slow(world: &mut World) -> io::Result<()> {
    let frozen = Frozen::freeze(&world.disk)?;
    let silent = silence(world, 300, 3000, Tally::written).await;
    drop(frozen);
    expect(silent, "writes are acknowledged while nothing can be written")
}

/// Lets what is under way arrive, and then some time pass; did nothing arrive
/// in that?
async fn silence(world: &mut World, least_ms: u64, most_ms: u64, count: fn(&Tally) -> u64) -> bool {
    let time = world.draw_ms(least_ms, most_ms);
    rim::pause(QUIET).await;
    let before = count(&world.tally());
    rim::pause(time).await;
    count(&world.tally()) == before
}

fn expect(holds: bool, otherwise: &str) -> io::Result<()> {
    if holds { Ok(()) } else { Err(io::Error::other(otherwise)) }
}

/// What was synced stays, what was not is gone: two files of ours say so.
async fn power(world: &mut World) -> io::Result<()> {
    world.disk.leave_witnesses()?;
    // The witness that is synced takes along what the device had by then. Only
    // what is acknowledged behind it shows whether the node syncs.
    let before = world.tally().written();
    world.until("writes before the power goes", move |now| now.written() > before + 20).await?;
    world.disk.lose_power()?;
    // It may have noticed, and ended by itself.
    world.kill()?;
    world.disk.remount()?;
    world.disk.hear_witnesses().map_err(io::Error::other)?;
    world.start().await
}

/// The process has to notice, and to end by itself with a code of the log or of
/// a store.
async fn eio(world: &mut World) -> io::Result<()> {
    let said_before = world.launch.errors().len();
    world.disk.fail()?;
    let Some(status) = world.node.end_within(NOTICED_WITHIN).await? else {
        return Err(io::Error::other(format!(
            "the node goes on for {NOTICED_WITHIN:?} on a disk that fails"
        )));
    };
    let errors = world.launch.errors();
    let said = errors.get(said_before..).unwrap_or_default();
    let named = ["SH11", "SH12"].iter().any(|code| said.contains(code));
    if status.success() || !named {
        return Err(io::Error::other(format!("the node ended ({status}) without a code: {said}")));
    }
    eprintln!("  the node ended by itself ({status}): {}", world.launch.last_words());
    world.kill()?;
    world.disk.remount()?;
    world.start().await
}

/// Writes are refused by name, or go on where the log has segments to use
/// again; reads go on; and it recovers by itself. False when nobody met the end
/// of the disk: then it proves nothing.
async fn full(world: &mut World) -> io::Result<bool> {
    let refused = |tally: &Tally| tally.refusals.get(&code::LOG_FULL.number).copied().unwrap_or(0);
    let said_before = world.launch.errors().len();
    world.disk.fill(LEFT_BYTES)?;
    let (stopped, before) = (world.stopped, world.tally());
    let tried = world.within(FULL_FOR, |now| refused(now) > refused(&before) + 10).await;
    let after = world.tally();
    let read = match tried {
        Ok(_) => world.until("reads on a full disk", |now| now.read() > after.read() + 10).await,
        Err(failed) => Err(failed),
    };
    world.disk.empty()?;
    read?;
    let goes_on = refused(&after) > refused(&before) || after.written() > before.written();
    expect(goes_on, "on a full disk writes are neither refused nor taken")?;
    world.look_after_partitions().await?;
    expect(world.stopped == stopped, "a full disk has stopped a partition")?;
    let errors = world.launch.errors();
    let said = errors.get(said_before..).unwrap_or_default();
    Ok(refused(&after) > refused(&before) || said.contains("No space left"))
}
