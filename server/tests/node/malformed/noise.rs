//! What is sent: noise of many kinds, most of it close to what makes sense.

use crate::raw::framed;
use crate::talk;
use env::rng::Stream;
use prost::Message;
use proto::common::{Header, OpId};
use proto::control::{
    AddPartitionRequest, AlterTableRequest, CopyTableRequest, CreateTableRequest, DropTableRequest,
    EraseQuarantinedRequest, ListPartitionsRequest, Profile, Range, RemovePartitionRequest,
    UndropTableRequest,
};
use proto::data::stream_request::Request;
use proto::data::{RemoveRequest, StreamRequest};
use router::door::TABLE as METHODS;

/// A call, all of it.
pub struct Call {
    pub path: String,
    pub headers: Vec<(&'static str, Vec<u8>)>,
    pub body: Vec<u8>,
}

pub fn call(random: &mut Stream) -> Call {
    // This one has nothing in it that could be wrong, and is done.
    let formed = |path: &&str| path.ends_with("/FormCluster");
    let known = METHODS[random.below(METHODS.len() as u64) as usize].path;
    let known = Some(known).filter(|path| !formed(path)).unwrap_or(METHODS[0].path);
    let path = match random.below(20) {
        0 => "/statehouse.data.v1.Data/Unknown".to_owned(),
        1 => "/".to_owned(),
        2 => format!("{known}/{known}"),
        3 => known[..random.below(known.len() as u64) as usize + 1].to_owned(),
        _ => known.to_owned(),
    };
    let message = match random.below(3) {
        0 => bytes(random, 200),
        _ => mutated(nearly_valid(known), random),
    };
    Call { path, headers: headers(random), body: body(message, random) }
}

fn bytes(random: &mut Stream, most: u64) -> Vec<u8> {
    (0..random.below(most + 1)).map(|_| random.next_u64() as u8).collect()
}

/// A message in its frame, or in something like it.
fn body(message: Vec<u8>, random: &mut Stream) -> Vec<u8> {
    let mut whole = framed(&message);
    match random.below(12) {
        // Cut off.
        0 => whole.truncate(random.below(whole.len() as u64 + 1) as usize),
        // As long as can be said.
        1 => whole[1..5].copy_from_slice(&u32::MAX.to_be_bytes()),
        // Longer than it is, and within the bounds.
        2 => whole[1..5].copy_from_slice(&(4_u32 << 20).to_be_bytes()),
        // Compressed, it says.
        3 => whole[0] = 1,
        4 => whole[0] = random.next_u64() as u8,
        // Another behind it.
        5 => whole.extend_from_slice(&framed(&message)),
        6 => whole = message,
        7 => whole.clear(),
        _ => {}
    }
    whole
}

fn headers(random: &mut Stream) -> Vec<(&'static str, Vec<u8>)> {
    let nonsense =
        [&b"1"[..], b"S", b"-1S", b"99999999999S", b"1x", b"0n", b"1n", b"\xff\xfe", b" ", b"9999999H"];
    let timeout = nonsense[random.below(nonsense.len() as u64) as usize].to_vec();
    match random.below(16) {
        0 | 1 => vec![("grpc-timeout", timeout)],
        2 => vec![("grpc-encoding", b"gzip".to_vec())],
        3 => vec![("grpc-encoding", b"no such thing".to_vec()), ("grpc-accept-encoding", b",,,".to_vec())],
        4 => vec![("content-type", b"text/html".to_vec())],
        5 => vec![("x-bin", b"%%% no base64 %%%".to_vec())],
        6 => vec![("x-large", vec![b'x'; 20 << 10])],
        7 => vec![("content-length", b"0".to_vec())],
        8 => (0..40).map(|_| ("x-again", vec![b'y'; 100])).collect(),
        _ => Vec::new(),
    }
}

/// A request that is refused for several reasons, so that no small change makes
/// it one that is taken.
fn nearly_valid(path: &str) -> Vec<u8> {
    let op = OpId { client: vec![7; 16].into(), sequence: 9 };
    let header =
        Some(Header { namespace: "no such".to_owned(), deadline_ms: 50, op: Some(op), ..Header::default() });
    let (table, range) = ("no table".to_owned(), Some(Range { start: "b".into(), end: "a".into() }));
    let profile = Profile { store: "tape".into(), log: "none".into(), ..Profile::default() };
    let upsert = talk::upsert_of(&table, vec![talk::item("a", "1"), talk::item("", "2")]);
    match path.rsplit('/').next().unwrap_or_default() {
        "Upsert" => upsert.encode_to_vec(),
        "Get" => talk::get_of(&table, &["a", "b"]).encode_to_vec(),
        "Remove" => RemoveRequest { header, table, keys: vec!["a".into()], ..RemoveRequest::default() }
            .encode_to_vec(),
        "Stream" => StreamRequest { sequence: 1, request: Some(Request::Upsert(upsert)) }.encode_to_vec(),
        "CreateTable" => {
            let (layout, machine) = ("round".to_owned(), "loom".to_owned());
            let profile = Some(profile);
            CreateTableRequest {
                header,
                name: "a b".to_owned(),
                layout,
                machine,
                profile,
                partitions: u32::MAX,
                preset: "slow".to_owned(),
                ..CreateTableRequest::default()
            }
            .encode_to_vec()
        }
        "DropTable" => DropTableRequest { header, name: table, with_partitions: true }.encode_to_vec(),
        "AlterTable" => {
            AlterTableRequest { header, name: table, profile: Some(profile), new_name: "a b".to_owned() }
                .encode_to_vec()
        }
        "UndropTable" => {
            UndropTableRequest { header, name: table, as_name: "a b".to_owned(), drop: u64::MAX }
                .encode_to_vec()
        }
        "CopyTable" => CopyTableRequest { header, name: table, new_name: "a b".to_owned() }.encode_to_vec(),
        "AddPartition" => AddPartitionRequest { header, table, range, id: u64::MAX }.encode_to_vec(),
        "RemovePartition" => {
            RemovePartitionRequest { header, id: u64::MAX, table, range, allow_many: true }.encode_to_vec()
        }
        "EraseQuarantined" => EraseQuarantinedRequest { header, id: u64::MAX, early: true }.encode_to_vec(),
        _ => ListPartitionsRequest { header, table, node: u64::MAX, all_namespaces: true }.encode_to_vec(),
    }
}

/// A few bytes changed, put in, taken out, or said twice.
fn mutated(mut message: Vec<u8>, random: &mut Stream) -> Vec<u8> {
    for _ in 0..random.below(4) {
        let at = random.below(message.len() as u64 + 1) as usize;
        match random.below(5) {
            0 if at < message.len() => message[at] = random.next_u64() as u8,
            1 if at < message.len() => message[at] ^= 1 << random.below(8),
            2 if at < message.len() => drop(message.remove(at)),
            3 => message.insert(at, random.next_u64() as u8),
            _ => message.extend_from_within(at..),
        }
    }
    message
}

/// What HTTP/2 begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// All that is said on one connection.
pub fn bytes_of_a_connection(random: &mut Stream) -> Vec<u8> {
    let mut said = Vec::new();
    match random.below(4) {
        0 => {}
        1 => said.extend_from_slice(b"GET /metrics HTTP/1.1\r\n"),
        _ => said.extend_from_slice(PREFACE),
    }
    for _ in 0..random.below(6) {
        // A frame's head, with a type that there may be, and something behind it.
        let payload = bytes(random, 300);
        let length = if random.chance(80) { payload.len() as u32 } else { random.next_u64() as u32 };
        said.extend_from_slice(&length.to_be_bytes()[1..]);
        said.extend_from_slice(&[random.below(11) as u8, random.next_u64() as u8]);
        said.extend_from_slice(&(random.below(5) as u32).to_be_bytes());
        said.extend_from_slice(&payload);
    }
    said
}
