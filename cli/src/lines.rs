//! The lines of exported rows, written and read: `docs/formats/rows.md`.

use crate::json;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use client::{Entry, Layout, Receipt};
use proto::control::Table;
use serde_json::{Map, Value, json};

/// The format of this build.
const VERSION: u64 = 1;
/// The field that begins an export.
const MAGIC: &str = "statehouse_rows";

/// What a line says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// What comes, and in which order.
    Header(Layout),
    /// Of which moment the rows that follow are.
    Moment,
    /// A row.
    Row {
        /// Its key.
        key: Bytes,
        /// Its content.
        value: Bytes,
        /// When it expires, in milliseconds since 1970.
        expires_ms: Option<u64>,
    },
    /// That was all: so many rows.
    End(u64),
}

/// How the rows of a table are ordered.
pub(crate) fn order_of(table: &Table) -> Layout {
    if table.layout == "hashed" { Layout::Hashed } else { Layout::Ordered }
}

/// The first line.
pub(crate) fn header(table: &Table) -> Value {
    let layout = match order_of(table) {
        Layout::Ordered => "ordered",
        Layout::Hashed => "hashed",
    };
    json!({ MAGIC: VERSION, "namespace": table.namespace, "table": table.name, "layout": layout })
}

/// What stands before the rows of a moment.
pub(crate) fn as_of(receipt: &Receipt) -> Value {
    json!({ "receipt": json::receipt(receipt) })
}

/// A row.
pub(crate) fn row(entry: &Entry) -> Value {
    let mut object = json::object();
    json::bytes(&mut object, "key", &entry.key);
    json::bytes(&mut object, "value", &entry.row.value);
    object.insert("revision".to_owned(), entry.row.revision.into());
    json::expires(&mut object, entry.row.expires);
    object.into()
}

/// The last line.
pub(crate) fn end(rows: u64) -> Value {
    json!({ "end": { "rows": rows } })
}

/// What a line says, or why it says nothing.
pub(crate) fn parse(line: &[u8]) -> Result<Line, String> {
    let value: Value = serde_json::from_slice(line).map_err(|error| no_json(&error))?;
    let Value::Object(object) = value else { return Err("it is no object".to_owned()) };
    if let Some(version) = object.get(MAGIC) {
        return header_of(version, &object);
    }
    match (bytes(&object, "key")?, bytes(&object, "value")?) {
        (Some(key), Some(value)) => {
            let expires_ms =
                object.get("expires_ms").map(|ms| ms.as_u64().ok_or("its `expires_ms` is no time"));
            return Ok(Line::Row { key, value, expires_ms: expires_ms.transpose()? });
        }
        (Some(_), None) => return Err("it has a key and no value".to_owned()),
        (None, Some(_)) => return Err("it has a value and no key".to_owned()),
        (None, None) => {}
    }
    if let Some(end) = object.get("end") {
        let rows = end.get("rows").and_then(Value::as_u64);
        return rows.map(Line::End).ok_or_else(|| "its end does not say how many rows there were".to_owned());
    }
    match object.contains_key("receipt") {
        true => Ok(Line::Moment),
        false => Err("it is neither a row nor any other line of an export".to_owned()),
    }
}

/// What it says of lines is about this one alone.
fn no_json(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let why = said.split(" at line ").next().unwrap_or_default();
    format!("it is no JSON: {why} at column {}", error.column())
}

fn header_of(version: &Value, object: &Map<String, Value>) -> Result<Line, String> {
    if version.as_u64() != Some(VERSION) {
        return Err(format!("its format is {version}, this build reads {VERSION}"));
    }
    match object.get("layout").and_then(Value::as_str) {
        Some("ordered") => Ok(Line::Header(Layout::Ordered)),
        Some("hashed") => Ok(Line::Header(Layout::Hashed)),
        _ => Err("its layout is neither `ordered` nor `hashed`".to_owned()),
    }
}

/// Bytes under `name`, or under `name_base64`.
fn bytes(object: &Map<String, Value>, name: &str) -> Result<Option<Bytes>, String> {
    let text = |name: &str| match object.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("its `{name}` is no string")),
    };
    let encoded = format!("{name}_base64");
    match (text(name)?, text(&encoded)?) {
        (Some(_), Some(_)) => Err(format!("it has `{name}` and `{encoded}`")),
        (Some(text), None) => Ok(Some(text.into())),
        (None, Some(text)) => {
            let decoded = STANDARD.decode(text).map_err(|error| format!("its `{encoded}`: {error}"))?;
            Ok(Some(decoded.into()))
        }
        (None, None) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use client::Row;
    use std::time::{Duration, SystemTime};

    fn receipt() -> Receipt {
        Receipt {
            partition: model::PartitionId(3),
            epoch: model::Epoch::FIRST,
            index: 9,
            durability: model::Durability::Local,
            stale: false,
            age_ms: 0,
            boot: model::BootId(0),
        }
    }

    fn entry(key: &'static [u8], value: &'static [u8]) -> Entry {
        let row = Row { revision: 7, value: value.into(), expires: None, receipt: receipt() };
        Entry { key: key.into(), row }
    }

    #[test]
    fn lines_are_golden_and_round_trip() {
        let table = |layout: &str| Table {
            namespace: "default".to_owned(),
            name: "kv".to_owned(),
            layout: layout.to_owned(),
            ..Table::default()
        };
        let row = |key: &'static [u8], value: &'static [u8]| Line::Row {
            key: key.into(),
            value: value.into(),
            expires_ms: None,
        };
        let mut lasting = entry(b"a", b"v");
        lasting.row.expires = Some(SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_007));
        let lines = [
            (
                header(&table("hashed")),
                r#"{"layout":"hashed","namespace":"default","statehouse_rows":1,"table":"kv"}"#,
                Line::Header(Layout::Hashed),
            ),
            (
                as_of(&receipt()),
                r#"{"receipt":{"age_ms":0,"durability":"local","epoch":{"generation":1,"term":0},"index":9,"partition":3,"stale":false,"token":"AQMAAAAAAAAAAAAAAAAAAAAJAAAAAAAAAPzsl/M="}}"#,
                Line::Moment,
            ),
            (super::row(&entry(b"a", b"v")), r#"{"key":"a","revision":7,"value":"v"}"#, row(b"a", b"v")),
            (
                super::row(&entry(b"\0\n\"\xc3\xa9", b"")),
                "{\"key\":\"\\u0000\\n\\\"é\",\"revision\":7,\"value\":\"\"}",
                row(b"\0\n\"\xc3\xa9", b""),
            ),
            (
                super::row(&entry(b"\xff", b"\x80\0")),
                r#"{"key_base64":"/w==","revision":7,"value_base64":"gAA="}"#,
                row(b"\xff", b"\x80\0"),
            ),
            (
                super::row(&lasting),
                r#"{"expires_ms":1700000000007,"key":"a","revision":7,"value":"v"}"#,
                Line::Row { key: "a".into(), value: "v".into(), expires_ms: Some(1_700_000_000_007) },
            ),
            (end(12), r#"{"end":{"rows":12}}"#, Line::End(12)),
        ];
        for (value, text, line) in lines {
            assert_eq!(value.to_string(), text);
            assert_eq!(parse(text.as_bytes()), Ok(line), "{text}");
        }
        assert!(matches!(header(&table("")), Value::Object(one) if one["layout"] == "ordered"));
    }

    #[test]
    fn any_bytes_survive() {
        for byte in 0..=u8::MAX {
            let bytes: &'static [u8] = Box::leak(vec![b'a', byte, b'z'].into_boxed_slice());
            let text = super::row(&entry(bytes, bytes)).to_string();
            assert!(!text.contains('\n'), "{text}");
            let row = Line::Row { key: bytes.into(), value: bytes.into(), expires_ms: None };
            assert_eq!(parse(text.as_bytes()), Ok(row));
        }
    }

    #[test]
    fn what_is_no_line_is_said_to_be_none() {
        let table = [
            ("", "no JSON"),
            ("{", "no JSON"),
            ("\u{fffd}", "no JSON"),
            ("[]", "no object"),
            ("{}", "neither a row"),
            (r#"{"key":"a"}"#, "no value"),
            (r#"{"value":"a"}"#, "no key"),
            (r#"{"key":1,"value":"a"}"#, "`key` is no string"),
            (r#"{"key":"a","key_base64":"YQ==","value":""}"#, "`key` and `key_base64`"),
            (r#"{"key":"a","value_base64":"?"}"#, "`value_base64`"),
            (r#"{"key":"a","value":"a","expires_ms":"1"}"#, "`expires_ms`"),
            (r#"{"key":"\ud800","value":""}"#, "no JSON"),
            (r#"{"end":{}}"#, "how many rows"),
            (r#"{"statehouse_rows":2,"layout":"ordered"}"#, "format is 2"),
            (r#"{"statehouse_rows":1,"layout":"round"}"#, "layout"),
        ];
        for (line, why) in table {
            let error = parse(line.as_bytes()).expect_err(line);
            assert!(error.contains(why), "{line}: {error}");
        }
    }
}
