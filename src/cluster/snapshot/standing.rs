//! Where a job's own snapshots stand.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::hazelcast::{Client, ExecutionRecord, Result, Suspension};
use crate::plan::snapshot::Standing;

/// Reads the job's execution record, and the DAG that its last committed snapshot tells.
pub(in crate::cluster) async fn standing(client: &Client, job: i64) -> Result<Option<Standing>> {
    let Some(record) = client.execution_record(job).await? else {
        return Ok(None);
    };
    let vertices = match record.source_map() {
        Some(map) => {
            let validation = client.validation_record(&map).await?;
            validation.map_or_else(BTreeSet::new, |(record, _)| vertices_of(&record.dag_json))
        }
        None => BTreeSet::new(),
    };
    Ok(Some(told(&record, vertices)))
}

fn told(record: &ExecutionRecord, vertices: BTreeSet<String>) -> Standing {
    Standing {
        committed: (record.snapshot_id >= 0).then_some(record.snapshot_id),
        begun: record.ongoing_snapshot_id,
        failed: record.last_snapshot_failure.is_some(),
        suspended: record.suspension != Suspension::None,
        vertices,
    }
}

/// The names of the vertices of a DAG; none where its JSON can't be read.
fn vertices_of(dag_json: &str) -> BTreeSet<String> {
    #[derive(Deserialize)]
    struct Dag {
        #[serde(default)]
        vertices: Vec<Vertex>,
    }
    #[derive(Deserialize)]
    struct Vertex {
        name: String,
    }
    let dag: Option<Dag> = serde_json::from_str(dag_json).ok();
    let vertices = dag.into_iter().flat_map(|dag| dag.vertices);
    vertices.map(|vertex| vertex.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vertices_are_those_of_the_dag() {
        let dag =
            r#"{"vertices":[{"name":"source","parallelism":1},{"name":"counter"}],"edges":[]}"#;
        let names: Vec<String> = vertices_of(dag).into_iter().collect();
        assert_eq!(names, ["counter", "source"]);
        assert!(vertices_of("").is_empty());
    }
}
