//! FORMAT and IDENTITY of a data directory.

use partition_mgr::data_dir::{Format, Identity};

/// The first byte: is the rest a whole file, or a body that gets its seal here?
/// What is read is written the same: there is one spelling.
pub fn format_decode(bytes: &[u8]) {
    let Some((seal, body)) = bytes.split_first() else { return };
    let mut file = body.to_vec();
    if seal % 2 == 1 {
        file.extend_from_slice(format!("crc32c {:08x}\n", crc32c::crc32c(body)).as_bytes());
    }
    if let Ok(format) = Format::decode(&file) {
        assert_eq!(format.encode(), file);
    }
    if let Ok(identity) = Identity::decode(&file) {
        assert_eq!(identity.encode(), file);
    }
}
