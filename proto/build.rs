//! Generates the wire types, without protoc, and the descriptor set that
//! reflection serves and the compatibility test compares.
#![allow(clippy::disallowed_methods, reason = "a build script has files of its own")]

use prost::Message;
use std::error::Error;
use std::path::PathBuf;

const FILES: [&str; 6] = [
    "statehouse/v1/header.proto",
    "statehouse/v1/error.proto",
    "statehouse/data/v1/data.proto",
    "statehouse/data/v1/machines.proto",
    "statehouse/control/v1/control.proto",
    "statehouse/peer/v1/peer.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let descriptors = protox::compile(FILES, ["proto"])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptor.bin"), descriptors.encode_to_vec())?;
    // Payloads are slices of what came in, not copies of it.
    tonic_prost_build::configure().bytes(".").compile_fds(descriptors)?;
    Ok(())
}
