//! Messages that open and keep a connection.

pub mod add_cluster_view_listener;
pub mod authentication;
pub mod authentication_custom;
pub mod create_proxy;
pub mod destroy_proxy;
pub mod ping;
