//! What is tried anew at once because somebody asks for a look, or starts.

use std::sync::Arc;

use jiff::Timestamp;

use crate::plan::hold::Reason;
use crate::plan::record::Recorded;
use crate::store::Change;

/// Ends the pauses of what failed for want of a secret: nobody tells us that one was put in place, and
/// whoever asks for a look may just have done it. It counts as one more try, so that what is missing all the
/// same goes on with its pauses.
pub(super) fn try_anew(recorded: &Recorded, now: Timestamp, change: &mut Change) {
    for (name, known) in &recorded.jobs {
        let record = match change.jobs.get(name) {
            Some(Some(changed)) => changed,
            Some(None) => continue,
            None => known,
        };
        let retry = record.retry.as_ref();
        let Some(mut retry) = retry
            .filter(|it| it.reason == Reason::SecretMissing)
            .cloned()
        else {
            continue;
        };
        if retry.goes_on(now) {
            retry.at = now;
            let mut record = Arc::clone(record);
            Arc::make_mut(&mut record).retry = Some(retry);
            change.jobs.insert(name.clone(), Some(record));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::engine::fake::at;
    use crate::plan::record::{JobRecord, Retry};
    use crate::resources::desired::Annotations;
    use crate::resources::{Digest, JetJobSpec, Place, SourceName};

    fn failed(reason: Reason, due: i64) -> Arc<JobRecord> {
        let place = Place {
            source: SourceName("jobs".to_owned()),
            path: "orders.yaml".to_owned(),
            line: 1,
            column: 1,
        };
        let spec = Arc::new(JetJobSpec::default());
        let digest = Digest::of_json(&*spec);
        let mut record = JobRecord::new(place, digest, spec, Annotations::default());
        record.retry = Some(Retry {
            verb: "submit".to_owned(),
            count: 7,
            at: at(due),
            reason,
            message: "there is no secret".to_owned(),
        });
        Arc::new(record)
    }

    fn due(change: &Change, name: &str) -> Option<Timestamp> {
        let record = change.jobs.get(name)?.as_ref()?;
        record.retry.as_ref().map(|retry| retry.at)
    }

    #[test]
    fn what_lacked_a_secret_is_tried_now_and_the_rest_when_it_is_due() {
        let recorded = Recorded {
            jobs: BTreeMap::from([
                ("lacks".to_owned(), failed(Reason::SecretMissing, 100)),
                ("due".to_owned(), failed(Reason::SecretMissing, 5)),
                ("other".to_owned(), failed(Reason::BackingOff, 100)),
                ("gone".to_owned(), failed(Reason::SecretMissing, 100)),
                ("mended".to_owned(), failed(Reason::SecretMissing, 100)),
            ]),
            ..Recorded::default()
        };
        let mended = failed(Reason::BackingOff, 100);
        let mut change = Change::default();
        change.jobs.insert("gone".to_owned(), None);
        change
            .jobs
            .insert("mended".to_owned(), Some(Arc::clone(&mended)));
        try_anew(&recorded, at(10), &mut change);
        assert_eq!(due(&change, "lacks"), Some(at(10)));
        assert_eq!(change.jobs["gone"], None);
        assert_eq!(change.jobs["mended"], Some(mended));
        assert_eq!(change.jobs.len(), 3, "the others wait");
        let again = change.jobs["lacks"].as_ref().unwrap();
        assert_eq!(again.retry.as_ref().unwrap().count, 7);
    }
}
