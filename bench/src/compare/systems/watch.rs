//! A watch of the whole table, by the gRPC library's client.

use super::statehouse::TABLE;
use super::{CONNECTION_WINDOW, STREAM_WINDOW};
use crate::Failure;
use bytes::Bytes;
use proto::data::data_client::DataClient;
use proto::data::{WatchRequest, WatchResponse};
use tonic::Streaming;
use tonic::transport::Endpoint;

/// A watch that has begun.
pub struct Watched(Streaming<WatchResponse>);

/// What happens from now on.
pub async fn watch(address: &str) -> Result<Watched, Failure> {
    let endpoint = Endpoint::from_shared(format!("http://{address}"))?
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    let mut client = DataClient::new(endpoint.connect().await?).max_decoding_message_size(usize::MAX);
    let request = WatchRequest { table: TABLE.to_owned(), ..WatchRequest::default() };
    let mut messages = client.watch(request).await?.into_inner();
    // It says where it begins: what is written from here on is told.
    messages.message().await?.ok_or("a watch ended before it began")?;
    Ok(Watched(messages))
}

impl Watched {
    /// The values of the next events.
    pub async fn next(&mut self) -> Result<Vec<Bytes>, Failure> {
        let message = self.0.message().await?.ok_or("a watch ended")?;
        Ok(message.told.into_iter().map(|event| event.value).collect())
    }
}
