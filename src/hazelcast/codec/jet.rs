//! Messages about jobs.

pub mod add_job_status_listener;
pub mod export_snapshot;
pub mod get_job_and_sql_summary_list;
pub mod get_job_config;
pub mod get_job_status;
pub mod get_job_suspension_cause;
pub mod is_job_user_cancelled;
pub mod remove_job_status_listener;
pub mod resume_job;
pub mod terminate_job;
pub mod update_job_config;
pub mod upload_job_meta_data;
pub mod upload_job_multipart;
