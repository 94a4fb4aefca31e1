//! What a watch or a tail tells, a line each.

use crate::encoding::{Encoding, line};
use crate::json;
use crate::moment;
use crate::server::Output;
use client::{Event, EventKind, Events, KeyedRow, PartitionId, Positions, State};
use serde_json::{Map, Value};
use std::io::{self, Write};

/// How lines are written.
#[derive(Clone, Copy)]
pub(crate) struct News {
    pub output: Output,
    pub encoding: Encoding,
}

impl News {
    /// Rows that a watch begins with.
    pub fn rows(self, state: &State, lines: &mut Vec<u8>) -> io::Result<()> {
        for row in &state.rows {
            self.row(state.at.partition, row, lines)?;
        }
        Ok(())
    }

    fn row(self, PartitionId(partition): PartitionId, row: &KeyedRow, lines: &mut Vec<u8>) -> io::Result<()> {
        if self.output == Output::Json {
            let mut object = of_kind("row");
            object.insert("partition".to_owned(), partition.into());
            object.insert("revision".to_owned(), row.revision.into());
            json::bytes(&mut object, "key", &row.key);
            json::bytes(&mut object, "value", &row.value);
            json::expires(&mut object, row.expires);
            return writeln!(lines, "{}", Value::from(object));
        }
        let place = self.place(partition, row.revision);
        let (key, value) = (line(self.encoding, &row.key), line(self.encoding, &row.value));
        writeln!(lines, "row\t{place}{key}\t{value}")
    }

    /// Events; for programs, also how far the partition has come.
    pub fn events(
        self,
        events: &Events,
        positions: Option<&Positions>,
        lines: &mut Vec<u8>,
    ) -> io::Result<()> {
        for event in &events.events {
            self.event(events.at.partition, event, lines)?;
        }
        if self.output == Output::Json {
            let mut object = of_kind("mark");
            object.insert("partition".to_owned(), events.at.partition.0.into());
            object.insert("index".to_owned(), events.at.index.into());
            object.insert("is_all".to_owned(), events.is_all.into());
            // Before all rows have been told there is nothing to go on behind.
            object.extend(positions.map(|at| ("positions".to_owned(), at.to_string().into())));
            writeln!(lines, "{}", Value::from(object))?;
        }
        Ok(())
    }

    fn event(
        self,
        PartitionId(partition): PartitionId,
        event: &Event,
        lines: &mut Vec<u8>,
    ) -> io::Result<()> {
        let kind = name(event.kind);
        // These two leave nothing there.
        let has_value = !matches!(event.kind, EventKind::Removed | EventKind::Expired);
        if self.output == Output::Json {
            let mut object = of_kind(kind);
            object.insert("partition".to_owned(), partition.into());
            object.insert("index".to_owned(), event.index.into());
            object.insert("at_ms".to_owned(), moment::ms(event.at).into());
            json::bytes(&mut object, "key", &event.key);
            if has_value {
                json::bytes(&mut object, "value", &event.value);
            }
            if let Some(before) = &event.before {
                let mut was = json::object();
                was.insert("revision".to_owned(), before.revision.into());
                json::bytes(&mut was, "value", &before.value);
                object.insert("before".to_owned(), was.into());
            }
            return writeln!(lines, "{}", Value::from(object));
        }
        let place = self.place(partition, event.index);
        write!(lines, "{kind}\t{place}{}", line(self.encoding, &event.key))?;
        if has_value || event.before.is_some() {
            let value = if has_value { line(self.encoding, &event.value) } else { String::new() };
            write!(lines, "\t{value}")?;
        }
        if let Some(before) = &event.before {
            write!(lines, "\t{}", line(self.encoding, &before.value))?;
        }
        writeln!(lines)
    }

    /// All that a watch begins with has been told.
    pub fn ready(self, positions: Option<&Positions>, lines: &mut Vec<u8>) -> io::Result<()> {
        if self.output != Output::Json {
            return Ok(());
        }
        let mut object = of_kind("ready");
        object.extend(positions.map(|at| ("positions".to_owned(), at.to_string().into())));
        writeln!(lines, "{}", Value::from(object))
    }

    /// What was told so far is void.
    pub fn restarted(self, lines: &mut Vec<u8>) -> io::Result<()> {
        match self.output {
            Output::Json => writeln!(lines, "{}", Value::from(of_kind("restarted"))),
            Output::Table | Output::Wide => writeln!(lines, "restarted"),
        }
    }

    /// Where in history, for people who want everything.
    fn place(self, partition: u64, index: u64) -> String {
        if self.output == Output::Wide { format!("{partition}:{index}\t") } else { String::new() }
    }
}

fn of_kind(kind: &str) -> Map<String, Value> {
    let mut object = json::object();
    object.insert("kind".to_owned(), kind.into());
    object
}

fn name(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Put => "put",
        EventKind::Removed => "removed",
        EventKind::Expired => "expired",
        EventKind::Told => "told",
    }
}
