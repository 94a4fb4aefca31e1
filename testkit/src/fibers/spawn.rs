//! The seam that production starts its threads through.

use super::bell::FiberBell;
use super::{HostId, registry};
use env::{Bell, Joiner, Spawn};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Threads of one host.
pub struct Threads(pub HostId);

impl Spawn for Threads {
    fn thread(&self, name: &str, body: Box<dyn FnOnce() + Send>) -> io::Result<Box<dyn Joiner>> {
        let (ended, bell) = (Arc::new(AtomicBool::new(false)), Arc::new(FiberBell::new(self.0)));
        let (tell, ring) = (ended.clone(), bell.clone());
        registry::start(self.0, name, move || {
            body();
            tell.store(true, Ordering::Relaxed);
            ring.ring();
        })?;
        Ok(Box::new(FiberJoiner { ended, bell }))
    }

    fn bell(&self) -> Option<Arc<dyn Bell>> {
        Some(Arc::new(FiberBell::new(self.0)))
    }
}

struct FiberJoiner {
    ended: Arc<AtomicBool>,
    bell: Arc<FiberBell>,
}

impl Joiner for FiberJoiner {
    fn join(self: Box<Self>) -> std::thread::Result<()> {
        while !self.ended.load(Ordering::Relaxed) {
            self.bell.wait(None);
        }
        Ok(())
    }
}
