//! The simulated world and its checkers.
//!
//! It is, so far: [`disk`], which enumerates every crash that a node's log and
//! store can meet on a disk that loses, tears, reorders, rots and lies, and
//! checks that nothing acknowledged is lost and nothing else appears; and
//! [`fuzz`], the bodies of the fuzz targets.
//! It is not: part of the product. Only here are planted bugs switched on.

#![allow(unexpected_cfgs, reason = "`fuzzing` is set by cargo-fuzz, whose flags replace the workspace's")]

#[cfg(not(any(tokio_unstable, fuzzing)))]
compile_error!(
    "testkit needs `--cfg tokio_unstable`: build within the workspace, whose .cargo/config.toml sets it"
);

pub mod cluster;
pub mod disk;
pub mod fibers;
pub mod fuzz;
pub mod replicas;
pub mod sim;
pub mod world;
