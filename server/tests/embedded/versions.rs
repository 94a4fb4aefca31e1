//! Two builds of one machine over one history: what was done under a version stays
//! as that version did it, and a build without it harms nothing.

use super::machines::{create, during};
use bytes::Bytes;
use machine::{At, Keyed, Nonsense, Registry, Rows, ViewError};
use model::code;
use server::Server;

/// Counts commands; a later version counts each as ten.
#[derive(Clone, Copy)]
struct Tally {
    version: u32,
}

impl Keyed for Tally {
    fn name(&self) -> &'static str {
        "tally"
    }

    fn version(&self) -> u32 {
        self.version
    }

    fn check(&self, _: &Bytes) -> Result<(), Nonsense> {
        Ok(())
    }

    fn apply(&self, rows: &mut Rows<'_>, _: &Bytes, _: At) -> Result<Bytes, ViewError> {
        let before = rows.own()?.map_or(0, |row| u64::from_le_bytes(row[..].try_into().expect("ours")));
        let after = before + if self.version == 1 { 1 } else { 10 };
        rows.set_own(after.to_le_bytes().to_vec());
        Ok(Bytes::from(after.to_string()))
    }

    fn query(&self, rows: &Rows<'_>, _: &Bytes, _: At) -> Result<Result<Bytes, Nonsense>, ViewError> {
        Ok(Ok(rows.own()?.unwrap_or_default()))
    }
}

fn build(versions: &[u32]) -> Registry {
    let with = |builder: server::Builder, version: &u32| {
        builder.machine(Tally { version: *version }).expect("a version of its own")
    };
    versions.iter().fold(Server::builder(), with).machines()
}

#[tokio::test]
async fn a_history_goes_on_in_a_later_version_and_never_back() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let count = async |client: &client::Client| {
        let applied = client.table("tally").apply("k", "").await;
        applied.map(|applied| applied.reply.expect("a first answer"))
    };
    during(dir.path(), build(&[1]), async |client| {
        create(client, "tally", "tally").await.expect("made");
        assert_eq!(count(client).await.expect("applied"), "1");
        assert_eq!(count(client).await.expect("applied"), "2");
    })
    .await;
    during(dir.path(), build(&[1, 2]), async |client| {
        assert_eq!(count(client).await.expect("applied"), "12");
    })
    .await;
    during(dir.path(), build(&[1]), async |client| {
        let refused = count(client).await.expect_err("it went on in version 2");
        assert!(refused.is(code::PARTITION_FAILED), "{refused}");
        assert!(refused.message().contains("SH2113") && refused.message().contains("version 2"), "{refused}");
    })
    .await;
    during(dir.path(), build(&[1, 2]), async |client| {
        assert_eq!(count(client).await.expect("applied"), "22");
    })
    .await;
}
