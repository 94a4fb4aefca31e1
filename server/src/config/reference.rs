//! The page for people: `docs/configuration.md`, made from the table.

use super::environment::CLIENT_VARIABLES;
use super::keys::{self, KEYS};
use super::row::Key;
use super::settings::Config;
use super::value::Value;

const OPENING: &str = "\
# Configuration

<!-- Made from server/src/config/keys.rs by `STATEHOUSE_WRITE_FIXTURES=1 cargo test -p server config`. -->

What `statehouse server` can be told, and by whom. The later wins:

1. The defaults below.
2. A TOML file: `--config FILE`, or what `STATEHOUSE_CONFIG` names. Without either, none is read; one that is named must be there.
3. Environment variables: `STATEHOUSE_` and the key in capitals, with `_` for `.` and `-`. `listen.data` is `STATEHOUSE_LISTEN_DATA`.
4. The command line: flags of their own, and `--set KEY=VALUE` for every key.

`statehouse server --print-config` prints what is in force, and where each value is from, as a file that can be used.

Whatever names no key is refused, and so is every value that a key does not take: all at once, each with its place, and with exit code 2.

Sizes are `4KiB`, `64MiB`, `1GiB`, or plain bytes. Times are `250ms`, `5s`, `2m`, `1h`; 0 needs no unit. In the file, sizes with a unit, times, addresses and words stand in quotes; numbers, `true` and `false` do not.

```toml
data-dir = \"/var/lib/statehouse\"
advertise = \"db1.example.net:7400\"

[listen]
data = \"0.0.0.0:7400\"

[log]
sync = \"each\"
```

A change of a key takes effect:

| | |
|---|---|
| live | in a running server |
| restart | when the server starts |
| fixed | when the data directory is made, and never again |
";

/// The page.
pub fn page() -> String {
    let mut out = String::from(OPENING);
    let top = std::iter::once(None);
    for section in top.chain(keys::sections().into_iter().map(Some)) {
        out.push_str(&heading(section));
        out.push_str("| key | default | takes | change | |\n|---|---|---|---|---|\n");
        KEYS.iter().filter(|key| key.section() == section).for_each(|key| out.push_str(&row(key)));
    }
    out.push_str("\n## Variables that are no keys\n\n");
    out.push_str("They begin like the others, are for clients and tests, and are not refused: ");
    out.push_str(&CLIENT_VARIABLES.map(|name| format!("`{name}`")).join(", "));
    out.push_str(".\n");
    out
}

fn heading(section: Option<&str>) -> String {
    section.map_or_else(|| "\n## At the top\n\n".to_owned(), |name| format!("\n## `[{name}]`\n\n"))
}

fn row(key: &Key) -> String {
    let default = match key.value(&Config::default()) {
        Value::Text(text) if text.is_empty() => "none".to_owned(),
        value => format!("`{value}`"),
    };
    format!("| `{}` | {default} | {} | {} | {} |\n", key.path, key.kind, key.changes, key.doc)
}
