//! State as JSON lines: what `jetkeeper state export` writes and `state import` reads.
//!
//! ```text
//! {"format":"jetkeeper-state","ledger":{"v":1,"storeId":…,…}}
//! {"table":"jobs","key":"orders","value":{"v":1,"record":{…}}}
//! {"table":"journal","key":17,"value":{"v":1,"seq":17,…}}
//! {"rows":2}
//! ```
//!
//! The last line tells a whole export from a cut one.

use std::io::{BufRead, Read, Write};
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::StoreError;
use super::contents::check_schema;
use super::disk::Disk;
use super::layout::{Layout, Survey, failed_to};
use super::ledger::{LEDGER_KEY, LedgerRow, row_sum};
use super::lock::ProcessLock;
use super::sled_disk::SledDisk;
use super::sled_store::{create, open_existing};
use super::table::{Table, Writes, sequence_number};

const FORMAT: &str = "jetkeeper-state";

/// The longest line that is read.
const MAX_LINE: u64 = 64 * 1024 * 1024;

/// How many rows are written at once.
const CHUNK: usize = 1000;

#[derive(Serialize, Deserialize)]
struct Header {
    format: String,
    ledger: Value,
}

#[derive(Serialize, Deserialize)]
struct Row {
    table: String,
    key: Value,
    value: Value,
}

#[derive(Serialize, Deserialize)]
struct End {
    rows: u64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Row(Row),
    End(End),
}

/// Writes everything in the state directory as JSON lines, and tells how many rows. Blocks.
pub fn export(dir: &Path, out: &mut dyn Write) -> Result<u64, StoreError> {
    let layout = Layout::of(dir)?;
    let lock = Arc::new(ProcessLock::take(&layout.lock(), dir)?);
    let core = open_existing(&layout, &lock)?;
    let damaged = |problem: String| layout.damage(problem);
    let encode = |error: serde_json::Error| match error.io_error_kind() {
        Some(_) => failed_to("export", dir)(error.into()),
        None => StoreError::Encode { source: error },
    };
    let mut line = |value: Value| -> Result<(), StoreError> {
        serde_json::to_writer(&mut *out, &value).map_err(encode)?;
        out.write_all(b"\n").map_err(failed_to("export", dir))
    };
    let ledger = serde_json::to_value(core.durable()).map_err(encode)?;
    line(serde_json::json!({"format": FORMAT, "ledger": ledger}))?;
    let mut rows = 0;
    for table in Table::ALL.into_iter().filter(|table| *table != Table::Meta) {
        let mut written = Ok(());
        core.disk().visit(table, &mut |key, value| {
            if written.is_ok() {
                written = in_json(table, key, value)
                    .map_err(damaged)
                    .and_then(&mut line);
                rows += 1;
            }
        })?;
        written?;
    }
    line(serde_json::json!({"rows": rows}))?;
    out.flush().map_err(failed_to("export", dir))?;
    Ok(rows)
}

fn in_json(table: Table, key: &[u8], value: &[u8]) -> Result<Value, String> {
    let problem = || format!("{} is not readable", table.describe(key));
    let value: Value = serde_json::from_slice(value).map_err(|_| problem())?;
    let key: Value = if table.is_log() {
        sequence_number(key).ok_or_else(problem)?.into()
    } else {
        std::str::from_utf8(key).map_err(|_| problem())?.into()
    };
    Ok(serde_json::json!({"table": table.name(), "key": key, "value": value}))
}

/// Makes the state in `dir` from an export, and tells how many rows. Refuses where state is already.
/// Blocks.
pub fn import(dir: &Path, input: &mut dyn BufRead) -> Result<u64, StoreError> {
    let layout = Layout::make(dir)?;
    let lock = Arc::new(ProcessLock::take(&layout.lock(), dir)?);
    refuse_existing(&layout)?;
    let (ledger, rows) = read_lines(dir, input)?;
    let count = ledger.rows;
    let filled = create(&layout, &lock, move |disk| fill(disk, &ledger, rows));
    match filled {
        Ok(()) => Ok(count),
        Err(StoreError::Damaged { message, .. }) => Err(StoreError::BadImport { message }),
        Err(error) => Err(error),
    }
}

/// Refuses a directory that has state.
pub(super) fn refuse_existing(layout: &Layout) -> Result<(), StoreError> {
    match layout.survey()? {
        Survey::Nothing | Survey::MovedAside(_) => Ok(()),
        Survey::State => Err(StoreError::NotEmpty {
            path: layout.label(),
        }),
    }
}

type Rows = Vec<(Table, Vec<u8>, Vec<u8>)>;

fn read_lines(dir: &Path, input: &mut dyn BufRead) -> Result<(LedgerRow, Rows), StoreError> {
    let mut ledger: Option<LedgerRow> = None;
    let mut rows = Rows::new();
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let read = input.take(MAX_LINE).read_until(b'\n', &mut line);
        read.map_err(failed_to("import", dir))?;
        let bad = |message: String| StoreError::BadImport {
            message: format!("line {number}: {message}"),
        };
        if line.is_empty() {
            return Err(bad("the export ends before its last line".to_owned()));
        }
        let Some(ledger) = &mut ledger else {
            let header: Header = serde_json::from_slice(&line).map_err(|e| bad(e.to_string()))?;
            ledger = Some(read_header(header, dir).map_err(|problem| match problem {
                Ok(message) => bad(message),
                Err(error) => error,
            })?);
            continue;
        };
        match serde_json::from_slice(&line).map_err(|error| bad(error.to_string()))? {
            Line::Row(row) => {
                let (table, key, value) = read_row(&row).map_err(bad)?;
                ledger.sum ^= row_sum(table, &key, &value);
                ledger.rows += 1;
                rows.push((table, key, value));
            }
            Line::End(end) if end.rows == ledger.rows => break,
            Line::End(end) => {
                let (expected, found) = (end.rows, ledger.rows);
                return Err(bad(format!(
                    "{expected} rows were exported, {found} are here"
                )));
            }
        }
    }
    let missing = || StoreError::BadImport {
        message: "line 1: it is missing".to_owned(),
    };
    Ok((ledger.ok_or_else(missing)?, rows))
}

/// The ledger of a header, or what is wrong with it.
fn read_header(header: Header, dir: &Path) -> Result<LedgerRow, Result<String, StoreError>> {
    if header.format != FORMAT {
        return Err(Ok(format!("`format` is not `{FORMAT}`")));
    }
    let version = header.ledger.get("v").and_then(Value::as_u64);
    let version = version.and_then(|v| u32::try_from(v).ok());
    let version = version.ok_or_else(|| Ok("`ledger.v` is missing".to_owned()))?;
    check_schema(version, dir.display().to_string()).map_err(Err)?;
    let ledger: Result<LedgerRow, _> = serde_json::from_value(header.ledger);
    let mut ledger = ledger.map_err(|error| Ok(error.to_string()))?;
    (ledger.rows, ledger.sum) = (0, 0);
    Ok(ledger)
}

fn read_row(row: &Row) -> Result<(Table, Vec<u8>, Vec<u8>), String> {
    let table = Table::named(&row.table)
        .filter(|table| *table != Table::Meta)
        .ok_or_else(|| format!("there is no table {:?}", row.table))?;
    let key = match (&row.key, table.is_log()) {
        (Value::Number(seq), true) => seq.as_u64().map(|seq| seq.to_be_bytes().to_vec()),
        (Value::String(name), false) => Some(name.clone().into_bytes()),
        _ => None,
    };
    let key = key.ok_or_else(|| format!("the key {} is none of {:?}", row.key, row.table))?;
    let value = serde_json::to_vec(&row.value).map_err(|error| error.to_string())?;
    Ok((table, key, value))
}

fn fill(disk: &SledDisk, ledger: &LedgerRow, rows: Rows) -> Result<(), StoreError> {
    let mut writes = Writes::default();
    for (number, (table, key, value)) in (1..).zip(rows) {
        writes.put_bytes(table, key, value);
        if number % CHUNK == 0 {
            disk.write(0, std::mem::take(&mut writes))?;
        }
    }
    writes.put_json(Table::Meta, LEDGER_KEY, ledger)?;
    disk.write(0, writes)
}
