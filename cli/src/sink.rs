//! Where an export goes: to standard output, or to a file that has its name only
//! when it is whole.
#![allow(clippy::disallowed_methods, reason = "a file of the caller's own")]

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file under a name of its own until it is whole. Dropped before that, it goes.
#[derive(Debug)]
pub(crate) struct Sink {
    path: PathBuf,
    partial: PathBuf,
    file: Option<File>,
}

impl Sink {
    /// Begins it.
    pub fn create(path: &Path) -> io::Result<Sink> {
        let mut name = path.file_name().map_or_else(OsString::new, OsString::from);
        name.push(".partial");
        let partial = path.with_file_name(name);
        let file = File::create(&partial).map_err(|error| at(&partial, &error))?;
        Ok(Sink { path: path.to_owned(), partial, file: Some(file) })
    }

    /// Appends.
    pub fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.write_all(bytes).map_err(|error| at(&self.partial, &error))
    }

    /// It is whole: it stays, under its name.
    pub fn finish(mut self) -> io::Result<()> {
        let Some(file) = self.file.take() else { return Ok(()) };
        let done = file.sync_all().and_then(|()| fs::rename(&self.partial, &self.path));
        done.map_err(|error| {
            let _ = fs::remove_file(&self.partial);
            at(&self.path, &error)
        })
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            // Whoever cannot write there may not be able to remove it either.
            let _ = fs::remove_file(&self.partial);
        }
    }
}

/// The same error, with the file's name.
pub(crate) fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_its_name_when_it_is_whole() {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let path = dir.path().join("rows.jsonl");
        let names = || {
            let names = fs::read_dir(dir.path()).expect("our own").map(|entry| entry.expect("a name"));
            names.map(|entry| entry.file_name().into_string().expect("text")).collect::<Vec<_>>()
        };
        fs::write(&path, "before").expect("written");
        let mut cut = Sink::create(&path).expect("a file");
        cut.write_all(b"half").expect("written");
        assert_eq!(names().len(), 2);
        drop(cut);
        assert_eq!((names(), fs::read(&path).expect("there")), (vec!["rows.jsonl".into()], b"before".into()));
        let mut whole = Sink::create(&path).expect("a file");
        whole.write_all(b"all").expect("written");
        whole.finish().expect("it stays");
        assert_eq!((names(), fs::read(&path).expect("there")), (vec!["rows.jsonl".into()], b"all".into()));
        let error = Sink::create(&dir.path().join("none/rows")).expect_err("no such directory");
        assert!(error.to_string().contains("rows.partial"), "{error}");
    }
}
