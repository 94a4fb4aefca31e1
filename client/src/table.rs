//! A table: rows by key.

use crate::answer::{self, Removed, Row, Written};
use crate::batch::{Batcher, Batching};
use crate::change::Change;
use crate::demands::Demands;
use crate::error::{Access, Error};
use crate::ops::Name;
use crate::parts::{Results, into_parts};
use crate::retrying::Attempt;
use crate::runtime::Instant;
use crate::scan::Scan;
use crate::scope::Scope;
use crate::{Client, size};
use bytes::Bytes;
use model::code;
use proto::data::Item;
use proto::{ITEMS_MAX, KEYS_MAX, UPSERT_BYTES_MAX};
use std::collections::VecDeque;
use std::sync::Arc;

/// The rows of one table. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Table {
    pub(crate) client: Client,
    pub(crate) name: Arc<str>,
    pub(crate) demands: Arc<Demands>,
    /// Calls go to whoever leads the partition of this key, where that is known.
    pub(crate) near: Option<Bytes>,
}

impl Table {
    pub(crate) fn new(client: Client, name: Arc<str>) -> Table {
        Table { client, name, demands: Arc::default(), near: None }
    }

    /// The same table, for calls about this key.
    pub(crate) fn near(&self, key: &Bytes) -> Table {
        Table { near: Some(key.clone()), ..self.clone() }
    }

    /// The same, for a read: one that may lack something is any replica's.
    pub(crate) fn near_for_reading(&self, key: &Bytes) -> Table {
        if self.demands.any_replica_will_do() { self.clone() } else { self.near(key) }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sets a row.
    pub async fn put(&self, key: impl Into<Bytes>, value: impl Into<Bytes>) -> Result<Written, Error> {
        let item = Change::put(key, value).into_item();
        self.fits(size::item(&item))?;
        self.near(&item.key).write(|attempt| self.put_once(attempt, item.clone())).await
    }

    /// The same for one whose first attempt was lost.
    pub(crate) async fn put_again(&self, name: Name, expires: Instant, item: Item) -> Result<Written, Error> {
        self.near(&item.key).resend(name, expires, |attempt| self.put_once(attempt, item.clone())).await
    }

    async fn put_once(&self, attempt: Attempt, item: Item) -> Result<Written, Error> {
        answer::only(answer::written(self.send_upsert(attempt, vec![item]).await?))
    }

    /// Reads a row.
    pub async fn get(&self, key: impl Into<Bytes>) -> Result<Option<Row>, Error> {
        self.get_until(self.client.inner.expires(), key.into()).await
    }

    pub(crate) async fn get_until(&self, expires: Instant, key: Bytes) -> Result<Option<Row>, Error> {
        self.fits(size::key(&key))?;
        let near = self.near_for_reading(&key);
        near.call(Access::Read, expires, |attempt| {
            let sent = self.send_get(attempt, vec![key.clone()]);
            async { answer::only(answer::rows(sent.await?)) }
        })
        .await
    }

    /// Removes a row.
    pub async fn remove(&self, key: impl Into<Bytes>) -> Result<Removed, Error> {
        let key = key.into();
        self.fits(size::key(&key))?;
        self.near(&key).write(|attempt| self.remove_once(attempt, key.clone())).await
    }

    /// The same for one whose first attempt was lost.
    pub(crate) async fn remove_again(
        &self,
        name: Name,
        expires: Instant,
        key: Bytes,
    ) -> Result<Removed, Error> {
        self.near(&key).resend(name, expires, |attempt| self.remove_once(attempt, key.clone())).await
    }

    async fn remove_once(&self, attempt: Attempt, key: Bytes) -> Result<Removed, Error> {
        answer::only(answer::removed(self.send_remove(attempt, vec![key]).await?))
    }

    /// Sets rows: as few requests as the size of a request allows, one after
    /// the other. When one fails, those behind it are not sent (`SH2402`).
    ///
    /// The result is one for each item, in their order. An item that was
    /// refused alone is not sent again: the ones behind it may be applied
    /// already.
    pub async fn upsert(&self, items: impl IntoIterator<Item = Item>) -> Vec<Result<Written, Error>> {
        let items = items.into_iter().map(|item| (size::item(&item), item));
        let mut results = Results::default();
        for part in self.parts(items, ITEMS_MAX) {
            let count = part.len();
            if !results.go_on(count) {
                continue;
            }
            let sent = self.write_all(count, |attempt| {
                let sent = self.send_upsert(attempt, part.clone());
                async move { answer::all_or_again(answer::written(sent.await?), count) }
            });
            results.add(count, sent.await);
        }
        results.into_vec()
    }

    /// Removes rows, as [`Table::upsert`] sets them.
    pub async fn remove_many<K: Into<Bytes>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Vec<Result<Removed, Error>> {
        let mut results = Results::default();
        for part in self.parts(measured(keys), ITEMS_MAX) {
            let count = part.len();
            if !results.go_on(count) {
                continue;
            }
            let sent = self.write_all(count, |attempt| {
                let sent = self.send_remove(attempt, part.clone());
                async move { answer::all_or_again(answer::removed(sent.await?), count) }
            });
            results.add(count, sent.await);
        }
        results.into_vec()
    }

    /// Reads rows: one result for each key, in their order. Each 4,096 keys have
    /// as long as a call may take, however many answers their rows need.
    pub async fn get_many<K: Into<Bytes>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Vec<Result<Option<Row>, Error>> {
        let mut results = Results::default();
        let parts = self.parts(measured(keys), KEYS_MAX).into_iter();
        let mut parts: VecDeque<(Vec<Bytes>, Option<Instant>)> = parts.map(|part| (part, None)).collect();
        while let Some((mut part, expires)) = parts.pop_front() {
            let count = part.len();
            let expires = expires.unwrap_or_else(|| self.client.inner.expires());
            if !results.go_on(count) {
                continue;
            }
            let sent = self.call(Access::Read, expires, |attempt| {
                let sent = self.send_get(attempt, part.clone());
                async move { answer::all(answer::rows(sent.await?), count) }
            });
            match sent.await {
                // Too many bytes for one answer; half of the rows may fit, and
                // have the time that all had.
                Err(error) if error.is(code::ANSWER_TOO_LARGE) && count > 1 => {
                    let behind = part.split_off(count / 2);
                    parts.push_front((behind, Some(expires)));
                    parts.push_front((part, Some(expires)));
                }
                sent => results.add(count, sent),
            }
        }
        results.into_vec()
    }

    /// Reads a range of rows, as they come. Nothing is sent before the first of
    /// them is asked for.
    pub fn scan(&self, scope: Scope) -> Scan {
        Scan::new(self.clone(), scope)
    }

    /// Lets calls of many tasks travel together, with the usual bounds. Make
    /// one and share it: each has streams of its own.
    pub fn batcher(&self) -> Batcher {
        self.batcher_with(Batching::default())
    }

    /// The same, with other bounds.
    pub fn batcher_with(&self, batching: Batching) -> Batcher {
        Batcher::new(self.clone(), batching)
    }

    /// Is this alone within what a request may measure?
    pub(crate) fn fits(&self, bytes: usize) -> Result<(), Error> {
        let whole = self.frame() + bytes;
        if whole <= UPSERT_BYTES_MAX {
            return Ok(());
        }
        let message =
            format!("the item alone makes a request of {whole} bytes, {UPSERT_BYTES_MAX} are taken");
        Err(Error::new(code::BATCH_TOO_LARGE, message).with_hint("Store the value in parts."))
    }

    /// What a request measures beside its items, at most.
    pub(crate) fn frame(&self) -> usize {
        size::frame(&self.client.inner.namespace, &self.name) + self.demands.bytes()
    }

    fn parts<T>(&self, items: impl Iterator<Item = (usize, T)>, items_max: usize) -> Vec<Vec<T>> {
        into_parts(items, items_max, UPSERT_BYTES_MAX.saturating_sub(self.frame()))
    }
}

fn measured<K: Into<Bytes>>(keys: impl IntoIterator<Item = K>) -> impl Iterator<Item = (usize, Bytes)> {
    keys.into_iter().map(|key| {
        let key = key.into();
        (size::key(&key), key)
    })
}
