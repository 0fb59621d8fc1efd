//! Tells which resource a document declares that can't be parsed, from its lines.

use super::header::Header;
use super::identity::ResourceId;
use super::name;
use super::schema::KINDS;

/// Looks for kind and name in the lines of a document that can't be parsed.
///
/// Only lines that can't mean anything else count, and only where there is one of each: a second
/// `kind` may belong to a resource that a missing `---` hides.
pub(super) fn scan(text: &str) -> Header {
    let mut header = Header::default();
    let mut section = "";
    let (mut kinds, mut names) = (Vec::new(), Vec::new());
    let mut metadata_indent = None;
    for (number, line) in text.lines().enumerate() {
        let content = line.trim_start_matches(' ');
        let indent = line.len() - content.len();
        let Some((key, value)) = content.split_once(':') else {
            continue;
        };
        if indent == 0 {
            section = key;
            metadata_indent = None;
            if key == "kind" {
                kinds.push(scalar_of(value));
            }
        } else if section == "metadata"
            && *metadata_indent.get_or_insert(indent) == indent
            && key == "name"
        {
            let space = value.len() - value.trim_start().len();
            names.push((number, indent + key.len() + 1 + space, scalar_of(value)));
        }
    }
    header.is_secret = kinds.iter().any(|kind| matches!(*kind, "Secret" | "List"));
    if let ([kind], [(line, column, name)]) = (kinds.as_slice(), names.as_slice())
        && let Some(kind) = KINDS.into_iter().find(|known| known.as_str() == *kind)
        && name::resource_name_fault(name).is_none()
    {
        header.at.start.line = u32::try_from(*line).unwrap_or(u32::MAX);
        header.at.start.column = u32::try_from(*column).unwrap_or(u32::MAX);
        header.resource = Some(ResourceId {
            kind,
            name: (*name).to_owned(),
        });
        header.identified = true;
    }
    header
}

/// A value on a line, without quotes and comment.
fn scalar_of(value: &str) -> &str {
    let value = value.split(" #").next().unwrap_or(value).trim();
    let unquoted = ['"', '\''].into_iter().find_map(|quote| {
        value
            .strip_prefix(quote)
            .and_then(|value| value.strip_suffix(quote))
    });
    unquoted.unwrap_or(value)
}
