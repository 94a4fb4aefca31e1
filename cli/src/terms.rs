//! What has to hold of a row before a verb changes it.

use clap::Args;
use client::Condition;

/// What has to hold of the row; otherwise nothing is changed, and the exit code
/// is 1.
#[derive(Args, Clone, Copy, Debug)]
#[group(multiple = false)]
pub(crate) struct TermsArgs {
    /// Only if there is no such row.
    #[arg(long)]
    if_absent: bool,

    /// Only if there is such a row.
    #[arg(long)]
    if_present: bool,

    /// Only if the row has this revision.
    #[arg(long, value_name = "REVISION", value_parser = clap::value_parser!(u64).range(1..))]
    if_revision: Option<u64>,
}

impl TermsArgs {
    pub(crate) fn condition(self) -> Condition {
        match self {
            TermsArgs { if_revision: Some(revision), .. } => Condition::Revision(revision),
            TermsArgs { if_absent: true, .. } => Condition::Absent,
            TermsArgs { if_present: true, .. } => Condition::Present,
            TermsArgs { .. } => Condition::Always,
        }
    }
}
