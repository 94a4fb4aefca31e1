//! Ranges removed step by step, each under a name of its own.

use crate::fake::Fake;
use crate::loads::at_once;
use client::Scope;
use model::code;
use proto::Failure;

/// A server with rows `a` to `g`.
async fn filled() -> Fake {
    let fake = Fake::start().await;
    for key in ["a", "b", "c", "d", "e", "f", "g"] {
        fake.rows().put("", "kv", key.into(), "v".into());
    }
    fake
}

fn left(fake: &Fake) -> String {
    let rows = fake.rows().all("", "kv");
    rows.iter().map(|(key, ..)| String::from_utf8_lossy(key).into_owned()).collect()
}

#[tokio::test]
async fn a_range_goes_step_by_step_within_its_scope() {
    let table = [
        (Scope::all(), "", 7, 4),
        (Scope::range("b", "e"), "aefg", 3, 2),
        (Scope::range("b", "d"), "adefg", 2, 1),
        (Scope::range("f", ""), "abcde", 2, 1),
        (Scope::prefix("c"), "abdefg", 1, 1),
        (Scope::prefix("x"), "abcdefg", 0, 1),
        (Scope::all().limit(3), "defg", 3, 2),
        (Scope::all().limit(2), "cdefg", 2, 1),
        (Scope::all().limit(99), "", 7, 4),
    ];
    for (scope, expected, removed, steps) in table {
        let fake = filled().await;
        let table = fake.builder().build().expect("settings").table("kv");
        let mut removal = table.remove_range(scope.clone());
        assert_eq!(removal.all().await.expect("removed"), removed, "{scope:?}");
        assert_eq!((left(&fake).as_str(), removal.removed()), (expected, removed), "{scope:?}");
        assert!(removal.step().await.is_none(), "the end stays the end");
        let asked = fake.asked();
        assert_eq!(asked.len(), steps, "{scope:?}");
        let mut names: Vec<_> = asked.into_iter().map(|asked| asked.op.expect("a name")).collect();
        names.dedup();
        assert_eq!(names.len(), steps, "each step has a name of its own");
    }
}

/// Nobody knows what it did: it is not said that all is gone.
#[tokio::test]
async fn a_step_that_was_given_up_is_an_error() {
    let fake = filled().await;
    let table = fake.builder().build().expect("settings").table("kv");
    let mut removal = table.remove_range(Scope::all());
    fake.plan().silent = true;
    assert!(Box::pin(at_once(removal.all())).await.is_none());
    fake.plan().silent = false;
    assert!(removal.all().await.is_err_and(|error| error.is(code::UNKNOWN_OUTCOME)));
    assert!(removal.step().await.is_none());
    table.remove_range(Scope::all()).all().await.expect("begun anew");
    assert_eq!(left(&fake), "");
}

#[tokio::test]
async fn a_step_whose_answer_is_lost_is_done_once() {
    let fake = filled().await;
    let client = fake.builder().build().expect("settings");
    let mut removal = client.table("kv").remove_range(Scope::range("b", ""));
    fake.plan().lose_removal = true;
    let step = removal.step().await.expect("a step").expect("sent again");
    assert_eq!((step.removed, left(&fake).as_str()), (2, "adefg"));
    let asked = fake.asked();
    assert_eq!((asked.len(), &asked[0].op), (2, &asked[1].op), "under the same name");
    assert!(step.receipt.is_some());
    assert_eq!((removal.all().await, left(&fake).as_str()), (Ok(6), "a"));
}

#[tokio::test]
async fn what_is_refused_ends_it_and_what_has_gone_is_told() {
    let fake = filled().await;
    let client = fake.builder().retries(false).build().expect("settings");
    let mut removal = client.table("kv").remove_range(Scope::all());
    removal.step().await.expect("a step").expect("removed");
    fake.plan().refusals.push_back(Failure::new(code::PARTITION_FAILED, "as planned"));
    assert!(removal.all().await.expect_err("refused").is(code::PARTITION_FAILED));
    assert_eq!((removal.removed(), removal.step().await), (2, None));
    for (scope, code) in [
        (Scope::range("c", "b"), code::RANGE_INVALID),
        (Scope::all().reverse(true), code::MALFORMED),
        (Scope::all().after("a"), code::MALFORMED),
        (Scope::all().limit_bytes(1), code::MALFORMED),
    ] {
        let refused = client.table("kv").remove_range(scope.clone()).all().await.expect_err("no sense");
        assert!(refused.is(code), "{scope:?}: {refused}");
    }
    assert_eq!(left(&fake), "cdefg");
}
