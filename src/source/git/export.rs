//! In the child: writes blobs into files.
//!
//! libgit2 holds a whole object in memory to read it. Jars are large, so that this happens in the
//! child, whose memory goes when it ends, and one jar at a time.

use std::fs;
use std::io::Write;

use git2::{ObjectType, Odb, Oid};

use super::errand::{Answer, ExportErrand, Failure};
use super::inside::tell_progress;
use super::place::{Place, create};

/// Writes the blobs, each under its id in the place's `jars`.
pub(super) fn export(errand: &ExportErrand) -> Result<Answer, Failure> {
    let place = Place::of(&errand.place);
    let damaged = |error: git2::Error| Failure::clone(error.message());
    let objects = super::tree::objects(&place).map_err(damaged)?;
    for blob in &errand.blobs {
        write(&place, &objects, blob, errand.max_size)?;
        tell_progress();
    }
    Ok(Answer::Exported)
}

fn write(place: &Place, objects: &Odb<'_>, blob: &str, max_size: u64) -> Result<(), Failure> {
    let damaged = |error: git2::Error| Failure::clone(error.message());
    let id = Oid::from_str(blob).map_err(damaged)?;
    let (size, kind) = objects.read_header(id).map_err(damaged)?;
    if kind != ObjectType::Blob || size as u64 > max_size {
        // The walk of the tree told that already.
        return Ok(());
    }
    let object = objects.read(id).map_err(damaged)?;
    let path = place.jar(blob);
    let new = path.with_added_extension("new");
    let written = create(&new).and_then(|mut file| {
        file.write_all(object.data())?;
        file.sync_all()?;
        fs::rename(&new, &path)
    });
    written
        .map_err(|error| Failure::remote(format!("{} can't be written: {error}", path.display())))
}
