//! What the environment brings.

use super::keys::KEYS;
use super::nearest;
use super::origin::Origin;
use super::problem::Problem;
use super::raw::{Assignment, Raw, shown};
use super::row::PREFIX;
use std::ffi::{OsStr, OsString};

/// Names the file when no flag does.
pub const FILE_VARIABLE: &str = "STATEHOUSE_CONFIG";

/// Variables that begin like ours and are for somebody else: clients, tests,
/// and whoever looks for the file.
pub const CLIENT_VARIABLES: [&str; 6] = [
    FILE_VARIABLE,
    "STATEHOUSE_CONTROL_ENDPOINT",
    "STATEHOUSE_ENDPOINT",
    "STATEHOUSE_NAMESPACE",
    "STATEHOUSE_PYTHON",
    "STATEHOUSE_WRITE_FIXTURES",
];

/// What every variable of ours sets, or what is wrong with it.
pub fn read(environment: &[(OsString, OsString)]) -> Vec<Result<Assignment, Problem>> {
    let mut variables: Vec<_> = environment
        .iter()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value))
        .filter(|(name, _)| name.starts_with(PREFIX) && !CLIENT_VARIABLES.contains(&name.as_str()))
        .collect();
    // The system's order is nobody's: messages come by name.
    variables.sort();
    variables.into_iter().map(|(name, value)| assignment(name, value)).collect()
}

fn assignment(name: String, value: &OsStr) -> Result<Assignment, Problem> {
    let key = KEYS.iter().find(|key| key.variable() == name);
    let origin = Origin::Variable(shown(&name));
    let Some(key) = key else {
        return Err(Problem::new(origin, "the variable names nothing", nearest::variable(&name)));
    };
    match value.to_str() {
        Some(text) => Ok(Assignment { key, raw: Raw::Bare(text.to_owned()), origin }),
        None => {
            let what = format!("`{}` is given bytes that are no text", key.path);
            Err(Problem::new(origin, what, format!("accepted: {}", key.kind)))
        }
    }
}
