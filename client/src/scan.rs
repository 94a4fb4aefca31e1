//! Scans: rows as they come, page by page, behind a break too.

use crate::answer::{Row, expires, senseless};
use crate::error::{Access, Error};
use crate::runtime;
use crate::scope::Scope;
use crate::sending::service;
use crate::table::Table;
use bytes::Bytes;
use proto::convert::{Receipt, receipt_from_wire};
use proto::data::{ScanRequest, ScanResponse, ScannedRow};
use std::collections::VecDeque;
use std::time::Duration;
use tonic::{Request, Status, Streaming};

/// A row with its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its key.
    pub key: Bytes,
    /// The row, under the receipt of its page.
    pub row: Row,
}

/// Some rows of one partition, as they were at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The moment: no row is newer than its index. The same for all pages of a
    /// partition, unless the scan broke between them.
    pub receipt: Receipt,
    /// In the order of the scan. Their bytes are slices of one answer, which stays
    /// while any of them does.
    pub entries: Vec<Entry>,
}

/// A scan under way: ask for the [`next`](Scan::next) row, or the next
/// [`page`](Scan::page).
///
/// It holds a few pages, however much is behind them; a server waits for who is
/// slow, though not for ever. When the call breaks off for now, it is made again
/// behind the last row, as long as each page is there within the client's
/// deadline. From there on a partition's rows are of a later moment; the receipts
/// say so. A client without retries does none of that: [`Scope::after`] goes on
/// behind [`last_key`](Scan::last_key).
#[derive(Debug)]
pub struct Scan {
    table: Table,
    /// What is left; `None` when that is nothing.
    left: Option<Scope>,
    call: Option<Streaming<ScanResponse>>,
    waiting: VecDeque<Entry>,
    last_key: Option<Bytes>,
}

impl Scan {
    pub(crate) fn new(table: Table, scope: Scope) -> Scan {
        Scan { table, left: Some(scope), call: None, waiting: VecDeque::new(), last_key: None }
    }

    /// The next row; `None` behind the last, and behind an error.
    pub async fn next(&mut self) -> Option<Result<Entry, Error>> {
        loop {
            if let Some(entry) = self.waiting.pop_front() {
                return Some(Ok(entry));
            }
            match self.page().await? {
                Ok(page) => self.waiting.extend(page.entries),
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// The next rows, as they came; `None` behind the last, and behind an error. A
    /// partition without rows has a page, too.
    pub async fn page(&mut self) -> Option<Result<Page, Error>> {
        let inner = self.table.client.inner.clone();
        let expires = inner.expires();
        let mut attempts = 0;
        let mut before: Option<Error> = None;
        loop {
            self.left.as_ref()?;
            let error = match runtime::before(expires, self.receive()).await {
                Some(Ok(page)) => return page.map(Ok),
                Some(Err(error)) => error,
                None => {
                    let known = before.take();
                    known.unwrap_or_else(|| Error::expired(Access::Read, inner.data.server()))
                }
            };
            self.call = None;
            attempts += 1;
            let again = error.is_retryable() && inner.retrying.again(attempts, Duration::ZERO, expires).await;
            if !again {
                self.left = None;
                return Some(Err(error));
            }
            before = Some(error);
        }
    }

    /// The key of the last row that has come in.
    pub fn last_key(&self) -> Option<&Bytes> {
        self.last_key.as_ref()
    }

    /// What comes next of the call, which is made if there is none.
    async fn receive(&mut self) -> Result<Option<Page>, Error> {
        if self.call.is_none() {
            self.call = Some(self.begin().await?);
        }
        let Some(call) = &mut self.call else { return Ok(None) };
        let message = call.message().await.map_err(|status| failed(&self.table, status))?;
        match message {
            Some(message) => self.take(message).map(Some),
            None => {
                (self.call, self.left) = (None, None);
                Ok(None)
            }
        }
    }

    async fn begin(&self) -> Result<Streaming<ScanResponse>, Error> {
        let inner = &self.table.client.inner;
        let scope = self.left.clone().unwrap_or_default();
        // Progress is what counts here, not the time that all of it takes.
        let header = proto::common::Header { deadline_ms: 0, ..self.table.header(Duration::ZERO) };
        let request = ScanRequest {
            header: Some(header),
            table: self.table.name.to_string(),
            start: scope.start,
            end: scope.end,
            limit: scope.limit,
            reverse: scope.reverse,
            limit_bytes: scope.limit_bytes,
            after: scope.after,
        };
        let sent = service(inner.data.next()).scan(Request::new(request)).await;
        Ok(sent.map_err(|status| failed(&self.table, status))?.into_inner())
    }

    fn take(&mut self, message: ScanResponse) -> Result<Page, Error> {
        let receipt = message.receipt.ok_or_else(|| senseless("rows without a receipt"))?;
        let receipt = receipt_from_wire(&receipt).map_err(|failure| senseless(&failure.message))?;
        let entry = |row: ScannedRow| {
            let ScannedRow { key, revision, value, expires_ms } = row;
            Entry { key, row: Row { revision, value, expires: expires(expires_ms), receipt } }
        };
        let mut entries: Vec<Entry> = message.rows.into_iter().map(entry).collect();
        let bytes = self.within(&mut entries);
        if let Some(last) = entries.last() {
            self.last_key = Some(last.key.clone());
            let left = self.left.take();
            self.left = left.and_then(|left| left.behind(&last.key, entries.len() as u64, bytes));
        }
        if self.left.is_none() {
            self.call = None;
        }
        Ok(Page { receipt, entries })
    }

    /// Takes away what is beyond the limit of bytes, and counts the rest: a call
    /// that is made again has one row at least, which may be too much by then.
    fn within(&mut self, entries: &mut Vec<Entry>) -> u64 {
        let most = self.left.as_ref().map_or(0, |left| left.limit_bytes);
        let mut bytes = 0;
        for (at, entry) in entries.iter().enumerate() {
            let with_it = bytes + (entry.key.len() + entry.row.value.len()) as u64;
            if most > 0 && with_it > most && (at > 0 || self.last_key.is_some()) {
                entries.truncate(at);
                self.left = None;
                break;
            }
            bytes = with_it;
        }
        bytes
    }
}

fn failed(table: &Table, status: Status) -> Error {
    Error::of_call(status, Access::Read, table.client.inner.data.server())
}
