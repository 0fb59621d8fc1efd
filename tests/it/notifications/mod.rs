//! Notifications over HTTP: what receivers on loopback get of the program, and what is kept from them.

mod alertmanager;
mod commits;
mod daemon;
mod post;
pub(crate) mod receiver;
mod scene;
