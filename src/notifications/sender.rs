//! The tasks that send: one a receiver, so that one that is slow keeps nobody else waiting.
//!
//! A sender tells what its receiver was not told yet, all of it in one request as far as there is room:
//! what came meanwhile goes with what waited. After each request it rests, which is the limit of its
//! rate. What fails is tried again with growing pauses; what is refused for good is left out and logged.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

use super::format::alertmanager::Sent;
use super::format::{alertmanager, commit_status, slack, webhook};
use super::options::{AlertmanagerOptions, CommitStatusOptions, ReceiverKind, ReceiverOptions};
use super::outbox::{Delivered, Deliveries};
use super::port::{Post, PostError, Reply, Request};
use super::rules::Wants;
use crate::clock::{Clock, Entropy};
use crate::plan::record::{News, Notification, Told};
use crate::secrets::{SecretError, SecretString, Secrets};
use crate::telemetry::Meters;

/// How many notifications go into one request.
const BATCH: usize = 20;
/// How long a sender rests after a request.
const REST: Duration = Duration::from_secs(2);
/// The first pause after a failure; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// The longest pause after failures.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
/// The longest pause that a receiver may ask for.
const LONGEST_WISH: Duration = Duration::from_mins(15);

/// What senders work with.
#[derive(Clone)]
pub struct SendersParts {
    /// What is to be told, as it is durable.
    pub told: watch::Receiver<Arc<Told>>,
    /// Where it goes how far each was told.
    pub delivered: watch::Sender<Deliveries>,
    /// Gives URLs, tokens and keys.
    pub secrets: Arc<dyn Secrets>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Gives jitter.
    pub entropy: Arc<dyn Entropy>,
    /// Counts.
    pub meters: Meters,
    /// Who tells: our name in the ownership map.
    pub owner: String,
}

/// The running senders. Dropping them breaks off what they send.
pub struct Senders {
    end: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Senders {
    /// Starts a sender for each receiver; `post` makes the way on which it sends.
    pub fn start(
        receivers: &[ReceiverOptions],
        parts: &SendersParts,
        post: impl Fn() -> Arc<dyn Post>,
    ) -> Self {
        let end = CancellationToken::new();
        let tasks = receivers.iter().map(|receiver| {
            parts.meters.may_be_notified(&receiver.name);
            let sender = Sender {
                wants: receiver.wants(),
                receiver: receiver.clone(),
                parts: parts.clone(),
                post: post(),
                through: 0,
                failures: 0,
                told_at: None,
            };
            tokio::spawn(sender.run(end.clone()))
        });
        Self {
            tasks: tasks.collect(),
            end,
        }
    }

    /// Begins no more requests, and gives those that were begun this long to be answered.
    pub async fn stop(mut self, grace: Duration) {
        self.end.cancel();
        let until = Instant::now() + grace;
        for task in &mut self.tasks {
            if timeout_at(until, &mut *task).await.is_err() {
                tracing::debug!("a receiver of notifications did not answer before the end");
            }
        }
    }
}

impl Drop for Senders {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

struct Sender {
    receiver: ReceiverOptions,
    wants: Wants,
    parts: SendersParts,
    post: Arc<dyn Post>,
    /// All up to this number was told, whether that is written down already or not.
    through: u64,
    failures: u32,
    /// When an Alertmanager was last told what stands.
    told_at: Option<Instant>,
}

/// What is sent next.
struct Batch {
    waiting: Vec<(u64, Arc<Notification>)>,
    through: u64,
    dropped: u64,
}

/// Why a request did not do what it should.
enum Failure {
    /// It may do another time; with the pause that was asked for.
    Later(String, Option<Duration>),
    /// It never will.
    Never(String),
}

impl Sender {
    async fn run(mut self, end: CancellationToken) {
        loop {
            let told = Arc::clone(&self.parts.told.borrow_and_update());
            let Some(batch) = self.next(&told) else {
                let again = self.next_resend(&told);
                tokio::select! {
                    biased;
                    () = end.cancelled() => return,
                    changed = self.parts.told.changed() => {
                        if changed.is_err() {
                            return;
                        }
                    }
                    () = sleep_until_some(again) => {}
                }
                continue;
            };
            let pause = self.send(&told, batch).await;
            tokio::select! {
                biased;
                () = end.cancelled() => return,
                () = sleep(pause) => {}
            }
        }
    }

    /// What is to be sent now; none where there is nothing new.
    fn next(&self, told: &Told) -> Option<Batch> {
        let mark = told.receivers.get(&self.receiver.name)?;
        let through = mark.through.max(self.through);
        let newer = told.outbox.range(through + 1..);
        let wanted = newer.filter(|(_, it)| self.wants.include(&it.news));
        let mut waiting: Vec<_> = wanted
            .map(|(number, it)| (*number, Arc::clone(it)))
            .collect();
        if let ReceiverKind::CommitStatus(_) = self.receiver.kind {
            // Nobody wants to know how far a commit was.
            let newest = waiting.pop();
            waiting = newest.into_iter().collect();
        }
        waiting.truncate(BATCH);
        let due = self
            .next_resend(told)
            .is_some_and(|at| at <= Instant::now());
        let last = waiting.last().map(|(number, _)| *number);
        (last.is_some() || due).then_some(Batch {
            through: last.unwrap_or(through),
            // What was said once is written down a pass later.
            dropped: if mark.through >= self.through {
                mark.dropped
            } else {
                0
            },
            waiting,
        })
    }

    /// When an Alertmanager is to be told again what stands.
    fn next_resend(&self, told: &Told) -> Option<Instant> {
        let ReceiverKind::Alertmanager(options) = &self.receiver.kind else {
            return None;
        };
        let least = self.wants.least;
        let stands = told.incidents.values().any(|it| it.urgency >= least);
        let again = self
            .told_at
            .map_or(Instant::now(), |at| at + options.resend);
        stands.then_some(again)
    }

    /// Sends a batch, and tells how long to rest.
    async fn send(&mut self, told: &Told, batch: Batch) -> Duration {
        let sent = self.try_to_send(told, &batch).await;
        let name = self.receiver.name.clone();
        let meters = self.parts.meters.clone();
        match sent {
            Ok(()) => {
                meters.notified(&name, "sent");
                if self.failures > 0 {
                    tracing::info!(receiver = %name, "notifications are taken again");
                }
            }
            Err(Failure::Later(why, wish)) => {
                meters.notified(&name, "failed");
                return self.failed(&why, wish);
            }
            Err(Failure::Never(why)) => {
                meters.notified(&name, "refused");
                let count = batch.waiting.len();
                tracing::error!(receiver = %name, "{count} notifications were refused and are left out: {why}");
            }
        }
        self.failures = 0;
        self.told_at = Some(Instant::now());
        if batch.through > self.through {
            self.through = batch.through;
        }
        let delivered = Delivered {
            through: self.through,
            dropped: batch.dropped,
        };
        if !batch.waiting.is_empty() {
            self.parts.delivered.send_modify(|all| {
                all.insert(name, delivered);
            });
        }
        REST
    }

    async fn try_to_send(&self, told: &Told, batch: &Batch) -> Result<(), Failure> {
        let request = self.request(told, batch).await?;
        let request = Request {
            ca_file: self.receiver.ca_file.clone(),
            ..request
        };
        let reply = self.post.post(request).await.map_err(|error| match error {
            PostError::Unusable(why) | PostError::NoAnswer(why) => Failure::Later(why, None),
        })?;
        self.judge(&reply)
    }

    /// What an answer means.
    fn judge(&self, reply: &Reply) -> Result<(), Failure> {
        if (200..300).contains(&reply.status) {
            return Ok(());
        }
        if let ReceiverKind::CommitStatus(options) = &self.receiver.kind
            && commit_status::was_told(options.forge, reply)
        {
            return Ok(());
        }
        let why = format!("it answered {} {}", reply.status, reply.text);
        match reply.status {
            // A wrong URL, a token that ended: somebody will mend it.
            ..=399 | 401 | 403 | 404 | 407 | 408 | 410 | 425 | 429 | 500.. => {
                Err(Failure::Later(why, reply.retry_after))
            }
            _ => Err(Failure::Never(why)),
        }
    }

    /// Logs the first failure in a row, and tells how long to wait.
    fn failed(&mut self, why: &str, wish: Option<Duration>) -> Duration {
        let receiver = &self.receiver.name;
        if self.failures == 0 {
            tracing::warn!(%receiver, "notifications can't be sent and wait: {why}");
        } else {
            tracing::debug!(%receiver, "notifications can't be sent and wait: {why}");
        }
        let doubled = FIRST_PAUSE.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        let pause = doubled.min(LONGEST_PAUSE);
        let jitter = self.parts.entropy.next_u64() % 1024;
        let jitter = u32::try_from(jitter).unwrap_or(0);
        let pause = pause / 2 + pause / 2 * jitter / 1024;
        pause.max(wish.unwrap_or_default().min(LONGEST_WISH))
    }

    async fn request(&self, told: &Told, batch: &Batch) -> Result<Request, Failure> {
        let owner = &self.parts.owner;
        let waiting: Vec<(u64, &Notification)> = batch
            .waiting
            .iter()
            .map(|(number, it)| (*number, &**it))
            .collect();
        let request = match &self.receiver.kind {
            ReceiverKind::Webhook { secret_name } => {
                let keys = webhook::Keys {
                    url: self.secret(secret_name, "url").await?,
                    hmac_key: self.find(secret_name, "hmac-key").await?,
                    token: self.find(secret_name, "token").await?,
                };
                webhook::request(&keys, owner, &waiting, batch.dropped)
            }
            ReceiverKind::Slack { secret_name } => {
                let url = self.secret(secret_name, "url").await?;
                slack::request(&url, owner, &waiting, batch.dropped)
            }
            ReceiverKind::Alertmanager(options) => {
                let authorization = self.authorization(options).await?;
                let now = self.parts.clock.now();
                let alerts = self.alerts(told, &waiting, now);
                let when = (now, options.resend);
                alertmanager::request(&options.url, authorization, owner, &alerts, when)
            }
            ReceiverKind::CommitStatus(options) => {
                let token = self.secret(&options.secret_name, "token").await?;
                commit(options, &token, &waiting)
                    .ok_or_else(|| Failure::Never("it is no state of a commit".to_owned()))?
            }
        };
        Ok(request)
    }

    /// What stands now, and what ended and was not told yet.
    fn alerts<'a>(
        &self,
        told: &'a Told,
        waiting: &[(u64, &'a Notification)],
        now: Timestamp,
    ) -> Vec<Sent<'a>> {
        let least = self.wants.least;
        let stands = told.incidents.values().filter(|it| it.urgency >= least);
        let stands = stands.map(|incident| Sent {
            incident,
            ended: None,
        });
        let ended = waiting.iter().filter_map(|(_, it)| match &it.news {
            News::Ended { incident, ended } => Some(Sent {
                incident,
                // An alert never ends in the future by the receiver's clock, as far as ours tells.
                ended: Some((*ended).min(now)),
            }),
            _ => None,
        });
        // It may have begun again meanwhile: then it stands.
        let ended = ended.filter(|sent| !told.incidents.contains_key(&sent.incident.cause.key()));
        ended.chain(stands).collect()
    }

    async fn authorization(
        &self,
        options: &AlertmanagerOptions,
    ) -> Result<Option<SecretString>, Failure> {
        let Some(name) = &options.secret_name else {
            return Ok(None);
        };
        if let Some(token) = self.find(name, "token").await? {
            let bearer = format!("Bearer {}", token.expose());
            return Ok(Some(SecretString::new(bearer)));
        }
        let username = self.secret(name, "username").await?;
        let password = self.secret(name, "password").await?;
        let pair = SecretString::new(format!("{}:{}", username.expose(), password.expose()));
        let basic = format!("Basic {}", STANDARD.encode(pair.expose()));
        Ok(Some(SecretString::new(basic)))
    }

    async fn secret(&self, name: &str, key: &str) -> Result<SecretString, Failure> {
        let value = self.parts.secrets.get(name, key).await;
        value.map_err(|error| unread(&error))
    }

    async fn find(&self, name: &str, key: &str) -> Result<Option<SecretString>, Failure> {
        let value = self.parts.secrets.find(name, key).await;
        value.map_err(|error| unread(&error))
    }
}

/// Waits until then; for ever where there is no such time.
async fn sleep_until_some(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn commit(
    options: &CommitStatusOptions,
    token: &SecretString,
    waiting: &[(u64, &Notification)],
) -> Option<Request> {
    let (_, notification) = waiting.last()?;
    match &notification.news {
        News::Commit(status) => Some(commit_status::request(options, token, status)),
        _ => None,
    }
}

fn unread(error: &SecretError) -> Failure {
    Failure::Later(error.to_string(), None)
}

#[cfg(test)]
mod tests;
