//! The ports file: where a node listens, for whoever started it.

use crate::config::Listen;
use env::Files;
use std::io;
use std::path::Path;

/// Its text: TOML.
pub fn text(listen: &Listen) -> String {
    let Listen { data, control, peer, metrics } = listen;
    format!("data = \"{data}\"\ncontrol = \"{control}\"\npeer = \"{peer}\"\nmetrics = \"{metrics}\"\n")
}

/// Writes it whole: whoever sees it can read it to the end.
pub fn write(files: &dyn Files, path: &Path, listen: &Listen) -> io::Result<()> {
    let dir = match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    env::files::replace(files, dir, &name, text(listen).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_four_lines_of_toml() {
        let at = |port: u16| ([127, 0, 0, 1], port).into();
        let listen = Listen { data: at(1), control: at(2), peer: at(3), metrics: at(4) };
        let expected = "data = \"127.0.0.1:1\"\ncontrol = \"127.0.0.1:2\"\npeer = \"127.0.0.1:3\"\n\
                        metrics = \"127.0.0.1:4\"\n";
        assert_eq!(text(&listen), expected);
    }
}
