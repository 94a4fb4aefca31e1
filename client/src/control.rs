//! The control plane: tables, partitions, and how a node is.

use crate::Client;
use crate::connections::Connections;
use crate::error::{Access, Error};
use crate::map::Way;
use crate::sending::timed;
use proto::common::Header;
use proto::control::control_client::ControlClient;
use proto::control::{
    AddPartitionRequest, AlterTableRequest, AlterTableResponse, Cluster, CopyTableRequest, CopyTableResponse,
    CreateTableRequest, CreateTableResponse, DescribeClusterRequest, DropTableRequest, DroppedTable,
    EraseQuarantinedRequest, FormClusterRequest, JoinClusterRequest, JoinClusterResponse,
    ListPartitionsRequest, ListTablesRequest, ListTablesResponse, Partition, RemovePartitionRequest,
    ScrubRequest, Scrubbed, StatusRequest, StatusResponse, Table, UndropTableRequest, UndropTableResponse,
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

    /// Gives a table another name in its namespace, while it serves.
    pub async fn rename_table(
        &self,
        name: impl Into<String>,
        new_name: impl Into<String>,
    ) -> Result<Table, Error> {
        let (name, new_name) = (name.into(), new_name.into());
        let altered = self.alter_table(AlterTableRequest { name, new_name, ..Default::default() });
        Ok(altered.await?.table.unwrap_or_default())
    }

    /// Changes what can be changed of a table while it serves.
    pub async fn alter_table(&self, request: AlterTableRequest) -> Result<AlterTableResponse, Error> {
        self.call(Access::Write, request, async |mut service, request| service.alter_table(request).await)
            .await
    }

    /// Drops a table that has no partitions, or one together with them, whose
    /// data stays and can be brought back.
    pub async fn drop_table(&self, request: DropTableRequest) -> Result<Option<DroppedTable>, Error> {
        let dropped =
            self.call(Access::Write, request, async |mut service, request| service.drop_table(request).await);
        Ok(dropped.await?.dropped)
    }

    /// Brings back a table that was dropped with its partitions.
    pub async fn undrop_table(&self, request: UndropTableRequest) -> Result<UndropTableResponse, Error> {
        self.call(Access::Write, request, async |mut service, request| service.undrop_table(request).await)
            .await
    }

    /// Makes a table of another's rows, while that one serves.
    pub async fn copy_table(&self, request: CopyTableRequest) -> Result<CopyTableResponse, Error> {
        self.call(Access::Write, request, async |mut service, request| service.copy_table(request).await)
            .await
    }

    /// The namespace's tables.
    pub async fn list_tables(&self) -> Result<Vec<Table>, Error> {
        Ok(self.list_tables_of(ListTablesRequest::default()).await?.tables)
    }

    /// Tables of all namespaces, or dropped ones, where that is asked for.
    pub async fn list_tables_of(&self, request: ListTablesRequest) -> Result<ListTablesResponse, Error> {
        self.call(Access::Read, request, async |mut service, request| service.list_tables(request).await)
            .await
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
        self.list_partitions_of(ListPartitionsRequest { table, ..Default::default() }).await
    }

    /// Partitions of all namespaces, or of one node, where that is asked for.
    pub async fn list_partitions_of(&self, request: ListPartitionsRequest) -> Result<Vec<Partition>, Error> {
        let listed = self
            .call(Access::Read, request, async |mut service, request| service.list_partitions(request).await);
        Ok(listed.await?.partitions)
    }

    /// Deletes the data of a removed partition, for good.
    pub async fn erase_quarantined(&self, request: EraseQuarantinedRequest) -> Result<(), Error> {
        self.call(Access::Write, request, async |mut service, request| {
            service.erase_quarantined(request).await
        })
        .await?;
        Ok(())
    }

    /// Reads every row of a table's partitions again, or of one, and holds what
    /// events tell against them. What is wrong is in the findings.
    pub async fn scrub(
        &self,
        table: impl Into<String>,
        partition: Option<u64>,
    ) -> Result<Vec<Scrubbed>, Error> {
        let partition = partition.unwrap_or_default();
        let request = ScrubRequest { header: None, table: table.into(), partition };
        let scrubbed =
            self.call(Access::Read, request, async |mut service, request| service.scrub(request).await);
        Ok(scrubbed.await?.scrubbed)
    }

    /// How the node is.
    pub async fn status(&self) -> Result<StatusResponse, Error> {
        let request = StatusRequest::default();
        self.call(Access::Read, request, async |mut service, request| service.status(request).await).await
    }

    /// Makes of a node, which is all there is, a cluster that others may join.
    pub async fn form_cluster(&self) -> Result<Option<Cluster>, Error> {
        let request = FormClusterRequest::default();
        let formed = self
            .call(Access::Read, request, async |mut service, request| service.form_cluster(request).await);
        Ok(formed.await?.cluster)
    }

    /// Asks to be let in, as this node.
    pub async fn join_cluster(&self, request: JoinClusterRequest) -> Result<JoinClusterResponse, Error> {
        // Whoever asks again is told the same.
        self.call(Access::Read, request, async |mut service, request| service.join_cluster(request).await)
            .await
    }

    /// The cluster, as the node sees it that is asked; none where that is all there is.
    pub async fn cluster(&self) -> Result<Option<Cluster>, Error> {
        let request = DescribeClusterRequest::default();
        let described = self.call(Access::Read, request, async |mut service, request| {
            service.describe_cluster(request).await
        });
        Ok(described.await?.cluster)
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
        inner.retrying.call(&Way::any(connections), access, expires, None, attempt).await
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
    AlterTableRequest,
    CopyTableRequest,
    CreateTableRequest,
    DescribeClusterRequest,
    DropTableRequest,
    FormClusterRequest,
    JoinClusterRequest,
    EraseQuarantinedRequest,
    ListPartitionsRequest,
    ListTablesRequest,
    RemovePartitionRequest,
    ScrubRequest,
    StatusRequest,
    UndropTableRequest,
);
