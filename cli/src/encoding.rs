//! Bytes on the command line and in JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use clap::ValueEnum;
use std::ffi::OsString;

/// How bytes are written in arguments, and values printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Encoding {
    /// As they are.
    #[default]
    Raw,
    /// Two digits each.
    Hex,
    /// RFC 4648, with padding.
    Base64,
}

impl Encoding {
    /// An argument's bytes. `Raw` takes them as they came, UTF-8 or not.
    pub fn argument(self, argument: OsString) -> Result<Bytes, String> {
        self.decode(argument.into_encoded_bytes())
    }

    pub fn decode(self, bytes: Vec<u8>) -> Result<Bytes, String> {
        let text = bytes.trim_ascii();
        match self {
            Encoding::Raw => Ok(bytes.into()),
            Encoding::Hex => unhex(text).ok_or_else(|| "pairs of hexadecimal digits are expected".to_owned()),
            Encoding::Base64 => {
                STANDARD.decode(text).map(Bytes::from).map_err(|error| format!("no base64: {error}"))
            }
        }
    }

    pub fn encode(self, bytes: &Bytes) -> Bytes {
        match self {
            Encoding::Raw => bytes.clone(),
            Encoding::Hex => hex(bytes).into(),
            Encoding::Base64 => base64(bytes).into(),
        }
    }
}

/// Two digits for each byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Pairs of digits, and nothing else.
pub(crate) fn unhex(text: &[u8]) -> Option<Bytes> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?);
    text.chunks(2).map(pair).collect::<Option<Vec<u8>>>().map(Bytes::from)
}

/// For people: as text where that is safe to print, else as digits.
pub(crate) fn shown(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.is_empty() && !text.chars().any(char::is_control) => text.to_owned(),
        _ => format!("0x{}", hex(bytes)),
    }
}

/// On one line, whatever it is.
pub(crate) fn line(encoding: Encoding, bytes: &Bytes) -> String {
    match encoding {
        Encoding::Raw if bytes.is_empty() => String::new(),
        Encoding::Raw => shown(bytes),
        _ => String::from_utf8_lossy(&encoding.encode(bytes)).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_every_encoding() {
        let all = Bytes::from((0..=255).collect::<Vec<u8>>());
        for bytes in [all, Bytes::new(), Bytes::from("text")] {
            for encoding in [Encoding::Raw, Encoding::Hex, Encoding::Base64] {
                let encoded = encoding.encode(&bytes).to_vec();
                assert_eq!(encoding.decode(encoded), Ok(bytes.clone()), "{encoding:?}");
            }
        }
    }

    #[test]
    fn what_is_no_encoding_is_refused() {
        for (encoding, text) in [
            (Encoding::Hex, "abc"),
            (Encoding::Hex, "xy"),
            (Encoding::Hex, "+1"),
            (Encoding::Hex, "é"),
            (Encoding::Base64, "a"),
            (Encoding::Base64, "?"),
        ] {
            assert!(encoding.argument(text.into()).is_err(), "{encoding:?} {text}");
        }
        // The newline that an editor or `echo` leaves.
        assert_eq!(Encoding::Hex.decode(b"6a\n".to_vec()), Ok(Bytes::from("j")));
    }

    #[test]
    fn people_see_text_or_digits() {
        for (bytes, text) in
            [(&b"a b"[..], "a b"), (b"\x1b[2J", "0x1b5b324a"), (b"\xff", "0xff"), (b"", "0x")]
        {
            assert_eq!(shown(bytes), text);
        }
    }
}
