//! Notifications: who is told what is wrong, what is over, and what happened.
//!
//! ```text
//! holds, sources, events ─▶ causes ─▶ turns ─▶ outbox ─── in the pass, pure; one transaction with the events
//!                                               │
//!                              senders ◀────────┘   a task a receiver: post, wait, try again
//!                                 │
//!                                 └─▶ delivered ─▶ the next pass writes down how far each was told
//! ```
//!
//! What holds:
//! - **Transitions only.** Something that stands is told once, when it has stood for a while, and its
//!   end once; a cause that comes and goes within that while makes no noise.
//! - **One cause, one message**: what keeps ten jobs waiting is told once, with how many it concerns.
//! - **A restart tells nothing again and forgets nothing.** What was told, and what is still to be,
//!   is in the store. A crash between a post and its note repeats that post, with the same ids.
//! - **No receiver slows a pass.** Senders are tasks of their own; a pass only writes down and goes on.
//!   What waits for a receiver that is away is bounded; the oldest is dropped, counted and said to be.
//! - **Secrets** (URLs, tokens, keys) are read when they are needed, and told nowhere.

mod commits;
mod format;
mod http;
mod options;
mod outbox;
mod port;
mod rules;
mod sender;
mod situation;
mod turns;

pub use format::repository::{ParseRepositoryError, Repository};
pub use http::HttpPost;
pub use options::{
    AlertmanagerOptions, CommitStatusOptions, Forge, NotificationOptions, ReceiverKind,
    ReceiverOptions,
};
pub use outbox::{Delivered, Deliveries};
pub use port::{Post, PostError, Reply, Request};
pub use rules::{Rules, Wants, What};
pub use sender::{Senders, SendersParts};
pub use situation::Situation;
pub use turns::Turns;
