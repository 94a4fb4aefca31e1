//! All users of one table: they work round by round. Between two rounds nobody
//! has a request under way, every row is read, and what was seen is judged and
//! forgotten, so that a run may last for days.

use super::content;
use super::notes::{Notes, Written};
use super::rim;
use super::tally::Tally;
use super::user;
use client::{Client, Error, Table};
use env::Rng;
use model::{Epoch, code};
use proto::Failure;
use proto::control::{CreateTableRequest, Partition, Profile};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedRwLockWriteGuard, RwLock, watch};
use tokio::task::JoinHandle;
use verify::check::{End, FinalRow, Last};
use verify::history::Row;

/// A table to be verified.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its name.
    pub table: String,
    /// `rocksdb` or `memory`.
    pub store: String,
    /// `local`, `store` or `none`.
    pub log: String,
    /// How many partitions it begins with.
    pub partitions: u32,
}

/// What all users of a table share.
pub(super) struct Shared {
    notes: Mutex<Notes>,
    /// The table where it is served now; none while nobody serves.
    pub tables: watch::Sender<Option<Table>>,
    pub gate: Arc<RwLock<()>>,
    /// How many keys a round has.
    pub keys: u32,
}

/// The users of one table.
pub struct Crowd {
    subject: Subject,
    shared: Arc<Shared>,
    users: Vec<JoinHandle<()>>,
    /// Of all rounds that are over.
    tally: Tally,
    /// How far each partition had come when this round began, and how many indexes
    /// its owner had taken of its own accord.
    began_at: BTreeMap<u64, (u64, u64)>,
    /// Writes of earlier rounds that may still take effect.
    hanging: u64,
    /// Who served the table in this round, and how many writes each had sent
    /// again before it.
    clients: Vec<(Client, u64)>,
}

/// Nobody has a request under way, and none begins while this is held.
pub struct Rest(#[allow(dead_code, reason = "held, not used")] OwnedRwLockWriteGuard<()>);

/// A round that is over.
pub struct Round {
    /// Which, from 0.
    pub number: u64,
    /// What users saw.
    pub written: Written,
    /// What was found when nobody worked any more.
    pub end: End,
}

impl Subject {
    /// What is chosen for it.
    pub fn profile(&self) -> Profile {
        let durability = if self.log == "none" { "memory".to_owned() } else { String::new() };
        Profile { store: self.store.clone(), log: self.log.clone(), durability, ..Profile::default() }
    }

    /// Makes the table.
    pub async fn create(&self, client: &Client) -> Result<Vec<u64>, Error> {
        let profile = self.profile();
        let request = CreateTableRequest {
            name: self.table.clone(),
            layout: "hashed".to_owned(),
            machine: "kv".to_owned(),
            profile: Some(profile),
            partitions: self.partitions,
            ..CreateTableRequest::default()
        };
        Ok(client.control().create_table(request).await?.partitions)
    }
}

impl Shared {
    pub fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Crowd {
    /// Users of a table that is there, whom nobody serves yet.
    pub async fn gather(
        subject: Subject,
        client: &Client,
        users: u32,
        keys: u32,
        rng: &Rng,
    ) -> Result<Crowd, Error> {
        let partitions = client.control().list_partitions(Some(&subject.table)).await?;
        let mut notes = Notes::default();
        notes.know(&partitions);
        let (notes, tables, gate) = (Mutex::new(notes), watch::Sender::new(None), Arc::default());
        let shared = Arc::new(Shared { notes, tables, gate, keys });
        let start = |user: u32| {
            let draws = rng.stream(&format!("{} user {user}", subject.table));
            rim::spawn(user::work(shared.clone(), user, draws))
        };
        let users = (0..users).map(start).collect();
        let began_at = partitions.iter().map(|one| (one.id, (one.applied, one.own))).collect();
        Ok(Crowd {
            subject,
            shared,
            users,
            tally: Tally::default(),
            began_at,
            hanging: 0,
            clients: Vec::new(),
        })
    }

    /// What is verified.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Where the table is served from now on.
    pub fn serve(&mut self, client: &Client) {
        self.clients.push((client.clone(), client.resent()));
        self.shared.tables.send_replace(Some(client.table(self.subject.table.as_str())));
    }

    /// Nobody serves the table for now: users wait.
    pub fn nobody_serves(&self) {
        self.shared.tables.send_replace(None);
    }

    /// What has happened so far, in numbers, this round included.
    pub fn tally(&self) -> Tally {
        let mut tally = self.tally.clone();
        tally.add(self.shared.notes().tally());
        tally
    }

    /// How many operations came to an end in this round.
    pub fn ops_of_round(&self) -> u64 {
        self.shared.notes().tally().all()
    }

    /// Waits until nobody has a request under way.
    pub async fn rest(&self) -> Rest {
        Rest(self.shared.gate.clone().write_owned().await)
    }

    /// Looks at everything and begins the next round, whose users work when
    /// `rest` is dropped. `settled`: what was of unknown outcome can no more take
    /// effect, because the process that had it is gone.
    pub async fn turn(&mut self, _rest: &Rest, client: &Client, settled: bool) -> Result<Round, Error> {
        let rows = self.rows(client).await?;
        let partitions = client.control().list_partitions(Some(&self.subject.table)).await?;
        // Each took an index of its own, or may do so yet.
        self.hanging += self.resent();
        let end = End { last: self.last(&partitions), rows };
        self.began_at = partitions.iter().map(|one| (one.id, (one.applied, one.own))).collect();
        let mut notes = self.shared.notes();
        let number = notes.round;
        let written = notes.turn();
        notes.know(&partitions);
        drop(notes);
        self.hanging = if settled { 0 } else { self.hanging + written.tally.unknown() };
        self.tally.add(&written.tally);
        Ok(Round { number, written, end })
    }

    /// How many writes were sent again in this round, which is over.
    fn resent(&mut self) -> u64 {
        let of = |(client, before): &(Client, u64)| client.resent() - before;
        let resent = self.clients.iter().map(of).sum();
        let last = self.clients.pop().map(|(client, _)| (client.resent(), client));
        self.clients = last.into_iter().map(|(resent, client)| (client, resent)).collect();
        resent
    }

    /// Whatever took an index before this round, or may have done so late, is
    /// no write of this round.
    fn last(&self, partitions: &[Partition]) -> BTreeMap<u64, Last> {
        let last = |one: &Partition| {
            let (before, own) = self.began_at.get(&one.id).copied().unwrap_or_default();
            let own = one.own.saturating_sub(own);
            (one.id, Last { index: one.applied, own: before + own + self.hanging })
        };
        partitions.iter().map(last).collect()
    }

    async fn rows(&self, client: &Client) -> Result<BTreeMap<u32, FinalRow>, Error> {
        let table = client.table(self.subject.table.as_str());
        let round = self.shared.notes().round;
        let keys: Vec<u32> = (0..self.shared.keys).collect();
        let found = table.get_many(keys.iter().map(|key| content::key(round, *key))).await;
        let mut rows = BTreeMap::new();
        for (key, found) in keys.into_iter().zip(found) {
            let found = found?;
            let row = found.as_ref().and_then(|row| {
                content::value(&row.value).map(|value| Row { revision: row.revision, value })
            });
            if let (Some(strange), None) = (&found, row) {
                self.shared.notes().add_strange(key, &strange.value);
                continue;
            }
            let partition = match &found {
                Some(row) => row.receipt.partition.0,
                None => self.place(key)?.0,
            };
            rows.insert(key, FinalRow { partition, row });
        }
        Ok(rows)
    }

    fn place(&self, key: u32) -> Result<(u64, Epoch), Error> {
        let nobody = || Failure::new(code::NO_PARTITION, format!("nobody holds key {key}")).into();
        self.shared.notes().place(key).ok_or_else(nobody)
    }
}

/// Reads every row and begins the next round, trying again while the node does
/// not answer.
pub async fn turn(
    crowd: &mut Crowd,
    rest: &Rest,
    client: &Client,
    settled: bool,
    patience: Duration,
) -> Result<Round, Error> {
    let late = rim::now() + patience;
    loop {
        match crowd.turn(rest, client, settled).await {
            Err(error) if rim::now() < late && error.is_retryable() => {
                rim::pause(Duration::from_millis(50)).await;
            }
            done => return done,
        }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.users.iter().for_each(JoinHandle::abort);
    }
}
