//! Banned words, each with what to write instead.
//!
//! A ban that clippy can express stands in `clippy.toml`. Here stand those that
//! depend on the path, and those about comments and prose.

use super::rust::Source;
use crate::finding::Finding;

/// This file, which has to spell what it bans.
const THIS: &str = "xtask/src/tidy/words.rs";

/// A word that must not stand in code.
struct InCode {
    word: &'static str,
    /// Paths that begin so may use it.
    except: &'static [&'static str],
    tests_may: bool,
    instead: &'static str,
}

const IN_CODE: &[InCode] = &[
    InCode {
        word: "todo!",
        except: &[],
        tests_may: false,
        instead: "write it, or return an error that says so",
    },
    InCode {
        word: "unimplemented!",
        except: &[],
        tests_may: false,
        instead: "write it, or return an error that says so",
    },
    InCode { word: "dbg!", except: &[], tests_may: false, instead: "remove it, or use `tracing`" },
    InCode {
        word: "#[ignore",
        except: &[],
        tests_may: false,
        instead: "delete the test, or make it quick and sure enough to run",
    },
    InCode {
        word: "thread::sleep",
        except: &["env/", "bench/", "xtask/", "testkit/"],
        tests_may: false,
        instead: "wait for the event; simulated time moves by `SimClock`",
    },
    InCode {
        word: "process::abort",
        except: &["env/src/real/"],
        tests_may: false,
        instead: "`env.fatal`, which simulation survives",
    },
    InCode {
        word: "getrandom::",
        except: &["env/"],
        tests_may: false,
        instead: "`env.rng.stream(label)`: one seed decides a run",
    },
    InCode {
        word: "Plants::of(",
        except: &["env/src/plant.rs", "testkit/"],
        tests_may: true,
        instead: "`Plants::NONE`: only the simulation plants bugs",
    },
];

/// Words of unfinished work, which must not stand in comments.
const IN_COMMENTS: [&str; 3] = ["FIXME", "XXX", "HACK"];

/// Paths of somebody's machine.
const MACHINE_PATHS: [&str; 3] = ["/root/", "/work/", "/home/"];

/// Texts that a reader of the repository does not have.
const ELSEWHERE: [&str; 6] =
    ["../shared", "shared/design", "shared/reference", "HOUSE-STYLE", "CONTRACTS.md", "DESIGN.md"];

/// Words that no text may hold, data included.
pub fn anywhere(path: &str, text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    if path == THIS {
        return found;
    }
    for (index, line) in text.lines().enumerate() {
        for word in MACHINE_PATHS.iter().filter(|word| holds_path(line, word)) {
            let what = format!("`{word}` is a path of one machine");
            found.push(Finding::at(path, index, what, "write it relative to the repository, or use $HOME"));
        }
        for word in ELSEWHERE.iter().filter(|word| line.contains(**word)) {
            let what = format!("`{word}` is not in the repository");
            found.push(Finding::at(path, index, what, "say it in docs/ and link to that"));
        }
    }
    found
}

/// Words that Rust files may not hold.
pub fn rust(source: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    for (index, line) in source.lines.iter().enumerate() {
        for ban in IN_CODE {
            let excepted = ban.except.iter().any(|path| source.path.starts_with(path))
                || (ban.tests_may && source.is_test(index));
            if !excepted && holds_word(&line.code, ban.word) {
                found.push(Finding::at(
                    &source.path,
                    index,
                    format!("`{}` is banned", ban.word),
                    ban.instead,
                ));
            }
        }
        for word in IN_COMMENTS.iter().filter(|word| holds_word(&line.comment, word)) {
            let what = format!("`{word}` is banned");
            found.push(Finding::at(&source.path, index, what, "resolve it, or open an issue"));
        }
    }
    found
}

/// A whole word: no letter, digit or underscore joins it on either side (where
/// it ends in one itself).
fn holds_word(text: &str, word: &str) -> bool {
    let joins = |c: char| c.is_alphanumeric() || c == '_';
    let open_before = !word.starts_with(joins);
    let open_after = !word.ends_with(joins);
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        (open_before || !before.is_some_and(joins)) && (open_after || !after.is_some_and(joins))
    })
}

/// An absolute path: nothing that could be the beginning of it stands before.
fn holds_path(text: &str, path: &str) -> bool {
    let joins = |c: char| c.is_alphanumeric() || "._-}~)/".contains(c);
    text.match_indices(path).any(|(at, _)| !text[..at].chars().next_back().is_some_and(joins))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn banned_code_is_found_where_it_is_banned() {
        let rows = [
            ("wal/src/a.rs", "fn a() { todo!() }", Some("todo!")),
            ("wal/src/a.rs", "fn a() { unimplemented!(\"b\") }", Some("unimplemented!")),
            ("wal/src/a.rs", "let a = dbg!(b);", Some("dbg!")),
            ("wal/src/a.rs", "let a = mydbg!(b);", None),
            ("wal/src/a.rs", "let a = \"todo!\";", None),
            ("wal/src/a.rs", "// todo! is banned", None),
            ("wal/tests/a.rs", "#[ignore = \"slow\"]", Some("#[ignore")),
            ("wal/tests/a.rs", "std::thread::sleep(x);", Some("thread::sleep")),
            ("env/src/real/clock.rs", "std::thread::sleep(x);", None),
            ("wal/src/a.rs", "process::abort()", Some("process::abort")),
            ("env/src/real/fatal.rs", "std::process::abort()", None),
            ("wal/src/a.rs", "getrandom::fill(&mut a)", Some("getrandom::")),
            ("env/src/rng.rs", "getrandom::fill(&mut a)", None),
            ("wal/src/a.rs", "Plants::of(p)", Some("Plants::of(")),
            ("env/src/plant.rs", "Plants::of(p)", None),
            ("testkit/src/a.rs", "Plants::of(p)", None),
            ("wal/tests/a.rs", "Plants::of(p)", None),
            ("wal/src/a.rs", "#[cfg(test)]\nmod tests {\n fn a() { Plants::of(p) }\n}", None),
            ("wal/src/a.rs", "// FIXME: later", Some("FIXME")),
            ("wal/src/a.rs", "let a = 1; // XXX", Some("XXX")),
            ("wal/src/a.rs", "/* a HACK */", Some("HACK")),
            ("wal/src/a.rs", "// HACKING is a word, XXXX is a mask", None),
        ];
        for (path, text, word) in rows {
            let found = rust(&Source::parse(path, text));
            let seen = found.first().map(|finding| finding.what.clone());
            assert_eq!(seen, word.map(|word| format!("`{word}` is banned")), "{path}: {text}");
        }
    }

    #[test]
    fn paths_of_a_machine_are_found_anywhere() {
        let rows = [
            ("see /root/.cargo", true),
            ("\"/work/x\"", true),
            ("cd /home/me", true),
            ("target/work/x", false),
            ("$(HOME)/root/x", false),
            ("https://example.org/home/", false),
            ("read ../shared/design", true),
            ("as HOUSE-STYLE says", true),
            ("a shared design", false),
        ];
        for (text, expected) in rows {
            assert_eq!(!anywhere("docs/a.md", text).is_empty(), expected, "{text}");
        }
        assert_eq!(anywhere(THIS, "/root/"), []);
    }
}
