//! What fuzzing starts from, and what it has found, in every run: each file of
//! `fuzz/corpus/` goes through its target, as it is and with bits flipped.
//!
//! With `STATEHOUSE_WRITE_CORPORA=1` the hand-made files are written first. What
//! a fuzzer finds is put beside them under a name that says what it was.
#![allow(missing_docs, reason = "a test")]

mod seeds;

use env::Files;
use env::real::OsFiles;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use testkit::fuzz::{Body, TARGETS};

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target)
}

fn inputs(target: &str) -> Vec<(String, Vec<u8>)> {
    let dir = corpus(target);
    if std::env::var_os("STATEHOUSE_WRITE_CORPORA").is_some() {
        write(&dir, seeds::of(target));
    }
    let entries = OsFiles.list(&dir).expect("a corpus for each target");
    let read = |name: String| {
        let device = OsFiles.open_read(&dir.join(&name)).expect("there");
        let bytes = env::files::read_all(&*device).expect("read");
        (name, bytes)
    };
    entries.into_iter().map(|entry| read(entry.name)).collect()
}

fn write(dir: &Path, seeds: Vec<(String, Vec<u8>)>) {
    OsFiles.create_dir(dir).expect("made");
    for (name, bytes) in seeds {
        let _ = OsFiles.unlink(&dir.join(&name));
        OsFiles.create(&dir.join(&name)).expect("new").write_at(0, &bytes).expect("written");
    }
}

/// Runs the corpus, and each input with `flips` of its bits flipped, one at a
/// time and evenly spread.
fn replay(target: &str, flips: usize) {
    let body: Body = TARGETS.iter().find(|(name, _)| *name == target).expect("a target").1;
    let inputs = inputs(target);
    assert!(inputs.len() >= 20, "{} inputs", inputs.len());
    for (name, input) in inputs {
        eprintln!("{name}");
        body(&input);
        let bits = input.len() * 8;
        for flip in 0..flips.min(bits) {
            let bit = flip * bits / flips.min(bits);
            eprintln!("{name}, bit {bit} flipped");
            let mut flipped = input.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            body(&flipped);
        }
    }
}

#[test]
fn batches_are_decoded_or_not() {
    replay("batch_decode", 400);
}

#[test]
fn commands_are_decoded_or_not() {
    replay("commands", 400);
}

#[test]
fn formats_are_decoded_or_not() {
    replay("format_decode", 400);
}

#[test]
fn keys_are_decoded_or_not() {
    replay("keys", 400);
}

#[test]
fn logs_survive_their_crashes() {
    replay("log_crash", 2);
}

#[test]
fn segments_are_recovered_or_refused() {
    replay("log_recover", 150);
}

#[test]
fn every_corpus_has_its_target() {
    let folders = OsFiles.list(&corpus("")).expect("listed").into_iter().map(|entry| entry.name);
    let targets = TARGETS.iter().map(|(name, _)| (*name).to_owned());
    assert_eq!(folders.collect::<BTreeSet<_>>(), targets.collect());
}
