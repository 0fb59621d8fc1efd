//! What keeps rows: the narrow part in which the stores differ.

use super::StoreError;
use super::table::{Table, Writes};

/// Keeps rows of tables.
pub(super) trait Disk: Send + Sync + 'static {
    /// What errors call it.
    fn label(&self) -> String;

    /// Shows every row of a table, in the order of the keys.
    fn visit(&self, table: Table, each: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), StoreError>;

    /// One row.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// The newest `limit` rows of a log up to number `last`, newest last.
    fn newest(
        &self,
        log: Table,
        last: u64,
        limit: usize,
    ) -> Result<Vec<(u64, Vec<u8>)>, StoreError>;

    /// Makes all of the writes durable, or none.
    fn write(&self, commit: u64, writes: Writes) -> Result<(), StoreError>;
}
