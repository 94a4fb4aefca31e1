//! The binary `statehouse`.

use std::process::ExitCode;

/// Requests are allocated on one thread and freed on another.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    server::Server::builder().main()
}
