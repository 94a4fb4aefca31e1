//! A client on a network that somebody gave it.

use crate::fake::Fake;
use env::net::Promised;
use env::real::OsNet;
use env::{Listener, Net, Stream};
use model::code;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Knows one name, where connections lead; all other names lead nowhere.
struct Names {
    known: SocketAddr,
    asked: Mutex<Vec<String>>,
}

impl Net for Names {
    fn listen(&self, at: SocketAddr) -> Promised<'_, Box<dyn Listener>> {
        OsNet.listen(at)
    }

    fn connect<'a>(&'a self, to: &'a str) -> Promised<'a, Box<dyn Stream>> {
        self.asked.lock().expect("no panic").push(to.to_owned());
        match to {
            "here:1" => Box::pin(async { OsNet.connect(&self.known.to_string()).await }),
            _ => Box::pin(pending()),
        }
    }
}

#[tokio::test]
async fn connections_are_those_of_the_net_and_waited_for_so_long() {
    let fake = Fake::start().await;
    let net = Arc::new(Names { known: fake.data, asked: Mutex::default() });
    let builder = |to: &str| client::Client::builder(to).connections(1).net(net.clone());
    let here = builder("here:1").build().expect("settings").table("kv");
    here.put("a", "1").await.expect("written");
    let nowhere = builder("nowhere:1").connect_timeout(Duration::from_millis(1)).retries(false);
    let nowhere = nowhere.build().expect("settings").table("kv");
    let error = nowhere.put("a", "2").await.expect_err("nobody answers");
    assert!(error.is(code::UNREACHABLE) && error.is_retryable(), "it was not sent: {error}");
    assert_eq!(error.message(), "cannot connect to nowhere:1: it did not answer in time");
    assert_eq!(*net.asked.lock().expect("no panic"), ["here:1", "nowhere:1"]);
}
