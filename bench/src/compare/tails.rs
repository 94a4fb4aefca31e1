//! From a write to its event: rows are written at a steady rate, whatever becomes
//! of those before, while one `Watch` of the table listens.
//!
//! Each value bears the number of its write, so that an event is known as that of
//! a write, and one that is missing or told twice is a failure.

use super::figures::Figure;
use super::histogram::Histogram;
use super::load::Client;
use super::rows::{KEYS, Random, Rows, VALUE_BYTES};
use super::scenario::Shape;
use super::systems::{Names, Statehouse, Table, Watched, connect, create_table, watch};
use crate::Failure;
use bytes::Bytes;
use proto::data::Item;
use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Writes a second.
const RATE: u64 = 10_000;
/// Before anything is counted.
const WARM_UP: Duration = Duration::from_secs(1);
/// Calls that may be under way. Far more than such a rate needs.
const SHAPE: Shape = Shape { connections: 4, in_flight: 128, items: 1 };
/// What a timer is late by is no fault of the server's.
const TIMER: Duration = Duration::from_millis(2);

/// A server that is written to, and watched.
pub struct Followed {
    server: Statehouse,
    rows: Rc<Rows>,
}

/// Of one write.
#[derive(Clone, Copy)]
struct Moments {
    sent: Instant,
    acknowledged: Option<Instant>,
    told: Option<Instant>,
}

/// What the writers and the listener share.
struct Bed {
    rows: Rc<Rows>,
    start: Instant,
    total: u64,
    next: Cell<u64>,
    moments: RefCell<Vec<Option<Moments>>>,
}

impl Followed {
    /// Starts it.
    pub async fn start(binary: &Path, dir: &Path, rows: &Rc<Rows>) -> Result<Followed, Failure> {
        let server = Statehouse::start(binary, dir).await?;
        create_table(&server.control, &Table::ROWS).await?;
        Ok(Followed { server, rows: rows.clone() })
    }

    /// Writes for so long, and listens.
    pub async fn round(&self, length: Duration) -> Result<Vec<Figure>, Failure> {
        let data = &self.server.data;
        let watched = watch(data).await?;
        let clients = connect(data, SHAPE, Some(Names::new())).await?;
        let total = RATE * (WARM_UP + length).as_secs();
        let bed = Rc::new(Bed {
            rows: self.rows.clone(),
            start: Instant::now(),
            total,
            next: Cell::new(0),
            moments: RefCell::new(vec![None; total as usize]),
        });
        let cpu_before = self.server.process.cpu_s()?;
        let mut tasks = JoinSet::new();
        tasks.spawn_local(listen(watched, bed.clone()));
        for (number, client) in clients.into_iter().enumerate() {
            tasks.spawn_local(keep_pace(client, Random::new(number as u64), bed.clone()));
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        let seconds = bed.start.elapsed().as_secs_f64();
        let cpu_s = (self.server.process.cpu_s()? - cpu_before) / seconds;
        let mut figures = figures(&bed.moments.borrow())?;
        figures.push(("cpu_share", "of a core", cpu_s));
        Ok(figures)
    }
}

/// Writes what is due, each at its time.
async fn keep_pace<C: Client>(mut client: C, mut random: Random, bed: Rc<Bed>) -> Result<(), Failure> {
    loop {
        let number = bed.next.get();
        if number == bed.total {
            return Ok(());
        }
        bed.next.set(number + 1);
        let due = bed.start + Duration::from_nanos(number * 1_000_000_000 / RATE);
        tokio::time::sleep_until(due.into()).await;
        let sent = Instant::now().min(due + TIMER);
        bed.moments.borrow_mut()[number as usize] = Some(Moments { sent, acknowledged: None, told: None });
        let key = bed.rows.key(random.below(KEYS));
        client.write(Item { key, value: value(number), ..Item::default() }).await?;
        let acknowledged = Some(Instant::now());
        if let Some(moments) = &mut bed.moments.borrow_mut()[number as usize] {
            moments.acknowledged = acknowledged;
        }
    }
}

/// Takes events until each write has had its own.
async fn listen(mut watched: Watched, bed: Rc<Bed>) -> Result<(), Failure> {
    let mut left = bed.total;
    while left > 0 {
        let values = watched.next().await?;
        let now = Instant::now();
        let mut moments = bed.moments.borrow_mut();
        for value in values {
            let of = number(&value).and_then(|number| moments.get_mut(number)?.as_mut());
            match of {
                Some(Moments { told: told @ None, .. }) => *told = Some(now),
                Some(_) => return Err("a write was told twice".into()),
                None => return Err("what was told was not written".into()),
            }
            left -= 1;
        }
    }
    Ok(())
}

/// The number of its write, and bytes of no meaning.
fn value(number: u64) -> Bytes {
    let mut value = vec![0; VALUE_BYTES];
    value[..8].copy_from_slice(&number.to_le_bytes());
    value.into()
}

fn number(value: &[u8]) -> Option<usize> {
    let bytes = value.get(..8)?.try_into().ok()?;
    usize::try_from(u64::from_le_bytes(bytes)).ok()
}

fn figures(moments: &[Option<Moments>]) -> Result<Vec<Figure>, Failure> {
    let [mut from_sending, mut from_answer] = [Histogram::new(), Histogram::new()];
    let counted = (RATE * WARM_UP.as_secs()) as usize;
    for moments in moments.iter().skip(counted) {
        let told =
            moments.and_then(|Moments { sent, acknowledged, told }| Some((sent, acknowledged?, told?)));
        let Some((sent, acknowledged, told)) = told else {
            return Err("a write has no answer or no event".into());
        };
        from_sending.add(told - sent);
        from_answer.add(told.saturating_duration_since(acknowledged));
    }
    let ms = |of: &Histogram, part| of.quantile_us(part) / 1000.0;
    Ok(vec![
        ("p50_ms", "ms", ms(&from_sending, 0.5)),
        ("p99_ms", "ms", ms(&from_sending, 0.99)),
        ("behind_answer_p99_ms", "ms", ms(&from_answer, 0.99)),
    ])
}
