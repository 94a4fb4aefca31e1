//! What requests measure, encoded, so that none is sent that would be refused
//! for its size.

use bytes::Bytes;
use proto::Message;

/// A field's tag and the length of what follows; nothing of ours is longer than
/// five bytes of length can say.
const FIELD: usize = 1 + 5;
/// Header without its names, what is said of all items, and the sequence and
/// tags of a stream's message.
const FIXED: usize = 128;

/// An upper bound for everything of a request but its items.
pub(crate) fn frame(namespace: &str, table: &str) -> usize {
    FIXED + FIELD + namespace.len() + FIELD + table.len()
}

/// A key in a list of keys, exactly.
pub(crate) fn key(key: &Bytes) -> usize {
    field(key.len())
}

/// An item in a list of items, or a command in one of commands, exactly.
pub(crate) fn item(item: &impl Message) -> usize {
    field(proto::encoded_len(item))
}

fn field(len: usize) -> usize {
    let digits = (usize::BITS - (len | 1).leading_zeros()) as usize;
    1 + digits.div_ceil(7) + len
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::data::Item;
    use proto::{common, data};

    fn of(len: usize) -> Bytes {
        Bytes::from(vec![7; len])
    }

    #[test]
    fn items_measure_what_they_measure_on_the_wire() {
        for key_len in [1, 127, 128, 1024] {
            for value_len in [0, 1, 127, 128, 16_383, 16_384, 1 << 21] {
                let item = Item { key: of(key_len), value: of(value_len), ..Item::default() };
                let request = data::UpsertRequest { items: vec![item.clone()], ..Default::default() };
                assert_eq!(super::item(&item), request.encoded_len(), "{key_len} {value_len}");
                let request = data::GetRequest { keys: vec![item.key], ..Default::default() };
                assert_eq!(super::key(&of(key_len)), request.encoded_len(), "{key_len}");
            }
        }
    }

    #[test]
    fn the_frame_is_never_less_than_it_is_on_the_wire() {
        let (namespace, table) = ("n".repeat(128), "t".repeat(128));
        let header = common::Header {
            namespace: namespace.clone(),
            deadline_ms: u32::MAX,
            read: 3,
            op: Some(common::OpId { client: of(16), sequence: u64::MAX }),
            answered_upto: u64::MAX - 1,
            min_durability: 10,
            // Its own bytes are counted by those who have one.
            token: of(1 << 14),
            ..Default::default()
        };
        let (header, table_of) = (Some(header), table.clone());
        let upsert = data::UpsertRequest { header, table: table_of, items: vec![], atomic: true };
        let request = data::stream_request::Request::Upsert(upsert);
        let message = data::StreamRequest { sequence: u64::MAX, request: Some(request) };
        let measured = message.encoded_len() - (1 << 14);
        assert!(measured <= frame(&namespace, &table), "{measured}");
    }
}
