//! Giving exports: made when they are wished for, handed out piece by piece.

use super::home::Home;
use super::staff::Office;
use super::wire::{Letter, Part, Word};
use bytes::Bytes;
use env::{Mono, files, sometimes};
use model::{NodeId, PartitionId};
use statestore::manifest::{Manifest, NAME};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// A piece is so long at most, whatever is asked for.
const PIECE_BYTES_MAX: u32 = 1 << 20;
/// One that nobody has asked for anything of for so long is not needed any more.
const IDLE_MS: u64 = 60_000;

/// Exports that are given, one for each node and partition.
pub(super) struct Source {
    home: Home,
    given: BTreeMap<(NodeId, PartitionId), Given>,
    made: u64,
}

struct Given {
    serial: u64,
    dir: PathBuf,
    manifest: Manifest,
    offer: Word,
    used: Mono,
}

impl Source {
    pub fn new(home: Home) -> Source {
        Source { home, given: BTreeMap::new(), made: 0 }
    }

    /// Somebody wants something of an export. Returns the answer.
    pub fn hear(&mut self, now: Mono, office: &dyn Office, from: NodeId, letter: &Letter) -> Option<Letter> {
        let Letter { partition, serial, word } = letter;
        let word = match word {
            Word::Wish => self.offer(now, office, (from, *partition), *serial),
            Word::Take(part) => self.piece(now, (from, *partition), *serial, *part)?,
            Word::Over => {
                let key = (from, *partition);
                if self.given.get(&key).is_some_and(|given| given.serial == *serial) {
                    self.drop_given(key);
                }
                return None;
            }
            Word::Offer { .. } | Word::Piece(..) => return None,
        };
        Some(Letter { partition: *partition, serial: *serial, word })
    }

    /// What nobody asks for goes.
    pub fn tick(&mut self, now: Mono) {
        let idle = |given: &Given| now.ms_since(given.used) >= IDLE_MS;
        let old: Vec<_> = self.given.iter().filter(|(_, given)| idle(given)).map(|(key, _)| *key).collect();
        old.into_iter().for_each(|key| self.drop_given(key));
    }

    /// When something may have to go.
    pub fn wakes_at(&self) -> Option<Mono> {
        self.given.values().map(|given| given.used.plus_ms(IDLE_MS)).min()
    }

    fn offer(&mut self, now: Mono, office: &dyn Office, key: (NodeId, PartitionId), serial: u64) -> Word {
        if let Some(given) = self.given.get_mut(&key).filter(|given| given.serial == serial) {
            given.used = now;
            return given.offer.clone();
        }
        self.drop_given(key);
        self.made += 1;
        let dir = self.home.given(&format!("{}-{}", key.1, self.made));
        match self.make(office, key.1, &dir) {
            Ok((manifest, offer)) => {
                sometimes!("an export was given");
                let given = Given { serial, dir, manifest, offer: offer.clone(), used: now };
                self.given.insert(key, given);
                offer
            }
            Err(why) => {
                tracing::warn!(partition = key.1.0, node = %key.0, %why, "an export could not be given");
                let _ = self.home.clear(&dir);
                Word::Over
            }
        }
    }

    fn make(
        &self,
        office: &dyn Office,
        partition: PartitionId,
        dir: &Path,
    ) -> Result<(Manifest, Word), String> {
        // Until it is known what it rests on, the log has to keep that.
        office.hold(partition, true);
        let exported = office.export(partition, dir).map_err(|error| error.to_string());
        let based = exported.and_then(|manifest| {
            let base = office.base(partition, manifest.applied);
            Ok((base.ok_or("its replica is not here, or knows nothing of it")?, manifest))
        });
        office.hold(partition, false);
        let (base, manifest) = based?;
        let read =
            || -> io::Result<Vec<u8>> { files::read_all(&*self.home.files().open_read(&dir.join(NAME))?) };
        let written = read().map_err(|error| error.to_string())?;
        Ok((manifest, Word::Offer { base, manifest: written.into() }))
    }

    fn piece(&mut self, now: Mono, key: (NodeId, PartitionId), serial: u64, part: Part) -> Option<Word> {
        let Some(given) = self.given.get_mut(&key).filter(|given| given.serial == serial) else {
            // It is gone: whoever fetches begins anew.
            return Some(Word::Over);
        };
        given.used = now;
        let file = given.manifest.files.get(usize::try_from(part.file).ok()?)?;
        let mut data = vec![0; part.bytes.min(PIECE_BYTES_MAX) as usize];
        let opened = self.home.files().open_read(&given.dir.join(&file.name));
        let read = opened.and_then(|device| device.read_at(part.offset, &mut data)).ok()?;
        data.truncate(read);
        Some(Word::Piece(part, Bytes::from(data)))
    }

    fn drop_given(&mut self, key: (NodeId, PartitionId)) {
        if let Some(given) = self.given.remove(&key) {
            // What stays is removed by the next start.
            let _ = self.home.clear(&given.dir);
        }
    }
}
