//! Layer upon layer.

use super::agree;
use super::environment;
use super::file;
use super::keys;
use super::origin::Origin;
use super::problem::Problem;
use super::raw::Assignment;
use super::settings::Config;
use super::sources::Sources;
use super::value::Value;
use std::collections::BTreeMap;

/// A configuration that remembers where its values are from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    config: Config,
    /// Of what was given; everything else is a default.
    origins: BTreeMap<&'static str, Origin>,
}

impl Config {
    /// Reads all sources, or says everything that is wrong with them.
    pub fn load(sources: &Sources<'_>) -> Result<Loaded, Vec<Problem>> {
        let mut loaded = Loaded { config: sources.defaults.clone(), origins: BTreeMap::new() };
        let (mut problems, mut refused) = (Vec::new(), Vec::new());
        for found in given(sources) {
            match found {
                Ok(assignment) => {
                    if let Err(problem) = loaded.take(&assignment) {
                        refused.push(assignment.key.path);
                        problems.push(problem);
                    }
                }
                Err(problem) => problems.push(problem),
            }
        }
        // What names nothing may have been meant for any key, so values are
        // compared only when every other problem is a value.
        if refused.len() == problems.len() {
            problems.extend(agree::check(&loaded, &refused));
        }
        if problems.is_empty() { Ok(loaded) } else { Err(problems) }
    }
}

/// Everything that was given, what counts most at the end.
fn given(sources: &Sources<'_>) -> Vec<Result<Assignment, Problem>> {
    let mut given = Vec::new();
    if let Some((path, named_by)) = sources.named_file() {
        given.extend(file::read(sources.files, &path, &named_by));
    }
    given.extend(environment::read(&sources.environment));
    given.extend(sources.flags.iter().map(super::Flag::assignment));
    given
}

impl Loaded {
    /// The values.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The values alone.
    pub fn into_config(self) -> Config {
        self.config
    }

    /// Where a key's value is from.
    pub fn origin(&self, path: &str) -> &Origin {
        self.origins.get(path).unwrap_or(&Origin::Default)
    }

    /// A key's value; none for what is no key.
    pub fn value(&self, path: &str) -> Option<Value> {
        keys::find(path).map(|key| key.value(&self.config))
    }

    fn take(&mut self, assignment: &Assignment) -> Result<(), Problem> {
        let taken = assignment.key.take(&mut self.config, &assignment.raw);
        taken.map_err(|flaw| Problem::flaw(assignment, flaw))?;
        self.origins.insert(assignment.key.path, assignment.origin.clone());
        Ok(())
    }
}
