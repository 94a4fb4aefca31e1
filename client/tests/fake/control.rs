//! The control plane over the map.

use super::{Asked, World, rows};
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

/// Of three nodes, one of which is away.
fn cluster() -> Cluster {
    let node = |id: u64| ClusterNode {
        id,
        disk: format!("{id:032x}"),
        peers: format!("n{id}:7402"),
        data: format!("n{id}:7400"),
        there: id != 3,
        version: 12,
        leads: 3 - id,
        undone: 0,
        replicas: 2,
        keeps_catalog: true,
    };
    Cluster {
        id: "c1".to_owned(),
        seen_by: 1,
        version: 12,
        nodes: (1..=3).map(node).collect(),
        may_go: 0,
        may_be_lost: 0,
        without_quorum: 0,
    }
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
        rows.check_free(&namespace, &request.name)?;
        let table = Table {
            namespace: namespace.clone(),
            name: request.name.clone(),
            layout: request.layout,
            machine: or_usual(request.machine, "kv"),
            profile: request.profile.map(chosen),
        };
        if request.dry_run {
            return Ok(Response::new(CreateTableResponse { table: Some(table), partitions: Vec::new() }));
        }
        rows.create(&namespace, &request.name);
        let key = (table.namespace.clone(), request.name.clone());
        rows.tables.insert(key, table.clone());
        let add = |_| rows.add_partition(&namespace, &request.name, None, 0);
        let partitions = (0..request.partitions.max(1)).map(add).collect();
        Ok(Response::new(CreateTableResponse { table: Some(table), partitions }))
    }

    async fn scrub(&self, request: Request<ScrubRequest>) -> Result<Response<ScrubResponse>, Status> {
        let request = request.into_inner();
        let namespace = self.admitted(request.header)?;
        if !self.rows().has(&namespace, &request.table) {
            return Err(Failure::new(code::NO_TABLE, format!("there is no table `{}`", request.table)).into());
        }
        // Its second partition is not as it should be.
        let findings =
            if request.partition == 2 { vec!["row a was put at 3 and is not there".into()] } else { vec![] };
        let hash = bytes::Bytes::from_static(&[7; 16]);
        let partition = request.partition;
        let one = Scrubbed {
            partition,
            index: 9,
            hash,
            rows: 4,
            bytes: 100,
            events: 3,
            findings,
            ..Default::default()
        };
        Ok(Response::new(ScrubResponse { scrubbed: vec![one] }))
    }

    async fn drop_table(
        &self,
        request: Request<DropTableRequest>,
    ) -> Result<Response<DropTableResponse>, Status> {
        let request = request.into_inner();
        let namespace = self.admitted(request.header)?;
        let mut rows = self.rows();
        let dropped = rows.drop_table(&namespace, &request.name, request.with_partitions)?;
        Ok(Response::new(DropTableResponse { dropped }))
    }

    async fn undrop_table(
        &self,
        request: Request<UndropTableRequest>,
    ) -> Result<Response<UndropTableResponse>, Status> {
        let request = request.into_inner();
        let namespace = self.admitted(request.header)?;
        let to = if request.as_name.is_empty() { &request.name } else { &request.as_name };
        let (table, partitions) = self.rows().undrop_table(&namespace, &request.name, to)?;
        Ok(Response::new(UndropTableResponse { table: Some(table), partitions }))
    }

    async fn copy_table(
        &self,
        request: Request<CopyTableRequest>,
    ) -> Result<Response<CopyTableResponse>, Status> {
        let request = request.into_inner();
        let namespace = self.admitted(request.header)?;
        let (table, partitions) = self.rows().copy_table(&namespace, &request.name, &request.new_name)?;
        Ok(Response::new(CopyTableResponse { table: Some(table), partitions }))
    }

    async fn list_tables(
        &self,
        request: Request<ListTablesRequest>,
    ) -> Result<Response<ListTablesResponse>, Status> {
        let request = request.into_inner();
        let namespace = self.admitted(request.header)?;
        let rows = self.rows();
        let is_own = |table: &&Table| request.all_namespaces || table.namespace == namespace;
        let tables = rows.tables.values().filter(is_own).cloned().collect();
        let dropped = if request.dropped { rows.dropped.clone() } else { Vec::new() };
        Ok(Response::new(ListTablesResponse { tables, dropped }))
    }

    async fn add_partition(
        &self,
        request: Request<AddPartitionRequest>,
    ) -> Result<Response<AddPartitionResponse>, Status> {
        let request = request.into_inner();
        let namespace = self.admitted(request.header)?;
        let mut rows = self.rows();
        if !rows.has(&namespace, &request.table) {
            return Err(rows::no_table(&request.table).into());
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
            (request.all_namespaces || one.namespace == namespace)
                && (request.table.is_empty() || one.table == request.table)
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
        request: Request<AlterTableRequest>,
    ) -> Result<Response<AlterTableResponse>, Status> {
        let request = request.into_inner();
        let namespace = self.admitted(request.header)?;
        if request.profile.is_some() {
            return Err(Failure::new(code::NOT_ALTERABLE, "as planned").into());
        }
        let table = self.rows().rename_table(&namespace, &request.name, &request.new_name)?;
        Ok(Response::new(AlterTableResponse { table: Some(table) }))
    }

    async fn snapshot(&self, _: Request<SnapshotRequest>) -> Result<Response<JobResponse>, Status> {
        not_here()
    }

    async fn form_cluster(
        &self,
        request: Request<FormClusterRequest>,
    ) -> Result<Response<FormClusterResponse>, Status> {
        self.admitted(request.into_inner().header)?;
        Ok(Response::new(FormClusterResponse { cluster: Some(cluster()) }))
    }

    async fn join_cluster(
        &self,
        _: Request<JoinClusterRequest>,
    ) -> Result<Response<JoinClusterResponse>, Status> {
        not_here()
    }

    async fn describe_cluster(
        &self,
        request: Request<DescribeClusterRequest>,
    ) -> Result<Response<DescribeClusterResponse>, Status> {
        self.admitted(request.into_inner().header)?;
        Ok(Response::new(DescribeClusterResponse { cluster: Some(cluster()) }))
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

fn or_usual(said: String, usual: &str) -> String {
    if said.is_empty() { usual.to_owned() } else { said }
}

/// What a node makes of what is left empty.
fn chosen(said: Profile) -> Profile {
    let log = or_usual(said.log, "local");
    let durability = if log == "none" { "memory" } else { "local" };
    let (store, binlog) = (or_usual(said.store, "rocksdb"), or_usual(said.binlog, "on"));
    let replication = or_usual(said.replication, "none");
    Profile { store, log, durability: durability.to_owned(), binlog, replication, ..said }
}
