//! Documents: a cold load beside bare parsing, a pass with one of 10 000 changed, planning.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;

use jetkeeper::plan::Planner;
use jetkeeper::resources::{Desired, Digest, JarFile, Revision, SourceFile, SourceName};
use jetkeeper::resources::{LoadCache, LoadOptions, load};

use crate::documents::{DOCUMENTS, bare_parsing, path, text, timed};
use crate::fleet::Fleet;
use crate::keeper::CLUSTER;
use crate::table::{Row, ms, percentile, sorted};

const ROUNDS: usize = 7;

pub(crate) fn measure() -> Vec<Row> {
    let revision = Arc::new(revision(DOCUMENTS));
    let changed = Arc::new(one_changed(&revision));
    let options = options();
    let (mut bare, mut cold, mut warm, mut planned) = (vec![], vec![], vec![], vec![]);
    let fleet = Fleet::at_rest(&load(
        &[Arc::clone(&revision)],
        &options,
        &mut LoadCache::default(),
    ));
    for _ in 0..ROUNDS {
        let texts = revision.files.values();
        let texts = texts.map(|file| std::str::from_utf8(&file.bytes).unwrap());
        bare.push(bare_parsing(texts));
        let mut cache = LoadCache::default();
        let mut desired = Desired::default();
        cold.push(timed(|| {
            desired = load(&[Arc::clone(&revision)], &options, &mut cache);
        }));
        let mut planner = Planner::default();
        drop(fleet.plan(&desired, &mut planner));
        let load_changed = timed(|| {
            desired = load(&[Arc::clone(&changed)], &options, &mut cache);
        });
        assert_eq!(
            desired.jobs.len(),
            DOCUMENTS,
            "{:?}",
            desired.faults.first()
        );
        let pass = timed(|| {
            let plan = fleet.plan(&desired, &mut planner);
            assert_eq!(plan.steps.len(), 1, "the job that changed is suspended");
            black_box(plan);
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

/// Planning alone, of ten times as many documents, of which nothing was planned before.
pub(crate) fn plans() -> Vec<Row> {
    let [few, many] = [DOCUMENTS, 10 * DOCUMENTS].map(|documents| {
        let desired = load(
            &[Arc::new(revision(documents))],
            &options(),
            &mut LoadCache::default(),
        );
        let fleet = Fleet::at_rest(&desired);
        let times = (0..ROUNDS).map(|_| {
            let mut planner = Planner::default();
            timed(|| drop(black_box(fleet.plan(&desired, &mut planner))))
        });
        percentile(&sorted(times.collect()), 50)
    });
    let ten = 10.0 * few;
    vec![Row {
        what: "planning 100 000 documents / ten times planning 10 000",
        ours: ms(many),
        theirs: ms(ten),
        ratio: many / ten,
        allowed: None,
    }]
}

fn options() -> LoadOptions {
    LoadOptions {
        clusters: [CLUSTER.to_owned()].into(),
        ..LoadOptions::default()
    }
}

fn revision(documents: usize) -> Revision {
    let files = (0..documents).map(|number| (path(number), file(&text(number, "Running"))));
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
        changed_at: None,
        trouble: None,
        lineage: None,
        proposal: None,
        refused: None,
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
