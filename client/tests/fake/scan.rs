//! Scans over the map, in pages of two rows of the same partition.

use super::{Asked, Rows, World};
use bytes::Bytes;
use model::code;
use proto::Failure;
use proto::data::{ScanRequest, ScanResponse, ScannedRow};
use std::collections::VecDeque;
use tonic::Status;

const PAGE_ROWS: usize = 2;

pub type Pages = VecDeque<Result<ScanResponse, Status>>;

impl World {
    pub fn do_scan(&self, request: ScanRequest, grpc_timeout: Option<String>) -> Result<Pages, Failure> {
        let header = request.header.clone().unwrap_or_default();
        self.admit(Asked {
            namespace: header.namespace.clone(),
            deadline_ms: header.deadline_ms,
            grpc_timeout,
            after: request.after.to_vec(),
            limits: (request.limit, request.limit_bytes),
            ..Asked::default()
        })?;
        if !self.rows().has(&header.namespace, &request.table) {
            return Err(Failure::new(code::NO_TABLE, format!("there is no table `{}`", request.table)));
        }
        if !request.end.is_empty() && request.end <= request.start {
            return Err(Failure::new(code::RANGE_INVALID, "the scan's `end` is not behind its `start`"));
        }
        let mut rows = self.rows().all(&header.namespace, &request.table);
        if request.reverse {
            rows.reverse();
        }
        rows.retain(|(key, ..)| shown(&request, key));
        let cut = self.plan().cut_scan.pop_front();
        let (kept, end) = match cut {
            Some((rows, failure)) => (rows, Some(failure)),
            None => (usize::MAX, None),
        };
        rows.truncate(within(&request, &rows).min(kept));
        let mut pages = self.pages(rows);
        pages.extend(end.map(|failure| Err(failure.into())));
        Ok(pages)
    }

    fn pages(&self, rows: Vec<(Bytes, u64, Bytes)>) -> Pages {
        let receipts = self.rows().receipts();
        let side = |row: &(Bytes, u64, Bytes)| Rows::receipt(&row.0) as usize;
        let mut pages: Vec<(usize, Vec<ScannedRow>)> = Vec::new();
        for row in rows {
            let at = side(&row);
            let (key, revision, value) = row;
            let row = ScannedRow { key, revision, value, expires_ms: 0 };
            match pages.last_mut() {
                Some((side, page)) if *side == at && page.len() < PAGE_ROWS => page.push(row),
                _ => pages.push((at, vec![row])),
            }
        }
        let page = |(side, rows)| Ok(ScanResponse { receipt: Some(receipts[side]), rows });
        pages.into_iter().map(page).collect()
    }
}

fn shown(request: &ScanRequest, key: &Bytes) -> bool {
    let after = match (request.after.is_empty(), request.reverse) {
        (true, _) => true,
        (false, true) => *key < request.after,
        (false, false) => *key > request.after,
    };
    after && *key >= request.start && (request.end.is_empty() || *key < request.end)
}

/// How many rows the request's limits allow.
fn within(request: &ScanRequest, rows: &[(Bytes, u64, Bytes)]) -> usize {
    let most = |limit: u64| if limit == 0 { u64::MAX } else { limit };
    let (mut count, mut bytes) = (0, 0);
    for (key, _, value) in rows {
        bytes += (key.len() + value.len()) as u64;
        if count as u64 == most(request.limit) || (count > 0 && bytes > most(request.limit_bytes)) {
            break;
        }
        count += 1;
    }
    count
}
