//! How a table's calls are sent: under names, and again while nothing, or nobody
//! knows what, was done.

use crate::error::{Access, Error};
use crate::map::Way;
use crate::ops::Name;
use crate::retrying::{Attempt, Named, after_lost};
use crate::runtime::Instant;
use crate::table::Table;
use bytes::Bytes;
use model::{OpId, code};
use proto::data::data_client::DataClient;
use proto::data::{
    GetRequest, GetResponse, Item, RemoveRequest, RemoveResponse, UpsertRequest, UpsertResponse,
};
use std::time::Duration;
use tonic::transport::Channel;
use tonic::{Request, Status};

/// More than a server can be told to answer at most. It bounds what somebody
/// else at its address can make us hold.
const ANSWER_BYTES_MAX: usize = 1200 << 20;

/// A write gets so many names at most: ids are refused by their time, and each
/// comes nearer to one that is not.
pub(crate) const NAMES_MAX: u32 = 24;

impl Table {
    /// A write of one item.
    pub(crate) async fn write<T, F>(&self, call: impl Fn(Attempt) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        self.write_named(1, call).await.0
    }

    /// A write of one item that was lost, under the name that it had.
    pub(crate) async fn resend<T, F>(
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
        inner.retrying.call(&self.way(), Access::Write, expires, Some(&mut named), call).await
    }

    /// How its calls find a node.
    fn way(&self) -> Way<'_> {
        let inner = &self.client.inner;
        Way::to(&inner.data, inner.map.as_ref(), &self.name, self.near.as_ref())
    }

    /// A write of several: what is refused for an item after an attempt that was
    /// lost may have been done by that.
    pub(crate) async fn write_all<T, F>(
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
    pub(crate) async fn write_named<T, F>(
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
                inner.retrying.call(&self.way(), Access::Write, expires, Some(&mut named), &call).await;
            names += 1;
            match written {
                Err(error) if names < NAMES_MAX && error.refuses_client() && !named.lost => {
                    named.name.refused(error.is(code::CLIENT_AHEAD));
                }
                written => return (written, Some(named)),
            }
        }
    }

    pub(crate) async fn call<T, F>(
        &self,
        access: Access,
        expires: Instant,
        call: impl Fn(Attempt) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let inner = &self.client.inner;
        inner.retrying.call(&self.way(), access, expires, None, call).await
    }

    /// A write of one item under a name that is the caller's own.
    pub(crate) async fn write_as<T, F>(&self, op: OpId, call: impl Fn(Attempt) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let inner = &self.client.inner;
        // Somebody may have sent it before: who is refused does not learn that
        // nothing was done.
        let mut named = Named { name: Name::Callers(op), items: 1, lost: false };
        let expires = inner.expires();
        let sent = inner.retrying.call(&self.way(), Access::Write, expires, Some(&mut named), call).await;
        sent.map_err(|error| after_lost(error, true))
    }

    pub(crate) async fn send_upsert(
        &self,
        attempt: Attempt,
        items: Vec<Item>,
    ) -> Result<UpsertResponse, Error> {
        self.send_changes(attempt, items, false).await
    }

    pub(crate) async fn send_changes(
        &self,
        attempt: Attempt,
        items: Vec<Item>,
        atomic: bool,
    ) -> Result<UpsertResponse, Error> {
        let header = Some(self.header_for(attempt.remaining, attempt.op, attempt.forward));
        let request = UpsertRequest { header, table: self.name.to_string(), items, atomic };
        let answer = service(attempt.channel).upsert(timed(request, attempt.remaining)).await;
        answer.map(tonic::Response::into_inner).map_err(|status| self.failed(status, Access::Write))
    }

    pub(crate) async fn send_remove(
        &self,
        attempt: Attempt,
        keys: Vec<Bytes>,
    ) -> Result<RemoveResponse, Error> {
        let header = Some(self.header_for(attempt.remaining, attempt.op, attempt.forward));
        let request =
            RemoveRequest { header, table: self.name.to_string(), keys, ..RemoveRequest::default() };
        let answer = service(attempt.channel).remove(timed(request, attempt.remaining)).await;
        answer.map(tonic::Response::into_inner).map_err(|status| self.failed(status, Access::Write))
    }

    pub(crate) async fn send_get(&self, attempt: Attempt, keys: Vec<Bytes>) -> Result<GetResponse, Error> {
        let header = Some(self.header_for(attempt.remaining, attempt.op, attempt.forward));
        let request = GetRequest { header, table: self.name.to_string(), keys };
        let answer = service(attempt.channel).get(timed(request, attempt.remaining)).await;
        answer.map(tonic::Response::into_inner).map_err(|status| self.failed(status, Access::Read))
    }

    pub(crate) fn failed(&self, status: Status, access: Access) -> Error {
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
