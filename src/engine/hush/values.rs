//! The values of secrets that are known, and which of them did not come when they were asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use crate::secrets::SecretString;

/// A key of a secret.
pub(super) type Reference = (String, String);

/// How many different values are remembered of one job or key: the latest.
const MOST_VALUES: usize = 32;
/// How long a value is not asked for again that did not come in time.
const REST: Duration = Duration::from_secs(30);

/// What is known. Bounded by what documents and records refer to.
#[derive(Default)]
pub(super) struct Values {
    /// What uploads of this run used, by cluster and job name.
    used: BTreeMap<(String, String), Vec<SecretString>>,
    /// What was read in this run.
    read: BTreeMap<Reference, Vec<SecretString>>,
    /// Until when these are left alone.
    rests: BTreeMap<Reference, Instant>,
}

impl Values {
    /// An upload of this job uses it.
    pub(super) fn used(&mut self, cluster: &str, job_name: &str, value: &SecretString) {
        let key = (cluster.to_owned(), job_name.to_owned());
        add(self.used.entry(key).or_default(), value);
    }

    /// It was read.
    pub(super) fn read(&mut self, reference: &Reference, value: &SecretString) {
        self.rests.remove(reference);
        add(self.read.entry(reference.clone()).or_default(), value);
    }

    /// It did not come in time.
    pub(super) fn rest(&mut self, reference: &Reference, now: Instant) {
        self.rests.insert(reference.clone(), now + REST);
    }

    /// Whether it did not come in time a moment ago.
    pub(super) fn rests(&self, reference: &Reference, now: Instant) -> bool {
        self.rests.get(reference).is_some_and(|until| *until > now)
    }

    /// All that a text of this job may repeat; an error where of a key nothing is known.
    pub(super) fn of(
        &self,
        cluster: &str,
        job_name: &str,
        references: impl Iterator<Item = Reference>,
    ) -> Result<Vec<SecretString>, Vec<SecretString>> {
        let key = (cluster.to_owned(), job_name.to_owned());
        let mut values = self.used.get(&key).cloned().unwrap_or_default();
        let mut all_known = true;
        for reference in references {
            match self.read.get(&reference) {
                Some(read) => values.extend_from_slice(read),
                None => all_known = false,
            }
        }
        if all_known { Ok(values) } else { Err(values) }
    }

    /// Forgets what nothing refers to any more, and what jobs used that have no secrets any more.
    pub(super) fn keep(
        &mut self,
        references: &BTreeSet<Reference>,
        has_secrets: impl Fn(&str, &str) -> bool,
    ) {
        self.used
            .retain(|(cluster, job_name), _| has_secrets(cluster, job_name));
        self.read
            .retain(|reference, _| references.contains(reference));
        self.rests
            .retain(|reference, _| references.contains(reference));
    }
}

/// The latest are at the end.
fn add(known: &mut Vec<SecretString>, value: &SecretString) {
    known.retain(|other| other != value);
    known.push(value.clone());
    let excess = known.len().saturating_sub(MOST_VALUES);
    known.drain(..excess);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_values_are_remembered_and_each_once() {
        let mut values = Values::default();
        for number in 0..100 {
            let value = SecretString::new(format!("value-{}", number % 50));
            values.used("dev", "orders", &value);
        }
        let known = values.of("dev", "orders", [].into_iter()).unwrap();
        assert_eq!(known.len(), MOST_VALUES);
        assert_eq!(known.last().unwrap().expose(), "value-49");
    }
}
