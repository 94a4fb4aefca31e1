//! Clients of several nodes, each call of which goes to the node that leads its key, as
//! those of our library go.

use super::statehouse::TABLE;
use crate::Failure;
use crate::compare::load::Client;
use crate::compare::rows::Item;
use crate::compare::scenario::Shape;
use bytes::Bytes;
use model::{Key, layout};
use proto::data::WatchMapRequest;
use proto::data::data_client::DataClient;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Which of the nodes leads the points from here on.
type Leaders = BTreeMap<Vec<u8>, usize>;

/// A client of each node.
pub struct Led<C> {
    clients: Vec<C>,
    leaders: Rc<Leaders>,
    turn: usize,
}

/// One client for each call under way, of what `connect` makes for each node: so many
/// connections to all of them together.
pub async fn led<C>(
    addresses: &str,
    shape: Shape,
    connect: impl AsyncFn(&str, Shape) -> Result<Vec<C>, Failure>,
) -> Result<Vec<Led<C>>, Failure> {
    let addresses: Vec<&str> = addresses.split(',').collect();
    let leaders = Rc::new(leaders(&addresses).await?);
    let calls = shape.connections * shape.in_flight;
    let connections = shape.connections.div_ceil(addresses.len());
    let each = Shape { connections, in_flight: calls.div_ceil(connections), ..shape };
    let mut led: Vec<Led<C>> =
        (0..calls).map(|turn| Led { clients: Vec::new(), leaders: leaders.clone(), turn }).collect();
    for address in addresses {
        for (one, client) in led.iter_mut().zip(connect(address, each).await?) {
            one.clients.push(client);
        }
    }
    Ok(led)
}

/// Asks the first node, and goes on until all partitions are led.
async fn leaders(addresses: &[&str]) -> Result<Leaders, Failure> {
    let mut service = DataClient::connect(format!("http://{}", addresses[0])).await?;
    let request = WatchMapRequest { tables: vec![TABLE.to_owned()], ..WatchMapRequest::default() };
    let mut told = service.watch_map(request).await?.into_inner();
    let mut known: BTreeMap<Vec<u8>, Option<usize>> = BTreeMap::new();
    while known.is_empty() || known.values().any(Option::is_none) {
        let message = told.message().await?.ok_or("the node tells no more of its map")?;
        for entry in message.entries {
            let at = addresses.iter().position(|address| *address == entry.address);
            known.insert(entry.start.to_vec(), at);
        }
    }
    Ok(known.into_iter().filter_map(|(start, at)| Some((start, at?))).collect())
}

impl<C> Led<C> {
    fn client(&mut self, key: &Bytes) -> Result<&mut C, Failure> {
        let point = layout::point(&Key::new(key.clone())?).to_be_bytes();
        let leader = self.leaders.range(..=point.to_vec()).next_back().map(|(_, at)| *at);
        Ok(&mut self.clients[leader.ok_or("a key that nobody leads")?])
    }

    /// What concerns several partitions goes to each node in turn.
    fn any(&mut self) -> &mut C {
        self.turn += 1;
        let at = self.turn % self.clients.len();
        &mut self.clients[at]
    }
}

impl<C: Client> Client for Led<C> {
    async fn write(&mut self, row: Item) -> Result<(), Failure> {
        self.client(&row.key)?.write(row).await
    }

    async fn read(&mut self, key: Bytes) -> Result<(), Failure> {
        self.client(&key)?.read(key).await
    }

    async fn write_batch(&mut self, rows: Vec<Item>) -> Result<(), Failure> {
        self.any().write_batch(rows).await
    }

    async fn add(&mut self, times: usize) -> Result<(), Failure> {
        self.any().add(times).await
    }
}
