//! Sends a jar in parts, all to one member: the upload lives in that member's memory.
//!
//! Nothing here is repeated. The jar is read part by part and never held whole. It is hashed on the
//! way, and the last part, which runs `main`, is only sent if the bytes were the announced ones.

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::Instant;
use uuid::Uuid;

use super::client::Client;
use super::cluster::roster::Target;
use super::codec::Request;
use super::codec::jet::upload_job_meta_data::UploadJobMetaData;
use super::codec::jet::upload_job_multipart::UploadJobMultipart;
use super::config::deadline_after;
use super::connection::Connection;
use super::error::{Error, Kind};
use super::invocation;
use super::upload::{MemberUpload, Upload, UploadError, UploadStage};

/// The one release that compares hashes of parts without their leading zeros.
const STRIPS_LEADING_ZEROS: &str = "5.3.0";

impl Client {
    /// Uploads a jar of `length` bytes and has the member run its `main`.
    pub async fn upload_jar(
        &self,
        upload: &Upload,
        jar: impl AsyncRead + Send,
        length: u64,
    ) -> Result<(), UploadError> {
        let deadline = deadline_after(upload.timeout);
        let result = async {
            let parts = Parts::plan(upload.part_size, length).map_err(before)?;
            let connection = self.pinned(UploadJobMetaData::NAME, deadline).await?;
            let member = connection.identity().member_uuid;
            let transfer = Transfer {
                connection,
                session_id: Uuid::new_v4(),
                deadline,
                parts,
            };
            let sent = match transfer.announce(upload).await {
                Ok(()) => transfer.send(upload, jar).await,
                Err(error) => Err(before(error)),
            };
            sent.map_err(|error| at(error, member))
        };
        result
            .await
            .map_err(|error| redacted(error, &upload.parameters, &upload.secrets))
    }

    /// Has a member run the `main` of a jar on its own disk.
    pub async fn upload_member_jar(&self, upload: &MemberUpload) -> Result<(), UploadError> {
        let deadline = deadline_after(upload.timeout);
        let connection = self.pinned(UploadJobMetaData::NAME, deadline).await?;
        let request = UploadJobMetaData {
            session_id: Uuid::new_v4(),
            jar_on_member: true,
            file_name: &upload.path,
            sha256_hex: "",
            snapshot_name: upload.snapshot_name.as_deref(),
            job_name: upload.job_name.as_deref(),
            main_class: upload.main_class.as_deref(),
            job_parameters: &upload.parameters,
        };
        let member = connection.identity().member_uuid;
        let called = connection.call(&request, deadline).await;
        called.map_err(|error| {
            let error = at(ran_main(error), member);
            redacted(error, &upload.parameters, &upload.secrets)
        })
    }

    /// The connection an upload stays on.
    async fn pinned(
        &self,
        call: &'static str,
        deadline: Instant,
    ) -> Result<Connection, UploadError> {
        invocation::connection(self.cluster(), call, Target::Any, deadline)
            .await
            .map_err(before)
    }
}

/// How a jar is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Parts {
    size: usize,
    count: i32,
    length: u64,
}

impl Parts {
    fn plan(size: usize, length: u64) -> Result<Self, Error> {
        let refused = |what: &str| Error::from(Kind::InvalidArgument(what.to_owned()));
        if length == 0 {
            return Err(refused("the jar is empty"));
        }
        let count = u64::try_from(size)
            .ok()
            .filter(|size| *size > 0 && i32::try_from(*size).is_ok())
            .and_then(|size| i32::try_from(length.div_ceil(size)).ok())
            .ok_or_else(|| refused("the jar cannot be cut into parts of this size"))?;
        Ok(Self {
            size,
            count,
            length,
        })
    }

    /// Bytes of a part, counted from 1.
    fn len_of(self, number: i32) -> usize {
        if number < self.count {
            return self.size;
        }
        let size = u64::try_from(self.size).unwrap_or(u64::MAX);
        let others = u64::try_from(self.count.saturating_sub(1)).unwrap_or_default();
        let last = self.length.saturating_sub(others.saturating_mul(size));
        usize::try_from(last).unwrap_or(self.size)
    }
}

/// One upload on its connection.
struct Transfer {
    connection: Connection,
    session_id: Uuid,
    deadline: Instant,
    parts: Parts,
}

impl Transfer {
    async fn announce(&self, upload: &Upload) -> Result<(), Error> {
        let request = UploadJobMetaData {
            session_id: self.session_id,
            jar_on_member: false,
            file_name: &upload.file_name,
            sha256_hex: &upload.sha256_hex,
            snapshot_name: upload.snapshot_name.as_deref(),
            job_name: upload.job_name.as_deref(),
            main_class: upload.main_class.as_deref(),
            job_parameters: &upload.parameters,
        };
        self.connection.call(&request, self.deadline).await
    }

    async fn send(&self, upload: &Upload, jar: impl AsyncRead) -> Result<(), UploadError> {
        let mut jar = std::pin::pin!(jar);
        let mut whole = Sha256::new();
        for number in 1..=self.parts.count {
            let mut part = vec![0; self.parts.len_of(number)];
            jar.read_exact(&mut part)
                .await
                .map_err(|source| before(Kind::JarRead { source }.into()))?;
            whole.update(&part);
            let last = number == self.parts.count;
            if last && hex::encode(whole.finalize_reset()) != upload.sha256_hex {
                let text =
                    "the jar's bytes are not those of its digest; was it replaced meanwhile?";
                return Err(before(Kind::InvalidArgument(text.to_owned()).into()));
            }
            let sent = self.send_part(number, part.into()).await;
            sent.map_err(|error| if last { ran_main(error) } else { before(error) })?;
        }
        Ok(())
    }

    async fn send_part(&self, number: i32, part_data: Bytes) -> Result<(), Error> {
        let sha256_hex = hex::encode(Sha256::digest(&part_data));
        let strips = self.connection.identity().server_version == STRIPS_LEADING_ZEROS;
        let request = UploadJobMultipart {
            session_id: self.session_id,
            current_part_number: number,
            total_part_number: self.parts.count,
            part_size: i32::try_from(part_data.len()).unwrap_or_default(),
            sha256_hex: if strips {
                sha256_hex.trim_start_matches('0')
            } else {
                &sha256_hex
            },
            part_data,
        };
        self.connection.call(&request, self.deadline).await
    }
}

/// An error before the request that runs `main`.
fn before(source: Error) -> UploadError {
    UploadError {
        stage: UploadStage::Before,
        member: None,
        source,
    }
}

/// The error of an upload that this member got.
fn at(error: UploadError, member: Uuid) -> UploadError {
    UploadError {
        member: Some(member),
        ..error
    }
}

/// An error of the request that runs `main`.
fn ran_main(source: Error) -> UploadError {
    let sent = !source.is_certainly_not_sent();
    UploadError {
        stage: if sent {
            UploadStage::LastPartSent
        } else {
            UploadStage::Before
        },
        member: None,
        source,
    }
}

/// Members repeat the arguments of `main` in their errors.
fn redacted(error: UploadError, parameters: &[String], secrets: &[String]) -> UploadError {
    UploadError {
        stage: error.stage,
        member: error.member,
        source: error.source.redacted(parameters, secrets),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_the_jar_exactly() {
        for (size, length, count, last) in [
            (10, 1, 1, 1),
            (10, 10, 1, 10),
            (10, 11, 2, 1),
            (1, 3, 3, 1),
            (7, 21, 3, 7),
        ] {
            let parts = Parts::plan(size, length).unwrap();
            assert_eq!((parts.count, parts.len_of(count)), (count, last));
            let sum: usize = (1..=count).map(|number| parts.len_of(number)).sum();
            assert_eq!(u64::try_from(sum).unwrap(), length);
        }
        for (size, length) in [(0, 10), (10, 0), (1, 1 << 40), (usize::MAX, 10)] {
            assert!(Parts::plan(size, length).is_err());
        }
    }
}
