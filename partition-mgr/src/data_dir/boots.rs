//! BOOTS: where each partition stood when the last boots of this directory began.
//!
//! What one boot acknowledged below `local` may be gone in the next, which gives
//! the same indexes to other commands. From here a node knows what is left of
//! the history that a position token names.
//!
//! The file is a help and no promise: without it, or with one that cannot be
//! read, tokens of earlier boots are refused, and nothing else changes.

use super::set_up::{draw_boot, replace};
use super::{BOOTS, DataDir, DataDirError};
use crate::data_dir::sealed::{seal, unseal};
use crate::past::Past;
use env::{Env, files};
use model::{BootId, Index, PartitionId};
use std::collections::BTreeMap;
use std::fmt::Write as _;

const FIRST_LINES: &str = "statehouse boots\nversion 1\n";
/// Earlier boots that are remembered.
const BOOTS_MAX: usize = 16;

/// The last boots, and what there was when each began.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Boots {
    /// The oldest first.
    boots: Vec<BootId>,
    /// For each boot where the partition stood, if it was there.
    stood: BTreeMap<PartitionId, Vec<Option<Index>>>,
}

impl Boots {
    /// Begins another boot, durably: before anything is answered in it.
    pub fn begin(
        env: &Env,
        dir: &DataDir,
        stand: impl IntoIterator<Item = (PartitionId, Index)>,
    ) -> Result<Boots, DataDirError> {
        let path = dir.path().join(BOOTS);
        let content = env.files.open_read(&path).and_then(|device| files::read_all(&*device));
        let mut boots = match content {
            Ok(content) => decode(&content).unwrap_or_else(|| {
                tracing::warn!(path = %path.display(), "BOOTS cannot be read: tokens of earlier boots are refused");
                Boots::default()
            }),
            Err(_) => Boots::default(),
        };
        boots.push(draw_boot(env, dir), stand);
        replace(&*env.files, dir.path(), BOOTS, &boots.encode())?;
        Ok(boots)
    }

    /// Which boot this is.
    pub fn current(&self) -> BootId {
        *self.boots.last().expect("there is no Boots before one has begun")
    }

    /// What is left of a partition's history in earlier boots: up to where it
    /// stood when a later one that had it began, at the lowest. Of one that was not there when
    /// this boot began, nothing is.
    pub fn past_of(&self, id: PartitionId) -> Past {
        let none = Vec::new();
        let stood = self.stood.get(&id).unwrap_or(&none);
        let (&current, earlier) = self.boots.split_last().expect("there is no Boots before one has begun");
        let left = |at: usize| stood.iter().skip(at + 1).flatten().min().copied().unwrap_or(0);
        let kept = earlier.iter().enumerate().map(|(at, boot)| (*boot, left(at)));
        Past::new(current, kept.collect())
    }

    fn push(&mut self, boot: BootId, stand: impl IntoIterator<Item = (PartitionId, Index)>) {
        self.boots.push(boot);
        self.stood.values_mut().for_each(|stood| stood.push(None));
        let count = self.boots.len();
        for (id, index) in stand {
            let stood = self.stood.entry(id).or_insert_with(|| vec![None; count]);
            stood[count - 1] = Some(index);
        }
        let surplus = count.saturating_sub(BOOTS_MAX + 1);
        self.boots.drain(..surplus);
        self.stood.values_mut().for_each(|stood| drop(stood.drain(..surplus)));
        self.stood.retain(|_, stood| stood.iter().any(Option::is_some));
    }

    fn encode(&self) -> Vec<u8> {
        let mut text = FIRST_LINES.to_owned();
        let mut line = |line: String| writeln!(text, "{line}").expect("a String takes everything");
        for boot in &self.boots {
            line(format!("boot {boot}"));
        }
        for (id, stood) in &self.stood {
            let words = stood.iter().map(|at| at.map_or("-".to_owned(), |index| index.to_string()));
            line(format!("partition {id} {}", words.collect::<Vec<_>>().join(" ")));
        }
        let seal = seal(text.as_bytes());
        text.push_str(&seal);
        text.push('\n');
        text.into_bytes()
    }
}

fn decode(content: &[u8]) -> Option<Boots> {
    let text = std::str::from_utf8(unseal(content).ok()?).ok()?;
    let mut boots = Boots::default();
    for line in text.strip_prefix(FIRST_LINES)?.lines() {
        let mut words = line.split(' ');
        match words.next()? {
            "boot" if boots.stood.is_empty() => boots.boots.push(words.next()?.parse().ok()?),
            "partition" => {
                let id = words.next()?.parse().ok()?;
                let stood = words.by_ref().map(stood).collect::<Option<Vec<_>>>()?;
                boots.stood.insert(id, Some(stood).filter(|stood| stood.len() == boots.boots.len())?);
            }
            _ => return None,
        }
        words.next().is_none().then_some(())?;
    }
    Some(boots)
}

fn stood(word: &str) -> Option<Option<Index>> {
    if word == "-" { Some(None) } else { word.parse().ok().map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const P: PartitionId = PartitionId(7);

    fn boots(stands: &[&[(u64, Index)]]) -> Boots {
        let mut boots = Boots::default();
        for (boot, stand) in (1..).zip(stands) {
            boots.push(BootId(boot), stand.iter().map(|(id, index)| (PartitionId(*id), *index)));
        }
        boots
    }

    #[test]
    fn what_is_written_is_read_and_looks_like_this() {
        let boots = boots(&[&[(7, 0)], &[(7, 90), (9, 4)], &[(9, 5)]]);
        let bytes = boots.encode();
        let text = std::str::from_utf8(&bytes).expect("text");
        let expected = "statehouse boots\nversion 1\n\
            boot 0000000000000001\nboot 0000000000000002\nboot 0000000000000003\n\
            partition 7 0 90 -\npartition 9 - 4 5\n";
        assert_eq!(text.rsplit_once("crc32c").expect("sealed").0, expected);
        assert_eq!(decode(&bytes), Some(boots));
        assert_eq!(decode(&bytes[..bytes.len() - 1]), None);
    }

    #[test]
    fn a_boot_s_history_is_kept_up_to_where_the_next_one_stood() {
        // The second boot did not have it, the fourth is this one.
        let given_up = boots(&[&[(7, 0)], &[(7, 100)], &[], &[(7, 80)]]).past_of(P);
        let boots = boots(&[&[(7, 0)], &[], &[(7, 90)], &[(7, 120)]]);
        let past = boots.past_of(P);
        let expected = [(BootId(1), 90), (BootId(2), 90), (BootId(3), 120)];
        assert_eq!(past, Past::new(BootId(4), expected.to_vec()));
        // One that came later stood lower: what lay between is gone as well.
        let expected_80 = expected.map(|(boot, _)| (boot, 80)).to_vec();
        assert_eq!(given_up, Past::new(BootId(4), expected_80));
        let unknown = boots.past_of(PartitionId(8));
        assert_eq!(unknown, Past::new(BootId(4), expected.map(|(boot, _)| (boot, 0)).to_vec()));
    }

    #[test]
    fn what_is_long_ago_is_forgotten() {
        let stands: Vec<Vec<(u64, Index)>> =
            (0..40).map(|at| if at < 20 { vec![(7, at), (9, at)] } else { vec![(9, at)] }).collect();
        let boots = boots(&stands.iter().map(|stand| &stand[..]).collect::<Vec<_>>());
        assert_eq!((boots.boots.len(), boots.current()), (BOOTS_MAX + 1, BootId(40)));
        assert_eq!(boots.stood.keys().map(|id| id.0).collect::<Vec<_>>(), [9], "nobody has 7 any more");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, words in "[a-z0-9 -]{0,60}") {
            let _ = decode(&bytes);
            let body = format!("{FIRST_LINES}boot 1\npartition {words}\n{words}\n");
            let _ = decode(format!("{body}{}\n", seal(body.as_bytes())).as_bytes());
        }
    }
}
