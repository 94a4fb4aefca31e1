//! Fetching an export: which files are missing is asked for, a window at a time, and
//! what is lost is asked for again.

use super::home::Home;
use super::wire::{Letter, Part, Word};
use bytes::Bytes;
use env::{EntryKind, LogDevice, Mono, sometimes};
use model::{NodeId, PartitionId};
use replication::raft::rests_at;
use statestore::manifest::{File, Manifest, NAME, fingerprint};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const PIECE_BYTES: u32 = 256 << 10;
/// What may be asked for and not be here.
const WINDOW_BYTES: u64 = 2 << 20;
/// An export takes a while to be made.
const OFFER_MS: u64 = 5_000;
/// A piece does not.
const PIECE_MS: u64 = 2_000;
/// Asked so often in vain: there is nobody. Whoever gives one may have another to make
/// first, which takes as long as there is much in it.
const AGAIN_MAX: u32 = 30;

/// One fetch.
pub(super) struct Fetch {
    partition: PartitionId,
    pub leader: NodeId,
    serial: u64,
    dir: PathBuf,
    stage: Stage,
    /// When something was last heard, or asked again.
    since: Mono,
    again: u32,
    bytes_per_s: u64,
}

enum Stage {
    Wished,
    Loading(Loading),
    /// All of it is here, and rests on this.
    Staged(Bytes),
}

struct Loading {
    base: Bytes,
    manifest: Manifest,
    written: Bytes,
    /// The file that is being loaded.
    file: usize,
    device: Option<Arc<dyn LogDevice>>,
    /// What of it is here, and what was asked for.
    here: u64,
    asked: u64,
    /// No more is asked for before: a link has other things to carry, too.
    not_before: Mono,
}

/// What a fetch wants done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Say this to the leader.
    Say(Letter),
    /// It is all here, and rests on this.
    Fetched(Bytes),
    /// It cannot be had from there now.
    Failed,
}

impl Fetch {
    /// Begins. Its serial tells its answers from others'.
    pub fn begin(
        now: Mono,
        home: &Home,
        (partition, leader): (PartitionId, NodeId),
        serial: u64,
        bytes_per_s: u64,
    ) -> (Fetch, Step) {
        let (dir, stage) = (home.coming(partition), Stage::Wished);
        let fetch = Fetch { partition, leader, serial, dir, stage, since: now, again: 0, bytes_per_s };
        let wish = fetch.say(Word::Wish);
        (fetch, wish)
    }

    /// Where the files are, once all are, and what they rest on.
    pub fn staged(&self) -> Option<(&Path, &Bytes)> {
        match &self.stage {
            Stage::Staged(base) => Some((&self.dir, base)),
            Stage::Wished | Stage::Loading(_) => None,
        }
    }

    /// The other side says something.
    pub fn hear(&mut self, now: Mono, home: &Home, from: NodeId, letter: Letter) -> Vec<Step> {
        if (from, letter.serial) != (self.leader, self.serial) {
            return Vec::new();
        }
        let heard = match (&mut self.stage, letter.word) {
            (Stage::Wished, Word::Offer { base, manifest }) => self.take_offer(now, home, base, manifest),
            (Stage::Loading(loading), Word::Piece(part, data)) => match loading.take(part, &data) {
                Ok(true) => self.go_on(now, home),
                // It came late, or twice.
                Ok(false) => return Vec::new(),
                Err(error) => Err(error),
            },
            (Stage::Wished | Stage::Loading(_), Word::Over) => return vec![Step::Failed],
            _ => return Vec::new(),
        };
        (self.since, self.again) = (now, 0);
        heard.unwrap_or_else(|error| self.fail(&error))
    }

    /// Asks again what was lost.
    pub fn tick(&mut self, now: Mono, home: &Home) -> Vec<Step> {
        if self.wakes_at().is_none_or(|at| now < at) {
            return Vec::new();
        }
        if now < self.since.plus_ms(self.patience_ms()) {
            // It was only held up.
            return self.go_on(now, home).unwrap_or_else(|error| self.fail(&error));
        }
        self.again += 1;
        self.since = now;
        if self.again > AGAIN_MAX {
            return vec![Step::Failed, self.say(Word::Over)];
        }
        sometimes!("a piece of an export was asked for again");
        match &mut self.stage {
            Stage::Wished => vec![self.say(Word::Wish)],
            Stage::Loading(loading) => {
                loading.asked = loading.here;
                self.go_on(now, home).unwrap_or_else(|error| self.fail(&error))
            }
            Stage::Staged(_) => Vec::new(),
        }
    }

    /// When it has something to do although nobody says anything.
    pub fn wakes_at(&self) -> Option<Mono> {
        let late = self.since.plus_ms(self.patience_ms());
        match &self.stage {
            Stage::Wished => Some(late),
            Stage::Loading(loading) if loading.wants_more() => Some(late.min(loading.not_before)),
            Stage::Loading(_) => Some(late),
            Stage::Staged(_) => None,
        }
    }

    fn patience_ms(&self) -> u64 {
        if matches!(self.stage, Stage::Wished) { OFFER_MS } else { PIECE_MS }
    }

    fn say(&self, word: Word) -> Step {
        Step::Say(Letter { partition: self.partition, serial: self.serial, word })
    }

    fn fail(&self, error: &io::Error) -> Vec<Step> {
        tracing::warn!(partition = self.partition.0, node = %self.leader, %error, "an export could not be fetched");
        vec![Step::Failed, self.say(Word::Over)]
    }

    fn take_offer(&mut self, now: Mono, home: &Home, base: Bytes, written: Bytes) -> io::Result<Vec<Step>> {
        let manifest = Manifest::decode(&written, &self.dir).map_err(io::Error::other)?;
        if manifest.partition != self.partition || rests_at(&base) != Some(manifest.applied) {
            return Err(io::Error::other("it is another partition's, or rests on another history"));
        }
        home.files().create_dir(&self.dir)?;
        for entry in home.files().list(&self.dir)? {
            let is_listed = manifest.files.iter().any(|file| file.name == entry.name);
            if !is_listed && entry.kind == EntryKind::File {
                home.files().unlink(&self.dir.join(&entry.name))?;
            }
        }
        self.stage = Stage::Loading(Loading {
            base,
            manifest,
            written,
            file: 0,
            device: None,
            here: 0,
            asked: 0,
            not_before: now,
        });
        self.go_on(now, home)
    }

    /// Asks for what is missing, or says that nothing is.
    fn go_on(&mut self, now: Mono, home: &Home) -> io::Result<Vec<Step>> {
        let (dir, bytes_per_s) = (self.dir.clone(), self.bytes_per_s);
        let Stage::Loading(loading) = &mut self.stage else { return Ok(Vec::new()) };
        if !loading.open_next(home, &dir)? {
            let path = dir.join(NAME);
            let device = home.files().create(&path)?;
            device.write_at(0, &loading.written).and_then(|()| device.sync())?;
            home.files().sync_dir(&dir)?;
            let base = std::mem::take(&mut loading.base);
            self.stage = Stage::Staged(base.clone());
            return Ok(vec![Step::Fetched(base), self.say(Word::Over)]);
        }
        let mut parts = Vec::new();
        while let Some(part) = loading.next(now, bytes_per_s) {
            parts.push(part);
        }
        Ok(parts.into_iter().map(|part| self.say(Word::Take(part))).collect())
    }
}

impl Loading {
    fn current(&self) -> Option<&File> {
        self.manifest.files.get(self.file)
    }

    fn wants_more(&self) -> bool {
        self.current().is_some_and(|file| self.asked < file.bytes) && self.asked < self.here + WINDOW_BYTES
    }

    /// The next part to ask for, if it is time.
    fn next(&mut self, now: Mono, bytes_per_s: u64) -> Option<Part> {
        if !self.wants_more() || now < self.not_before {
            return None;
        }
        let left = self.current()?.bytes - self.asked;
        let bytes = u32::try_from(left).unwrap_or(u32::MAX).min(PIECE_BYTES);
        let part = Part { file: u32::try_from(self.file).ok()?, offset: self.asked, bytes };
        self.asked += u64::from(bytes);
        let takes_ns = u64::from(bytes).saturating_mul(1_000_000_000) / bytes_per_s.max(1);
        self.not_before = Mono(self.not_before.0.max(now.0.saturating_sub(takes_ns)) + takes_ns);
        Some(part)
    }

    /// A piece is here. Pieces are asked for in their order, and come so.
    fn take(&mut self, part: Part, data: &[u8]) -> io::Result<bool> {
        let Some(device) = self.device.as_ref().filter(|_| part.file as usize == self.file) else {
            return Ok(false);
        };
        if part.offset != self.here {
            return Ok(false);
        }
        if data.is_empty() {
            return Err(io::Error::other("a file there is shorter than it should be"));
        }
        device.write_at(part.offset, data)?;
        self.here += data.len() as u64;
        self.asked = self.asked.max(self.here);
        Ok(true)
    }

    /// Has a file open that is not all here; false when there is none.
    fn open_next(&mut self, home: &Home, dir: &Path) -> io::Result<bool> {
        while let Some(file) = self.manifest.files.get(self.file) {
            let path = dir.join(&file.name);
            if let Some(device) = &self.device {
                if self.here < file.bytes {
                    return Ok(true);
                }
                if fingerprint(&**device)? != (file.bytes, file.crc32c) {
                    home.files().unlink(&path)?;
                    return Err(io::Error::other(format!("the checksum of {} does not match", file.name)));
                }
                device.sync()?;
            } else if !is_here(home, &path, file)? {
                self.device = Some(home.files().create(&path)?);
                (self.here, self.asked) = (0, 0);
                continue;
            } else {
                sometimes!("a file of an export was here already");
            }
            self.device = None;
            self.file += 1;
        }
        Ok(false)
    }
}

/// Was it fetched before? What is another file, or a part of it, goes.
fn is_here(home: &Home, path: &Path, file: &File) -> io::Result<bool> {
    match home.files().open_read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
        Ok(device) if fingerprint(&*device)? == (file.bytes, file.crc32c) => return Ok(true),
        Ok(_) => {}
    }
    home.files().unlink(path)?;
    Ok(false)
}
