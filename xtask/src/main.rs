//! `cargo xtask`: what reviewers would otherwise have to remember.
//!
//! It is: two checks that read the repository and print findings.
//! It is not: a build system. Nothing here writes a file.
//!
//! ```text
//! cargo xtask tidy     sizes, names, words, links        (tidy/, one rule a file)
//! cargo xtask layers   which crate may use which         (layers.rs is the table)
//! ```
#![allow(clippy::disallowed_methods, reason = "a tool for the checkout runs outside every simulated world")]

mod finding;
mod layers;
mod tidy;

use finding::Finding;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask tidy|layers

  tidy     sizes, names, words and links of every file in the repository
  layers   the crate table against `cargo metadata`
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let found = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["tidy"] => repository().and_then(|root| tidy::run(&root)),
        ["layers"] => repository().and_then(|root| layers::run(&root)),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match found {
        Ok(findings) => report(&arguments[0], &findings),
        Err(error) => {
            eprintln!("xtask {}: {error}", arguments[0]);
            ExitCode::from(2)
        }
    }
}

/// The checkout that cargo was called in. Asked at run time: a build directory
/// shared by several checkouts may run a binary that another one built.
fn repository() -> Result<PathBuf, String> {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").ok_or("call it as `cargo xtask`")?;
    let parent = Path::new(&manifest).parent().ok_or("CARGO_MANIFEST_DIR has no parent")?;
    Ok(parent.to_path_buf())
}

/// Prints everything; only errors decide the exit code.
fn report(command: &str, findings: &[Finding]) -> ExitCode {
    for finding in findings {
        println!("{finding}");
    }
    let errors = findings.iter().filter(|finding| !finding.warning).count();
    let warnings = findings.len() - errors;
    println!("{command}: {errors} errors, {warnings} warnings");
    if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
