//! Reading an export back: every file is checked, byte for byte, before any
//! store takes it in. RocksDB's own import checks nothing.

use super::{File, Manifest, NAME};
use crate::error::{Attempt, StoreError};
use env::{EntryKind, Files, LogDevice};
use std::collections::BTreeMap;
use std::path::Path;

/// Read at once while a checksum is computed.
const CHUNK_BYTES: usize = 1 << 20;

/// The manifest of an export, itself checked; its files are not.
pub fn read(files: &dyn Files, dir: &Path) -> Result<Manifest, StoreError> {
    let path = dir.join(NAME);
    let device = match files.open_read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(StoreError::export_damaged(dir, "it has no manifest"));
        }
        opened => opened.attempt("opening", &path)?,
    };
    let bytes = env::files::read_all(&*device).attempt("reading", &path)?;
    Manifest::decode(&bytes, dir)
}

/// Reads the manifest and checks that the directory holds its files, whole,
/// and nothing else.
pub fn verify(files: &dyn Files, dir: &Path) -> Result<Manifest, StoreError> {
    let manifest = read(files, dir)?;
    let mut listed: BTreeMap<&str, &File> =
        manifest.files.iter().map(|file| (file.name.as_str(), file)).collect();
    for entry in files.list(dir).attempt("listing", dir)? {
        if entry.name == NAME {
            continue;
        }
        let Some(file) = listed.remove(entry.name.as_str()) else {
            return Err(StoreError::export_damaged(dir, format!("{} is not in the manifest", entry.name)));
        };
        if entry.kind != EntryKind::File {
            return Err(StoreError::export_damaged(dir, format!("{} is no file", entry.name)));
        }
        check(files, dir, file)?;
    }
    match listed.keys().next() {
        None => Ok(manifest),
        Some(name) => Err(StoreError::export_damaged(dir, format!("{name} is missing"))),
    }
}

fn check(files: &dyn Files, dir: &Path, file: &File) -> Result<(), StoreError> {
    let path = dir.join(&file.name);
    let device = files.open_read(&path).attempt("opening", &path)?;
    let (bytes, crc) = fingerprint(&*device).attempt("reading", &path)?;
    if bytes != file.bytes {
        let why = format!("{} has {bytes} bytes, not {}", file.name, file.bytes);
        return Err(StoreError::export_damaged(dir, why));
    }
    if crc != file.crc32c {
        return Err(StoreError::export_damaged(dir, format!("the checksum of {} does not match", file.name)));
    }
    // Files that came from elsewhere may be in the page cache alone, and a
    // store that takes them by link never syncs them.
    device.sync().attempt("syncing", &path)
}

/// A file's length and CRC32C, read to its end.
pub fn fingerprint(device: &dyn LogDevice) -> std::io::Result<(u64, u32)> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let (mut bytes, mut crc) = (0, 0);
    loop {
        let read = device.read_at(bytes, &mut chunk)?;
        if read == 0 {
            return Ok((bytes, crc));
        }
        crc = crc32c::crc32c_append(crc, &chunk[..read]);
        bytes += read as u64;
    }
}
