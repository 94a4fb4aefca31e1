//! The words of the machines in the box, from the wire to theirs and back. What
//! any other machine says stays bytes.

use bytes::Bytes;
use machine::counter::{Counted, CounterCommand, CounterReply, Within};
use machine::lease::{LeaseCommand, LeaseReply, Standing};
use model::code;
use proto::Failure;
use proto::data::machine_command::Command;
use proto::data::{CounterState, LeaseState, counter_command, lease_command, machine_reply, query_response};

/// A command's body for the machine of this name.
pub(super) fn body_of(machine: &str, command: Option<Command>, at: usize) -> Result<Bytes, Failure> {
    let malformed = |what: &str| Failure::new(code::MALFORMED, format!("item {at}: {what}"));
    match (machine, command.ok_or_else(|| malformed("it holds no command"))?) {
        ("counter", Command::Counter(command)) => {
            let command = command.command.ok_or_else(|| malformed("it holds no command of a counter"))?;
            Ok(counter(command).ok_or_else(|| malformed("a reservation's id has 16 bytes"))?.encode())
        }
        ("lease", Command::Lease(command)) => {
            let command = command.command.ok_or_else(|| malformed("it holds no command of a lease"))?;
            Ok(lease(command).encode())
        }
        ("counter" | "lease", _) | (_, Command::Counter(_) | Command::Lease(_)) => {
            let message = format!("item {at}: the table's machine is `{machine}`, the command is another's");
            Err(Failure::new(code::OTHER_MACHINE, message))
        }
        (_, Command::Body(body)) => Ok(body),
    }
}

fn counter(command: counter_command::Command) -> Option<CounterCommand> {
    use counter_command::Command;
    let id = |id: Bytes| id[..].try_into().ok().map(u128::from_be_bytes);
    Some(match command {
        Command::Add(add) => {
            let within = Within { least: add.least.unwrap_or(i64::MIN), most: add.most.unwrap_or(i64::MAX) };
            CounterCommand::Add { amount: add.amount, within }
        }
        Command::Reserve(reserve) => CounterCommand::Reserve {
            id: id(reserve.id)?,
            amount: reserve.amount,
            most: reserve.most.unwrap_or(i64::MAX),
            ttl_ms: reserve.ttl_ms,
        },
        Command::Commit(commit) => CounterCommand::Commit { id: id(commit.id)?, amount: commit.amount },
        Command::Release(release) => CounterCommand::Release { id: id(release.id)? },
    })
}

fn lease(command: lease_command::Command) -> LeaseCommand {
    use lease_command::Command;
    match command {
        Command::Acquire(acquire) => LeaseCommand::Acquire { holder: acquire.holder, ttl_ms: acquire.ttl_ms },
        Command::Renew(renew) => LeaseCommand::Renew { token: renew.token, ttl_ms: renew.ttl_ms },
        Command::Release(release) => LeaseCommand::Release { token: release.token },
    }
}

/// What came of a command.
pub(super) fn reply_of(machine: &str, reply: Bytes) -> Result<machine_reply::Reply, Failure> {
    Ok(match machine {
        "counter" => machine_reply::Reply::Counter(counted(&reply)?),
        "lease" => machine_reply::Reply::Lease(held(&reply)?),
        _ => machine_reply::Reply::Body(reply),
    })
}

/// The answer to a question.
pub(super) fn answer_of(machine: &str, answer: Bytes) -> Result<query_response::Answer, Failure> {
    Ok(match machine {
        "counter" => query_response::Answer::Counter(counted(&answer)?),
        "lease" => query_response::Answer::Lease(held(&answer)?),
        _ => query_response::Answer::Body(answer),
    })
}

fn counted(reply: &[u8]) -> Result<CounterState, Failure> {
    let (code, Counted { value, reserved }) = match CounterReply::decode(reply) {
        CounterReply::Done(Counted { value, reserved }) => return Ok(CounterState { value, reserved }),
        CounterReply::Limit(counted) => (code::COUNTER_LIMIT, counted),
        CounterReply::Overflow(counted) => (code::COUNTER_OVERFLOW, counted),
        CounterReply::NoReservation(counted) => (code::NO_RESERVATION, counted),
        CounterReply::Taken(counted) => (code::RESERVATION_TAKEN, counted),
        CounterReply::TooMany(counted) => (code::TOO_MANY_RESERVATIONS, counted),
        CounterReply::Unreadable => return Err(unreadable()),
    };
    Err(Failure::new(code, format!("{}: it is {value}, and {reserved} are reserved", code.title)))
}

fn held(reply: &Bytes) -> Result<LeaseState, Failure> {
    match LeaseReply::decode(reply) {
        LeaseReply::Free => Ok(LeaseState::default()),
        LeaseReply::Held(Standing { token, remaining_ms, holder }) => {
            Ok(LeaseState { held: true, token, remaining_ms, holder })
        }
        LeaseReply::Taken(standing) => Err(Failure::new(code::LEASE_TAKEN, whose(&standing))),
        LeaseReply::Lost(standing) => Err(Failure::new(
            code::LEASE_LOST,
            format!("the token is that of a former holder; {}", whose(&standing)),
        )),
        LeaseReply::LostAndFree => Err(Failure::new(
            code::LEASE_LOST,
            "the token is that of a former holder; nobody holds the lease",
        )),
        LeaseReply::Unreadable => Err(unreadable()),
    }
}

fn whose(Standing { token, remaining_ms, holder }: &Standing) -> String {
    format!("`{}` holds the lease under token {token} for {remaining_ms} ms more", holder.escape_ascii())
}

fn unreadable() -> Failure {
    Failure::new(code::MALFORMED, "the table's machine does not know this command")
}
