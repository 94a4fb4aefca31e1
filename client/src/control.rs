//! The control plane: tables, partitions, and how a node is.

use crate::Client;
use crate::connections::Connections;
use crate::error::{Access, Error};
use crate::sending::timed;
use proto::common::Header;
use proto::control::control_client::ControlClient;
use proto::control::{
    AddPartitionRequest, CreateTableRequest, CreateTableResponse, DropTableRequest, EraseQuarantinedRequest,
    ListPartitionsRequest, ListTablesRequest, Partition, RemovePartitionRequest, StatusRequest,
    StatusResponse, Table,
};
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

/// Far more than a node has to list.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// What only an operator may do. Messages are those of the wire; their headers
/// are filled in here. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Control {
    client: Client,
}

impl Control {
    pub(crate) fn new(client: Client) -> Control {
        Control { client }
    }

    /// Makes a table and its first partitions.
    pub async fn create_table(&self, request: CreateTableRequest) -> Result<CreateTableResponse, Error> {
        self.call(Access::Write, request, async |mut service, request| service.create_table(request).await)
            .await
    }

    /// Forgets a table that has no partitions.
    pub async fn drop_table(&self, name: impl Into<String>) -> Result<(), Error> {
        let request = DropTableRequest { header: None, name: name.into() };
        self.call(Access::Write, request, async |mut service, request| service.drop_table(request).await)
            .await?;
        Ok(())
    }

    /// The namespace's tables.
    pub async fn list_tables(&self) -> Result<Vec<Table>, Error> {
        let request = ListTablesRequest::default();
        let listed =
            self.call(Access::Read, request, async |mut service, request| service.list_tables(request).await);
        Ok(listed.await?.tables)
    }

    /// Adds a partition; returns its id.
    pub async fn add_partition(&self, request: AddPartitionRequest) -> Result<u64, Error> {
        let added = self
            .call(Access::Write, request, async |mut service, request| service.add_partition(request).await);
        Ok(added.await?.id)
    }

    /// Stops serving partitions and quarantines their data; returns their ids.
    pub async fn remove_partition(&self, request: RemovePartitionRequest) -> Result<Vec<u64>, Error> {
        let removed = self.call(Access::Write, request, async |mut service, request| {
            service.remove_partition(request).await
        });
        Ok(removed.await?.ids)
    }

    /// The partitions of a table, or all of the namespace.
    pub async fn list_partitions(&self, table: Option<&str>) -> Result<Vec<Partition>, Error> {
        let table = table.unwrap_or_default().to_owned();
        let request = ListPartitionsRequest { header: None, table, node: 0 };
        let listed = self
            .call(Access::Read, request, async |mut service, request| service.list_partitions(request).await);
        Ok(listed.await?.partitions)
    }

    /// Deletes the data of a removed partition, for good.
    pub async fn erase_quarantined(&self, id: u64) -> Result<(), Error> {
        let request = EraseQuarantinedRequest { header: None, id };
        self.call(Access::Write, request, async |mut service, request| {
            service.erase_quarantined(request).await
        })
        .await?;
        Ok(())
    }

    /// How the node is.
    pub async fn status(&self) -> Result<StatusResponse, Error> {
        let request = StatusRequest::default();
        self.call(Access::Read, request, async |mut service, request| service.status(request).await).await
    }

    async fn call<Q, A>(
        &self,
        access: Access,
        request: Q,
        send: impl AsyncFn(ControlClient<Channel>, Request<Q>) -> Result<Response<A>, Status>,
    ) -> Result<A, Error>
    where
        Q: Asks,
    {
        let inner = &self.client.inner;
        let connections: &Connections = inner.control.as_ref().map_err(Clone::clone)?;
        let expires = inner.expires();
        let (request, send) = (&request, &send);
        let attempt = |attempt: crate::retrying::Attempt| async move {
            let service = ControlClient::new(attempt.channel).max_decoding_message_size(ANSWER_BYTES_MAX);
            let mut request = request.clone();
            *request.header() = Some(inner.header(attempt.remaining));
            let answer = send(service, timed(request, attempt.remaining)).await;
            answer
                .map(Response::into_inner)
                .map_err(|status| Error::of_call(status, access, connections.server()))
        };
        inner.retrying.call(connections, access, expires, None, attempt).await
    }
}

/// A request with a header, as all have.
trait Asks: Clone {
    fn header(&mut self) -> &mut Option<Header>;
}

macro_rules! asks {
    ($($request:ty),* $(,)?) => {
        $(impl Asks for $request {
            fn header(&mut self) -> &mut Option<Header> {
                &mut self.header
            }
        })*
    };
}

asks!(
    AddPartitionRequest,
    CreateTableRequest,
    DropTableRequest,
    EraseQuarantinedRequest,
    ListPartitionsRequest,
    ListTablesRequest,
    RemovePartitionRequest,
    StatusRequest,
);
