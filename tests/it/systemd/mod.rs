//! The service as systemd has it: the unit, judged by systemd's own tool, and what the real program
//! tells a socket that stands for systemd's.

mod notify;
mod package;
mod unit;
