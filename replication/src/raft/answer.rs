//! What a replica answers to its peers' questions.

use super::arrival::Arrival;
use super::group::Handle;
use super::kind::{Ballot, Kind, LogId};
use super::message::{Answer, Append, Appended, Ask, Candidacy, Reached};
use super::outbox::Event;
use super::site::Site;
use super::streams::outcome;
use model::NodeId;
use openraft::raft::{AppendEntriesRequest, TransferLeaderRequest, VoteRequest, VoteResponse};

/// Answers the question of a peer on this node; None when there is nothing to say.
pub(crate) async fn answer(site: &Site, handle: &Handle, node: NodeId, ask: Ask) -> Option<Answer> {
    match ask {
        Ask::Vote(candidacy) => vote(handle.vote(request(candidacy)).await),
        Ask::PreVote(candidacy) => vote(handle.pre_vote(request(candidacy)).await),
        Ask::Beat(append) => Some(Answer::Beat(append_now(handle, append).await?)),
        Ask::Lead { ballot, heir, last } => {
            // Everybody is asked, so that nobody holds to the leader any more.
            let request = TransferLeaderRequest::new(ballot, heir.0, last);
            let outcome = handle.handle_transfer_leader(request).await;
            Some(Answer::Lead(matches!(outcome, Ok(Ok(())))))
        }
        Ask::Reach { ballot, upto } => Some(Answer::Reach(reach(site, handle, node, ballot, upto).await?)),
    }
}

async fn append_now(handle: &Handle, append: Append) -> Option<Appended> {
    let before = append.before;
    let response = handle.append_entries(entries(append)).await.ok()?;
    Some(outcome(response.into_stream_result(before, before)))
}

/// A leader has let go of what follows what is here. What is settled by its word
/// may be here already: it asks also when it has let go of everything, and knows
/// nothing of this replica. If not, the host is told to fetch an export from it.
async fn reach(site: &Site, handle: &Handle, node: NodeId, ballot: Ballot, upto: LogId) -> Option<Reached> {
    let settled = Append { ballot, before: Some(upto), committed: Some(upto), entries: Vec::new() };
    match append_now(handle, settled).await? {
        Appended::Upto(_) => return Some(Reached::Here),
        Appended::Higher(ballot) => return Some(Reached::Higher(ballot)),
        Appended::Conflict(_) | Appended::Broken => {}
    }
    let mut arrival = site.arrival();
    match &mut *arrival {
        Arrival::None => {
            *arrival = Arrival::Fetching(ballot);
            site.tell(Event::Behind { leader: node });
        }
        Arrival::Fetching(leader) => *leader = ballot,
        _ => {}
    }
    Some(Reached::NotYet)
}

fn request(candidacy: Candidacy) -> VoteRequest<Kind> {
    let mut request = VoteRequest::new(candidacy.ballot, candidacy.last);
    request.leadership_transfer = candidacy.transfer;
    request
}

fn vote<E>(response: Result<VoteResponse<Kind>, E>) -> Option<Answer> {
    let response = response.ok()?;
    let (ballot, granted, last) = (response.vote, response.vote_granted, response.last_log_id);
    Some(Answer::Vote { ballot, granted, last })
}

pub(crate) fn entries(append: Append) -> AppendEntriesRequest<Kind> {
    AppendEntriesRequest {
        vote: append.ballot,
        prev_log_id: append.before,
        entries: append.entries,
        leader_commit: append.committed,
    }
}
