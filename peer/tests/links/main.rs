//! Links between nodes: what arrives, what is refused, what is lost, and how they
//! come back.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::disallowed_methods, reason = "virtual time, and channels that the test fills itself")]

mod world;

use bytes::Bytes;
use model::{ClusterId, NodeId};
use peer::{Identity, Lane};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use world::{Node, Wires, address, identity, now, pass, run};

async fn pair(wires: &Wires) -> (Node, Node) {
    let nodes = (Node::start(wires, identity(1, 1)).await, Node::start(wires, identity(2, 1)).await);
    nodes.0.link(2);
    nodes.1.link(1);
    pass(10).await;
    nodes
}

fn said(node: &Node) -> Vec<(u64, Lane, String)> {
    let text = |bytes: Bytes| String::from_utf8_lossy(&bytes).into_owned();
    node.heard.frames().into_iter().map(|(from, lane, frame)| (from, lane, text(frame))).collect()
}

#[test]
fn frames_arrive_in_order_on_each_lane_and_both_ways() {
    run(async {
        let (one, two) = pair(&Wires::default()).await;
        for (lane, text) in [(Lane::Append, "a"), (Lane::Append, "b"), (Lane::Bulk, "c"), (Lane::Append, "d")]
        {
            assert!(one.send(2, lane, text));
        }
        assert!(two.send(1, Lane::Swift, "back"));
        pass(1).await;
        let mut heard = said(&two);
        heard.sort_by_key(|(_, lane, _)| *lane);
        let expected = [(Lane::Append, "a"), (Lane::Append, "b"), (Lane::Append, "d"), (Lane::Bulk, "c")];
        assert_eq!(heard, expected.map(|(lane, text)| (1, lane, text.to_owned())));
        assert_eq!(said(&one), [(2, Lane::Swift, "back".to_owned())]);
        // Quiet links stay up by themselves.
        pass(60_000).await;
        assert_eq!(one.heard.ways(), ["2 up"]);
        assert!(one.send(2, Lane::Swift, "still"));
    });
}

#[test]
fn a_dead_peer_costs_a_few_attempts_a_second_and_is_found_again() {
    run(async {
        let wires = Wires::default();
        let one = Node::start(&wires, identity(1, 1)).await;
        one.link(2);
        pass(10_000).await;
        // Four lanes, about two attempts a second each once it has waited longest.
        let attempts = wires.attempts();
        assert!((50..160).contains(&attempts), "{attempts} attempts in ten seconds");
        assert!(one.heard.ways().iter().all(|way| way == "2 nobody"));
        assert!(!one.send(2, Lane::Swift, "lost"), "and whoever sends hears so");
        let _two = Node::start(&wires, identity(2, 1)).await;
        pass(600).await;
        assert_eq!(one.heard.ways().last().map(String::as_str), Some("2 up"));
    });
}

#[test]
fn who_answers_nothing_is_given_up_in_time() {
    run(async {
        let wires = Wires::default();
        let (one, two) = pair(&wires).await;
        one.heard.ways();
        let began = now();
        // It takes nothing any more, as a process that stands still.
        two.heard.set_deaf(true);
        while one.send(2, Lane::Append, vec![7; 60 << 10]) {
            pass(10).await;
        }
        assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
        // The swift lane goes on beside it.
        assert_eq!(one.heard.ways(), Vec::<String>::new());
        assert!(one.send(2, Lane::Swift, "vote"));
        // Nobody answers at another address at all.
        wires.silence(&address(3));
        one.link(3);
        pass(5_000).await;
        let given_up = one.heard.ways().iter().filter(|way| *way == "3 down").count();
        assert!((3..=5).contains(&given_up), "{given_up} times in five seconds");
    });
}

#[test]
fn what_has_no_room_is_offered_until_it_has() {
    run(async {
        let (one, two) = pair(&Wires::default()).await;
        two.heard.set_deaf(true);
        let frames: Vec<String> = (0..20).map(|number| number.to_string()).collect();
        frames.iter().for_each(|frame| assert!(one.send(2, Lane::Append, frame.clone())));
        pass(500).await;
        two.heard.set_deaf(false);
        pass(50).await;
        let heard: Vec<String> = said(&two).into_iter().map(|(.., text)| text).collect();
        assert_eq!(heard, frames);
    });
}

#[test]
fn whoever_does_not_belong_here_is_refused() {
    run(async {
        let wires = Wires::default();
        let two = Node::start(&wires, identity(2, 1)).await;
        two.gate.know(NodeId(1), identity(1, 1).disk, 5);
        let foreign = Identity { cluster: ClusterId(2), ..identity(1, 9) };
        // Another cluster's; a disk that was rolled back; one that nobody knows.
        for own in [foreign, identity(1, 4), identity(7, 1)] {
            let other = Node::start(&wires, own).await;
            other.link(2);
            pass(3_000).await;
            assert!(other.heard.ways().iter().all(|way| way == "2 down"), "{own:?}");
            assert!(!other.send(2, Lane::Swift, "let me in"));
        }
        assert_eq!(said(&two), []);
        let before = wires.attempts();
        pass(10_000).await;
        assert_eq!(wires.attempts(), before, "who is gone does not dial");
    });
}

#[test]
fn a_process_that_begins_again_ends_what_it_said_before() {
    run(async {
        let wires = Wires::default();
        let (one, two) = pair(&wires).await;
        two.heard.set_deaf(true);
        assert!(one.send(2, Lane::Append, "from before"));
        pass(50).await;
        // The same disk starts again, while the old process is not quite dead.
        let again = Node::start(&wires, identity(1, 2)).await;
        again.link(2);
        pass(50).await;
        assert!(again.send(2, Lane::Append, "from now"));
        two.heard.set_deaf(false);
        pass(50).await;
        assert_eq!(said(&two), [(1, Lane::Append, "from now".to_owned())]);
        drop(one);
    });
}

#[test]
fn bytes_that_nobody_means_change_nothing() {
    run(async {
        let wires = Wires::default();
        let (one, two) = pair(&wires).await;
        for noise in [&b""[..], b"GET / HTTP/1.1\r\n\r\n", &[0xff; 200], b"SHPL"] {
            let mut stream = wires.dial(&address(2)).expect("it listens");
            stream.write_all(noise).await.expect("taken");
            let mut answer = Vec::new();
            // It is hung up on, at once or when it has said nothing for long enough.
            let began = now();
            stream.read_to_end(&mut answer).await.expect("closed in order");
            assert!(began.elapsed().as_millis() <= 1_000, "{noise:?}");
            assert!(answer.is_empty() || answer == [1], "{noise:?}: {answer:?}");
        }
        // Many that say nothing leave no room for nobody.
        let silent: Vec<_> = (0..1_000).map(|_| wires.dial(&address(2)).expect("it listens")).collect();
        assert!(one.send(2, Lane::Swift, "vote"));
        pass(10).await;
        assert_eq!(said(&two).len(), 1);
        drop(silent);
    });
}

#[test]
fn a_node_that_moves_is_followed_and_one_that_left_is_not() {
    run(async {
        let wires = Wires::default();
        let one = Node::start(&wires, identity(1, 1)).await;
        one.links.link(NodeId(2), "10.9.9.9:7402");
        pass(1_000).await;
        assert!(!one.send(2, Lane::Swift, "lost"));
        let two = Node::start(&wires, identity(2, 1)).await;
        one.link(2);
        pass(10).await;
        assert!(one.send(2, Lane::Swift, "found"));
        pass(1).await;
        assert_eq!(said(&two).len(), 1);
        one.links.unlink(NodeId(2));
        assert!(!one.send(2, Lane::Swift, "gone"));
        let before = wires.attempts();
        pass(5_000).await;
        assert_eq!(wires.attempts(), before);
    });
}
