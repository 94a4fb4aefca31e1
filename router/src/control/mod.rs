//! The control plane: privileged calls that change what exists, one after
//! another, on a thread that may wait.

mod alter;
mod cluster;
mod list;
mod scrub;
mod spec;
mod tables;

use crate::house::House;
use model::{KeyRange, PartitionId, code};
use partition_mgr::{ChangeError, Node};
use proto::Failure;
use proto::control::control_server::Control;
use proto::control::{
    AddPartitionRequest, AddPartitionResponse, AlterTableRequest, AlterTableResponse, ApplyPlanRequest,
    AttachDirectoryRequest, CopyTableRequest, CopyTableResponse, CreateTableRequest, CreateTableResponse,
    DecommissionRequest, DescribeClusterRequest, DescribeClusterResponse, DrainRequest, DropTableRequest,
    DropTableResponse, EraseQuarantinedRequest, EraseQuarantinedResponse, FormClusterRequest,
    FormClusterResponse, GetJobRequest, JobResponse, JoinClusterRequest, JoinClusterResponse,
    ListPartitionsRequest, ListPartitionsResponse, ListTablesRequest, ListTablesResponse, MergeRequest,
    MoveRequest, PlanRequest, PlanResponse, RemovePartitionRequest, RemovePartitionResponse, ScrubRequest,
    ScrubResponse, SnapshotRequest, SplitRequest, StatusRequest, StatusResponse, TransferRequest,
    UndropTableRequest, UndropTableResponse,
};
use proto::convert::{Asked, header_from_wire};
use std::sync::Arc;
use tokio::sync::oneshot;
use tonic::{Request, Response, Status};

/// The service.
#[derive(Clone)]
pub struct ControlPlane {
    house: Arc<House>,
}

type Answer<T> = Result<Response<T>, Status>;

impl ControlPlane {
    /// The service of a node.
    pub fn new(house: Arc<House>) -> ControlPlane {
        ControlPlane { house }
    }

    /// Does something with the node where waiting is allowed.
    async fn with_node<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Node) -> Result<T, Failure> + Send + 'static,
    ) -> Answer<T> {
        let (answer, answered) = oneshot::channel();
        let node = self.house.node.clone();
        let run = move || {
            let done = job(&node);
            // Before anybody hears of it, who may close the node next.
            drop(node);
            // Who hung up does not want to know; what was asked is done.
            let _ = answer.send(done);
        };
        let full = |_| Failure::new(code::OVERLOADED, "too many control calls wait already");
        self.house.changes.offer(run).map_err(full)?;
        let stopping = |_| Failure::new(code::STOPPING, "the node stopped before the call was done");
        Ok(Response::new(answered.await.map_err(stopping)??))
    }
}

fn failure(error: ChangeError) -> Failure {
    Failure::new(error.code(), error.to_string())
}

fn not_yet<T>(method: &str) -> Answer<T> {
    Err(Failure::new(code::UNIMPLEMENTED, format!("`{method}` is in the schema and not in this build"))
        .into())
}

#[tonic::async_trait]
impl Control for ControlPlane {
    async fn create_table(&self, request: Request<CreateTableRequest>) -> Answer<CreateTableResponse> {
        let request = request.into_inner();
        let asked = header_from_wire(request.header.clone())?;
        let (name, spec) = spec::table_from_wire(&asked, &request)?;
        self.with_node(move |node| {
            let ids = match request.dry_run {
                true => node.check_table(&name, &spec).map(|()| Vec::new()).map_err(failure)?,
                false => {
                    node.create_table(name.clone(), spec.clone(), request.partitions).map_err(failure)?
                }
            };
            let reaches = spec.profile.reaches(node.log_reaches());
            let table = Some(spec::table_to_wire(&name, &spec, reaches));
            Ok(CreateTableResponse { table, partitions: ids.into_iter().map(|id| id.0).collect() })
        })
        .await
    }

    async fn drop_table(&self, request: Request<DropTableRequest>) -> Answer<DropTableResponse> {
        let request = request.into_inner();
        let name = spec::name_from_wire(&header_from_wire(request.header)?, &request.name)?;
        self.with_node(move |node| tables::drop(node, &name, request.with_partitions)).await
    }

    async fn undrop_table(&self, request: Request<UndropTableRequest>) -> Answer<UndropTableResponse> {
        let request = request.into_inner();
        let asked = header_from_wire(request.header)?;
        let name = spec::name_from_wire(&asked, &request.name)?;
        let to = match &request.as_name[..] {
            "" => name.clone(),
            to => spec::name_from_wire(&asked, to)?,
        };
        let drop = Some(request.drop).filter(|drop| *drop != 0);
        self.with_node(move |node| tables::undrop(node, &name, drop, &to)).await
    }

    async fn copy_table(&self, request: Request<CopyTableRequest>) -> Answer<CopyTableResponse> {
        let request = request.into_inner();
        let asked = header_from_wire(request.header)?;
        let name = spec::name_from_wire(&asked, &request.name)?;
        let to = spec::name_from_wire(&asked, &request.new_name)?;
        self.with_node(move |node| tables::copy(node, &name, &to)).await
    }

    async fn list_tables(&self, request: Request<ListTablesRequest>) -> Answer<ListTablesResponse> {
        let request = request.into_inner();
        let asked = header_from_wire(request.header.clone())?;
        if !request.dropped {
            return Ok(Response::new(list::tables(&self.house.node, &asked, &request)));
        }
        // Who looks at what was dropped waits for changes under way.
        self.with_node(move |node| Ok(list::tables(node, &asked, &request))).await
    }

    async fn add_partition(&self, request: Request<AddPartitionRequest>) -> Answer<AddPartitionResponse> {
        let request = request.into_inner();
        let table = spec::name_from_wire(&header_from_wire(request.header)?, &request.table)?;
        let range = spec::range_from_wire(request.range)?;
        let id = Some(PartitionId(request.id)).filter(|id| id.0 != 0);
        self.with_node(move |node| {
            let id = node.add_partition(&table, range, id).map_err(failure)?;
            Ok(AddPartitionResponse { id: id.0 })
        })
        .await
    }

    async fn remove_partition(
        &self,
        request: Request<RemovePartitionRequest>,
    ) -> Answer<RemovePartitionResponse> {
        let request = request.into_inner();
        let asked = header_from_wire(request.header.clone())?;
        let removal = Removal::from_wire(&asked, request)?;
        self.with_node(move |node| removal.carry_out(node, &asked)).await
    }

    async fn list_partitions(
        &self,
        request: Request<ListPartitionsRequest>,
    ) -> Answer<ListPartitionsResponse> {
        let request = request.into_inner();
        let asked = header_from_wire(request.header.clone())?;
        self.with_node(move |node| list::partitions(node, &asked, &request)).await
    }

    async fn erase_quarantined(
        &self,
        request: Request<EraseQuarantinedRequest>,
    ) -> Answer<EraseQuarantinedResponse> {
        let request = request.into_inner();
        let asked = header_from_wire(request.header)?;
        self.with_node(move |node| {
            let namespace = spec::namespace(&asked);
            node.erase(namespace, PartitionId(request.id), request.early).map_err(failure)?;
            Ok(EraseQuarantinedResponse {})
        })
        .await
    }

    async fn form_cluster(&self, request: Request<FormClusterRequest>) -> Answer<FormClusterResponse> {
        header_from_wire(request.into_inner().header)?;
        self.with_node(|node| {
            node.form().map_err(failure)?;
            Ok(FormClusterResponse { cluster: cluster::describe(node) })
        })
        .await
    }

    async fn join_cluster(&self, request: Request<JoinClusterRequest>) -> Answer<JoinClusterResponse> {
        let request = request.into_inner();
        header_from_wire(request.header.clone())?;
        let (spec, cluster) = cluster::node_from_wire(request)?;
        self.with_node(move |node| cluster::admit(node, spec, cluster)).await
    }

    async fn describe_cluster(
        &self,
        request: Request<DescribeClusterRequest>,
    ) -> Answer<DescribeClusterResponse> {
        header_from_wire(request.into_inner().header)?;
        // It may wait for a change that is carried out here, but not for those that wait.
        let node = self.house.node.clone();
        let cluster = self.house.read(None, move || cluster::describe(&node)).await?;
        Ok(Response::new(DescribeClusterResponse { cluster }))
    }

    async fn status(&self, request: Request<StatusRequest>) -> Answer<StatusResponse> {
        header_from_wire(request.into_inner().header)?;
        self.with_node(|node| Ok(list::status(node))).await
    }

    async fn scrub(&self, request: Request<ScrubRequest>) -> Answer<ScrubResponse> {
        Ok(Response::new(scrub::scrub(&self.house, request.into_inner()).await?))
    }

    async fn alter_table(&self, request: Request<AlterTableRequest>) -> Answer<AlterTableResponse> {
        let request = request.into_inner();
        let asked = header_from_wire(request.header.clone())?;
        self.with_node(move |node| alter::alter(node, &asked, &request)).await
    }

    async fn snapshot(&self, _: Request<SnapshotRequest>) -> Answer<JobResponse> {
        not_yet("Snapshot")
    }

    async fn split(&self, _: Request<SplitRequest>) -> Answer<JobResponse> {
        not_yet("Split")
    }

    async fn merge(&self, _: Request<MergeRequest>) -> Answer<JobResponse> {
        not_yet("Merge")
    }

    async fn r#move(&self, _: Request<MoveRequest>) -> Answer<JobResponse> {
        not_yet("Move")
    }

    async fn transfer(&self, _: Request<TransferRequest>) -> Answer<JobResponse> {
        not_yet("Transfer")
    }

    async fn plan(&self, _: Request<PlanRequest>) -> Answer<PlanResponse> {
        not_yet("Plan")
    }

    async fn apply_plan(&self, _: Request<ApplyPlanRequest>) -> Answer<JobResponse> {
        not_yet("ApplyPlan")
    }

    async fn drain(&self, _: Request<DrainRequest>) -> Answer<JobResponse> {
        not_yet("Drain")
    }

    async fn decommission(&self, _: Request<DecommissionRequest>) -> Answer<JobResponse> {
        not_yet("Decommission")
    }

    async fn attach_directory(&self, _: Request<AttachDirectoryRequest>) -> Answer<JobResponse> {
        not_yet("AttachDirectory")
    }

    async fn get_job(&self, _: Request<GetJobRequest>) -> Answer<JobResponse> {
        not_yet("GetJob")
    }
}

/// Which partitions are to be removed.
enum Removal {
    ById(PartitionId),
    ByRange { table: coordinator::TableName, range: KeyRange, allow_many: bool },
}

impl Removal {
    fn from_wire(asked: &Asked, request: RemovePartitionRequest) -> Result<Removal, Failure> {
        match (request.id, request.table.is_empty()) {
            (0, true) => Err(Failure::new(code::MALFORMED, "name a partition by id, or by table and range")),
            (0, false) => {
                let table = spec::name_from_wire(asked, &request.table)?;
                let range = spec::range_from_wire(request.range)?;
                Ok(Removal::ByRange { table, range, allow_many: request.allow_many })
            }
            (id, true) => Ok(Removal::ById(PartitionId(id))),
            (_, false) => {
                let what = "name a partition by id or by table and range, not by both";
                Err(Failure::new(code::MALFORMED, what))
            }
        }
    }

    fn carry_out(&self, node: &Node, asked: &Asked) -> Result<RemovePartitionResponse, Failure> {
        let ids = match self {
            Removal::ById(id) => {
                node.remove_partition(spec::namespace(asked), *id, asked.expected_epoch).map_err(failure)?;
                vec![*id]
            }
            Removal::ByRange { table, range, allow_many } => {
                node.remove_range(table, range, *allow_many, asked.expected_epoch).map_err(failure)?
            }
        };
        Ok(RemovePartitionResponse { ids: ids.into_iter().map(|id| id.0).collect() })
    }
}
