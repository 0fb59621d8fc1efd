//! Documents: a cold load beside bare parsing, a pass with one of 10 000 changed, planning.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;

use jetkeeper::plan::observed::Observed;
use jetkeeper::plan::record::Recorded;
use jetkeeper::plan::{PlanInput, Settings, plan};
use jetkeeper::resources::{Desired, Digest, JarFile, Revision, SourceFile, SourceName};
use jetkeeper::resources::{LoadCache, LoadOptions, load};
use jiff::Timestamp;

use crate::documents::{DOCUMENTS, bare_parsing, path, text, timed};
use crate::table::{Row, ms, percentile, sorted};

const ROUNDS: usize = 7;

pub(crate) fn measure() -> Vec<Row> {
    let revision = Arc::new(revision());
    let changed = Arc::new(one_changed(&revision));
    let options = LoadOptions::default();
    let (mut bare, mut cold, mut warm, mut planned) = (vec![], vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        let texts = revision.files.values();
        let texts = texts.map(|file| std::str::from_utf8(&file.bytes).unwrap());
        bare.push(bare_parsing(texts));
        let mut cache = LoadCache::default();
        cold.push(timed(|| {
            black_box(load(&[Arc::clone(&revision)], &options, &mut cache));
        }));
        let mut desired = Desired::default();
        let load_changed = timed(|| {
            desired = load(&[Arc::clone(&changed)], &options, &mut cache);
        });
        assert_eq!(
            desired.jobs.len(),
            DOCUMENTS,
            "{:?}",
            desired.faults.first()
        );
        let recorded = recorded(&desired);
        let pass = timed(|| {
            black_box(plan_of(&desired, &recorded));
        });
        planned.push(pass);
        warm.push(load_changed + pass);
    }
    let [bare, cold, warm, planned] =
        [bare, cold, warm, planned].map(|times| percentile(&sorted(times), 50));
    vec![
        Row {
            what: "cold load of 10 000 documents / bare parsing",
            ours: ms(cold),
            theirs: ms(bare),
            ratio: cold / bare,
            allowed: Some(2.0),
        },
        Row {
            what: "load and plan, one of 10 000 changed / cold load",
            ours: format!("{} ({} of it planning)", ms(warm), ms(planned)),
            theirs: ms(cold),
            ratio: warm / cold,
            allowed: Some(0.05),
        },
    ]
}

fn plan_of(desired: &Desired, recorded: &Recorded) -> jetkeeper::plan::Plan {
    plan(&PlanInput {
        desired,
        recorded,
        observed: &Observed::default(),
        settings: &Settings::default(),
        now: Timestamp::UNIX_EPOCH,
    })
}

/// The records after these documents were seen once.
fn recorded(desired: &Desired) -> Recorded {
    let first = plan_of(desired, &Recorded::default());
    let jobs = first
        .jobs
        .into_iter()
        .filter_map(|(name, record)| Some((name, record?)));
    Recorded {
        jobs: jobs.collect(),
        ..Recorded::default()
    }
}

fn revision() -> Revision {
    let files = (0..DOCUMENTS).map(|number| (path(number), file(&text(number, "Running"))));
    let jar = JarFile {
        location: PathBuf::from("/jars/a.jar"),
        size: 1,
        stamp: "1".to_owned(),
    };
    Revision {
        source: SourceName("bench".to_owned()),
        id: "1".to_owned(),
        present: true,
        files: files.collect(),
        jars: BTreeMap::from([("jars/a.jar".to_owned(), jar)]),
        unreadable: BTreeMap::new(),
    }
}

fn one_changed(revision: &Revision) -> Revision {
    let mut changed = revision.clone();
    let number = DOCUMENTS / 2;
    changed
        .files
        .insert(path(number), file(&text(number, "Suspended")));
    "2".clone_into(&mut changed.id);
    changed
}

fn file(text: &str) -> SourceFile {
    SourceFile {
        bytes: text.as_bytes().into(),
        digest: Digest::of(text.as_bytes()),
    }
}
