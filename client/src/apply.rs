//! Commands and questions to a table's machine.

use crate::answer::{self, asked_another_machine, of_another_machine, receipt, senseless};
use crate::error::{Access, Error};
use crate::retrying::Attempt;
use crate::sending::{service, timed};
use crate::size;
use crate::table::Table;
use bytes::Bytes;
use model::Index;
use proto::convert::Receipt;
use proto::data::machine_command::Command;
use proto::data::machine_reply::Reply;
use proto::data::query_response::Answer;
use proto::data::{ApplyRequest, ApplyResponse, MachineCommand, QueryRequest, QueryResponse, apply_result};

/// What a machine made of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// What it said; none if the command was sent again after its answer was lost,
    /// and the reply is longer than the 1,024 bytes that are kept for that.
    pub reply: Option<Bytes>,
    /// The index of the command.
    pub revision: Index,
    /// Where that stands in history, and what it is worth.
    pub receipt: Receipt,
}

/// What a machine answered to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What it said.
    pub answer: Bytes,
    /// Of which index that is.
    pub receipt: Receipt,
}

/// A reply in the words of its machine.
pub(crate) struct Spoken {
    /// None if it was too long to be kept.
    pub reply: Option<Reply>,
    pub revision: Index,
    pub receipt: Receipt,
}

impl Table {
    /// Has the table's machine, one of the application's own, apply a command
    /// about a key.
    pub async fn apply(&self, key: impl Into<Bytes>, body: impl Into<Bytes>) -> Result<Applied, Error> {
        let Spoken { reply, revision, receipt } = self.speak(key.into(), Command::Body(body.into())).await?;
        match reply {
            Some(Reply::Body(reply)) => Ok(Applied { reply: Some(reply), revision, receipt }),
            None => Ok(Applied { reply: None, revision, receipt }),
            Some(Reply::Counter(_) | Reply::Lease(_)) => Err(of_another_machine()),
        }
    }

    /// Asks the table's machine, one of the application's own, about a key.
    pub async fn query(&self, key: impl Into<Bytes>, body: impl Into<Bytes>) -> Result<Told, Error> {
        match self.ask(key.into(), body.into()).await? {
            (Answer::Body(answer), receipt) => Ok(Told { answer, receipt }),
            _ => Err(asked_another_machine()),
        }
    }

    /// A command, in the words of its machine.
    pub(crate) async fn speak(&self, key: Bytes, command: Command) -> Result<Spoken, Error> {
        let command = MachineCommand { key, command: Some(command) };
        self.fits(size::item(&command))?;
        self.near(&command.key).write(|attempt| self.apply_once(attempt, command.clone())).await
    }

    /// A question, and the answer in the words of its machine.
    pub(crate) async fn ask(&self, key: Bytes, body: Bytes) -> Result<(Answer, Receipt), Error> {
        self.fits(size::key(&key) + size::key(&body))?;
        let expires = self.client.inner.expires();
        let near = self.near_for_reading(&key);
        near.call(Access::Read, expires, |attempt| async {
            let QueryResponse { receipt, answer } =
                self.query_once(attempt, key.clone(), body.clone()).await?;
            let receipt = answer::receipt(&Vec::from_iter(receipt), 0)?;
            Ok((answer.ok_or_else(|| senseless("an answer that says nothing"))?, receipt))
        })
        .await
    }

    async fn apply_once(&self, attempt: Attempt, command: MachineCommand) -> Result<Spoken, Error> {
        let header = Some(self.header_for(attempt.remaining, attempt.op, attempt.forward));
        let request = ApplyRequest { header, table: self.name().to_owned(), commands: vec![command] };
        let answer = service(attempt.channel).apply(timed(request, attempt.remaining)).await;
        let answer = answer.map_err(|status| self.failed(status, Access::Write))?.into_inner();
        answer::only(spoken(answer))
    }

    async fn query_once(&self, attempt: Attempt, key: Bytes, body: Bytes) -> Result<QueryResponse, Error> {
        let header = Some(self.header_for(attempt.remaining, attempt.op, attempt.forward));
        let request = QueryRequest { header, table: self.name().to_owned(), key, body };
        let answer = service(attempt.channel).query(timed(request, attempt.remaining)).await;
        answer.map(tonic::Response::into_inner).map_err(|status| self.failed(status, Access::Read))
    }
}

fn spoken(answer: ApplyResponse) -> impl ExactSizeIterator<Item = Result<Spoken, Error>> {
    let ApplyResponse { receipts, results } = answer;
    results.into_iter().map(move |result| match result.outcome {
        Some(apply_result::Outcome::Reply(said)) => {
            let receipt = receipt(&receipts, said.receipt)?;
            if said.reply.is_none() && !said.too_long {
                return Err(senseless("a reply is missing"));
            }
            Ok(Spoken { reply: said.reply, revision: said.revision, receipt })
        }
        Some(apply_result::Outcome::Error(error)) => Err(error.into()),
        None => Err(senseless("an item without an outcome")),
    })
}
