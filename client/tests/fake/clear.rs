//! Ranges removed from the map, two rows a step.

use super::{World, data};
use bytes::Bytes;
use model::code;
use proto::Failure;
use proto::data::{RemoveRequest, RemoveResponse, RowRange};

const STEP_ROWS: usize = 2;

impl World {
    pub fn do_clear(
        &self,
        RemoveRequest { header, table, range, .. }: RemoveRequest,
        timeout: Option<String>,
    ) -> Result<RemoveResponse, Failure> {
        let (name, range) = (data::names(&header)(), range.unwrap_or_default());
        let namespace = self.check(header, &table, 1, timeout)?;
        if !range.end.is_empty() && range.end <= range.start {
            return Err(Failure::new(code::RANGE_INVALID, "the range's `end` is not behind its `start`"));
        }
        let known = name.as_ref().and_then(|name| self.rows().cleared.get(name).cloned());
        let answer = known.unwrap_or_else(|| self.clear(&namespace, &table, &range));
        self.rows().cleared.extend(name.map(|name| (name, answer.clone())));
        match std::mem::take(&mut self.plan().lose_removal) {
            true => Err(Failure::new(code::UNKNOWN_OUTCOME, "as planned")),
            false => Ok(answer),
        }
    }

    fn clear(&self, namespace: &str, table: &str, range: &RowRange) -> RemoveResponse {
        let mut rows = self.rows();
        let mut keys: Vec<Bytes> = rows.all(namespace, table).into_iter().map(|(key, ..)| key).collect();
        let start = range.start.clone().max(range.from.clone());
        keys.retain(|key| *key >= start && (range.end.is_empty() || *key < range.end));
        let most = if range.limit == 0 { STEP_ROWS } else { STEP_ROWS.min(range.limit as usize) };
        let next = keys.get(most).cloned().unwrap_or_default();
        keys.truncate(most);
        for key in &keys {
            rows.remove(namespace, table, key.clone());
        }
        let receipts = rows.receipts();
        RemoveResponse { receipts, results: Vec::new(), removed: keys.len() as u64, next }
    }
}
