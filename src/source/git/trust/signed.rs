//! Takes a commit or tag apart: the signature, and the bytes that it is of.

use git2::{ErrorCode, ObjectType, Odb, Oid, Repository, Time};
use jiff::Timestamp;

use super::keys::Signed;
use super::refusal::Why;
use crate::source::git::errand::Failure;

/// The largest commit or tag that is read, in bytes.
const LARGEST: usize = 1024 * 1024;
/// Where a signature begins in a tag: at the beginning of a line, and it is the last thing there.
const BEGINNINGS: [&str; 2] = [
    "-----BEGIN PGP SIGNATURE-----",
    "-----BEGIN SSH SIGNATURE-----",
];

/// The signature of a commit. The outer error is that the clone is damaged.
pub(super) fn commit(
    repository: &Repository,
    objects: &Odb<'_>,
    id: Oid,
) -> Result<Result<Signed, Why>, Failure> {
    if let Err(why) = bounded(objects, id)? {
        return Ok(Err(why));
    }
    let commit = repository.find_commit(id).map_err(damaged)?;
    let (signature, data) = match repository.extract_signature(&id, None) {
        Ok(parts) => parts,
        Err(error) if error.code() == ErrorCode::NotFound => return Ok(Err(Why::Unsigned)),
        Err(error) => return Err(damaged(error)),
    };
    Ok(match std::str::from_utf8(&signature) {
        Ok(text) => Ok(Signed {
            signature: text.trim().to_owned(),
            data: data.to_vec(),
            at: moment(commit.time()),
        }),
        Err(_) => Err(Why::Unsupported("its signature is no text".to_owned())),
    })
}

/// The signature of an annotated tag that has this name.
pub(super) fn tag(
    repository: &Repository,
    objects: &Odb<'_>,
    id: Oid,
    name: &str,
) -> Result<Result<Signed, Why>, Failure> {
    if let Err(why) = bounded(objects, id)? {
        return Ok(Err(why));
    }
    let tag = repository.find_tag(id).map_err(damaged)?;
    if tag.name_bytes() != name.as_bytes() {
        // A signed tag says which one it is; under another name it is an old one in new clothes.
        let named = String::from_utf8_lossy(tag.name_bytes()).into_owned();
        let what = format!("it was signed under the name {}", named.escape_default());
        return Ok(Err(Why::Unsupported(what)));
    }
    let object = objects.read(id).map_err(damaged)?;
    let Ok(text) = std::str::from_utf8(object.data()) else {
        return Ok(Err(Why::Unsupported("it is no text".to_owned())));
    };
    let Some(start) = beginning(text) else {
        return Ok(Err(Why::Unsigned));
    };
    let (data, signature) = text.split_at(start);
    Ok(Ok(Signed {
        signature: signature.trim().to_owned(),
        data: data.as_bytes().to_vec(),
        at: tag
            .tagger()
            .map_or(Timestamp::UNIX_EPOCH, |tagger| moment(tagger.when())),
    }))
}

/// Whether an object may be read.
fn bounded(objects: &Odb<'_>, id: Oid) -> Result<Result<(), Why>, Failure> {
    let (size, kind) = objects.read_header(id).map_err(damaged)?;
    let fits = size <= LARGEST && matches!(kind, ObjectType::Commit | ObjectType::Tag);
    let too_large = || Why::Unsupported("it is larger than 1 MiB".to_owned());
    Ok(fits.then_some(()).ok_or_else(too_large))
}

/// Where the last signature of a tag begins.
fn beginning(text: &str) -> Option<usize> {
    let starts = BEGINNINGS.iter().flat_map(|line| text.match_indices(line));
    let starts = starts.map(|(start, _)| start);
    starts.filter(|start| text[..*start].ends_with('\n')).max()
}

fn moment(time: Time) -> Timestamp {
    Timestamp::from_second(time.seconds()).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
pub(super) fn damaged(error: git2::Error) -> Failure {
    Failure::clone(error.message())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_signature_at_the_beginning_of_a_line_counts() {
        let line = BEGINNINGS[0];
        let text = format!("object 1\n\nmessage {line}\n{line}\nx\n{line}\ny\n");
        let start = beginning(&text).unwrap();
        assert_eq!(&text[start..], format!("{line}\ny\n"));
        assert_eq!(beginning("object 1\n\nmessage"), None);
        assert_eq!(beginning(&format!("message {line}")), None);
    }
}
