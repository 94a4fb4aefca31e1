//! A node that an application opens and serves on its own runtime.
#![allow(missing_docs, reason = "tests")]

use client::Client;
use env::Env;
use model::code;
use proto::common::{Error, Header};
use proto::control::{CreateTableRequest, Profile};
use proto::data::stream_request::Request;
use proto::data::stream_response::Response;
use proto::data::{GetRequest, StreamRequest, StreamResponse, row_result};
use router::door::Caller;
use router::{DataService, Desk, House};
use server::config::Config;
use server::serve::embedded::{self, Outfit};
use std::path::Path;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinSet;

mod machines;
mod replicas;
mod versions;

fn open(env: &Env, dir: &Path) -> (Arc<Config>, Arc<House>) {
    open_with(env, dir, machine::Registry::built_in())
}

fn open_with(env: &Env, dir: &Path, machines: machine::Registry) -> (Arc<Config>, Arc<House>) {
    let mut config = Config { data_dir: dir.join("data"), ..Config::default() };
    config.threads.shards = Some(1);
    let house = embedded::open(env, &config, machines, &mut |_| ()).expect("a node");
    (Arc::new(config), house)
}

/// A client, and what serves it until it is told to stop.
async fn serve(env: &Env, outfit: Outfit) -> (Client, JoinSet<()>) {
    let anywhere = ([127, 0, 0, 1], 0).into();
    let data = env.net.listen(anywhere).await.expect("a free port");
    let control = env.net.listen(anywhere).await.expect("a free port");
    let client = Client::builder(data.address().expect("an address").to_string())
        .control(control.address().expect("an address").to_string())
        .connections(1)
        .net(env.net.clone())
        .rng(&env.rng)
        .retries(false);
    let mut serving = JoinSet::new();
    serving.spawn(outfit.clone().data(data));
    serving.spawn(outfit.control(control));
    (client.build().expect("settings"), serving)
}

async fn get(plane: &DataService, sequence: u64, request: Option<Request>) -> StreamResponse {
    plane.ask(Caller { address: None }, StreamRequest { sequence, request }).await
}

#[tokio::test]
async fn what_a_client_wrote_is_there_for_who_asks_without_one() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let env = env::real::env().expect("an environment");
    let (config, house) = open(&env, dir.path());
    let (stop, stopped) = watch::channel(false);
    let (client, mut serving) = serve(&env, Outfit::new(house.clone(), config, stopped)).await;
    let profile = Profile { store: "memory".to_owned(), ..Profile::default() };
    let table = CreateTableRequest {
        name: "t".to_owned(),
        layout: "hashed".to_owned(),
        profile: Some(profile),
        partitions: 2,
        ..CreateTableRequest::default()
    };
    client.control().create_table(table).await.expect("a table");
    client.table("t").put("a", "1").await.expect("written");
    assert_eq!(client.table("t").get("a").await.expect("read").expect("a row").value, "1");
    // Told to stop, it ends although its client stays.
    stop.send_replace(true);
    while let Some(ended) = serving.join_next().await {
        ended.expect("no panic");
    }
    assert!(client.table("t").get("a").await.is_err(), "nobody serves any more");
    assert!(embedded::close(house), "nobody holds the node");

    let (_, house) = open(&env, dir.path());
    let desk = Desk::new(house.clock.clone(), house.meters.deliveries.clone());
    serving.spawn(desk.clone().run());
    let plane = DataService::new(house.clone(), desk);
    let header = Some(Header::default());
    let read = GetRequest { header, table: "t".to_owned(), keys: vec!["a".into()] };
    let answer = get(&plane, 7, Some(Request::Get(read))).await;
    let Some(Response::Get(rows)) = &answer.response else { panic!("{answer:?}") };
    let Some(row_result::Outcome::Row(row)) = &rows.results[0].outcome else { panic!("{answer:?}") };
    assert_eq!((answer.sequence, &row.value[..]), (7, &b"1"[..]));
    let answer = get(&plane, 8, None).await;
    let Some(Response::Error(Error { code, .. })) = answer.response else { panic!("{answer:?}") };
    assert_eq!((answer.sequence, code), (8, code::MALFORMED.to_string()));
    assert_eq!((house.under_way(), house.bytes_under_way()), (0, 0));
    drop(plane);
    serving.shutdown().await;
    assert!(embedded::close(house), "nobody holds the node");
}
