//! Lists running jobs, light jobs, and ended ones as long as members keep them.

use crate::hazelcast::codec::{Request, response_type};
use crate::hazelcast::custom::job_and_sql_summary;
use crate::hazelcast::job::JobSummary;
use crate::hazelcast::message::{ClientMessage, DecodeError};
use crate::hazelcast::types::write::RequestWriter;

/// `Jet.GetJobAndSqlSummaryList`.
#[derive(Clone, Copy, Debug)]
pub struct GetJobAndSqlSummaryList;

impl Request for GetJobAndSqlSummaryList {
    type Response = Vec<JobSummary>;
    const NAME: &'static str = "JetGetJobAndSqlSummaryList";
    const TYPE: i32 = 0xfe_0f00;
    const READ_ONLY: bool = true;

    fn encode_request(&self) -> ClientMessage {
        RequestWriter::new(Self::TYPE).finish()
    }

    fn decode_response(message: &ClientMessage) -> Result<Vec<JobSummary>, DecodeError> {
        let (_, mut frames) = message.response(response_type::<Self>())?;
        frames.list("job summaries", job_and_sql_summary::decode)
    }
}
