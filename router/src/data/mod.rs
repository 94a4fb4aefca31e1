//! The data plane: what clients of a table call.

mod account;
mod apply;
mod asking;
mod clear;
mod follow;
mod groups;
mod lookup;
mod map;
mod outcome;
mod query;
mod read;
mod scan;
mod service;
mod serving;
mod spoken;
mod stream;
mod together;
mod way;
mod worth;
mod write;

pub use service::DataService;

use crate::desk::Desk;
use crate::house::House;
use partition_mgr::directory::Directory;
use std::sync::Arc;

/// What a serving thread needs to serve it.
struct DataPlane {
    house: Arc<House>,
    directory: Arc<Directory>,
    desk: Arc<Desk>,
}
