//! The operating system's threads.
#![allow(clippy::disallowed_methods)] // this is the seam

use crate::spawn::{Joiner, Spawn};
use std::io;
use std::thread::{Builder, JoinHandle};

/// Starts real threads.
pub struct OsThreads;

impl Spawn for OsThreads {
    fn thread(&self, name: &str, body: Box<dyn FnOnce() + Send>) -> io::Result<Box<dyn Joiner>> {
        let handle = Builder::new().name(name.to_owned()).spawn(body)?;
        Ok(Box::new(OsJoiner(handle)))
    }
}

struct OsJoiner(JoinHandle<()>);

impl Joiner for OsJoiner {
    fn join(self: Box<Self>) -> std::thread::Result<()> {
        self.0.join()
    }
}
