//! Redis: the append-only file synced before it answers, no snapshots, and its
//! protocol by hand.

use crate::Failure;
use crate::compare::load::Client;
use crate::compare::process::{Process, free_port};
use crate::compare::rows::{Item, VALUE_BYTES};
use crate::compare::scenario::Shape;
use bytes::{Buf, Bytes, BytesMut};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The server.
pub struct Redis {
    address: String,
    /// What it runs in.
    pub process: Process,
}

impl Redis {
    /// Starts it and waits until it answers.
    pub async fn start(dir: &Path) -> Result<Redis, Failure> {
        let port = free_port()?;
        let address = format!("127.0.0.1:{port}");
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--daemonize", "no"]);
        command.args(["--appendonly", "yes", "--appendfsync", "always", "--save", ""]);
        // Rewriting would fork, and compete with whoever has the next turn.
        command.args(["--auto-aof-rewrite-percentage", "0"]).arg("--dir").arg(dir);
        let mut process = Process::start("redis", command, dir)?;
        let probe = async || {
            let mut connection = Connection::open(&address).await.ok()?;
            connection.command(&[b"PING"]);
            connection.exchange(1, |reply| matches!(reply, Reply::Simple)).await.ok()
        };
        process.ready(probe).await?;
        Ok(Redis { address, process })
    }

    /// One connection for each call under way.
    pub async fn connect(&self, shape: Shape) -> Result<Vec<Connection>, Failure> {
        let mut connections = Vec::new();
        for _ in 0..shape.connections * shape.in_flight {
            connections.push(Connection::open(&self.address).await?);
        }
        Ok(connections)
    }
}

/// A connection: what goes out, what has come in.
pub struct Connection {
    socket: TcpStream,
    outgoing: Vec<u8>,
    incoming: BytesMut,
}

/// As much of an answer as the load looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reply {
    /// A number.
    Integer,
    /// A word of success.
    Simple,
    /// A value of so many bytes.
    Bulk(usize),
    /// No value.
    Missing,
    /// Anything else, as it came.
    Other(String),
}

impl Connection {
    async fn open(address: &str) -> Result<Connection, Failure> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        Ok(Connection { socket, outgoing: Vec::new(), incoming: BytesMut::with_capacity(4096) })
    }

    fn command(&mut self, words: &[&[u8]]) {
        encode(words, &mut self.outgoing);
    }

    /// Sends the commands, takes as many answers.
    async fn exchange(&mut self, count: usize, expected: impl Fn(&Reply) -> bool) -> Result<(), Failure> {
        self.socket.write_all(&self.outgoing).await?;
        self.outgoing.clear();
        for _ in 0..count {
            let reply = loop {
                match reply(&self.incoming) {
                    Some((reply, bytes)) => {
                        self.incoming.advance(bytes);
                        break reply;
                    }
                    None if self.socket.read_buf(&mut self.incoming).await? == 0 => {
                        return Err("redis closed the connection".into());
                    }
                    None => {}
                }
            };
            if !expected(&reply) {
                return Err(format!("redis answered {reply:?}").into());
            }
        }
        Ok(())
    }
}

fn encode(words: &[&[u8]], out: &mut Vec<u8>) {
    head(b'*', words.len(), out);
    for word in words {
        head(b'$', word.len(), out);
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

fn head(kind: u8, count: usize, out: &mut Vec<u8>) {
    out.push(kind);
    // A vector takes everything.
    let _ = write!(out, "{count}\r\n");
}

/// The first answer and its length, once it is there whole.
fn reply(incoming: &[u8]) -> Option<(Reply, usize)> {
    let end = incoming.windows(2).position(|pair| pair == b"\r\n")?;
    let line = String::from_utf8_lossy(&incoming[..end]);
    let after = end + 2;
    if line.starts_with('+') {
        return Some((Reply::Simple, after));
    }
    if line.starts_with(':') {
        return Some((Reply::Integer, after));
    }
    if line == "$-1" {
        return Some((Reply::Missing, after));
    }
    match line.strip_prefix('$').map(str::parse::<usize>) {
        Some(Ok(bytes)) => {
            let whole = bytes.saturating_add(after + 2);
            (incoming.len() >= whole).then_some((Reply::Bulk(bytes), whole))
        }
        _ => Some((Reply::Other(line.into_owned()), after)),
    }
}

impl Client for Connection {
    async fn write(&mut self, row: Item) -> Result<(), Failure> {
        self.command(&[b"SET", &row.key, &row.value]);
        self.exchange(1, |reply| *reply == Reply::Simple).await
    }

    async fn read(&mut self, key: Bytes) -> Result<(), Failure> {
        self.command(&[b"GET", &key]);
        self.exchange(1, |reply| *reply == Reply::Bulk(VALUE_BYTES)).await
    }

    async fn write_batch(&mut self, rows: Vec<Item>) -> Result<(), Failure> {
        for row in &rows {
            self.command(&[b"SET", &row.key, &row.value]);
        }
        self.exchange(rows.len(), |reply| *reply == Reply::Simple).await
    }

    /// Without a limit: it would take a script.
    async fn add(&mut self, times: usize) -> Result<(), Failure> {
        (0..times).for_each(|_| self.command(&[b"INCRBY", b"counter", b"1"]));
        self.exchange(times, |reply| *reply == Reply::Integer).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_arrays_of_strings() {
        let mut out = Vec::new();
        encode(&[b"SET", b"k", b"a\r\nb"], &mut out);
        assert_eq!(out, b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\na\r\nb\r\n");
    }

    #[test]
    fn answers_are_taken_when_they_are_whole() {
        let rows: [(&[u8], _); 9] = [
            (b"", None),
            (b"+OK\r", None),
            (b"+OK\r\n+OK\r\n", Some((Reply::Simple, 5))),
            (b"$-1\r\n", Some((Reply::Missing, 5))),
            (b"$4\r\na\r\nb", None),
            (b"$4\r\na\r\nb\r\n+", Some((Reply::Bulk(4), 10))),
            (b"$0\r\n\r\n", Some((Reply::Bulk(0), 6))),
            (b"-ERR no\r\n", Some((Reply::Other("-ERR no".to_owned()), 9))),
            (b"$x\r\n", Some((Reply::Other("$x".to_owned()), 4))),
        ];
        for (incoming, expected) in rows {
            assert_eq!(reply(incoming), expected, "{:?}", String::from_utf8_lossy(incoming));
        }
    }
}
