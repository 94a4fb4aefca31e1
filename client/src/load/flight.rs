//! One message of a load under way: a write of its own, sent again for what was
//! refused for now.

use crate::answer;
use crate::error::Error;
use crate::runtime;
use crate::table::Table;
use bytes::Bytes;
use model::code;
use proto::data::Item;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

/// A message under way. Dropped, nobody waits for it any more.
#[derive(Debug)]
pub(super) struct Flight {
    pub last_key: Bytes,
    pub rows: u64,
    pub bytes: u64,
    answer: oneshot::Receiver<Result<u64, Error>>,
    task: AbortHandle,
}

impl Flight {
    /// Of one item or more.
    pub fn begin(table: Table, items: Vec<Item>, bytes: u64) -> Flight {
        let last_key = items.last().map(|item| item.key.clone()).unwrap_or_default();
        let rows = items.len() as u64;
        let (told, answer) = oneshot::channel();
        // A task of its own: it goes on while more rows are gathered.
        let task = runtime::spawn(async move {
            let _ = told.send(deliver(&table, items).await);
        });
        Flight { last_key, rows, bytes, answer, task }
    }

    /// Waits until all of it is in the table: how many rows were there before. It is
    /// told once; whoever gives up waiting may ask again.
    pub async fn end(&mut self) -> Result<u64, Error> {
        let gone = || Error::new(code::UNKNOWN_OUTCOME, "the runtime ended while rows were loaded");
        (&mut self.answer).await.unwrap_or_else(|_| Err(gone()))
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Writes all of the items; how many were refused because such a row is there.
/// Keys differ, so those that were refused for now may come behind the others.
async fn deliver(table: &Table, mut items: Vec<Item>) -> Result<u64, Error> {
    let inner = &table.client.inner;
    let expires = inner.expires();
    let (mut kept, mut attempts) = (0, 0);
    loop {
        let count = items.len();
        let sent = table.write_all(count, |attempt| {
            let sent = table.send_upsert(attempt, items.clone());
            async move { answer::all_or_again(answer::written(sent.await?), count) }
        });
        let results = match sent.await {
            // Of one item alone it is the call that is refused.
            Err(error) if count == 1 && error.is(code::CONDITION_FAILED) => vec![Err(error)],
            results => results?,
        };
        let (mut left, mut why) = (Vec::new(), None);
        for (item, result) in items.iter().zip(results) {
            match result {
                Ok(_) => {}
                Err(error) if error.is(code::CONDITION_FAILED) => kept += 1,
                Err(error) if error.is_retryable() => {
                    left.push(item.clone());
                    why = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        let Some(error) = why else { return Ok(kept) };
        attempts += 1;
        if !inner.retrying.again(attempts, Duration::ZERO, expires).await {
            return Err(error);
        }
        items = left;
    }
}
