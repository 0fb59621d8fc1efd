//! The task behind a watch: waits for something to happen, takes it in, makes the calls that are due,
//! publishes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

use super::WatchOptions;
use super::call::{Answer, Call};
use super::errand::Errands;
use super::lane::Lane;
use super::listener::{Heard, Listeners};
use super::order::{Answered, Answers, Orders};
use super::picture::Picture;
use crate::clock::Clock;
use crate::cluster::port::{Cluster, Connection, Health};
use crate::plan::job::JobId;
use crate::plan::observed::ClusterView;

/// How much is taken in before the next view is published.
const BATCH: usize = 256;

/// The task's state. What it does with answers is in `intake`, when it makes calls in `due`.
pub(super) struct Keeper {
    pub(super) cluster: Arc<dyn Cluster>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) options: WatchOptions,
    pub(super) orders: Arc<Orders>,
    pub(super) connection: watch::Receiver<Connection>,
    pub(super) picture: Picture,
    pub(super) replies: Replies,
    pub(super) calls: FuturesUnordered<Call>,
    pub(super) listeners: Listeners,
    pub(super) lanes: Lanes,
    pub(super) errands: JobErrands,
    /// How often the list was ordered.
    pub(super) lists: u64,
    /// How often health was asked for by callers.
    pub(super) guards: u64,
    /// Whether there are listeners that no list was asked for after, and no status.
    pub(super) unlisted: bool,
    /// Jobs that were starting when they were first seen, until their status was asked for with a
    /// listener in place.
    pub(super) catching_up: BTreeSet<JobId>,
    /// When the latest list was answered, and how long that took.
    pub(super) listed: Option<(Instant, Duration)>,
    /// Since when a job is awaited that nobody would tell of.
    pub(super) awaiting_since: Option<Instant>,
    /// When the connection is old enough for a list of what a young master may not have had yet.
    pub(super) relists_at: Option<Instant>,
    /// When the master has been in place for long enough.
    pub(super) settles_at: Option<Instant>,
    /// How long until a cluster that is not well is looked at again.
    pub(super) recheck: Duration,
    publisher: Publisher,
    connection_ended: bool,
}

/// The calls about the whole cluster.
#[derive(Default)]
pub(super) struct Lanes {
    pub(super) list: Lane,
    pub(super) ownership: Lane,
    pub(super) snapshots: Lane,
    pub(super) health: Lane,
}

/// The calls about single jobs.
#[derive(Default)]
pub(super) struct JobErrands {
    pub(super) listens: Errands,
    pub(super) configs: Errands,
    pub(super) statuses: Errands,
    pub(super) standings: Errands,
}

/// Answers to callers, told once the view that they speak of is published.
#[derive(Default)]
pub(super) struct Replies {
    pub(super) list: Option<Answered<()>>,
    pub(super) ownership: Option<Answered<()>>,
    pub(super) health: Option<Answered<Health>>,
}

/// Where callers wait for answers.
pub(super) struct Told {
    pub(super) lists: Answers<()>,
    pub(super) ownerships: Answers<()>,
    pub(super) healths: Answers<Health>,
}

/// What callers read.
pub(super) struct Readers {
    pub(super) views: watch::Receiver<Arc<ClusterView>>,
    pub(super) told: Arc<Told>,
}

struct Publisher {
    views: watch::Sender<Arc<ClusterView>>,
    told: Arc<Told>,
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.told.ownerships.stop();
        self.told.lists.stop();
        self.told.healths.stop();
    }
}

enum Happening {
    Connection { open: bool },
    Heard(Heard),
    Answer(Answer),
    Order,
    Time,
}

impl Keeper {
    pub(super) fn new(
        cluster: Arc<dyn Cluster>,
        clock: Arc<dyn Clock>,
        id: Uuid,
        options: WatchOptions,
        orders: Arc<Orders>,
    ) -> (Self, Readers) {
        let picture = Picture::new(clock.now(), id);
        let (publisher, readers) = channels(picture.view().clone());
        let keeper = Self {
            connection: cluster.connection(),
            cluster,
            clock,
            options,
            orders,
            picture,
            replies: Replies::default(),
            calls: FuturesUnordered::new(),
            listeners: Listeners::default(),
            lanes: Lanes::default(),
            errands: JobErrands::default(),
            lists: 0,
            guards: 0,
            unlisted: false,
            catching_up: BTreeSet::new(),
            listed: None,
            awaiting_since: None,
            relists_at: None,
            settles_at: None,
            recheck: Duration::ZERO,
            publisher,
            connection_ended: false,
        };
        (keeper, readers)
    }

    /// Watches until it is told to stop.
    pub(super) async fn run(mut self) {
        self.take_connection();
        while !self.take_orders() {
            self.begin_calls();
            self.publish();
            let happening = self.next().await;
            self.take(happening);
            self.take_what_is_there();
        }
    }

    /// In this order, so that a seed replays what happens at one moment.
    async fn next(&mut self) -> Happening {
        let wake = self.next_wake();
        tokio::select! {
            biased;
            changed = self.connection.changed(), if !self.connection_ended => {
                Happening::Connection { open: changed.is_ok() }
            }
            heard = self.listeners.next() => Happening::Heard(heard),
            Some(answer) = self.calls.next() => Happening::Answer(answer),
            () = self.orders.changed() => Happening::Order,
            () = sleep_until(wake) => Happening::Time,
        }
    }

    fn take(&mut self, happening: Happening) {
        match happening {
            Happening::Connection { open } => {
                self.connection_ended = !open;
                self.take_connection();
            }
            Happening::Heard(heard) => self.take_heard(heard),
            Happening::Answer(answer) => self.take_answer(answer),
            Happening::Order | Happening::Time => {}
        }
    }

    /// Takes in what else has happened already, so that a burst is published once.
    fn take_what_is_there(&mut self) {
        for _ in 0..BATCH {
            let Some(heard) = self.listeners.next().now_or_never() else {
                break;
            };
            self.take_heard(heard);
        }
        for _ in 0..BATCH {
            let Some(Some(answer)) = self.calls.next().now_or_never() else {
                break;
            };
            self.take_answer(answer);
        }
    }

    fn publish(&mut self) {
        let view = self.picture.view();
        self.publisher.views.send_if_modified(|published| {
            let changed = **published != *view;
            if changed {
                *published = Arc::new(view.clone());
            }
            changed
        });
        if let Some(reply) = self.replies.ownership.take() {
            self.publisher.told.ownerships.tell(reply);
        }
        if let Some(reply) = self.replies.list.take() {
            self.publisher.told.lists.tell(reply);
        }
        if let Some(reply) = self.replies.health.take() {
            self.publisher.told.healths.tell(reply);
        }
    }
}

fn channels(view: ClusterView) -> (Publisher, Readers) {
    let (views_in, views) = watch::channel(Arc::new(view));
    let told = Arc::new(Told {
        lists: Answers::none(),
        ownerships: Answers::none(),
        healths: Answers::none(),
    });
    let publisher = Publisher {
        views: views_in,
        told: Arc::clone(&told),
    };
    (publisher, Readers { views, told })
}

async fn sleep_until(wake: Option<Instant>) {
    match wake {
        Some(wake) => tokio::time::sleep_until(wake).await,
        None => std::future::pending().await,
    }
}
