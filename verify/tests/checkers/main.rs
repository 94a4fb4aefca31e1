//! The checkers are checked: valid histories pass, each kind of mistake is
//! found, the searches agree with the simplest one there is.

mod agreement;
mod ends;
mod extremes;
mod mistakes;
mod oracle;
mod rules;
mod scene;
mod told;
mod tricky;
mod vacuous;
mod valid;
mod world;
