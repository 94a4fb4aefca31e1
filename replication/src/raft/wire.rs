//! Messages between replicas as bytes of a link's frame.
//!
//! What comes in is looked at here: behind this, an entry is one that could have
//! been written, and its bytes can be read.

use super::kind::{Ballot, Entry, LogId, Proposal, log_id};
use super::message::{Answer, Append, Appended, Ask, Candidacy, Envelope, Message, Reached};
use super::promise::{decode_members, encode_members};
use bytes::Bytes;
use model::{Epoch, NodeId, PartitionId, Record, RecordKind, ReplicaId, Stamp};
use openraft::EntryPayload;
use openraft::impls::leader_id_std::LeaderId;
use proto::{Message as _, peer as wire};

/// Bytes of a frame beyond its first message.
const FRAME_BYTES: usize = 1 << 20;

/// No history comes this far, and behind it numbers would come to an end.
const END: u64 = u64::MAX / 2;

/// Bytes that no replica writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame says nothing that this build understands")]
pub struct Unreadable;

/// Messages for one node as frames, in their order.
pub fn encode(envelopes: Vec<Envelope>) -> Vec<Bytes> {
    let mut frames = Vec::new();
    let mut batch = wire::Batch::default();
    let mut bytes = 0;
    for envelope in envelopes {
        let envelope = envelope_out(envelope);
        let own = proto::encoded_len(&envelope);
        if bytes + own > FRAME_BYTES && !batch.envelopes.is_empty() {
            frames.push(std::mem::take(&mut batch).encode_to_vec().into());
            bytes = 0;
        }
        bytes += own;
        batch.envelopes.push(envelope);
    }
    if !batch.envelopes.is_empty() {
        frames.push(batch.encode_to_vec().into());
    }
    frames
}

/// The messages of a frame that came from this node.
pub fn decode(node: NodeId, frame: Bytes) -> Result<Vec<Envelope>, Unreadable> {
    let batch = wire::Batch::decode(frame).map_err(|_| Unreadable)?;
    let all = batch.envelopes.into_iter().map(|envelope| envelope_in(node, envelope));
    all.collect::<Option<_>>().ok_or(Unreadable)
}

fn envelope_out(envelope: Envelope) -> wire::Envelope {
    use wire::envelope::Message as Out;
    let Envelope { partition, from, to, message, .. } = envelope;
    let message = match message {
        Message::Ask(serial, ask) => Out::Ask(wire::Ask { serial, what: Some(ask_out(ask)) }),
        Message::Answer(serial, answer) => {
            Out::Answer(wire::Answer { serial, what: Some(answer_out(answer)) })
        }
        Message::Append(stream, serial, append) => Out::Append(append_out(stream, serial, append)),
        Message::Appended(stream, serial, appended) => Out::Appended(appended_out(stream, serial, appended)),
    };
    wire::Envelope { partition: partition.0, from: from.0, to: to.0, message: Some(message) }
}

fn envelope_in(node: NodeId, envelope: wire::Envelope) -> Option<Envelope> {
    use wire::envelope::Message as In;
    let partition = PartitionId(envelope.partition);
    let message = match envelope.message? {
        In::Ask(ask) => Message::Ask(ask.serial, ask_in(partition, ask.what?)?),
        In::Answer(answer) => Message::Answer(answer.serial, answer_in(answer.what?)?),
        In::Append(append) => Message::Append(append.stream, append.serial, append_in(partition, append)?),
        In::Appended(appended) => Message::Appended(appended.stream, appended.serial, appended_in(appended)?),
    };
    let (from, to) = (ReplicaId(envelope.from), ReplicaId(envelope.to));
    partition.is_ordinary().then_some(Envelope { node, partition, from, to, message })
}

fn ask_out(ask: Ask) -> wire::ask::What {
    use wire::ask::What;
    match ask {
        Ask::Vote(candidacy) => What::Vote(candidacy_out(candidacy)),
        Ask::PreVote(candidacy) => What::PreVote(candidacy_out(candidacy)),
        Ask::Beat(append) => What::Beat(append_out(0, 0, append)),
        Ask::Lead { ballot, heir, last } => {
            let (ballot, last) = (Some(ballot_out(ballot)), last.map(id_out));
            What::Lead(wire::Lead { ballot, last, heir: heir.0 })
        }
        Ask::Reach { ballot, upto } => {
            What::Reach(wire::Reach { ballot: Some(ballot_out(ballot)), upto: Some(id_out(upto)) })
        }
    }
}

fn ask_in(partition: PartitionId, what: wire::ask::What) -> Option<Ask> {
    use wire::ask::What;
    Some(match what {
        What::Vote(candidacy) => Ask::Vote(candidacy_in(candidacy)?),
        What::PreVote(candidacy) => Ask::PreVote(candidacy_in(candidacy)?),
        What::Beat(append) => Ask::Beat(append_in(partition, append)?),
        What::Lead(lead) => Ask::Lead {
            ballot: ballot_in(lead.ballot?)?,
            heir: ReplicaId(lead.heir),
            last: id_if(lead.last)?,
        },
        What::Reach(reach) => Ask::Reach { ballot: ballot_in(reach.ballot?)?, upto: id_in(reach.upto?)? },
    })
}

fn answer_out(answer: Answer) -> wire::answer::What {
    use wire::answer::What;
    match answer {
        Answer::Vote { ballot, granted, last } => {
            What::Vote(wire::Voted { ballot: Some(ballot_out(ballot)), granted, last: last.map(id_out) })
        }
        Answer::Beat(appended) => What::Beat(appended_out(0, 0, appended)),
        Answer::Lead(will) => What::Lead(will),
        Answer::Reach(reached) => What::Reach(reached_out(reached)),
    }
}

fn answer_in(what: wire::answer::What) -> Option<Answer> {
    use wire::answer::What;
    Some(match what {
        What::Vote(voted) => Answer::Vote {
            ballot: ballot_in(voted.ballot?)?,
            granted: voted.granted,
            last: id_if(voted.last)?,
        },
        What::Beat(appended) => Answer::Beat(appended_in(appended)?),
        What::Lead(will) => Answer::Lead(will),
        What::Reach(reached) => Answer::Reach(reached_in(reached)?),
    })
}

fn reached_out(reached: Reached) -> wire::Reached {
    use wire::reached::Outcome;
    let outcome = match reached {
        Reached::Here => Outcome::Here(true),
        Reached::NotYet => Outcome::Here(false),
        Reached::Higher(ballot) => Outcome::Higher(ballot_out(ballot)),
    };
    wire::Reached { outcome: Some(outcome) }
}

fn reached_in(reached: wire::Reached) -> Option<Reached> {
    use wire::reached::Outcome;
    Some(match reached.outcome? {
        Outcome::Here(true) => Reached::Here,
        Outcome::Here(false) => Reached::NotYet,
        Outcome::Higher(ballot) => Reached::Higher(ballot_in(ballot)?),
    })
}

fn candidacy_out(candidacy: Candidacy) -> wire::Candidacy {
    let Candidacy { ballot, last, transfer } = candidacy;
    wire::Candidacy { ballot: Some(ballot_out(ballot)), last: last.map(id_out), transfer }
}

fn candidacy_in(candidacy: wire::Candidacy) -> Option<Candidacy> {
    let wire::Candidacy { ballot, last, transfer } = candidacy;
    Some(Candidacy { ballot: ballot_in(ballot?)?, last: id_if(last)?, transfer })
}

fn append_out(stream: u64, serial: u64, append: Append) -> wire::Append {
    wire::Append {
        stream,
        serial,
        ballot: Some(ballot_out(append.ballot)),
        before: append.before.map(id_out),
        committed: append.committed.map(id_out),
        entries: append.entries.into_iter().map(entry_out).collect(),
    }
}

fn append_in(partition: PartitionId, append: wire::Append) -> Option<Append> {
    let before = id_if(append.before)?;
    let first = before.map_or(0, |before| before.index + 1);
    let entries = append.entries.into_iter().zip(first..).map(|(e, at)| entry_in(partition, at, e));
    Some(Append {
        ballot: ballot_in(append.ballot?)?,
        before,
        committed: id_if(append.committed)?,
        entries: entries.collect::<Option<_>>()?,
    })
}

fn entry_out(entry: Entry) -> wire::Entry {
    let term = entry.log_id.leader_id.term;
    let plain =
        |kind: RecordKind, payload| wire::Entry { term, kind: kind as u32, payload, ..Default::default() };
    match entry.payload {
        EntryPayload::Blank => plain(RecordKind::Blank, Bytes::new()),
        EntryPayload::Membership(group) => plain(RecordKind::Membership, encode_members(&group)),
        EntryPayload::Normal(Proposal(record)) => wire::Entry {
            term,
            kind: record.kind as u32,
            generation: record.epoch.generation,
            first_index: record.first_index,
            count: record.count,
            stamp: record.stamp.0,
            payload: record.payload,
        },
    }
}

fn entry_in(partition: PartitionId, position: u64, entry: wire::Entry) -> Option<Entry> {
    let kind = RecordKind::from_byte(u8::try_from(entry.kind).ok()?)?;
    let payload = match kind {
        RecordKind::Blank => EntryPayload::Blank,
        RecordKind::Membership => EntryPayload::Membership(decode_members(&entry.payload)?),
        _ => EntryPayload::Normal(Proposal(record_in(partition, kind, &entry)?)),
    };
    (entry.term < END).then(|| Entry { log_id: log_id(entry.term, position), payload })
}

fn record_in(partition: PartitionId, kind: RecordKind, entry: &wire::Entry) -> Option<Record> {
    let is_entry = kind.counts() || kind == RecordKind::Hash;
    let is_dense = kind.counts() == (entry.count > 0);
    (is_entry && is_dense && (1..END).contains(&entry.first_index)).then(|| Record {
        partition,
        epoch: Epoch { generation: entry.generation, term: entry.term },
        first_index: entry.first_index,
        count: entry.count,
        stamp: Stamp(entry.stamp),
        kind,
        payload: entry.payload.clone(),
    })
}

fn appended_out(stream: u64, serial: u64, appended: Appended) -> wire::Appended {
    use wire::appended::Outcome;
    let outcome = match appended {
        Appended::Upto(last) => Outcome::Upto(wire::Upto { last: last.map(id_out) }),
        Appended::Conflict(at) => Outcome::Conflict(id_out(at)),
        Appended::Higher(ballot) => Outcome::Higher(ballot_out(ballot)),
        Appended::Broken => Outcome::Broken(true),
    };
    wire::Appended { stream, serial, outcome: Some(outcome) }
}

fn appended_in(appended: wire::Appended) -> Option<Appended> {
    use wire::appended::Outcome;
    Some(match appended.outcome? {
        Outcome::Upto(upto) => Appended::Upto(id_if(upto.last)?),
        Outcome::Conflict(at) => Appended::Conflict(id_in(at)?),
        Outcome::Higher(ballot) => Appended::Higher(ballot_in(ballot)?),
        Outcome::Broken(_) => Appended::Broken,
    })
}

fn ballot_out(ballot: Ballot) -> wire::Ballot {
    let LeaderId { term, voted_for } = ballot.leader_id;
    wire::Ballot { term, replica: voted_for, leads: ballot.committed }
}

fn ballot_in(ballot: wire::Ballot) -> Option<Ballot> {
    let leader_id = LeaderId { term: ballot.term, voted_for: ballot.replica };
    (ballot.term < END).then_some(Ballot { leader_id, committed: ballot.leads })
}

fn id_out(id: LogId) -> wire::EntryId {
    wire::EntryId { term: id.leader_id.term, position: id.index }
}

fn id_in(id: wire::EntryId) -> Option<LogId> {
    (id.term < END && id.position < END).then(|| log_id(id.term, id.position))
}

/// An id that is left out, or one that can be read.
fn id_if(id: Option<wire::EntryId>) -> Option<Option<LogId>> {
    id.map_or(Some(None), |id| id_in(id).map(Some))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id() -> impl Strategy<Value = LogId> {
        (0..END, 0..END).prop_map(|(term, position)| log_id(term, position))
    }

    fn ballot() -> impl Strategy<Value = Ballot> {
        (0..END, any::<u64>(), any::<bool>()).prop_map(|(term, voted_for, committed)| Ballot {
            leader_id: LeaderId { term, voted_for },
            committed,
        })
    }

    fn record(term: u64, first_index: u64, payload: Vec<u8>) -> Record {
        Record {
            partition: PartitionId(7),
            epoch: Epoch { generation: 3, term },
            first_index,
            count: 2,
            stamp: Stamp(first_index * 3),
            kind: RecordKind::Commands,
            payload: payload.into(),
        }
    }

    fn append() -> impl Strategy<Value = Append> {
        let entries = proptest::collection::vec((0u64..5, proptest::option::of(any::<Vec<u8>>())), 0..6);
        let ids = (proptest::option::of(id()), proptest::option::of(id()));
        (ballot(), ids, entries).prop_map(|(ballot, (before, committed), entries)| {
            let first = before.map_or(0, |before| before.index + 1);
            let entry = |(at, (term, body)): (usize, (u64, Option<Vec<u8>>))| {
                let payload = match body {
                    None => EntryPayload::Blank,
                    Some(body) => EntryPayload::Normal(Proposal(record(term, at as u64 + 1, body))),
                };
                Entry { log_id: log_id(term, first + at as u64), payload }
            };
            Append {
                ballot,
                before,
                committed,
                entries: entries.into_iter().enumerate().map(entry).collect(),
            }
        })
    }

    fn appended() -> impl Strategy<Value = Appended> {
        prop_oneof![
            proptest::option::of(id()).prop_map(Appended::Upto),
            id().prop_map(Appended::Conflict),
            ballot().prop_map(Appended::Higher),
            Just(Appended::Broken),
        ]
    }

    fn message() -> impl Strategy<Value = Message> {
        let last = || proptest::option::of(id());
        let candidacy = || {
            (ballot(), last(), any::<bool>()).prop_map(|(ballot, last, transfer)| Candidacy {
                ballot,
                last,
                transfer,
            })
        };
        prop_oneof![
            (any::<u64>(), candidacy()).prop_map(|(n, one)| Message::Ask(n, Ask::Vote(one))),
            (any::<u64>(), candidacy()).prop_map(|(n, one)| Message::Ask(n, Ask::PreVote(one))),
            (any::<u64>(), append()).prop_map(|(n, one)| Message::Ask(n, Ask::Beat(one))),
            (ballot(), any::<u64>(), last()).prop_map(|(ballot, heir, last)| {
                Message::Ask(4, Ask::Lead { ballot, heir: ReplicaId(heir), last })
            }),
            (ballot(), any::<bool>(), last()).prop_map(|(ballot, granted, last)| {
                Message::Answer(5, Answer::Vote { ballot, granted, last })
            }),
            appended().prop_map(|one| Message::Answer(6, Answer::Beat(one))),
            any::<bool>().prop_map(|will| Message::Answer(7, Answer::Lead(will))),
            (ballot(), id()).prop_map(|(ballot, upto)| Message::Ask(8, Ask::Reach { ballot, upto })),
            proptest::option::of(ballot()).prop_map(|higher| {
                Message::Answer(9, Answer::Reach(higher.map_or(Reached::NotYet, Reached::Higher)))
            }),
            (any::<u64>(), any::<u64>(), append()).prop_map(|(s, n, one)| Message::Append(s, n, one)),
            (any::<u64>(), any::<u64>(), appended()).prop_map(|(s, n, one)| Message::Appended(s, n, one)),
        ]
    }

    proptest! {
        #[test]
        fn messages_round_trip(messages in proptest::collection::vec(message(), 0..5)) {
            let to = |message| Envelope {
                node: NodeId(2),
                partition: PartitionId(7),
                from: ReplicaId(1),
                to: ReplicaId(9),
                message,
            };
            let envelopes: Vec<Envelope> = messages.into_iter().map(to).collect();
            let frames = encode(envelopes.clone());
            let back: Vec<Envelope> =
                frames.into_iter().flat_map(|frame| decode(NodeId(2), frame).expect("our own")).collect();
            prop_assert_eq!(back, envelopes);
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(NodeId(2), bytes.into());
        }
    }
}
