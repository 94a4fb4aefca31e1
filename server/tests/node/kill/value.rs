//! Values that say whose they are, and which version.

use bytes::Bytes;

/// The value of a version: of many lengths, each byte given.
pub fn of(key: &[u8], version: u64) -> Bytes {
    let mut bytes = key.to_vec();
    bytes.push(b'@');
    bytes.extend_from_slice(format!("{version}:").as_bytes());
    let length = if version.is_multiple_of(16) { 4096 } else { version.wrapping_mul(37) % 300 };
    bytes.extend((0..length).map(|at| (at.wrapping_mul(31) ^ version) as u8));
    Bytes::from(bytes)
}

/// The version of a value of this key; `None` if nobody wrote it so.
pub fn version(key: &[u8], value: &[u8]) -> Option<u64> {
    let rest = value.strip_prefix(key)?.strip_prefix(b"@")?;
    let end = rest.iter().position(|byte| *byte == b':')?;
    let version = std::str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
    (of(key, version) == value).then_some(version)
}
