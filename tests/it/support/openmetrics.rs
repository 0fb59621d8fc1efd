//! A strict reader of OpenMetrics text: it panics at whatever the format doesn't allow.

use std::collections::{BTreeMap, BTreeSet};

/// A metric family and its samples, as they were written.
#[derive(Debug, Default)]
pub(crate) struct Family {
    pub(crate) kind: String,
    pub(crate) help: String,
    pub(crate) unit: String,
    pub(crate) samples: Vec<Sample>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    /// With the suffix.
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

/// What was answered, by family.
pub(crate) struct Metrics(pub(crate) BTreeMap<String, Family>);

impl Metrics {
    /// Reads the whole text.
    pub(crate) fn read(text: &str) -> Self {
        let body = text.strip_suffix("# EOF\n").expect("it ends with `# EOF`");
        let mut families: BTreeMap<String, Family> = BTreeMap::new();
        let mut current: Option<String> = None;
        for line in body.lines() {
            assert_eq!(line, line.trim(), "spaces around a line");
            if let Some(comment) = line.strip_prefix("# ") {
                let mut words = comment.splitn(3, ' ');
                let (word, name) = (words.next().unwrap(), words.next().unwrap());
                let rest = words.next().unwrap_or_default();
                if current.as_deref() != Some(name) {
                    let new = families.insert(name.to_owned(), Family::default());
                    assert!(new.is_none(), "the family {name} comes twice");
                    current = Some(name.to_owned());
                }
                let family = families.get_mut(name).unwrap();
                assert!(family.samples.is_empty(), "{line} comes after samples");
                let field = match word {
                    "HELP" => &mut family.help,
                    "TYPE" => &mut family.kind,
                    "UNIT" => &mut family.unit,
                    _ => panic!("no such comment: {line}"),
                };
                assert!(field.is_empty(), "twice: {line}");
                rest.clone_into(field);
            } else {
                let family = current.as_ref().expect("a family is described first");
                families.get_mut(family).unwrap().samples.push(sample(line));
            }
        }
        let metrics = Self(families);
        metrics.check();
        metrics
    }

    fn check(&self) {
        let mut seen = BTreeSet::new();
        for (name, family) in &self.0 {
            let is_plain = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(
                name.starts_with("jetkeeper_") && name.chars().all(is_plain),
                "{name}"
            );
            assert!(!family.help.is_empty(), "{name} has no help");
            let has_unit = family.unit.is_empty() || name.ends_with(&format!("_{}", family.unit));
            assert!(
                has_unit,
                "{name} does not end with its unit {}",
                family.unit
            );
            let suffixes: &[&str] = match &*family.kind {
                "gauge" => &[""],
                "counter" => &["_total"],
                "histogram" => &["_bucket", "_sum", "_count"],
                kind => panic!("{name} is a {kind}"),
            };
            for sample in &family.samples {
                let suffix = sample.name.strip_prefix(name.as_str());
                let is_ours = suffix.is_some_and(|suffix| suffixes.contains(&suffix));
                assert!(is_ours, "{} in the family {name}", sample.name);
                assert!(!sample.value.is_nan(), "{sample:?}");
                let key = (sample.name.clone(), sample.labels.clone());
                assert!(seen.insert(key), "twice: {sample:?}");
                let counts = family.kind != "gauge";
                assert!(!counts || sample.value >= 0.0, "{sample:?}");
            }
            if family.kind == "histogram" {
                check_buckets(name, &family.samples);
            }
        }
    }

    /// The value of the one sample with these labels, at least.
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let samples = self.0.values().flat_map(|family| &family.samples);
        let mut matching = samples.filter(|sample| {
            let has = |(name, value): &(&str, &str)| {
                sample.labels.get(*name).map(String::as_str) == Some(*value)
            };
            sample.name == name && labels.iter().all(has)
        });
        let first = matching.next()?;
        assert!(matching.next().is_none(), "several of {name} {labels:?}");
        Some(first.value)
    }
}

/// Our histograms have no labels of their own.
fn check_buckets(name: &str, samples: &[Sample]) {
    let buckets: Vec<(f64, f64)> = samples
        .iter()
        .filter(|sample| sample.name.ends_with("_bucket"))
        .map(|sample| {
            (
                sample.labels["le"].replace("+Inf", "inf").parse().unwrap(),
                sample.value,
            )
        })
        .collect();
    let rises = buckets
        .windows(2)
        .all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1);
    assert!(rises, "{name}: {buckets:?}");
    let (last, all) = *buckets.last().expect("there are buckets");
    let count = samples
        .iter()
        .find(|sample| sample.name.ends_with("_count"));
    assert!(last.is_infinite(), "{name} has no +Inf");
    assert_eq!(count.map(|sample| sample.value), Some(all), "{name}");
}

/// `name{label="value",…} 1.0`, without timestamps and exemplars, of which we have none.
fn sample(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
    let value = value.parse().unwrap_or_else(|_| panic!("{line}"));
    let (name, labels) = match series.split_once('{') {
        None => (series, ""),
        Some((name, rest)) => (
            name,
            rest.strip_suffix('}').unwrap_or_else(|| panic!("{line}")),
        ),
    };
    Sample {
        name: name.to_owned(),
        labels: labels_of(labels, line),
        value,
    }
}

fn labels_of(mut text: &str, line: &str) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    while !text.is_empty() {
        let (name, rest) = text.split_once("=\"").unwrap_or_else(|| panic!("{line}"));
        let is_plain = |c: char| c.is_ascii_lowercase() || c == '_';
        assert!(!name.is_empty() && name.chars().all(is_plain), "{line}");
        let mut value = String::new();
        let mut characters = rest.char_indices();
        let end = loop {
            match characters.next().unwrap_or_else(|| panic!("{line}")) {
                (at, '"') => break at,
                (_, '\\') => match characters.next().unwrap().1 {
                    'n' => value.push('\n'),
                    c @ ('"' | '\\') => value.push(c),
                    c => panic!("no such escape: \\{c} in {line}"),
                },
                (_, c) => value.push(c),
            }
        };
        assert!(labels.insert(name.to_owned(), value).is_none(), "{line}");
        text = &rest[end + 1..];
        text = text.strip_prefix(',').unwrap_or(text);
    }
    labels
}
