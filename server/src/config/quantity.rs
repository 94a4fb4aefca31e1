//! Sizes and times, with their units.

use std::time::Duration;

/// Largest last, each a multiple of the one before.
const SIZES: [(&str, u64); 5] =
    [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];

/// In milliseconds, which is the finest that anything here waits.
const TIMES: [(&str, u64); 4] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];

/// Reads `64MiB`, `4KiB`, or plain bytes.
pub fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    scaled(number, if unit.is_empty() { "B" } else { unit }, &SIZES)
}

/// Reads `5s`, `250ms`, `2m`, or 0, which needs no unit.
pub fn time(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    let ms = if unit.is_empty() && number == 0 { 0 } else { scaled(number, unit, &TIMES)? };
    Some(Duration::from_millis(ms))
}

/// Writes a size in the largest unit that leaves nothing over.
pub fn bytes_text(bytes: u64) -> String {
    if bytes < 1024 { bytes.to_string() } else { written(bytes, &SIZES) }
}

/// Writes a time in the largest unit that leaves nothing over.
pub fn time_text(time: Duration) -> String {
    // A time that was read has at most `u64::MAX` of them.
    let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    if ms == 0 { "0s".to_owned() } else { written(ms, &TIMES) }
}

/// Digits, then whatever follows.
fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    Some((digits.parse().ok()?, unit))
}

fn scaled(number: u64, unit: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (_, scale) = units.iter().find(|(name, _)| *name == unit)?;
    number.checked_mul(*scale)
}

fn written(amount: u64, units: &[(&str, u64)]) -> String {
    let whole = units.iter().rev().find(|(_, scale)| amount.is_multiple_of(*scale));
    // The smallest unit leaves nothing over, so one is always found.
    let (unit, scale) = whole.copied().unwrap_or(("", 1));
    format!("{}{unit}", amount / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let rows = [
            ("0", Some(0), "0"),
            ("1000", Some(1000), "1000"),
            ("512B", Some(512), "512"),
            ("4KiB", Some(4096), "4KiB"),
            ("4096", Some(4096), "4KiB"),
            ("1536KiB", Some(1_572_864), "1536KiB"),
            ("64MiB", Some(64 << 20), "64MiB"),
            ("1025", Some(1025), "1025B"),
            ("16TiB", Some(16 << 40), "16TiB"),
            ("18446744073709551615", Some(u64::MAX), "18446744073709551615B"),
            ("16777216TiB", None, ""),
            ("18446744073709551616", None, ""),
            ("64MB", None, ""),
            ("64 MiB", None, ""),
            ("MiB", None, ""),
            ("-1", None, ""),
            ("1.5GiB", None, ""),
            ("", None, ""),
        ];
        for (text, expected, canonical) in rows {
            let read = bytes(text);
            assert_eq!(read, expected, "{text}");
            assert_eq!(read.map(bytes_text).unwrap_or_default(), canonical, "{text}");
        }
    }

    #[test]
    fn times() {
        let rows = [
            ("0", Some(0), "0s"),
            ("0s", Some(0), "0s"),
            ("250ms", Some(250), "250ms"),
            ("1500ms", Some(1500), "1500ms"),
            ("5s", Some(5000), "5s"),
            ("90s", Some(90_000), "90s"),
            ("120s", Some(120_000), "2m"),
            ("2h", Some(7_200_000), "2h"),
            ("5", None, ""),
            ("5 s", None, ""),
            ("1m30s", None, ""),
            ("5us", None, ""),
            ("5S", None, ""),
            ("18446744073709551615h", None, ""),
            ("s", None, ""),
            ("", None, ""),
        ];
        for (text, ms, canonical) in rows {
            let read = time(text);
            assert_eq!(read, ms.map(Duration::from_millis), "{text}");
            assert_eq!(read.map(time_text).unwrap_or_default(), canonical, "{text}");
        }
    }
}
