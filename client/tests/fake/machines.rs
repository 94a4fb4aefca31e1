//! Counters and leases, as far as who prints them needs them: counters add within
//! `most`, leases belong to who came first, and every other machine says what it
//! hears.

use super::{Asked, Rows, World};
use bytes::Bytes;
use model::code;
use proto::Failure;
use proto::data::counter_command::Command as CounterDo;
use proto::data::lease_command::Command as LeaseDo;
use proto::data::machine_command::Command;
use proto::data::machine_reply::Reply;
use proto::data::query_response::Answer;
use proto::data::{
    ApplyRequest, ApplyResponse, ApplyResult, CounterAdd, CounterCommand, CounterState, LeaseAcquire,
    LeaseCommand, LeaseRenew, LeaseState, MachineCommand, MachineReply, QueryRequest, QueryResponse,
    apply_result,
};
use std::collections::BTreeMap;

/// What they know.
#[derive(Default)]
pub struct Machines {
    counters: BTreeMap<Bytes, i64>,
    leases: BTreeMap<Bytes, LeaseState>,
}

impl Machines {
    fn apply(&mut self, key: Bytes, command: Command) -> Result<Reply, Failure> {
        match command {
            Command::Body(body) => Ok(Reply::Body(body)),
            Command::Counter(CounterCommand { command: Some(CounterDo::Add(add)) }) => self.add(key, add),
            Command::Lease(LeaseCommand { command: Some(command) }) => self.lease(key, command),
            Command::Counter(_) | Command::Lease(_) => {
                Err(Failure::new(code::UNIMPLEMENTED, "not in this fake"))
            }
        }
    }

    fn add(&mut self, key: Bytes, CounterAdd { amount, most, .. }: CounterAdd) -> Result<Reply, Failure> {
        let value = self.counters.entry(key).or_default();
        if most.is_some_and(|most| *value + amount > most) {
            return Err(Failure::new(code::COUNTER_LIMIT, format!("the counter is at {value}")));
        }
        *value += amount;
        Ok(Reply::Counter(CounterState { value: *value, reserved: 0 }))
    }

    fn lease(&mut self, key: Bytes, command: LeaseDo) -> Result<Reply, Failure> {
        let held = self.leases.entry(key).or_default();
        match command {
            LeaseDo::Acquire(LeaseAcquire { holder, .. }) if held.held && held.holder != holder => {
                return Err(Failure::new(code::LEASE_TAKEN, "somebody else holds it"));
            }
            LeaseDo::Acquire(LeaseAcquire { holder, ttl_ms }) => {
                let token = if held.held { held.token } else { held.token + 1 };
                *held = LeaseState { held: true, token, remaining_ms: ttl_ms, holder };
            }
            LeaseDo::Renew(LeaseRenew { token, ttl_ms }) if held.held && held.token == token => {
                held.remaining_ms = ttl_ms;
            }
            LeaseDo::Release(release) if held.held && held.token == release.token => held.held = false,
            LeaseDo::Renew(_) | LeaseDo::Release(_) => {
                return Err(Failure::new(code::LEASE_LOST, "the token is that of a former holder"));
            }
        }
        Ok(Reply::Lease(held.clone()))
    }
}

impl World {
    pub fn do_apply(&self, request: ApplyRequest) -> Result<ApplyResponse, Failure> {
        self.admit(Asked { items: request.commands.len(), ..Asked::default() })?;
        let apply = |MachineCommand { key, command }| {
            let receipt = Rows::receipt(&key);
            let said = self.machines().apply(key, command.expect("a command"));
            let outcome = match said {
                Ok(reply) => apply_result::Outcome::Reply(MachineReply {
                    receipt,
                    revision: 1,
                    reply: Some(reply),
                    too_long: false,
                }),
                Err(failure) => apply_result::Outcome::Error(failure.to_wire()),
            };
            ApplyResult { outcome: Some(outcome) }
        };
        let results = request.commands.into_iter().map(apply).collect();
        Ok(ApplyResponse { receipts: self.rows().receipts(), results })
    }

    pub fn do_query(&self, request: QueryRequest) -> Result<QueryResponse, Failure> {
        self.admit(Asked::default())?;
        let machines = self.machines();
        let answer = match (machines.counters.get(&request.key), machines.leases.get(&request.key)) {
            (Some(value), _) => Answer::Counter(CounterState { value: *value, reserved: 0 }),
            (None, Some(held)) => Answer::Lease(held.clone()),
            (None, None) => Answer::Body(request.body),
        };
        let receipt = self.rows().receipts().into_iter().next();
        Ok(QueryResponse { receipt, answer: Some(answer) })
    }
}
