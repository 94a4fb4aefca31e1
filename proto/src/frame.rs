//! gRPC's frame around a message: a flag for compression, four bytes of length,
//! the message. Of calls that have one message each way.

use crate::{Failure, MESSAGE_BYTES_MAX};
use bytes::{BufMut, Bytes};
use model::code;
use prost::Message;

const HEAD_BYTES: usize = 5;
const COMPRESSED: u8 = 1;

/// A message in its frame.
pub fn framed(message: &impl Message) -> Result<Bytes, Failure> {
    let bytes = message.encoded_len();
    let Ok(length) = u32::try_from(bytes) else {
        let what = format!("the answer has {bytes} bytes, more than a frame can say");
        return Err(Failure::new(code::ANSWER_TOO_LARGE, what));
    };
    let mut framed = Vec::with_capacity(HEAD_BYTES + bytes);
    framed.put_u8(0);
    framed.put_u32(length);
    // A vector always has room.
    let _ = message.encode(&mut framed);
    Ok(framed.into())
}

/// A call's only message, as its bytes come in.
#[derive(Debug, Default)]
pub struct Gathering {
    /// Nearly always all there is, and then nothing is copied.
    first: Bytes,
    /// All, once there is more.
    all: Vec<u8>,
}

impl Gathering {
    /// Takes what came next, unless it is clear already that it will be refused.
    pub fn add(&mut self, bytes: Bytes) -> Result<(), Failure> {
        // Many clients say the end in a frame of its own.
        if bytes.is_empty() {
            return Ok(());
        }
        if self.is_empty() {
            self.first = bytes;
        } else {
            if self.all.is_empty() {
                self.all.extend_from_slice(&std::mem::take(&mut self.first));
            }
            self.all.extend_from_slice(&bytes);
        }
        match self.head()? {
            Some(length) if self.len() > HEAD_BYTES + length => {
                Err(Failure::new(code::MALFORMED, "the call takes one message, and more came"))
            }
            _ => Ok(()),
        }
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.first.len() + self.all.len()
    }

    /// Has nothing come yet?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The message, when nothing more comes.
    pub fn message<M: Message + Default>(self) -> Result<M, Failure> {
        let refused = |what: String| Failure::new(code::MALFORMED, what);
        match self.head()? {
            Some(length) if self.len() == HEAD_BYTES + length => {}
            None if self.is_empty() => return Err(refused("the call came without a message".to_owned())),
            _ => return Err(refused(format!("the call ends in its message, after {} bytes", self.len()))),
        }
        let bytes = if self.all.is_empty() { self.first } else { self.all.into() };
        M::decode(bytes.slice(HEAD_BYTES..))
            .map_err(|why| refused(format!("the message cannot be read: {why}")))
    }

    /// What the frame says of the message's length, once it has.
    fn head(&self) -> Result<Option<usize>, Failure> {
        let bytes = if self.all.is_empty() { &self.first[..] } else { &self.all };
        let Some((&[flag, ref length @ ..], _)) = bytes.split_first_chunk::<HEAD_BYTES>() else {
            return Ok(None);
        };
        match flag {
            0 => {}
            COMPRESSED => {
                return Err(Failure::new(code::UNIMPLEMENTED, "compressed messages are not taken"));
            }
            other => {
                let what = format!("the message's first byte is {other}, which gRPC does not know");
                return Err(Failure::new(code::MALFORMED, what));
            }
        }
        match u32::from_be_bytes(*length) as usize {
            length if length <= MESSAGE_BYTES_MAX => Ok(Some(length)),
            length => {
                let what = format!("the message has {length} bytes, {MESSAGE_BYTES_MAX} are taken");
                Err(Failure::new(code::BATCH_TOO_LARGE, what))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::GetRequest;
    use model::Code;

    fn gathered(pieces: &[&[u8]]) -> Result<GetRequest, Failure> {
        let mut gathering = Gathering::default();
        for piece in pieces {
            gathering.add(Bytes::copy_from_slice(piece))?;
        }
        gathering.message()
    }

    #[test]
    fn a_message_is_the_same_however_it_is_cut() {
        let request = GetRequest { table: "t".to_owned(), keys: vec!["key".into()], ..GetRequest::default() };
        let whole = framed(&request).expect("a short one");
        assert_eq!(gathered(&[&whole]), Ok(request.clone()));
        for cut in 0..=whole.len() {
            let (before, behind) = whole.split_at(cut);
            assert_eq!(gathered(&[before, b"", behind, b""]), Ok(request.clone()), "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = whole.chunks(1).collect();
        assert_eq!(gathered(&bytes), Ok(request));
        let nothing = framed(&GetRequest::default()).expect("a short one");
        assert_eq!(gathered(&[&nothing]), Ok(GetRequest::default()));
    }

    #[test]
    fn what_is_no_message_is_refused_as_soon_as_that_is_clear() {
        let far = (MESSAGE_BYTES_MAX as u32 + 1).to_be_bytes();
        let far = [&[0], &far[..]].concat();
        let table: [(&[&[u8]], Code, &str); 9] = [
            (&[], code::MALFORMED, "without a message"),
            (&[b""], code::MALFORMED, "without a message"),
            (&[&[0, 0, 0]], code::MALFORMED, "after 3 bytes"),
            (&[&[0, 0, 0, 0, 2], &[0]], code::MALFORMED, "after 6 bytes"),
            (&[&[0, 0, 0, 0, 0], &[0]], code::MALFORMED, "more came"),
            (&[&[1, 0, 0, 0, 0]], code::UNIMPLEMENTED, "compressed"),
            (&[&[9, 0, 0, 0, 0]], code::MALFORMED, "first byte is 9"),
            (&[&[0, 0, 0, 0, 1], &[7]], code::MALFORMED, "cannot be read"),
            (&[&far], code::BATCH_TOO_LARGE, "bytes"),
        ];
        for (pieces, code, word) in table {
            let failure = gathered(pieces).expect_err(word);
            assert!(failure.is(code) && failure.message.contains(word), "{pieces:?}: {failure}");
        }
    }
}
