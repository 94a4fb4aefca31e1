//! What is accepted, and which layer wins.

use super::super::keys::{self, KEYS};
use super::super::{Config, Flag, LogFormat, LogLevel, Sources};
use super::{FILE, Given, disk, variables};
use expect_test::expect;
use std::path::PathBuf;
use std::time::Duration;

#[test]
fn nothing_given_is_the_defaults() {
    let loaded = Given::default().loaded();
    assert_eq!(*loaded.config(), Config::default());
    assert!(loaded.origins().iter().all(|row| row.origin.to_string() == "default"));
}

#[test]
fn the_later_layer_wins() {
    let file = "data-dir = 'a'\n[threads]\nio = 2\nshards = 3\nblocking = 5\n";
    let environment = [("STATEHOUSE_THREADS_IO", "6"), ("STATEHOUSE_THREADS_SHARDS", "7"), ("PATH", "/bin")];
    let loaded = Given { file: Some(file), environment: &environment, flags: &["threads.io=8"] }.loaded();
    let found = ["data-dir", "threads.io", "threads.shards", "threads.blocking", "log.sync"]
        .map(|path| format!("{path} = {} ({})\n", loaded.value(path).expect("a key"), loaded.origin(path)));
    expect![[r#"
        data-dir = a (statehouse.toml:1)
        threads.io = 8 (flag --set)
        threads.shards = 7 (env STATEHOUSE_THREADS_SHARDS)
        threads.blocking = 5 (statehouse.toml:5)
        log.sync = each (default)
    "#]]
    .assert_eq(&found.concat());
}

#[test]
fn a_verb_may_have_defaults_of_its_own() {
    let disk = disk(b"");
    let mut sources = Sources::new(&disk);
    sources.defaults.drain.lame_duck = Duration::ZERO;
    sources.flags =
        vec![Flag::named("--data-dir", "data-dir", "first"), Flag::named("--data-dir", "data-dir", "second")];
    let loaded = Config::load(&sources).expect("sound");
    assert_eq!(loaded.config().drain.lame_duck, Duration::ZERO);
    assert_eq!(loaded.origin("drain.lame-duck").to_string(), "default");
    assert_eq!(loaded.config().data_dir, PathBuf::from("second"));
    assert_eq!(loaded.origin("data-dir").to_string(), "flag --data-dir");
}

#[test]
fn a_flag_names_the_file_before_the_variable_does() {
    let disk = disk(b"data-dir = 'from the file'");
    let mut sources = Sources::new(&disk);
    sources.environment = variables(&[("STATEHOUSE_CONFIG", FILE)]);
    assert_eq!(Config::load(&sources).expect("sound").config().data_dir, PathBuf::from("from the file"));
    sources.environment = variables(&[("STATEHOUSE_CONFIG", "not-there.toml")]);
    assert!(Config::load(&sources).is_err());
    sources.file = Some(PathBuf::from(FILE));
    assert!(Config::load(&sources).is_ok());
}

#[test]
fn variables_of_clients_and_others_are_left_alone() {
    let environment = [
        ("STATEHOUSE_ENDPOINT", "x"),
        ("STATEHOUSE_CONTROL_ENDPOINT", "x"),
        ("STATEHOUSE_NAMESPACE", "x"),
        ("STATEHOUSE_PYTHON", "x"),
        ("STATEHOUSE_WRITE_FIXTURES", "1"),
        ("STATEHOUSES", "x"),
        ("HOME", "x"),
    ];
    assert_eq!(
        Given { environment: &environment, ..Given::default() }.loaded().into_config(),
        Config::default()
    );
}

/// Key, value in the file (as TOML), the same as bare text, what is in force.
const VALUES: &[(&str, &str, &str, &str)] = &[
    ("data-dir", "'/var/lib/statehouse'", "/var/lib/statehouse", "/var/lib/statehouse"),
    ("data-dir", r#""a \"b\" \\ ü""#, r#"a "b" \ ü"#, r#"a "b" \ ü"#),
    ("advertise", "''", "", ""),
    ("advertise", "'db-1.example.net:7400'", "db-1.example.net:7400", "db-1.example.net:7400"),
    ("advertise", "'[2001:db8::1]:7400'", "[2001:db8::1]:7400", "[2001:db8::1]:7400"),
    ("listen.data", "'[::1]:7400'", "[::1]:7400", "[::1]:7400"),
    ("listen.data", "'0.0.0.0:0'", "0.0.0.0:0", "0.0.0.0:0"),
    ("threads.io", "0", "0", "0"),
    ("threads.io", "0x10", "16", "16"),
    ("requests.max", "10_000", "10000", "10000"),
    ("log.sync", "'each'", "each", "each"),
    ("log.sync", "'every(50ms)'", "every(50ms)", "every(50ms)"),
    ("log.sync", "'every(1s)'", "every(1000ms)", "every(1s)"),
    ("log.level", "'trace'", "trace", "trace"),
    ("log.format", "'json'", "json", "json"),
    ("log.slow", "0", "0", "0s"),
    ("log.slow", "'1500ms'", "1500ms", "1500ms"),
    ("metrics.per-partition", "true", "true", "true"),
    ("connections.idle-timeout", "'120s'", "120s", "2m"),
    ("connections.age-max", "'1h'", "1h", "1h"),
    ("stores.instances", "255", "255", "255"),
    ("limits.log-segment-bytes", "1048576", "1048576", "1MiB"),
    ("limits.log-segment-bytes", "'128MiB'", "128MiB", "128MiB"),
    ("limits.log-segment-bytes", "'1048577'", "1048577B", "1048577B"),
    ("limits.log-mark-ms", "7", "7", "7"),
];

#[test]
fn values_are_read_alike_from_every_layer() {
    for (path, toml, bare, expected) in VALUES {
        let key = keys::find(path).expect("a key");
        let (file, flag) = (format!("{path} = {toml}"), format!("{path}={bare}"));
        let given = [
            Given { file: Some(&file), ..Given::default() },
            Given { environment: &[(&key.variable(), bare)], ..Given::default() },
            Given { flags: &[&flag], ..Given::default() },
        ];
        for given in given {
            let loaded = given.loaded();
            assert_eq!(key.value(loaded.config()).to_string(), *expected, "{path} {toml} {bare}");
        }
    }
}

#[test]
fn what_is_in_force_is_what_was_meant() {
    let file = "log = { level = 'debug', format = 'json', slow = 0 }\nlisten.data = '[::1]:1'\n\
                [connections]\nidle-timeout = 0\nage-max = '1h'\n[limits]\nrecord-commands-max = 9\n";
    let config = Given { file: Some(file), ..Given::default() }.loaded().into_config();
    let mut expected = Config::default();
    expected.log.level = LogLevel::Debug;
    expected.log.format = LogFormat::Json;
    expected.log.slow = None;
    expected.listen.data = "[::1]:1".parse().expect("an address");
    expected.connections.idle_timeout = None;
    expected.connections.age_max = Some(Duration::from_secs(3600));
    expected.limits.record_commands_max = 9;
    assert_eq!(config, expected);
}

#[test]
fn listeners_may_share_an_address_or_a_port() {
    let flags = [
        &["listen.data=127.0.0.1:0", "listen.control=127.0.0.1:0"][..],
        &["listen.data=127.0.0.2:9000", "listen.control=127.0.0.1:9000"],
    ];
    for flags in flags {
        assert!(Given { flags, ..Given::default() }.load().is_ok(), "{flags:?}");
    }
    assert_eq!(KEYS.iter().filter(|key| key.section() == Some("listen")).count(), 4);
}
