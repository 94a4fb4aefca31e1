//! The control plane over the map.

use super::{Asked, World};
use model::code;
use proto::Failure;
use proto::common::Header;
use proto::control::control_server::Control;
use proto::control::*;
use tonic::{Request, Response, Status, async_trait};

impl World {
    /// The namespace, `default` when the header names none.
    fn admitted(&self, header: Option<Header>) -> Result<String, Failure> {
        let Header { namespace, deadline_ms, .. } = header.unwrap_or_default();
        self.admit(Asked { namespace: namespace.clone(), deadline_ms, ..Asked::default() })?;
        Ok(if namespace.is_empty() { "default".to_owned() } else { namespace })
    }
}

fn not_here<T>() -> Result<Response<T>, Status> {
    Err(Failure::new(code::UNIMPLEMENTED, "not in this fake").into())
}

fn no_table(name: &str) -> Failure {
    Failure::new(code::NO_TABLE, format!("there is no table `{name}`"))
}

#[async_trait]
impl Control for World {
    async fn create_table(
        &self,
        request: Request<CreateTableRequest>,
    ) -> Result<Response<CreateTableResponse>, Status> {
        let request = request.into_inner();
        let namespace = self.admitted(request.header)?;
        let mut rows = self.rows();
        if rows.has(&namespace, &request.name) {
            let message = format!("there is a table `{}` already", request.name);
            return Err(Failure::new(code::TABLE_EXISTS, message).into());
        }
        rows.create(&namespace, &request.name);
        let table = rows.tables.get_mut(&(namespace.clone(), request.name.clone())).expect("just made");
        table.layout = request.layout;
        table.machine = request.machine;
        table.profile = request.profile;
        let table = table.clone();
        let add = |_| rows.add_partition(&namespace, &request.name, None, 0);
        let partitions = (0..request.partitions.max(1)).map(add).collect();
        Ok(Response::new(CreateTableResponse { table: Some(table), partitions }))
    }

    async fn drop_table(
        &self,
        request: Request<DropTableRequest>,
    ) -> Result<Response<DropTableResponse>, Status> {
        let request = request.into_inner();
        let namespace = self.admitted(request.header)?;
        let mut rows = self.rows();
        if !rows.has(&namespace, &request.name) {
            return Err(no_table(&request.name).into());
        }
        let serving = |one: &&Partition| one.table == request.name && one.state == "serving";
        let left = rows.partitions.values().filter(serving).count();
        if left > 0 {
            let message = format!("table `{}` has {left} partitions", request.name);
            return Err(Failure::new(code::TABLE_NOT_EMPTY, message).into());
        }
        rows.tables.remove(&(namespace, request.name));
        Ok(Response::new(DropTableResponse {}))
    }

    async fn list_tables(
        &self,
        request: Request<ListTablesRequest>,
    ) -> Result<Response<ListTablesResponse>, Status> {
        let namespace = self.admitted(request.into_inner().header)?;
        let rows = self.rows();
        let tables = rows.tables.values().filter(|table| table.namespace == namespace).cloned().collect();
        Ok(Response::new(ListTablesResponse { tables }))
    }

    async fn add_partition(
        &self,
        request: Request<AddPartitionRequest>,
    ) -> Result<Response<AddPartitionResponse>, Status> {
        let request = request.into_inner();
        let namespace = self.admitted(request.header)?;
        let mut rows = self.rows();
        if !rows.has(&namespace, &request.table) {
            return Err(no_table(&request.table).into());
        }
        let id = rows.add_partition(&namespace, &request.table, request.range, request.id);
        Ok(Response::new(AddPartitionResponse { id }))
    }

    async fn remove_partition(
        &self,
        request: Request<RemovePartitionRequest>,
    ) -> Result<Response<RemovePartitionResponse>, Status> {
        let request = request.into_inner();
        self.admitted(request.header)?;
        let range = request.range.unwrap_or_default();
        let mut ids = Vec::new();
        for one in self.rows().partitions.values_mut().filter(|one| one.state == "serving") {
            let by_range =
                one.table == request.table && (request.allow_many || one.range.as_ref() == Some(&range));
            if (request.id != 0 && one.id == request.id) || (request.id == 0 && by_range) {
                one.state = "quarantined".to_owned();
                ids.push(one.id);
            }
        }
        if ids.is_empty() {
            return Err(Failure::new(code::NO_PARTITION, "there is no such partition").into());
        }
        Ok(Response::new(RemovePartitionResponse { ids }))
    }

    async fn list_partitions(
        &self,
        request: Request<ListPartitionsRequest>,
    ) -> Result<Response<ListPartitionsResponse>, Status> {
        let request = request.into_inner();
        let namespace = self.admitted(request.header)?;
        let rows = self.rows();
        let wanted = |one: &&Partition| {
            one.namespace == namespace && (request.table.is_empty() || one.table == request.table)
        };
        let partitions = rows.partitions.values().filter(wanted).cloned().collect();
        Ok(Response::new(ListPartitionsResponse { partitions }))
    }

    async fn erase_quarantined(
        &self,
        request: Request<EraseQuarantinedRequest>,
    ) -> Result<Response<EraseQuarantinedResponse>, Status> {
        let request = request.into_inner();
        self.admitted(request.header)?;
        let mut rows = self.rows();
        match rows.partitions.get(&request.id).map(|one| one.state.as_str()) {
            Some("quarantined") => drop(rows.partitions.remove(&request.id)),
            _ => {
                let message = format!("partition {} is not in quarantine", request.id);
                return Err(Failure::new(code::NOT_QUARANTINED, message).into());
            }
        }
        Ok(Response::new(EraseQuarantinedResponse {}))
    }

    async fn status(&self, request: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
        self.admitted(request.into_inner().header)?;
        let rows = self.rows();
        let count = |state: &str| rows.partitions.values().filter(|one| one.state == state).count() as u64;
        Ok(Response::new(StatusResponse {
            version: "0.1.0".to_owned(),
            cluster: "c1".to_owned(),
            node: 1,
            boot: 2,
            uptime_s: 3723,
            log_bytes: 3 << 20,
            tables: rows.tables.len() as u64,
            serving: count("serving"),
            failed: count("failed"),
            quarantined: count("quarantined"),
            warnings: Vec::new(),
        }))
    }

    async fn alter_table(
        &self,
        _: Request<AlterTableRequest>,
    ) -> Result<Response<AlterTableResponse>, Status> {
        not_here()
    }

    async fn snapshot(&self, _: Request<SnapshotRequest>) -> Result<Response<JobResponse>, Status> {
        not_here()
    }

    async fn split(&self, _: Request<SplitRequest>) -> Result<Response<JobResponse>, Status> {
        not_here()
    }

    async fn merge(&self, _: Request<MergeRequest>) -> Result<Response<JobResponse>, Status> {
        not_here()
    }

    async fn r#move(&self, _: Request<MoveRequest>) -> Result<Response<JobResponse>, Status> {
        not_here()
    }

    async fn transfer(&self, _: Request<TransferRequest>) -> Result<Response<JobResponse>, Status> {
        not_here()
    }

    async fn plan(&self, _: Request<PlanRequest>) -> Result<Response<PlanResponse>, Status> {
        not_here()
    }

    async fn apply_plan(&self, _: Request<ApplyPlanRequest>) -> Result<Response<JobResponse>, Status> {
        not_here()
    }

    async fn drain(&self, _: Request<DrainRequest>) -> Result<Response<JobResponse>, Status> {
        not_here()
    }

    async fn decommission(&self, _: Request<DecommissionRequest>) -> Result<Response<JobResponse>, Status> {
        not_here()
    }

    async fn attach_directory(
        &self,
        _: Request<AttachDirectoryRequest>,
    ) -> Result<Response<JobResponse>, Status> {
        not_here()
    }

    async fn get_job(&self, _: Request<GetJobRequest>) -> Result<Response<JobResponse>, Status> {
        not_here()
    }
}
