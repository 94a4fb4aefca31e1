//! What the command line brings.

use super::keys;
use super::nearest;
use super::origin::Origin;
use super::problem::Problem;
use super::raw::{Assignment, Raw, shown};

/// One setting from the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    name: String,
    key: String,
    /// Missing when `--set` was given no `=`.
    text: Option<String>,
}

impl Flag {
    /// A flag of its own, such as `--data-dir`, that stands for a key.
    pub fn named(name: impl Into<String>, key: impl Into<String>, text: impl Into<String>) -> Flag {
        Flag { name: name.into(), key: key.into(), text: Some(text.into()) }
    }

    /// What stands behind `--set`: `key=value`.
    pub fn set(assignment: &str) -> Flag {
        let name = "--set".to_owned();
        match assignment.split_once('=') {
            Some((key, text)) => Flag { name, key: key.to_owned(), text: Some(text.to_owned()) },
            None => Flag { name, key: assignment.to_owned(), text: None },
        }
    }

    pub(super) fn assignment(&self) -> Result<Assignment, Problem> {
        let origin = Origin::Flag(self.name.clone());
        let Some(text) = &self.text else {
            let what = format!("`{}` has no `=`", shown(&self.key));
            return Err(Problem::new(origin, what, "write it as KEY=VALUE, such as log.sync=each"));
        };
        match keys::find(&self.key) {
            Some(key) => Ok(Assignment { key, raw: Raw::Bare(text.clone()), origin }),
            None => {
                let what = format!("`{}` names nothing", shown(&self.key));
                Err(Problem::new(origin, what, nearest::key(&self.key)))
            }
        }
    }
}
