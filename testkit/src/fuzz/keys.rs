//! Stored keys: whatever the bytes are, they name one row in one way, or none.

use bytes::Bytes;
use model::keyspace::{decode_data, encode_data};
use model::{Key, Layout};

/// The bytes as a stored key, and as a key to be stored.
pub fn keys(bytes: &[u8]) {
    for layout in [Layout::Ordered, Layout::Hashed] {
        if let Some(stored) = decode_data(layout, bytes) {
            let again = encode_data(layout, &stored.key);
            assert_eq!(&again[..], bytes, "{layout}: a row has one spelling");
        }
        let Ok(key) = Key::new(Bytes::copy_from_slice(bytes)) else { continue };
        assert!(key.tag().len() <= bytes.len(), "a tag is part of its key");
        let stored = decode_data(layout, &encode_data(layout, &key));
        assert_eq!(stored.map(|stored| stored.key), Some(key), "{layout}: what is stored is found");
    }
}
