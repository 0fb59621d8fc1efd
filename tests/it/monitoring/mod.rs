//! Monitoring, with Prometheus itself: its parser, its rules, its language. The scene in which it looks at a
//! daemon is in [`crate::weather`], that in which Alertmanager is told in [`crate::notifications`].

pub(crate) mod alertmanager;
pub(crate) mod asked;
pub(crate) mod prometheus;
pub(crate) mod rules;
mod server;
