//! One job of the cluster's list of jobs.

use crate::hazelcast::job::{JobStatus, JobSummary};
use crate::hazelcast::message::DecodeError;
use crate::hazelcast::types::read::Frames;

/// Reads a job's summary. Its texts may have been cut while they were received.
pub fn decode(frames: &mut Frames<'_>) -> Result<JobSummary, DecodeError> {
    frames.structure("job summary", |frames| {
        let mut fields = frames.fields("job summary")?;
        let light = fields.bool("light job")?;
        let job_id = fields.long("job id")?;
        let execution_id = fields.long("execution id")?;
        let status = JobStatus::from_id(fields.int("job status")?);
        let submission_time = fields.long("submission time")?;
        let completion_time = fields.long("completion time")?;
        let user_cancelled = fields.has_more() && fields.bool("user cancelled")?;
        let name_or_id = frames.cut_string("job name")?;
        let failure_text = frames.nullable(|frames| frames.cut_string("failure text"))?;
        let sql_query = frames.nullable(sql_query)?;
        let suspension_cause = if frames.at_end("suspension cause")? {
            None
        } else {
            frames.nullable(|frames| frames.cut_string("suspension cause"))?
        };
        Ok(JobSummary {
            light,
            job_id,
            execution_id,
            status,
            submission_time,
            completion_time,
            user_cancelled,
            name_or_id,
            failure_text,
            sql_query,
            suspension_cause,
        })
    })
}

fn sql_query(frames: &mut Frames<'_>) -> Result<String, DecodeError> {
    frames.structure("SQL summary", |frames| {
        frames.fields("SQL summary")?;
        frames.cut_string("query")
    })
}
