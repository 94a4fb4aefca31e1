//! Writes on terms: only if something holds, all or nothing, or under a name of
//! the caller's own.

use crate::answer::{self, Changed};
use crate::change::Change;
use crate::error::{Access, Error};
use crate::ops::on_the_wire;
use crate::retrying::Attempt;
use crate::sending::{service, timed};
use crate::size;
use crate::table::Table;
use bytes::Bytes;
use model::OpId;
use proto::ATOMIC_ITEMS_MAX;
use proto::data::{Item, OutcomeRequest, OutcomeResponse};
use std::time::Duration;

impl Table {
    /// Changes a row if the change's condition holds. When it does not, the error
    /// is `SH2210` and says how the row stands: [`Error::revision`].
    pub async fn change(&self, change: Change) -> Result<Changed, Error> {
        let item = change.into_item();
        self.fits(size::item(&item))?;
        self.near(&item.key).write(|attempt| self.change_once(attempt, item.clone())).await
    }

    /// The row as it is lasts for so long from now on, or for ever. Was it there?
    /// Its value is neither sent nor logged again.
    pub async fn touch(&self, key: impl Into<Bytes>, ttl: Option<Duration>) -> Result<Changed, Error> {
        self.change(Change::touch(key, ttl)).await
    }

    /// Changes several rows of one partition, all or none: in this order, each
    /// seeing what those before it did, under one revision. When a condition does
    /// not hold, nothing is changed.
    pub async fn atomic(&self, changes: impl IntoIterator<Item = Change>) -> Result<Vec<Changed>, Error> {
        let items: Vec<Item> = changes.into_iter().map(Change::into_item).collect();
        if items.len() > ATOMIC_ITEMS_MAX {
            let message = format!("{} changes at once, {ATOMIC_ITEMS_MAX} are taken", items.len());
            return Err(Error::new(model::code::BATCH_TOO_LARGE, message));
        }
        self.fits(items.iter().map(size::item).sum())?;
        let near = items.first().map_or_else(|| self.clone(), |item| self.near(&item.key));
        near.write(|attempt| {
            let (sent, count) = (self.send_changes(attempt, items.clone(), true), items.len());
            async move { answer::all(answer::changed(sent.await?), count)?.into_iter().collect() }
        })
        .await
    }

    /// Changes a row under a name that the caller has written down: whoever sends
    /// it again under this name, in whichever process, has it done once.
    pub async fn change_as(&self, op: OpId, change: Change) -> Result<Changed, Error> {
        let item = change.into_item();
        self.fits(size::item(&item))?;
        self.near(&item.key).write_as(op, |attempt| self.change_once(attempt, item.clone())).await
    }

    /// What became of a change under this name: none if it was not made, and then
    /// it never is. The key is that of the row.
    pub async fn outcome(&self, key: impl Into<Bytes>, op: OpId) -> Result<Option<Changed>, Error> {
        let key = key.into();
        // Asking again asks the same: it may be sent again like a read.
        let near = self.near(&key);
        near.call(Access::Read, self.client.inner.expires(), |attempt| {
            let asked = self.ask_outcome(attempt, key.clone(), op);
            async { answer::outcome(asked.await?) }
        })
        .await
    }

    async fn change_once(&self, attempt: Attempt, item: Item) -> Result<Changed, Error> {
        answer::only(answer::changed(self.send_changes(attempt, vec![item], false).await?))
    }

    async fn ask_outcome(&self, attempt: Attempt, key: Bytes, op: OpId) -> Result<OutcomeResponse, Error> {
        let header = Some(self.header_for(attempt.remaining, attempt.op, attempt.forward));
        let request =
            OutcomeRequest { header, table: self.name().to_owned(), key, op: Some(on_the_wire(op)) };
        let answer = service(attempt.channel).outcome(timed(request, attempt.remaining)).await;
        answer.map(tonic::Response::into_inner).map_err(|status| self.failed(status, Access::Read))
    }
}
