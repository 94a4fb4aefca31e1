//! The command line: help, usage, exit codes, closed output.

use crate::world::World;
use expect_test::expect;
use std::process::{Command, Output, Stdio};

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_statehouse")).args(args).stdin(Stdio::null()).output().expect("it runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// Without the blanks that end its empty lines.
fn help(args: &[&str]) -> String {
    let output = run(args);
    assert_eq!(output.status.code(), Some(0));
    text(&output.stdout).lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

#[test]
fn help_is_for_newcomers() {
    expect![[r#"
        Statehouse runs tables: durable, linearizable state next to the code that
        changes it. `statehouse dev` runs one to try.

        Usage: statehouse <COMMAND>

        Commands:
          dev        Run one node for trying things, with a table to write to
          server     Run a node
          put        Set a row
          get        Print a row's value
          rm         Remove rows, by key or a whole range
          scan       Print rows in order, as they come
          scrub      Read every row of a table again, and say what is wrong
          export     Write rows as lines of JSON
          import     Load rows from lines of JSON
          table      Make, list, show and remove tables
          partition  Add, list, remove and erase partitions
          status     How a node is
          cluster    Make a cluster of a node, and show how it is
          node       The nodes of a cluster
          verify     Let users work, kill the node, and judge what they saw
          watch      Print what happens to rows, as it happens
          tail       Print what happens in one partition, as it happens
          touch      Have rows last for a while from now on, as they are
          apply      Have a table's machine apply a command
          query      Ask a table's machine
          explain    What an error code means: what is safe, and what to do next
          doctor     Look into a data directory: what is there, what is wrong, what to do
          help       Print this message or the help of the given subcommand(s)

        Options:
          -h, --help     Print help
          -V, --version  Print version

        Exit codes:
          0  done
          1  not found, or a condition does not hold
          2  the command line or the request makes no sense
          3  not available: nobody there, no answer, no room
          4  in conflict with what is there
          5  not allowed
    "#]]
    .assert_eq(&help(&["--help"]));
    expect![[r#"
        Look into a data directory: what is there, what is wrong, what to do

        Reads the directory's identity, every segment of the log, and what the
        stores hold, and reports each finding as PASS, WARN or FAIL with what is
        safe and what to do. Nothing is changed unless --repair is given. A
        directory that a process has open can be read too, but may be changing
        under the reader; stop the process for a report to rely on.

        Usage: statehouse doctor [OPTIONS] --dir <DIR>

        Options:
              --dir <DIR>
                  The data directory

          -o, --output <OUTPUT>
                  How to print; a table unless told

                  Possible values:
                  - table: A summary for people
                  - json:  One object for programs, schema `v1`
                  - wide:  The summary with every batch and record

              --repair <PARTITION>
                  Give up the damaged tail of this partition

                  Nothing is deleted: a record in the log says that what follows INDEX is
                  void. The directory must not be in use.

              --accept-loss-after <INDEX>
                  The last index that the partition keeps

              --yes
                  Do not ask before repairing

          -h, --help
                  Print help (see a summary with '-h')

        Examples:
          statehouse doctor --dir /var/lib/statehouse
              What is in the directory, what is wrong with it, and what to do.
          statehouse doctor --dir /var/lib/statehouse -o wide | less
              Also every batch and every record of the log.
          statehouse doctor --dir /var/lib/statehouse -o json | jq .findings
              All of it for programs.
          statehouse doctor --dir /var/lib/statehouse --repair 7 --accept-loss-after 120
              Partition 7 keeps what it has up to index 120; what follows is given up.
              The report names the values that can be taken.

        Exit codes:
          0  all is well; damage that costs nobody anything counts as well
          1  the report has a FAIL, or the repair was refused
          2  the command line makes no sense
          3  the directory cannot be read, or is in use
    "#]]
    .assert_eq(&help(&["doctor", "--help"]));
    let version = run(&["--version"]);
    assert_eq!(text(&version.stdout), concat!("statehouse ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn a_command_line_that_makes_no_sense_is_2() {
    let rows: [&[&str]; 7] = [
        &[],
        &["cure"],
        &["doctor"],
        &["doctor", "--dir", "d", "-o", "xml"],
        &["doctor", "--dir", "d", "--repair", "7"],
        &["doctor", "--dir", "d", "--accept-loss-after", "7"],
        &["doctor", "--dir", "d", "--repair", "seven", "--accept-loss-after", "7"],
    ];
    for args in rows {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn a_directory_that_cannot_be_read_is_3() {
    let world = World::new();
    let absent = world.dir.join("absent");
    let output = run(&["doctor", "--dir", &absent.to_string_lossy()]);
    assert_eq!(output.status.code(), Some(3));
    let said = text(&output.stderr).replace(&*world.dir.to_string_lossy(), "DIR");
    expect![[r#"
        error SH1011: cannot list DIR/absent: No such file or directory (os error 2)
          safe: What was acknowledged is on disk.
          next: See the system's message; check the disk, then start again.
    "#]]
    .assert_eq(&said);
    let repair = ["doctor", "--repair", "1", "--accept-loss-after", "1", "--yes", "--dir"];
    let output = run(&[&repair[..], &[&absent.to_string_lossy()]].concat());
    assert_eq!(output.status.code(), Some(3));
    assert!(!absent.exists(), "a repair makes no directory");
}

#[test]
fn whoever_closes_our_output_ends_nothing_badly() {
    let world = World::new();
    for format in ["table", "wide", "json"] {
        let mut process = Command::new(env!("CARGO_BIN_EXE_statehouse"));
        process.args(["doctor", "--dir"]).arg(&world.dir).args(["-o", format]);
        let mut child = process.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()), "{format}");
    }
}
