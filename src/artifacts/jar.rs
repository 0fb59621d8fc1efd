//! What is in a jar: whether it is one, and which class `main` is taken from.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Seek, SeekFrom};

use thiserror::Error;
use zip::ZipArchive;
use zip::result::ZipError;

use crate::plan::jar::MainClass;

/// As much of a manifest as is read.
const MAX_MANIFEST_SIZE: u64 = 1024 * 1024;
/// The largest table of contents that is read, which is held in memory: some 500 000 entries.
const MAX_DIRECTORY_SIZE: u64 = 64 * 1024 * 1024;
/// The size of the record at the end of a zip file, without its comment.
const END_SIZE: u64 = 22;
/// The longest comment of a zip file.
const MAX_COMMENT_SIZE: u64 = 65_535;

/// Why bytes are not taken for a jar.
#[derive(Debug, Error)]
pub(super) enum JarError {
    /// They could not be read.
    #[error("could not read the jar")]
    Read(#[from] io::Error),
    /// They are no zip file, or a broken one.
    #[error("its bytes are no jar")]
    NotAJar(#[source] Option<ZipError>),
    /// It has more entries than any jar.
    #[error("its table of contents is too large")]
    TooManyEntries,
}

/// Finds, for each of these classes (the manifest's where none is named), whether it is in the jar.
pub(super) fn main_classes<R: Read + Seek>(
    mut reader: R,
    wanted: &BTreeSet<Option<String>>,
) -> Result<BTreeMap<Option<String>, MainClass>, JarError> {
    check_directory_size(&mut reader)?;
    let mut jar = ZipArchive::new(reader).map_err(zip_error)?;
    let mut found = BTreeMap::new();
    for class in wanted {
        let name = match class {
            Some(name) => Some(name.clone()),
            None => manifest_main_class(&mut jar)?,
        };
        let main_class = match name {
            None => MainClass::Unspecified,
            Some(name) if has_class(&jar, &name) => MainClass::Found(name),
            Some(name) => MainClass::Absent(name),
        };
        found.insert(class.clone(), main_class);
    }
    Ok(found)
}

fn zip_error(error: ZipError) -> JarError {
    match error {
        ZipError::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
            JarError::Read(error)
        }
        error => JarError::NotAJar(Some(error)),
    }
}

fn has_class<R: Read + Seek>(jar: &ZipArchive<R>, class: &str) -> bool {
    // A class is named with dots; one with slashes is none to the member.
    if class.contains('/') {
        return false;
    }
    let entry = format!("{}.class", class.replace('.', "/"));
    jar.index_for_name(&entry).is_some()
}

fn manifest_main_class<R: Read + Seek>(
    jar: &mut ZipArchive<R>,
) -> Result<Option<String>, JarError> {
    let entry = match jar.by_name("META-INF/MANIFEST.MF") {
        Ok(entry) => entry,
        Err(ZipError::FileNotFound) => return Ok(None),
        Err(error) => return Err(zip_error(error)),
    };
    let mut bytes = Vec::new();
    entry
        .take(MAX_MANIFEST_SIZE)
        .read_to_end(&mut bytes)
        // Whatever is wrong while it is unpacked is wrong with the jar.
        .map_err(|error| JarError::NotAJar(Some(ZipError::Io(error))))?;
    Ok(main_class_of(&String::from_utf8_lossy(&bytes)))
}

/// The `Main-Class` of a manifest's main section.
fn main_class_of(manifest: &str) -> Option<String> {
    let mut value: Option<String> = None;
    for line in manifest.lines() {
        if let Some(value) = &mut value {
            // Long values are continued on lines that begin with a space.
            match line.strip_prefix(' ') {
                Some(more) => value.push_str(more),
                None => break,
            }
            continue;
        }
        if line.is_empty() {
            break;
        }
        if let Some((name, rest)) = line.split_once(':')
            && name.eq_ignore_ascii_case("Main-Class")
        {
            value = Some(rest.trim_start().to_owned());
        }
    }
    value
        .map(|value| value.trim().to_owned())
        .filter(|value| !value.is_empty())
}

/// Refuses a jar whose table of contents, by what its end says, would not fit into memory.
fn check_directory_size<R: Read + Seek>(reader: &mut R) -> Result<(), JarError> {
    let size = reader.seek(SeekFrom::End(0))?;
    let start = size.saturating_sub(END_SIZE + MAX_COMMENT_SIZE + 20);
    reader.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    reader.by_ref().take(size - start).read_to_end(&mut tail)?;
    let end = tail
        .windows(4)
        .rposition(|window| window == b"PK\x05\x06")
        .ok_or(JarError::NotAJar(None))?;
    let directory = number(&tail, end + 12, 4).ok_or(JarError::NotAJar(None))?;
    let directory = if directory == u64::from(u32::MAX) {
        // Zip64: right before, a locator says where the larger record is.
        let locator = end.checked_sub(20).ok_or(JarError::NotAJar(None))?;
        let record = number(&tail, locator + 8, 8).ok_or(JarError::NotAJar(None))?;
        reader.seek(SeekFrom::Start(record))?;
        let mut bytes = Vec::new();
        reader.by_ref().take(48).read_to_end(&mut bytes)?;
        number(&bytes, 40, 8).ok_or(JarError::NotAJar(None))?
    } else {
        directory
    };
    reader.rewind()?;
    if directory > MAX_DIRECTORY_SIZE {
        return Err(JarError::TooManyEntries);
    }
    Ok(())
}

/// The little-endian number of `length` bytes at `offset`.
fn number(bytes: &[u8], offset: usize, length: usize) -> Option<u64> {
    let bytes = bytes.get(offset..offset.checked_add(length)?)?;
    Some(
        bytes
            .iter()
            .rev()
            .fold(0, |number, byte| (number << 8) | u64::from(*byte)),
    )
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use zip::write::SimpleFileOptions;

    use super::*;

    fn jar(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in entries {
            writer
                .start_file(*name, SimpleFileOptions::default())
                .unwrap();
            writer.write_all(content.as_bytes()).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn main_class(entries: &[(&str, &str)], class: Option<&str>) -> MainClass {
        let class = class.map(str::to_owned);
        let wanted = BTreeSet::from([class.clone()]);
        let found = main_classes(Cursor::new(jar(entries)), &wanted).unwrap();
        found[&class].clone()
    }

    #[test]
    fn the_main_class_is_the_named_one_or_the_manifests() {
        let entries = [
            (
                "META-INF/MANIFEST.MF",
                "Manifest-Version: 1.0\r\nmain-class: a.b.Main\r\n\r\n",
            ),
            ("a/b/Main.class", ""),
            ("a/b/Other$Inner.class", ""),
        ];
        assert_eq!(
            main_class(&entries, None),
            MainClass::Found("a.b.Main".into())
        );
        let named = "a.b.Other$Inner";
        assert_eq!(
            main_class(&entries, Some(named)),
            MainClass::Found(named.into())
        );
        for absent in ["a.b.Absent", "a/b/Main", ""] {
            assert_eq!(
                main_class(&entries, Some(absent)),
                MainClass::Absent(absent.into())
            );
        }
        assert_eq!(
            main_class(&entries[..1], None),
            MainClass::Absent("a.b.Main".into())
        );
        assert_eq!(main_class(&entries[1..], None), MainClass::Unspecified);
    }

    #[test]
    fn manifests_are_read_as_java_reads_them() {
        for (manifest, class) in [
            ("Main-Class: a.Main\n", Some("a.Main")),
            (
                "Main-Class: a.very.lo\r\n ng.Name\r\nX: y\r\n",
                Some("a.very.long.Name"),
            ),
            ("X: Main-Class: a\n b\nMain-Class: c\n", Some("c")),
            ("X: y\n\nName: z\nMain-Class: in.another.Section\n", None),
            ("Main-Class:\n", None),
            ("", None),
        ] {
            assert_eq!(main_class_of(manifest).as_deref(), class, "{manifest:?}");
        }
    }

    #[test]
    fn what_is_no_jar_is_refused() {
        let whole = jar(&[("META-INF/MANIFEST.MF", "Main-Class: a.Main\n")]);
        let truncated = &whole[..whole.len() - 30];
        let mut huge = whole.clone();
        let end = huge.len() - 22;
        huge[end + 12..end + 16].copy_from_slice(&[0, 0, 0, 5]);
        let mut zip64 = whole.clone();
        zip64[end + 12..end + 16].copy_from_slice(&[0xff; 4]);
        let wanted = BTreeSet::from([None]);
        for bytes in [
            b"".as_slice(),
            b"<html>",
            truncated,
            &huge,
            &zip64,
            &whole[40..],
        ] {
            assert!(main_classes(Cursor::new(bytes), &wanted).is_err());
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_break_it(position in 0_usize..200, byte: u8) {
            let mut bytes = jar(&[("META-INF/MANIFEST.MF", "Main-Class: a.Main\n")]);
            if let Some(target) = bytes.get_mut(position) {
                *target = byte;
            }
            drop(main_classes(Cursor::new(bytes), &BTreeSet::from([None])));
        }
    }
}
