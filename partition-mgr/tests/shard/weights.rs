//! What a request may change decides what shares a record with it.

use crate::world::World;
use model::Limits;
use partition_mgr::shard::{Message, Order};
use pipeline::LogChoice;

#[test]
fn who_may_change_many_rows_takes_their_place_in_a_record() {
    let table: [(&[u32], &[u32]); 5] = [
        (&[1, 1, 1, 1], &[4]),
        (&[2, 2, 1], &[2, 1]),
        (&[3, 3], &[1, 1]),
        (&[9, 1], &[1, 1]),
        (&[u32::MAX, u32::MAX], &[1, 1]),
    ];
    for (rows, expected) in table {
        let mut world = World::new(&Limits { record_commands_max: 4, ..Limits::default() });
        let open = Message::Order(Order::Open(Box::new(world.partition(1, LogChoice::Local))));
        let requests = (1..).zip(rows).map(|(token, rows)| world.weighing(1, token, *rows));
        let mut messages: Vec<Message> = [open].into_iter().chain(requests).collect();
        let mut counts = Vec::new();
        while counts.iter().sum::<u32>() < rows.len() as u32 {
            let effects = world.step(std::mem::take(&mut messages));
            let records = effects.log.iter().flat_map(|job| &job.appends);
            counts.extend(records.map(|append| append.record.count));
        }
        assert_eq!(counts, expected, "{rows:?}");
    }
}
