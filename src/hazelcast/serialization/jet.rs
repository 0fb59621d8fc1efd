//! Jet's own serialisers of values that occur in the state of pipelines: enough to step over them.

/// What a value consists of: so many bytes, so many objects, so many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) before: usize,
    pub(super) objects: usize,
    pub(super) after: usize,
}

/// The shape of what a serialiser of Jet writes; none where that varies.
pub(super) fn shape(type_id: i32) -> Option<Shape> {
    let (before, objects, after) = match type_id {
        // PickAny, mutable reference, key of a broadcast
        -309 | -305 | -320 => (0, 1, 0),
        // Map entry, broadcast entry, tuples of 2 to 5
        -300 | -319 | -310 => (0, 2, 0),
        -311 => (0, 3, 0),
        -312 => (0, 4, 0),
        -313 => (0, 5, 0),
        // Accumulators of a long or double, and of two
        -303 | -304 => (8, 0, 0),
        -307 | -308 => (16, 0, 0),
        // Tag, watermark, marker of the end
        -314 => (4, 0, 0),
        -316 => (9, 0, 0),
        -318 => (0, 0, 0),
        // Results of windows, without and with a key
        -321 => (17, 1, 0),
        -322 => (17, 2, 0),
        // An item with its time
        -325 => (0, 1, 8),
        -326 => (8, 1, 0),
        _ => return None,
    };
    Some(Shape {
        before,
        objects,
        after,
    })
}
