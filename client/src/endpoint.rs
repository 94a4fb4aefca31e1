//! Addresses: `host:port`, with `http://` before it or not, and nothing else.

use crate::error::Error;
use model::code;
use std::fmt;
use std::str::FromStr;

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// A name or an address; an IPv6 address with its brackets.
    host: String,
    port: u16,
}

impl Endpoint {
    /// The same host, one port up: where control is unless told.
    pub fn next_port(&self) -> Result<Endpoint, Error> {
        let refused = || refused(&self.to_string(), "there is no port after 65535");
        let port = self.port.checked_add(1).ok_or_else(refused)?;
        Ok(Endpoint { host: self.host.clone(), port })
    }

    pub(crate) fn uri(&self) -> String {
        format!("http://{self}")
    }
}

impl FromStr for Endpoint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Endpoint, Error> {
        let rest = text.strip_prefix("http://").unwrap_or(text);
        if rest.contains("://") {
            return Err(refused(text, "only http:// is spoken"));
        }
        let Some((host, port)) = rest.rsplit_once(':') else {
            return Err(refused(text, "it has no port"));
        };
        let bracketed = host.starts_with('[') && host.ends_with(']');
        let inner = if bracketed { &host[1..host.len() - 1] } else { host };
        let allowed =
            |c: char| c.is_ascii_alphanumeric() || "-._".contains(c) || (bracketed && ":%".contains(c));
        if inner.is_empty() || !inner.chars().all(allowed) {
            return Err(refused(text, "the host is no name and no address"));
        }
        // `+80` is a number to the standard library.
        let digits = port.bytes().all(|byte| byte.is_ascii_digit());
        match port.parse() {
            Ok(port) if digits && port > 0 => Ok(Endpoint { host: host.to_owned(), port }),
            _ => Err(refused(text, "the port is no number from 1 to 65535")),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// The servers of a cluster: one or several, any of which will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoints(Vec<Endpoint>);

impl Endpoints {
    /// All of them one port up.
    pub fn next_port(&self) -> Result<Endpoints, Error> {
        self.0.iter().map(Endpoint::next_port).collect::<Result<_, _>>().map(Endpoints)
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// One, for whoever needs a name.
    pub fn first(&self) -> &Endpoint {
        &self.0[0]
    }

    /// All of them, in turn, beginning with this one.
    pub fn from(&self, first: usize) -> impl Iterator<Item = (usize, &Endpoint)> {
        let count = self.0.len();
        (0..count).map(move |step| (first + step) % count).map(|at| (at, &self.0[at]))
    }
}

impl FromStr for Endpoints {
    type Err = Error;

    fn from_str(text: &str) -> Result<Endpoints, Error> {
        text.split(',').map(|one| one.trim().parse()).collect::<Result<_, _>>().map(Endpoints)
    }
}

impl fmt::Display for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, endpoint) in self.0.iter().enumerate() {
            write!(f, "{}{endpoint}", if at > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}

fn refused(text: &str, why: &str) -> Error {
    let message = format!("`{text}` is no endpoint: {why}");
    Error::new(code::MALFORMED, message).with_hint("Write it as host:port or http://host:port.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_port_and_nothing_else() {
        let rows = [
            ("127.0.0.1:7400", Ok("127.0.0.1:7400")),
            ("http://localhost:7400", Ok("localhost:7400")),
            ("[::1]:7400", Ok("[::1]:7400")),
            ("node-1.example_x:1", Ok("node-1.example_x:1")),
            ("localhost", Err("it has no port")),
            ("", Err("it has no port")),
            (":7400", Err("the host is no name")),
            ("::1:7400", Err("the host is no name")),
            ("a b:7400", Err("the host is no name")),
            ("user@host:7400", Err("the host is no name")),
            ("host:0", Err("the port is no number")),
            ("host:65536", Err("the port is no number")),
            ("host:+80", Err("the port is no number")),
            ("host:7400/", Err("the port is no number")),
            ("http://host/a:7400", Err("the host is no name")),
            ("https://host:7400", Err("only http:// is spoken")),
            ("[]:7400", Err("the host is no name")),
        ];
        for (text, expected) in rows {
            match (text.parse::<Endpoint>(), expected) {
                (Ok(endpoint), Ok(shown)) => assert_eq!(endpoint.to_string(), shown),
                (Err(error), Err(why)) => {
                    assert!(error.is(code::MALFORMED) && error.message().contains(why), "{text}: {error}");
                }
                (found, _) => panic!("{text}: {found:?}"),
            }
        }
    }

    #[test]
    fn several_are_taken_in_turn() {
        let all: Endpoints = "a:1, http://b:2,[::1]:3".parse().expect("three");
        assert_eq!(all.to_string(), "a:1,b:2,[::1]:3");
        let from = |first| all.from(first).map(|(at, server)| format!("{at} {server}")).collect::<Vec<_>>();
        assert_eq!(from(1), ["1 b:2", "2 [::1]:3", "0 a:1"]);
        assert_eq!(from(3), from(0));
        assert_eq!(all.next_port().map(|next| next.to_string()), Ok("a:2,b:3,[::1]:4".to_owned()));
        for nonsense in ["", "a:1,", ",a:1", "a:1 b:2"] {
            assert!(nonsense.parse::<Endpoints>().is_err(), "{nonsense}");
        }
    }

    #[test]
    fn control_is_one_port_up() {
        let next = |text: &str| text.parse::<Endpoint>().expect("an endpoint").next_port();
        assert_eq!(next("a:7400").map(|next| next.to_string()), Ok("a:7401".to_owned()));
        assert!(next("a:65535").is_err());
    }
}
