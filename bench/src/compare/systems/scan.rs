//! A scan of the whole table, by the gRPC library's client.

use super::statehouse::TABLE;
use super::{CONNECTION_WINDOW, STREAM_WINDOW};
use crate::Failure;
use proto::data::ScanRequest;
use proto::data::data_client::DataClient;
use tonic::transport::Endpoint;

/// The bytes of all keys and values.
pub async fn scanned(address: &str) -> Result<usize, Failure> {
    let endpoint = Endpoint::from_shared(format!("http://{address}"))?
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    let mut client = DataClient::new(endpoint.connect().await?).max_decoding_message_size(usize::MAX);
    let request = ScanRequest { table: TABLE.to_owned(), ..ScanRequest::default() };
    let mut pages = client.scan(request).await?.into_inner();
    let mut bytes = 0;
    while let Some(page) = pages.message().await? {
        bytes += page.rows.iter().map(|row| row.key.len() + row.value.len()).sum::<usize>();
    }
    Ok(bytes)
}
