//! Telling: what the pass makes of notifications, and the two channels to their senders.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

use super::manifests::Manifests;
use super::request::Handle;
use crate::notifications::{Deliveries, Rules, Situation, Turns};
use crate::plan::Plan;
use crate::plan::record::{Recorded, Told};
use crate::store::{Change, ToldChange};

/// What the engine knows of notifications besides what is recorded.
pub(super) struct Telling {
    turns: Turns,
    told: watch::Sender<Arc<Told>>,
    deliveries: watch::Receiver<Deliveries>,
}

impl Telling {
    /// The engine's ends of the channels.
    pub(super) fn new(handle: &Handle, recorded: &Recorded) -> Self {
        let told = handle.told.clone();
        told.send_replace(Arc::new(recorded.told.clone()));
        Self {
            turns: Turns::default(),
            told,
            deliveries: handle.delivered.subscribe(),
        }
    }

    /// Waits until a sender got further.
    pub(super) async fn delivered(&mut self) {
        if self.deliveries.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Adds to a change what is to be told of it; says when to look again.
    pub(super) fn write(
        &mut self,
        (plan, manifests): (&Plan, &Manifests),
        recorded: &Recorded,
        rules: &Rules,
        now: Timestamp,
        change: &mut Change,
    ) -> Option<Timestamp> {
        let unread = if rules.receivers.is_empty() {
            BTreeMap::new()
        } else {
            manifests.unread()
        };
        let situation = Situation {
            plan,
            recorded,
            desired: manifests.desired(),
            unread: &unread,
            events: &change.events,
        };
        let deliveries = self.deliveries.borrow_and_update().clone();
        let before = &recorded.told;
        let turned = self
            .turns
            .update(&situation, before, rules, &deliveries, now);
        if let Some(told) = turned.told {
            change.told = ToldChange::between(before, &told);
        }
        turned.wake
    }

    /// The same where nothing was planned: what was delivered is written down.
    pub(super) fn settle(&mut self, recorded: &Recorded, rules: &Rules, change: &mut Change) {
        let deliveries = self.deliveries.borrow_and_update().clone();
        let before = &recorded.told;
        if let Some(told) = Turns::settle(before, rules, &deliveries) {
            change.told = ToldChange::between(before, &told);
        }
    }

    /// Hands senders what is durable now.
    pub(super) fn show(&self, recorded: &Recorded) {
        self.told.send_replace(Arc::new(recorded.told.clone()));
    }
}
