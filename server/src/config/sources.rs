//! Everything that a configuration is made from.

use super::environment::FILE_VARIABLE;
use super::flag::Flag;
use super::origin::Origin;
use super::settings::Config;
use env::Files;
use std::ffi::OsString;
use std::path::PathBuf;

/// Everything that a configuration is made from. The later a field stands, the
/// more its values count.
pub struct Sources<'a> {
    /// What holds where nobody says anything: [`Config::default`], unless the
    /// verb has other ideas.
    pub defaults: Config,
    /// What `--config` names. Without it, what `STATEHOUSE_CONFIG` names.
    pub file: Option<PathBuf>,
    /// The way to that file.
    pub files: &'a dyn Files,
    /// Environment variables, those of others among them.
    pub environment: Vec<(OsString, OsString)>,
    /// The command line's settings, in its order.
    pub flags: Vec<Flag>,
}

impl<'a> Sources<'a> {
    /// Nothing but the defaults.
    pub fn new(files: &'a dyn Files) -> Sources<'a> {
        Sources { defaults: Config::default(), file: None, files, environment: Vec::new(), flags: Vec::new() }
    }

    /// The defaults and the environment of this process.
    pub fn of_process(files: &'a dyn Files) -> Sources<'a> {
        Sources { environment: std::env::vars_os().collect(), ..Sources::new(files) }
    }

    /// The file, and who named it.
    pub(super) fn named_file(&self) -> Option<(PathBuf, Origin)> {
        if let Some(path) = &self.file {
            return Some((path.clone(), Origin::Flag("--config".to_owned())));
        }
        let named = self.environment.iter().find(|(name, _)| name == FILE_VARIABLE);
        named.map(|(name, path)| (path.into(), Origin::Variable(name.to_string_lossy().into_owned())))
    }
}
