//! Moments: whatever is looked for belongs together.

use super::{Check, ONE, Subject, delete, key, part, put};
use crate::moment::Moment;
use model::{KeyRange, PartitionId, code};

pub(super) const CHECKS: &[Check] = &[
    Check { name: "a moment shows its rows by key and by range, and says its index", run: shows },
    Check { name: "a moment does not see what is written while somebody looks", run: stays },
];

fn named(moment: &dyn Moment, start: &str, most: usize) -> Vec<String> {
    let range = KeyRange::new(key(start), Some(key("~"))).expect("not empty");
    let rows = moment.range(&range, most).expect("read");
    rows.into_iter()
        .map(|(key, value)| format!("{}={}", key[1..].escape_ascii(), value.escape_ascii()))
        .collect()
}

fn shows(subject: &mut dyn Subject) {
    let store = subject.store();
    store.create(&[ONE], 0).expect("created");
    store.apply(&[part(ONE, 1, vec![put("b", "1"), put("a", "2"), put("c", "3")])]).expect("applied");
    store.apply(&[part(ONE, 2, vec![delete("c")])]).expect("applied");
    let mut looked = 0;
    let mut look = |moment: &dyn Moment| {
        looked += 1;
        assert_eq!(moment.applied(), 2);
        assert_eq!(moment.get(&key("a"))?.as_deref(), Some(&b"2"[..]));
        assert_eq!(moment.get(&key("c"))?, None);
        assert_eq!(named(moment, "", 9), ["a=2", "b=1"]);
        assert_eq!(named(moment, "", 1), ["a=2"]);
        assert_eq!(named(moment, "aa", 9), ["b=1"]);
        Ok(())
    };
    store.moment(ONE, &mut look).expect("looked");
    assert_eq!(looked, 1);
    let unknown = store.moment(PartitionId(77), &mut |_| Ok(())).expect_err("nobody has it");
    assert_eq!(unknown.code(), code::PARTITION_UNKNOWN);
}

fn stays(subject: &mut dyn Subject) {
    let store = subject.store();
    store.create(&[ONE], 0).expect("created");
    store.apply(&[part(ONE, 1, vec![put("a", "1")])]).expect("applied");
    let look = &mut |moment: &dyn Moment| {
        let written = vec![put("a", "2"), put("b", "2")];
        store.apply(&[part(ONE, 2, written)]).expect("applied while somebody looks");
        assert_eq!((moment.applied(), named(moment, "", 9)), (1, vec!["a=1".to_owned()]));
        assert_eq!(moment.get(&key("b"))?, None);
        Ok(())
    };
    store.moment(ONE, look).expect("looked");
    let after = &mut |moment: &dyn Moment| {
        assert_eq!((moment.applied(), named(moment, "", 9).len()), (2, 2));
        Ok(())
    };
    store.moment(ONE, after).expect("looked");
}
