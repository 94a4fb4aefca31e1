//! Everything that is made from the table: that it is sound, prints, reads
//! back, and is what the page says.
#![allow(clippy::disallowed_methods, reason = "the page is a file of the repository")]

use super::super::keys::{self, KEYS};
use super::super::raw::{Flaw, Raw};
use super::super::{Config, Kind, LogLevel, Value, reference};
use super::Given;
use expect_test::expect;
use model::Limits;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;
use wal::SyncPolicy;

#[test]
fn names_are_unique_and_in_order() {
    let paths: BTreeSet<_> = KEYS.iter().map(|key| key.path).collect();
    let variables: BTreeSet<_> = KEYS.iter().map(|key| key.variable()).collect();
    assert_eq!((paths.len(), variables.len()), (KEYS.len(), KEYS.len()));
    let sections = keys::sections();
    assert_eq!(sections.iter().collect::<BTreeSet<_>>().len(), sections.len(), "a section is torn");
    let first_with_section = KEYS.iter().position(|key| key.section().is_some()).expect("some");
    assert!(KEYS[first_with_section..].iter().all(|key| key.section().is_some()), "top keys come first");
    for key in KEYS {
        let plain = key.path.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '-' | '.'));
        assert!(plain && key.path.matches('.').count() <= 1, "{}", key.path);
        assert!(key.doc.ends_with('.') && !key.doc.contains(['|', '\n']), "{}", key.path);
        assert!(super::super::CLIENT_VARIABLES.iter().all(|name| *name != key.variable()), "{}", key.path);
    }
}

/// Both ends of every range, and every word: what a kind accepts, its field can
/// hold; and a setter sets what its getter gets.
#[test]
fn kinds_and_fields_belong_together() {
    for key in KEYS {
        for value in extremes(key.kind) {
            let mut config = Config::default();
            let raw = Raw::Bare(value.to_string());
            assert_eq!(key.take(&mut config, &raw), Ok(()), "{} = {value}", key.path);
            assert_eq!(key.value(&config), value, "{}", key.path);
            for other in KEYS.iter().filter(|other| other.path != key.path) {
                assert_eq!(
                    other.value(&config),
                    other.value(&Config::default()),
                    "{} sets {}",
                    key.path,
                    other.path
                );
            }
        }
    }
}

#[test]
fn just_beyond_the_ends_is_out_of_range() {
    let mut checked = 0;
    for key in KEYS {
        let beyond = match key.kind {
            Kind::Count { min, max } => vec![i128::from(min) - 1, i128::from(max) + 1],
            Kind::Bytes { min, max } => vec![i128::from(min) - 1, i128::from(max) + 1],
            _ => vec![],
        };
        for number in beyond {
            let refused =
                key.take(&mut Config::default(), &Raw::Number { value: number, text: number.to_string() });
            assert_eq!(refused, Err(Flaw::Range), "{} = {number}", key.path);
            checked += 1;
        }
    }
    assert!(checked >= 60, "{checked}");
}

#[test]
fn defaults_are_accepted_and_printed_alike() {
    for key in KEYS {
        let value = key.value(&Config::default());
        assert_eq!(key.kind.read(&Raw::Bare(value.to_string())), Ok(value), "{}", key.path);
    }
}

fn extremes(kind: Kind) -> Vec<Value> {
    match kind {
        Kind::Path => vec![Value::Text("a b".to_owned())],
        Kind::Address => vec![Value::Address("[2001:db8::1]:65535".parse().expect("an address"))],
        Kind::Host => vec![Value::Text(String::new()), Value::Text("a:1".to_owned())],
        Kind::Count { min, max } => vec![Value::Count(min), Value::Count(max)],
        Kind::Bytes { min, max } => vec![Value::Bytes(min), Value::Bytes(max)],
        Kind::Time { min, max } => vec![Value::Time(min), Value::Time(max)],
        Kind::Truth => vec![Value::Truth(false), Value::Truth(true)],
        Kind::Word(words) => words.iter().map(|word| Value::Word(word)).collect(),
        Kind::Sync => vec![Value::Sync(SyncPolicy::Each), Value::Sync(SyncPolicy::Every(60_000))],
    }
}

/// `Limits` prints its fields: none of them may lack a key.
#[test]
fn every_limit_has_a_key() {
    let printed = format!("{:?}", Limits::default());
    let fields = printed.trim_start_matches("Limits { ").split(", ");
    let named: Vec<_> = fields.filter_map(|field| field.split_once(':')).map(|(name, _)| name).collect();
    let expected: Vec<_> = named.iter().map(|name| format!("limits.{}", name.replace('_', "-"))).collect();
    let found: Vec<_> =
        KEYS.iter().filter(|key| key.section() == Some("limits")).map(|key| key.path).collect();
    assert_eq!(found, expected);
}

/// Names and values that TOML has to escape, and everything else unusual.
fn unusual() -> Config {
    let mut config = Config {
        data_dir: "a \"b\" \\ #\t\u{7f}\nü".into(),
        advertise: Some("[::1]:1".to_owned()),
        ..Config::default()
    };
    config.listen.peer = "[::1]:7402".parse().expect("an address");
    config.log.sync = SyncPolicy::Every(1500);
    config.log.level = LogLevel::Error;
    config.log.slow = None;
    config.metrics.per_partition = true;
    config.connections.age_max = Some(Duration::from_secs(90));
    config.limits.log_segment_bytes = (1 << 20) + 1;
    config
}

#[test]
fn what_is_printed_reads_back() {
    let disk = super::disk(b"");
    for config in [Config::default(), unusual()] {
        let mut sources = super::Sources::new(&disk);
        sources.defaults = config.clone();
        let printed = Config::load(&sources).expect("sound").toml();
        let read = Given { file: Some(&printed), ..Given::default() }.loaded();
        assert!(KEYS.iter().all(|key| read.origin(key.path).to_string().starts_with("statehouse.toml:")));
        assert_eq!(read.into_config(), config, "{printed}");
    }
}

#[test]
fn it_prints_as_a_file_a_table_and_json() {
    let given = Given {
        file: Some("data-dir = '/var/lib/statehouse'\n[log]\nlevel = 'debug'\n"),
        environment: &[("STATEHOUSE_LOG_SYNC", "every(50ms)")],
        flags: &["listen.data=[::1]:7400"],
    };
    let loaded = given.loaded();
    let opening = |text: &str| text.lines().take(18).map(|line| format!("{line}\n")).collect::<String>();
    expect![[r#"
        data-dir = "/var/lib/statehouse"  # statehouse.toml:1
        advertise = ""                    # default
        advertise-peer = ""               # default
        join = ""                         # default

        [listen]
        data = "[::1]:7400"         # flag --set
        control = "127.0.0.1:7401"  # default
        peer = "127.0.0.1:7402"     # default
        metrics = "127.0.0.1:7403"  # default

        [threads]
        io = 0        # default
        shards = 0    # default
        blocking = 4  # default

        [log]
        sync = "every(50ms)"  # env STATEHOUSE_LOG_SYNC
    "#]]
    .assert_eq(&opening(&loaded.toml()));
    expect![[r#"
        KEY                                   VALUE                  ORIGIN
        data-dir                              "/var/lib/statehouse"  statehouse.toml:1
        advertise                             ""                     default
        advertise-peer                        ""                     default
        join                                  ""                     default
        listen.data                           [::1]:7400             flag --set
        listen.control                        127.0.0.1:7401         default
        listen.peer                           127.0.0.1:7402         default
        listen.metrics                        127.0.0.1:7403         default
        threads.io                            0                      default
        threads.shards                        0                      default
        threads.blocking                      4                      default
        log.sync                              every(50ms)            env STATEHOUSE_LOG_SYNC
        log.level                             debug                  statehouse.toml:3
        log.format                            text                   default
        log.slow                              100ms                  default
        metrics.per-partition                 false                  default
        connections.max                       10000                  default
    "#]]
    .assert_eq(&opening(&loaded.table()));
    let json = loaded.json();
    assert_eq!(
        (json["schema"].as_str(), json["configuration"].as_array().map(Vec::len)),
        (Some("v1"), Some(KEYS.len()))
    );
    let shown = ["data-dir", "threads.io", "log.sync", "metrics.per-partition", "limits.log-segment-bytes"];
    let rows = json["configuration"].as_array().expect("rows").iter();
    let rows = rows.filter(|row| shown.iter().any(|path| row["key"] == *path));
    expect![[r#"
        {"changes":"restart","key":"data-dir","origin":"statehouse.toml:1","value":"/var/lib/statehouse"}
        {"changes":"restart","key":"threads.io","origin":"default","value":0}
        {"changes":"restart","key":"log.sync","origin":"env STATEHOUSE_LOG_SYNC","value":"every(50ms)"}
        {"changes":"restart","key":"metrics.per-partition","origin":"default","value":false}
        {"changes":"restart","key":"limits.log-segment-bytes","origin":"default","value":67108864}
    "#]]
    .assert_eq(&rows.map(|row| format!("{row}\n")).collect::<String>());
}

#[test]
fn the_page_says_what_the_table_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let page = reference::page();
    if std::env::var_os("STATEHOUSE_WRITE_FIXTURES").is_some() {
        std::fs::write(&path, &page).expect("written");
    }
    let found = std::fs::read_to_string(&path).expect("the page");
    assert!(found == page, "docs/configuration.md is stale: write it anew with STATEHOUSE_WRITE_FIXTURES=1");
}

#[test]
fn the_example_of_the_page_is_accepted() {
    let page = reference::page();
    let (_, rest) = page.split_once("```toml\n").expect("an example");
    let (example, _) = rest.split_once("```").expect("its end");
    let loaded = Given { file: Some(example), ..Given::default() }.loaded();
    assert_ne!(*loaded.config(), Config::default());
}
