//! Why a job is suspended, as members serialise it.

use super::input::Object;
use super::{Data, SUSPENSION_CAUSE};
use crate::hazelcast::message::DecodeError;

/// The error that suspended the job; none when a user asked for it.
pub fn decode_suspension_cause(data: &Data) -> Result<Option<String>, DecodeError> {
    let mut fields = data.fields_of(SUSPENSION_CAUSE, "suspension cause")?;
    match fields.object("suspension cause")? {
        Object::String(error) => Ok(Some(error)),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hazelcast::serialization::data::tests::data;

    #[test]
    fn a_user_and_an_error_are_told_apart() {
        let by_user = data("00000000fffffffe01ffffd8ee0000002b00000000");
        assert_eq!(decode_suspension_cause(&by_user), Ok(None));
        let by_error = data("00000000fffffffe01ffffd8ee0000002bfffffff500000004626f6f6d");
        assert_eq!(
            decode_suspension_cause(&by_error),
            Ok(Some("boom".to_owned()))
        );
        assert!(decode_suspension_cause(&Data::long(1)).is_err());
    }
}
