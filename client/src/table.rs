//! A table: rows by key.

use crate::answer::{self, Removed, Row, Written};
use crate::batch::{Batcher, Batching};
use crate::error::{Access, Error};
use crate::ops::Name;
use crate::parts::{Results, into_parts};
use crate::retrying::{Attempt, Named, after_lost};
use crate::runtime::Instant;
use crate::scan::Scan;
use crate::scope::Scope;
use crate::{Client, size};
use bytes::Bytes;
use model::code;
use proto::data::data_client::DataClient;
use proto::data::{
    GetRequest, GetResponse, Item, RemoveRequest, RemoveResponse, UpsertRequest, UpsertResponse,
};
use proto::{ITEMS_MAX, KEYS_MAX, UPSERT_BYTES_MAX};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tonic::transport::Channel;
use tonic::{Request, Status};

/// More than a server can be told to answer at most. It bounds what somebody
/// else at its address can make us hold.
const ANSWER_BYTES_MAX: usize = 1200 << 20;

/// A write gets so many names at most: ids are refused by their time, and each
/// comes nearer to one that is not.
pub(crate) const NAMES_MAX: u32 = 24;

/// The rows of one table. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Table {
    pub(crate) client: Client,
    pub(crate) name: Arc<str>,
}

impl Table {
    pub(crate) fn new(client: Client, name: Arc<str>) -> Table {
        Table { client, name }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sets a row.
    pub async fn put(&self, key: impl Into<Bytes>, value: impl Into<Bytes>) -> Result<Written, Error> {
        let item = Item { key: key.into(), value: value.into() };
        self.fits(size::item(&item))?;
        self.write(|attempt| self.put_once(attempt, item.clone())).await
    }

    /// The same for one whose first attempt was lost.
    pub(crate) async fn put_again(&self, name: Name, expires: Instant, item: Item) -> Result<Written, Error> {
        self.resend(name, expires, |attempt| self.put_once(attempt, item.clone())).await
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
        self.call(Access::Read, expires, |attempt| {
            let sent = self.send_get(attempt, vec![key.clone()]);
            async { answer::only(answer::rows(sent.await?)) }
        })
        .await
    }

    /// Removes a row.
    pub async fn remove(&self, key: impl Into<Bytes>) -> Result<Removed, Error> {
        let key = key.into();
        self.fits(size::key(&key))?;
        self.write(|attempt| self.remove_once(attempt, key.clone())).await
    }

    /// The same for one whose first attempt was lost.
    pub(crate) async fn remove_again(
        &self,
        name: Name,
        expires: Instant,
        key: Bytes,
    ) -> Result<Removed, Error> {
        self.resend(name, expires, |attempt| self.remove_once(attempt, key.clone())).await
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
        size::frame(&self.client.inner.namespace, &self.name)
    }

    fn parts<T>(&self, items: impl Iterator<Item = (usize, T)>, items_max: usize) -> Vec<Vec<T>> {
        into_parts(items, items_max, UPSERT_BYTES_MAX.saturating_sub(self.frame()))
    }

    /// A write of one item.
    async fn write<T, F>(&self, call: impl Fn(Attempt) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        self.write_named(1, call).await.0
    }

    /// A write of one item that was lost, under the name that it had.
    async fn resend<T, F>(
        &self,
        name: Name,
        expires: Instant,
        call: impl Fn(Attempt) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let inner = &self.client.inner;
        let mut named = Named { name, items: 1, lost: true };
        inner.retrying.call(&inner.data, Access::Write, expires, Some(&mut named), call).await
    }

    /// A write of several: what is refused for an item after an attempt that was
    /// lost may have been done by that.
    async fn write_all<T, F>(
        &self,
        items: usize,
        call: impl Fn(Attempt) -> F,
    ) -> Result<Vec<Result<T, Error>>, Error>
    where
        F: Future<Output = Result<Vec<Result<T, Error>>, Error>>,
    {
        let (written, named) = self.write_named(items, call).await;
        let lost = named.as_ref().is_some_and(|named| named.lost);
        if let (Ok(written), Some(named)) = (&written, &named)
            && let Some(error) =
                written.iter().find_map(|one| one.as_ref().err().filter(|e| e.refuses_client()))
        {
            named.name.refused(error.is(code::CLIENT_AHEAD));
        }
        let told = |error: Error| match error.refuses_client() && !lost {
            // The first attempt: it was not done before. The next has another name.
            true => error.that_passes(),
            false => after_lost(error, lost),
        };
        Ok(written?.into_iter().map(|one| one.map_err(told)).collect())
    }

    /// A write under a name of its own. A node that refuses the client's id has
    /// done nothing under it: there is another.
    async fn write_named<T, F>(
        &self,
        items: usize,
        call: impl Fn(Attempt) -> F,
    ) -> (Result<T, Error>, Option<Named>)
    where
        F: Future<Output = Result<T, Error>>,
    {
        let inner = &self.client.inner;
        let expires = inner.expires();
        let Some(operations) = &inner.operations else {
            return (self.call(Access::Write, expires, call).await, None);
        };
        let mut names = 0;
        loop {
            let mut named = Named { name: operations.begin(items), items, lost: false };
            let written =
                inner.retrying.call(&inner.data, Access::Write, expires, Some(&mut named), &call).await;
            names += 1;
            match written {
                Err(error) if names < NAMES_MAX && error.refuses_client() && !named.lost => {
                    named.name.refused(error.is(code::CLIENT_AHEAD));
                }
                written => return (written, Some(named)),
            }
        }
    }

    async fn call<T, F>(
        &self,
        access: Access,
        expires: Instant,
        call: impl Fn(Attempt) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let inner = &self.client.inner;
        inner.retrying.call(&inner.data, access, expires, None, call).await
    }

    async fn send_upsert(&self, attempt: Attempt, items: Vec<Item>) -> Result<UpsertResponse, Error> {
        let header = Some(self.client.inner.header_of(attempt.remaining, attempt.op));
        let request = UpsertRequest { header, table: self.name.to_string(), items };
        let answer = service(attempt.channel).upsert(timed(request, attempt.remaining)).await;
        answer.map(tonic::Response::into_inner).map_err(|status| self.failed(status, Access::Write))
    }

    async fn send_remove(&self, attempt: Attempt, keys: Vec<Bytes>) -> Result<RemoveResponse, Error> {
        let header = Some(self.client.inner.header_of(attempt.remaining, attempt.op));
        let request = RemoveRequest { header, table: self.name.to_string(), keys };
        let answer = service(attempt.channel).remove(timed(request, attempt.remaining)).await;
        answer.map(tonic::Response::into_inner).map_err(|status| self.failed(status, Access::Write))
    }

    async fn send_get(&self, attempt: Attempt, keys: Vec<Bytes>) -> Result<GetResponse, Error> {
        let header = Some(self.client.inner.header(attempt.remaining));
        let request = GetRequest { header, table: self.name.to_string(), keys };
        let answer = service(attempt.channel).get(timed(request, attempt.remaining)).await;
        answer.map(tonic::Response::into_inner).map_err(|status| self.failed(status, Access::Read))
    }

    fn failed(&self, status: Status, access: Access) -> Error {
        Error::of_call(status, access, self.client.inner.data.server())
    }
}

pub(crate) fn service(channel: Channel) -> DataClient<Channel> {
    DataClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX)
}

/// The deadline as gRPC knows it.
pub(crate) fn timed<T>(message: T, remaining: Duration) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(remaining);
    request
}

fn measured<K: Into<Bytes>>(keys: impl IntoIterator<Item = K>) -> impl Iterator<Item = (usize, Bytes)> {
    keys.into_iter().map(|key| {
        let key = key.into();
        (size::key(&key), key)
    })
}
