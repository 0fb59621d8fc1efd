//! The store in a directory, kept in sled.
//!
//! Opening ends in one of three ways: everything that was ever acknowledged is there, the directory
//! never held state and a new store was made, or an error says what to do. Never does damage end in
//! an empty store: the marker and the witness beside the database, and the ledger in it, tell.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use super::change::{Change, EventEntry, JournalEntry, RevisionEntry};
use super::contents::check_schema;
use super::core::Core;
use super::disk::Disk;
use super::export::refuse_existing;
use super::guard::guarded;
use super::layout::{Layout, Marker, Survey, Witness, failed_to, make_private_dir, sync_dir};
use super::ledger::{LEDGER_KEY, LedgerRow, Retention};
use super::lock::ProcessLock;
use super::rebuild::write_rebuilt;
use super::sled_disk::SledDisk;
use super::table::{Table, Writes};
use super::worker::Worker;
use super::{SCHEMA_VERSION, Store, StoreError};
use crate::clock::{Clock, Entropy};
use crate::plan::record::Recorded;

/// A store in a directory. Cloning is cheap; the last clone lets go of the directory.
#[derive(Clone)]
pub struct SledStore {
    core: Arc<Core<SledDisk>>,
    worker: Arc<Worker>,
}

/// A state directory that no other process has, before anything in it is opened. What lies beside the
/// store belongs to whoever has it.
#[derive(Debug)]
pub struct HeldState {
    layout: Layout,
    lock: Arc<ProcessLock>,
}

impl HeldState {
    /// Takes the directory, or says who has it.
    pub async fn take(dir: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let dir = dir.into();
        let path = dir.display().to_string();
        blocking(path, move || {
            let layout = Layout::make(&dir)?;
            let lock = Arc::new(ProcessLock::take(&layout.lock(), &dir)?);
            Ok(Self { layout, lock })
        })
        .await
    }
}

/// Who a new store is and when it was made.
#[derive(Debug, Clone)]
pub(super) struct Birth {
    pub(super) store_id: String,
    pub(super) at: Timestamp,
}

impl Birth {
    pub(super) fn new(clock: &dyn Clock, entropy: &dyn Entropy) -> Self {
        Self {
            store_id: entropy.uuid().to_string(),
            at: clock.now(),
        }
    }
}

impl SledStore {
    /// Opens the store in `dir`, or makes one where there never was any.
    pub async fn open(
        dir: impl Into<PathBuf>,
        clock: &dyn Clock,
        entropy: &dyn Entropy,
    ) -> Result<Self, StoreError> {
        let held = HeldState::take(dir).await?;
        Self::open_held(held, clock, entropy).await
    }

    /// The same in a directory that is held already.
    pub async fn open_held(
        held: HeldState,
        clock: &dyn Clock,
        entropy: &dyn Entropy,
    ) -> Result<Self, StoreError> {
        let birth = Birth::new(clock, entropy);
        let path = held.layout.label();
        blocking(path, move || open(&held, birth)).await
    }

    /// Whether there is state in `dir`, sound or not. Makes nothing. Blocks for a moment.
    pub fn exists(dir: &Path) -> Result<bool, StoreError> {
        match Layout::of(dir) {
            Ok(_) => Ok(true),
            Err(StoreError::Absent { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes a store in `dir` whose first commit is `change`: records rebuilt from the clusters.
    /// Refuses where state is already; see [`super::rebuild::move_aside`].
    pub async fn create_rebuilt(
        dir: impl Into<PathBuf>,
        change: Change,
        clock: &dyn Clock,
        entropy: &dyn Entropy,
    ) -> Result<Self, StoreError> {
        let (dir, birth) = (dir.into(), Birth::new(clock, entropy));
        let path = dir.display().to_string();
        blocking(path, move || create_rebuilt(&dir, birth, change)).await
    }

    fn of(layout: &Layout, lock: &Arc<ProcessLock>) -> Result<Self, StoreError> {
        let core = Arc::new(open_existing(layout, lock)?);
        let worker = Worker::start().map_err(failed_to("start a thread for", layout.dir()))?;
        let worker = Arc::new(worker);
        Ok(Self { core, worker })
    }

    async fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Core<SledDisk>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let core = Arc::clone(&self.core);
        let label = self.core.disk().label();
        self.worker.run(label, move || call(&core)).await
    }
}

#[async_trait]
impl Store for SledStore {
    async fn load(&self) -> Result<Recorded, StoreError> {
        self.call(Core::load).await
    }

    async fn commit(&self, change: &Change) -> Result<(), StoreError> {
        let change = change.clone();
        self.call(move |core| core.commit(&change)).await
    }

    async fn events(&self, limit: usize) -> Result<Vec<EventEntry>, StoreError> {
        self.call(move |core| core.events(limit)).await
    }

    async fn journal(&self, limit: usize) -> Result<Vec<JournalEntry>, StoreError> {
        self.call(move |core| core.journal(limit)).await
    }

    async fn revisions(&self, limit: usize) -> Result<Vec<RevisionEntry>, StoreError> {
        self.call(move |core| core.revisions(limit)).await
    }
}

/// Runs on a thread that may block. A panic in there is an error here.
async fn blocking<T: Send + 'static>(
    path: String,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(gone) => Err(StoreError::Io {
            what: "use",
            path,
            source: std::io::Error::other(gone),
        }),
    }
}

fn open(HeldState { layout, lock }: &HeldState, birth: Birth) -> Result<SledStore, StoreError> {
    match layout.survey()? {
        Survey::State => {}
        Survey::Nothing => create(layout, lock, |disk| write_empty(disk, birth).map(drop))?,
        Survey::MovedAside(path) => {
            let path = path.display();
            return Err(layout.damage(format!("it was moved aside to {path} and not rebuilt yet")));
        }
    }
    SledStore::of(layout, lock)
}

fn create_rebuilt(dir: &Path, birth: Birth, change: Change) -> Result<SledStore, StoreError> {
    let layout = Layout::make(dir)?;
    let lock = Arc::new(ProcessLock::take(&layout.lock(), dir)?);
    refuse_existing(&layout)?;
    create(&layout, &lock, move |disk| {
        write_rebuilt(disk, birth, &change)
    })?;
    SledStore::of(&layout, &lock)
}

/// Opens what is there and proves that it is complete.
pub(super) fn open_existing(
    layout: &Layout,
    lock: &Arc<ProcessLock>,
) -> Result<Core<SledDisk>, StoreError> {
    let marker = read_marker(layout)?;
    let (layout, lock) = (layout.clone(), Arc::clone(lock));
    guarded(layout.label(), move || {
        let disk = SledDisk::open(layout.label(), &layout.data(), false, lock)?;
        let core = Core::open(disk, Retention::default())?;
        let row = core.durable();
        if let Some(problem) = check_beside(&layout, marker.as_ref(), &row)? {
            return Err(layout.damage(problem));
        }
        let witness = Witness::make(&layout, &row.store_id, row.commit)?;
        core.disk().tell(witness);
        if marker.is_none() {
            write_marker(&layout, &row)?;
        }
        Ok(core)
    })
}

/// The marker, unless it says that a newer version wrote the state.
pub(super) fn read_marker(layout: &Layout) -> Result<Option<Marker>, StoreError> {
    let marker = layout.read_marker()?;
    if let Some(marker) = &marker {
        check_schema(marker.schema, layout.label())?;
    }
    Ok(marker)
}

/// Whether the files beside the database say the same as its ledger, else what is wrong.
///
/// Where both are missing and the database is sound, making it was interrupted right after it was
/// complete: they are written last.
pub(super) fn check_beside(
    layout: &Layout,
    marker: Option<&Marker>,
    row: &LedgerRow,
) -> Result<Option<String>, StoreError> {
    if marker.is_some_and(|marker| marker.store_id != row.store_id) {
        return Ok(Some("its marker file is of another state".to_owned()));
    }
    let problem = match Witness::read(layout, &row.store_id)? {
        Some(acknowledged) if acknowledged > row.commit => Some(format!(
            "the database ends with commit {}, but commit {acknowledged} was made: it lost changes",
            row.commit
        )),
        None if marker.is_some() => Some("its file `committed` is missing".to_owned()),
        Some(_) | None => None,
    };
    Ok(problem)
}

/// Makes a store. It is made aside and renamed when it is complete; the files beside it come last.
pub(super) fn create(
    layout: &Layout,
    lock: &Arc<ProcessLock>,
    fill: impl FnOnce(&SledDisk) -> Result<(), StoreError> + Send + 'static,
) -> Result<(), StoreError> {
    let new = layout.new_data();
    let failed = || failed_to("make", layout.dir());
    if new.try_exists().map_err(failed())? {
        fs::remove_dir_all(&new).map_err(failed())?;
    }
    make_private_dir(&new).map_err(failed())?;
    let (label, lock, path) = (layout.label(), Arc::clone(lock), new.clone());
    let row = guarded(layout.label(), move || {
        let disk = SledDisk::open(label, &path, true, lock)?;
        fill(&disk)?;
        disk.sync_all()?;
        Ok(Core::open(disk, Retention::default())?.durable())
    })?;
    fs::rename(&new, layout.data())
        .and_then(|()| sync_dir(layout.dir()))
        .map_err(failed())?;
    Witness::make(layout, &row.store_id, row.commit)?;
    write_marker(layout, &row)
}

/// Fills a new store with nothing but its ledger.
pub(super) fn write_empty(disk: &SledDisk, birth: Birth) -> Result<LedgerRow, StoreError> {
    let row = LedgerRow {
        created_at: Some(birth.at),
        ..LedgerRow::new(birth.store_id)
    };
    let mut writes = Writes::default();
    writes.put_json(Table::Meta, LEDGER_KEY, &row)?;
    disk.write(0, writes)?;
    Ok(row)
}

fn write_marker(layout: &Layout, row: &LedgerRow) -> Result<(), StoreError> {
    layout.write_marker(&Marker {
        schema: SCHEMA_VERSION,
        store_id: row.store_id.clone(),
        created_at: row.created_at,
    })
}
