//! A failure in the words of the wire: a code that never changes meaning, what
//! happened, what to do next, and what a retry may do.

use crate::common;
use model::{Code, Epoch, Index, code};
use std::fmt;

/// What a retry may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The same request will fail again.
    Never,
    /// Nothing was applied: send it again after a pause.
    Later,
    /// Nothing was applied: send it to the node named.
    Elsewhere,
    /// It may have been applied: send it again only under the same op-id.
    WithOpId,
}

/// Who holds the key instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadNode {
    /// Its data address; empty when it is not known.
    pub address: String,
    /// The epoch under which it holds it.
    pub epoch: Epoch,
    /// The version of the map that says so.
    pub map_version: u64,
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The code's number; a client may meet one that its build does not know.
    pub number: u16,
    /// What happened.
    pub message: String,
    /// What to do next.
    pub hint: String,
    /// What a retry may do.
    pub retry: Retry,
    /// With [`code::BAD_NODE`].
    pub bad_node: Option<BadNode>,
    /// With [`code::CONDITION_FAILED`]: the row's; none if there is no such row.
    pub revision: Option<Index>,
}

impl Failure {
    /// A failure of this code; what a retry may do follows from the code.
    pub fn new(code: Code, message: impl Into<String>) -> Failure {
        Failure {
            number: code.number,
            message: message.into(),
            hint: code.next.to_owned(),
            retry: retry_of(code),
            bad_node: None,
            revision: None,
        }
    }

    /// The key is elsewhere.
    pub fn bad_node(node: BadNode) -> Failure {
        let message = match node.address.is_empty() {
            true => "another node holds the key; which one is not known here".to_owned(),
            false => format!("the node at {} holds the key", node.address),
        };
        Failure { bad_node: Some(node), ..Failure::new(code::BAD_NODE, message) }
    }

    /// Is it this one?
    pub fn is(&self, code: Code) -> bool {
        self.number == code.number
    }

    /// As a message.
    pub fn to_wire(&self) -> common::Error {
        common::Error {
            code: format!("SH{:04}", self.number),
            message: self.message.clone(),
            hint: self.hint.clone(),
            retry: match self.retry {
                Retry::Never => common::Retry::Never,
                Retry::Later => common::Retry::Later,
                Retry::Elsewhere => common::Retry::Elsewhere,
                Retry::WithOpId => common::Retry::WithOpId,
            } as i32,
            bad_node: self.bad_node.as_ref().map(|node| common::BadNode {
                address: node.address.clone(),
                epoch: Some(crate::convert::epoch_to_wire(node.epoch)),
                map_version: node.map_version,
            }),
            revision: self.revision.unwrap_or(0),
        }
    }

    /// Of a message, whoever sent it.
    pub fn from_wire(error: common::Error) -> Failure {
        let number = error.code.strip_prefix("SH").and_then(|digits| digits.parse().ok());
        let retry = match common::Retry::try_from(error.retry) {
            Ok(common::Retry::Later) => Retry::Later,
            Ok(common::Retry::Elsewhere) => Retry::Elsewhere,
            Ok(common::Retry::WithOpId) => Retry::WithOpId,
            _ => Retry::Never,
        };
        let bad_node = error.bad_node.map(|node| BadNode {
            address: node.address,
            epoch: crate::convert::epoch_from_wire(node.epoch.unwrap_or_default()),
            map_version: node.map_version,
        });
        let number = number.unwrap_or(code::INTERNAL.number);
        let revision = Some(error.revision).filter(|revision| *revision > 0);
        Failure { number, message: error.message, hint: error.hint, retry, bad_node, revision }
    }
}

fn retry_of(code: Code) -> Retry {
    match code {
        code::OVERLOADED | code::STOPPING | code::LOG_FULL | code::DEADLINE_EXCEEDED => Retry::Later,
        code::UNREACHABLE | code::NOT_SENT | code::NO_LEADER => Retry::Later,
        code::BAD_NODE => Retry::Elsewhere,
        code::UNKNOWN_OUTCOME => Retry::WithOpId,
        _ => Retry::Never,
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SH{:04} {}", self.number, self.message)
    }
}

impl std::error::Error for Failure {}
