//! Bad weather: the real program on real members, when things go wrong.
//!
//! Every test has a source, a state and an owner of its own ([`stage`]), and looks at the cluster with
//! a client of its own ([`person`]): what the program says and what members have are two witnesses.
//! Those that harm no member share one.

mod bucket;
mod cluster;
mod counting;
mod crash;
mod cut;
mod deletion;
mod edit;
mod failure;
mod hands;
mod java_client;
mod keepers;
mod killed;
mod large;
mod loss;
mod main_method;
mod master;
mod meddling;
mod members;
mod metrics;
mod monitored;
mod person;
mod rebuild;
mod secret;
mod slow;
mod snapshot;
mod stage;
mod stop;
mod upgrade;
mod upload;
mod waits;
