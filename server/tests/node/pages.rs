//! What the pages say is so: the README's commands run, and the metrics are
//! those of the page on operation.

use crate::probe;
use crate::process::{Launch, Node, Ports, typed};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn text_of(path: &str) -> String {
    std::fs::read_to_string(repository().join(path)).expect("a page")
}

/// The lines of a page's shell blocks.
fn shell_lines(page: &str) -> Vec<&str> {
    let blocks = page.split("```sh\n").skip(1);
    blocks.flat_map(|block| block.split("```").next().unwrap_or_default().lines()).collect()
}

/// A command as a newcomer types it, against the node: what it printed.
fn typed_at(node: &Node, line: &str) -> String {
    let Ports { data, control, .. } = node.at;
    typed(line, &[("STATEHOUSE_ENDPOINT", data), ("STATEHOUSE_CONTROL_ENDPOINT", control)])
}

async fn dev(dir: &Path) -> Node {
    let launch = Launch::plain(dir, &["dev", "--random-ports"]).variable("TMPDIR", dir.display());
    let ports = launch.ports_file();
    launch.with("--ports-file").with(ports.display()).start().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_of_the_readme_do_what_it_says() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = dev(dir.path()).await;
    let readme = text_of("README.md");
    let lines = shell_lines(&readme);
    let verbs: Vec<&&str> =
        lines.iter().filter(|line| line.starts_with("statehouse ") && !line.contains(" server ")).collect();
    assert!(verbs.len() > 5, "the README shows what to do: {verbs:?}");
    for line in verbs {
        let (command, printed) = line.split_once('#').unwrap_or((line, ""));
        let out = typed_at(&node, command);
        assert!(printed.is_empty() || out == printed.trim(), "`{command}` printed `{out}`");
    }
}

#[test]
fn the_targets_of_the_readme_are_in_the_makefile() {
    let (readme, makefile) = (text_of("README.md"), text_of("Makefile"));
    let targets = shell_lines(&readme).into_iter().filter_map(|line| line.strip_prefix("make "));
    let targets: Vec<&str> = targets.filter_map(|rest| rest.split_whitespace().next()).collect();
    assert!(targets.contains(&"run") && targets.contains(&"test"), "{targets:?}");
    for target in targets {
        assert!(makefile.contains(&format!("\n{target}: ")), "the Makefile has no `{target}`");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_metrics_are_those_of_the_page() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).set("metrics.per-partition=true").start().await;
    typed_at(&node, "statehouse table create kv");
    let (status, text) = probe::page(node.at.metrics, "/metrics").await.expect("a page");
    assert_eq!(status, 200);
    let helped = text.lines().filter_map(|line| line.strip_prefix("# HELP "));
    let served: BTreeSet<&str> = helped.filter_map(|line| line.split(' ').next()).collect();
    let page = text_of("docs/operation.md");
    let rows = page.lines().filter(|line| line.starts_with("| `statehouse_"));
    let names = rows.filter_map(|row| row.split(" | ").next());
    let told: BTreeSet<&str> =
        names.flat_map(|names| names.split('`')).filter(|name| name.starts_with("statehouse_")).collect();
    assert_eq!(served, told, "left: what is served; right: what docs/operation.md lists");
}

/// The verbs in the first column of a page's table, those behind a bar included.
fn verbs_of(page: &str) -> BTreeSet<String> {
    let mut verbs = BTreeSet::new();
    let rows = page.lines().skip_while(|line| !line.starts_with("| verb")).skip(2);
    for row in rows.take_while(|line| line.starts_with('|')) {
        let column = row.split(" | ").next().unwrap_or_default();
        for code in column.split('`').skip(1).step_by(2) {
            let is_word = |word: &&str| word.starts_with(|first: char| first.is_ascii_lowercase());
            let mut words = code.split(' ').take_while(is_word);
            let verb = words.next().expect("a verb");
            let below = words.next().map(|words| words.split("\\|").map(|word| format!("{verb} {word}")));
            match below {
                Some(below) => verbs.extend(below),
                None => verbs.extend([verb.to_owned()]),
            }
        }
    }
    verbs
}

/// The verbs that a help text lists.
fn listed(verb: &str) -> BTreeSet<String> {
    let help = typed(&format!("statehouse {verb} --help"), &[]);
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let lines = lines.take_while(|line| line.starts_with("  "));
    let words = lines.filter_map(|line| line.split_whitespace().next()).filter(|word| *word != "help");
    words.map(|word| format!("{verb} {word}").trim_start().to_owned()).collect()
}

#[test]
fn the_verbs_are_those_of_the_page() {
    let mut there = BTreeSet::new();
    for verb in listed("") {
        let below = listed(&verb);
        there.extend(if below.is_empty() { BTreeSet::from([verb]) } else { below });
    }
    let told = verbs_of(&text_of("docs/cli.md"));
    assert_eq!(there, told, "left: what there is; right: what docs/cli.md lists");
}
