//! The name that was probably meant.

use super::environment::CLIENT_VARIABLES;
use super::keys::{self, KEYS};
use super::row::Key;

/// Where all names are, for whom no hint can be given.
const ELSEWHERE: &str = "`statehouse server --print-config` prints every key";

/// A hint for a key that names nothing.
pub fn key(given: &str) -> String {
    let given = given.replace('_', "-");
    // The right name without its section is a likelier slip than any letter.
    let bare = KEYS.iter().find(|key| key.section().is_some() && key.name() == given);
    let found = bare.map(|key| key.path).or_else(|| among(&given, KEYS.iter().map(|key| key.path)));
    hint(found)
}

/// A hint for a section that is none.
pub fn section(given: &str) -> String {
    hint(among(given, keys::sections().into_iter()))
}

/// A hint for an environment variable that names nothing.
pub fn variable(given: &str) -> String {
    let known: Vec<_> = KEYS.iter().map(Key::variable).collect();
    let ours = known.iter().map(String::as_str).chain(CLIENT_VARIABLES);
    hint(among(given, ours))
}

fn hint(found: Option<&str>) -> String {
    found.map_or_else(|| ELSEWHERE.to_owned(), |name| format!("did you mean `{name}`?"))
}

/// The closest, unless more than a third of it would have to change.
fn among<'a>(given: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let distances = names.map(|name| (strsim::osa_distance(given, name), name));
    let (distance, name) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= (name.len() / 3).max(1)).then_some(name)
}
