//! Exports: a partition's rows on their way from the node that leads it to one whose
//! replica its log cannot bring up.
//!
//! ```text
//! replica is behind ─► Fetch: wish ──────────► Source: export of the store, and what
//!                       │                               its history rests on
//!                       │ ◄─────── offer: which files, with which checksums
//!                       │ ─► take ─► ◄─ piece   (missing ones only, a window at a time)
//!                       ▼
//!            replica: fetched ─► take export ─► the store's place ─► taken
//! ```
//!
//! Whoever fetches asks for each piece, so what is lost is asked again, and what is
//! there already is not. A fetch that begins anew keeps the files of the one before
//! that are the same. Messages travel in the links' lane for what is long.

mod fetch;
mod home;
mod source;
mod staff;
mod wire;

pub(crate) use home::Home;
pub(crate) use staff::{Errands, Office, Staff};
