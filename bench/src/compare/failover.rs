//! Servers that agree, of which one goes: how long those who write have to wait, and
//! whether anything that was acknowledged is missing afterwards.
//!
//! Each writer has a key of its own and writes to it again and again, so a gap is one
//! that somebody had; whoever is led elsewhere has none, and the longest counts.

use super::figures::Figure;
use super::systems::{Ring, Writer};
use crate::Failure;
use bytes::Bytes;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Who write, one call under way each.
const WRITERS: usize = 32;
/// Before and after somebody goes.
const CALM: Duration = Duration::from_secs(1);
/// Whoever has not written again by then does not come back.
const GAP_MAX: Duration = Duration::from_secs(30);
/// Until then, what was answered before may still arrive.
const IN_FLIGHT: Duration = Duration::from_millis(250);
const POLL: Duration = Duration::from_millis(5);

/// What one of them has seen.
struct Seen {
    last: Instant,
    gap: Duration,
    /// Its last value that was acknowledged.
    acked: u64,
    sent: u64,
    errors: u64,
}

/// Who write, until this is dropped.
pub struct Writers {
    seen: Vec<Rc<RefCell<Seen>>>,
    readers: Vec<Writer>,
    rest: Rc<Cell<bool>>,
    tasks: JoinSet<()>,
}

impl Writers {
    /// Begins to write.
    pub fn start(ring: &Ring) -> Result<Writers, Failure> {
        let (rest, mut tasks) = (Rc::new(Cell::new(false)), JoinSet::new());
        let (mut seen, mut readers) = (Vec::new(), Vec::new());
        for number in 0..WRITERS {
            let one = Seen { last: Instant::now(), gap: Duration::ZERO, acked: 0, sent: 0, errors: 0 };
            let (one, writer) = (Rc::new(RefCell::new(one)), ring.writer()?);
            readers.push(writer.clone());
            tasks.spawn_local(write(writer, key(number), one.clone(), rest.clone()));
            seen.push(one);
        }
        Ok(Writers { seen, readers, rest, tasks })
    }

    /// From now on, gaps are counted anew.
    fn mark(&self) {
        self.seen.iter().for_each(|one| one.borrow_mut().gap = Duration::ZERO);
    }

    /// Waits until everybody has written since.
    async fn all_wrote(&self, since: Instant) -> Result<(), Failure> {
        while !self.seen.iter().all(|one| one.borrow().last > since) {
            if Instant::now() > since + GAP_MAX {
                return Err(format!("somebody could not write for {GAP_MAX:?}").into());
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// Everybody's longest gap, in ms, from the shortest to the longest.
    fn gaps(&self) -> Vec<f64> {
        let mut gaps: Vec<f64> =
            self.seen.iter().map(|one| one.borrow().gap.as_secs_f64() * 1000.0).collect();
        gaps.sort_by(f64::total_cmp);
        gaps
    }

    fn errors(&self) -> u64 {
        self.seen.iter().map(|one| one.borrow().errors).sum()
    }

    /// Lets them come to rest, and counts those whose last word is missing.
    pub async fn lost(mut self) -> Result<u64, Failure> {
        self.rest.set(true);
        while self.tasks.join_next().await.is_some() {}
        let mut lost = 0;
        for (number, (reader, one)) in self.readers.iter_mut().zip(&self.seen).enumerate() {
            let found = reader.read(key(number)).await?;
            let found = found.and_then(|value| String::from_utf8_lossy(&value).parse::<u64>().ok());
            let one = one.borrow();
            lost += u64::from(!found.is_some_and(|found| (one.acked..=one.sent).contains(&found)));
        }
        Ok(lost)
    }
}

fn key(number: usize) -> Bytes {
    Bytes::from(format!("writer-{number:02}"))
}

async fn write(mut writer: Writer, key: Bytes, seen: Rc<RefCell<Seen>>, rest: Rc<Cell<bool>>) {
    while !rest.get() {
        let number = {
            let mut one = seen.borrow_mut();
            one.sent += 1;
            one.sent
        };
        let written = writer.write(key.clone(), Bytes::from(number.to_string())).await;
        let mut one = seen.borrow_mut();
        if let Err(error) = written {
            eprintln!("a write failed: {error}");
            one.errors += 1;
            continue;
        }
        let now = Instant::now();
        one.gap = one.gap.max(now - one.last);
        (one.last, one.acked) = (now, number);
    }
}

/// What a round came to.
pub struct Told {
    /// Its figures.
    pub figures: Vec<Figure>,
    /// The longest that anybody had to wait, in ms.
    pub worst_ms: f64,
}

/// The one that leads is killed and starts again. Returns the gap that this made.
pub async fn kill(ring: &mut Ring, writers: &Writers) -> Result<Told, Failure> {
    let leader = ring.leader().await?;
    tokio::time::sleep(CALM).await;
    let errors = writers.errors();
    writers.mark();
    ring.kill(leader)?;
    writers.all_wrote(Instant::now() + IN_FLIGHT).await?;
    let gap = writers.gaps().last().copied().unwrap_or_default();
    tokio::time::sleep(CALM).await;
    writers.mark();
    ring.again(leader).await?;
    ring.leader().await?;
    tokio::time::sleep(CALM).await;
    let comes_back = writers.gaps().last().copied().unwrap_or_default();
    let errors = (writers.errors() - errors) as f64;
    let figures = vec![("gap_ms", "ms", gap), ("back_ms", "ms", comes_back), ("errors", "", errors)];
    Ok(Told { figures, worst_ms: gap.max(comes_back) })
}

/// Each of them ends in order and starts again, one after the other. Returns how long
/// writers had to wait, and how many of them in vain.
pub async fn roll(ring: &mut Ring, writers: &Writers) -> Result<Told, Failure> {
    let errors = writers.errors();
    let mut pauses = Vec::new();
    for at in 0..ring.size() {
        ring.leader().await?;
        tokio::time::sleep(CALM).await;
        writers.mark();
        ring.end(at).await?;
        ring.again(at).await?;
        writers.all_wrote(Instant::now() + IN_FLIGHT).await?;
        pauses.extend(writers.gaps());
    }
    pauses.sort_by(f64::total_cmp);
    let quantile = |part: f64| pauses[((pauses.len() - 1) as f64 * part) as usize];
    let errors = (writers.errors() - errors) as f64;
    let figures =
        vec![("p50_ms", "ms", quantile(0.5)), ("p99_ms", "ms", quantile(0.99)), ("errors", "", errors)];
    Ok(Told { figures, worst_ms: quantile(1.0) })
}
