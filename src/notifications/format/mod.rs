//! The requests that tell receivers something, each in the form that it takes. Pure.

pub(super) mod alertmanager;
pub(super) mod commit_status;
pub(super) mod repository;
pub(super) mod slack;
pub(super) mod webhook;
pub(super) mod words;

#[cfg(test)]
pub(super) mod samples;
