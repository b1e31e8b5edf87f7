//! The one task that speaks with Suimon: asks for rules, tells what waits and that the guard is there.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::client::{Client, NoAnswer};
use super::outbox::{Item, Kept, Kind};
use super::{Change, Keeping, rules};
use crate::guards::HEARTBEAT;
use crate::guards::wire::{REPORT, Report, ReportData, Reported, Rules};

/// Things in one report: fewer than the service takes of one kind.
const AT_ONCE: usize = 100;
/// Longest wait after a failure.
const LONGEST: Duration = Duration::from_secs(60);
/// For a last word.
const FAREWELL: Duration = Duration::from_secs(5);

/// What it needs to know.
pub struct Telling {
    pub client: Client,
    pub system: String,
    pub node: String,
    pub started_at: Timestamp,
    pub poll: Duration,
    /// Digest of the manifests that were given last.
    pub known: String,
    pub keeping: Keeping,
    pub changed: mpsc::Sender<Change>,
}

type Asking = JoinHandle<Result<Option<Rules>, NoAnswer>>;
type Sending = JoinHandle<Result<Reported, NoAnswer>>;

impl Telling {
    /// Goes on until it is told to end.
    pub async fn run(mut self, mut kept: Kept, mut ended: oneshot::Receiver<()>) {
        let beat = HEARTBEAT.unsigned_abs();
        let (mut ask_at, mut tell_at) = (Instant::now() + self.poll, Instant::now());
        let mut beat_at = Instant::now();
        let (mut asking, mut sending): (Option<Asking>, Option<(usize, Sending)>) = (None, None);
        let mut troubles = Troubles::default();
        loop {
            if asking.is_none() && Instant::now() >= ask_at {
                asking = Some(self.ask());
            }
            let due = kept.len() > 0 || Instant::now() >= beat_at;
            if sending.is_none() && due && Instant::now() >= tell_at {
                let items = kept.first(AT_ONCE);
                sending = Some((items.len(), self.tell(items)));
            }
            let wake = next(ask_at, tell_at, beat_at, asking.is_some(), sending.is_some(), kept.len());
            tokio::select! {
                item = kept.receiver.recv() => match item {
                    Some(item) => {
                        let mut items = vec![item];
                        while let Ok(item) = kept.receiver.try_recv() {
                            items.push(item);
                        }
                        tokio::task::block_in_place(|| kept.keep(items));
                    }
                    // Nobody can see anything any more.
                    None => break,
                },
                answer = finished(asking.as_mut()) => {
                    asking = None;
                    ask_at = Instant::now() + self.poll;
                    let answer = answer.unwrap_or(Err(NoAnswer::Failed));
                    troubles.of_rules(answer.as_ref().err());
                    if let Ok(Some(rules)) = answer {
                        self.take(rules).await;
                    }
                }
                answer = finished(sending.as_mut().map(|(_, sending)| sending)) => {
                    let count = sending.take().map_or(0, |(count, _)| count);
                    match answer.unwrap_or(Err(NoAnswer::Failed)) {
                        Ok(reported) => match self.told(&reported) {
                            Told::Taken => {
                                if count > 0 {
                                    tokio::task::block_in_place(|| kept.taken(count));
                                }
                                troubles.of_reports(None);
                                (beat_at, tell_at) = (Instant::now() + beat, Instant::now());
                            }
                            Told::Unfit(kind, at) => {
                                if !tokio::task::block_in_place(|| kept.unfit(kind, at, count)) {
                                    tell_at = Instant::now() + troubles.refused();
                                }
                            }
                            Told::Refused => tell_at = Instant::now() + troubles.refused(),
                        },
                        Err(why) => tell_at = Instant::now() + troubles.of_reports(Some(&why)),
                    }
                }
                () = tokio::time::sleep_until(wake) => {}
                _ = &mut ended => break,
            }
            let lost = kept.lost();
            if lost > 0 {
                tracing::error!(
                    things = lost,
                    "more is to be told to Suimon than may wait: these are in this log alone"
                );
            }
        }
        self.farewell(kept, sending).await;
    }

    fn ask(&self) -> Asking {
        let (client, system, known) = (self.client.clone(), self.system.clone(), self.known.clone());
        tokio::spawn(async move { rules::ask(&client, &system, Some(&known)).await })
    }

    fn tell(&self, items: Vec<Item>) -> Sending {
        let (client, system, node) = (self.client.clone(), self.system.clone(), self.node.clone());
        let (started_at, digest) = (self.started_at, self.keeping.digest());
        tokio::spawn(async move {
            let (mut findings, mut sightings, mut watched) = (Vec::new(), Vec::new(), Vec::new());
            for item in items {
                match item {
                    Item::Finding(fault) => findings.push(fault),
                    Item::Sighting(sighted) => sightings.push(sighted),
                    Item::Watched(one) => watched.push(one),
                }
            }
            let report = Report {
                system: &system,
                node: &node,
                rules: Some(&digest),
                version: env!("CARGO_PKG_VERSION"),
                started_at,
                findings,
                sightings,
                watched,
            };
            let ReportData { report_guard } = client.ask(REPORT, json!({ "input": report })).await?;
            Ok(report_guard)
        })
    }

    /// What came of it.
    fn told(&self, reported: &Reported) -> Told {
        match reported {
            Reported::GuardReport { recorded, incident_number } => {
                if let Some(number) = incident_number {
                    tracing::error!(incident = number, recorded, "browsers' reports belong to an incident");
                }
                Told::Taken
            }
            Reported::Problem { code, message, field, remedy } => {
                let (field, remedy) = (field.as_deref().unwrap_or("-"), remedy.as_deref().unwrap_or("-"));
                tracing::error!(code, field, message, remedy, "Suimon does not take what is to be told");
                unfit(field).map_or(Told::Refused, |(kind, at)| Told::Unfit(kind, at))
            }
        }
    }

    /// Hands on other manifests, if they can be read.
    async fn take(&mut self, rules: Rules) {
        let Rules { digest, manifests } = rules;
        let manifests = manifests.unwrap_or_default();
        // Not asked for again every few seconds, whether it can be kept or not.
        self.known.clone_from(&digest);
        match tokio::task::block_in_place(|| rules::read(&self.system, &manifests)) {
            Ok(files) => {
                let change = Change { files: Arc::new(files), digest, manifests: manifests.into() };
                // Whoever puts them into force ends only with the guard.
                let _ = self.changed.send(change).await;
            }
            Err(error) => tracing::error!(
                error = format!("{error:#}"),
                digest,
                "Suimon's manifests cannot be kept; the rules in force stay"
            ),
        }
    }

    async fn farewell(&self, mut kept: Kept, sending: Option<(usize, Sending)>) {
        let mut items = Vec::new();
        while let Ok(item) = kept.receiver.try_recv() {
            items.push(item);
        }
        kept.keep(items);
        let last = async {
            if let Some((count, sending)) = sending
                && let Ok(Ok(reported)) = sending.await
                && matches!(self.told(&reported), Told::Taken)
            {
                kept.taken(count);
            }
            while kept.len() > 0 {
                let items = kept.first(AT_ONCE);
                let count = items.len();
                match self.tell(items).await {
                    Ok(Ok(reported)) if matches!(self.told(&reported), Told::Taken) => kept.taken(count),
                    _ => break,
                }
            }
        };
        let _ = tokio::time::timeout(FAREWELL, last).await;
        if kept.len() > 0 {
            tracing::warn!(things = kept.len(), "what is to be told to Suimon waits for the next start");
        }
    }
}

/// What came of a report.
enum Told {
    Taken,
    /// One thing of it cannot be taken: its kind and its place among those of its kind.
    Unfit(Kind, usize),
    Refused,
}

/// The thing that a refusal is about: `findings[3].route`, `sightings[0].owner`.
fn unfit(field: &str) -> Option<(Kind, usize)> {
    let (list, rest) = field.split_once('[')?;
    let at = rest.split_once(']')?.0.parse().ok()?;
    match list {
        "findings" => Some((Kind::Finding, at)),
        "sightings" => Some((Kind::Sighting, at)),
        "watched" => Some((Kind::Watched, at)),
        _ => None,
    }
}

/// When there is something to do.
fn next(
    ask_at: Instant,
    tell_at: Instant,
    beat_at: Instant,
    asking: bool,
    sending: bool,
    waiting: usize,
) -> Instant {
    let never = Instant::now() + Duration::from_secs(3600);
    let ask = if asking { never } else { ask_at };
    let tell = match (sending, waiting) {
        (true, _) => never,
        (false, 0) => beat_at.max(tell_at),
        (false, _) => tell_at,
    };
    ask.min(tell)
}

/// Waits for a task; without one for ever. One that panicked has no answer.
async fn finished<T>(task: Option<&mut JoinHandle<T>>) -> Option<T> {
    match task {
        Some(task) => task.await.ok(),
        None => std::future::pending().await,
    }
}

/// Told once when it begins and once when it ends, so that an hour without Suimon is no thousand lines.
#[derive(Default)]
struct Troubles {
    rules: bool,
    reports: u32,
}

impl Troubles {
    fn of_rules(&mut self, why: Option<&NoAnswer>) {
        match (why, self.rules) {
            (Some(why), false) => {
                tracing::error!(%why, "Suimon gives no rules; those in force stay");
                self.rules = true;
            }
            (None, true) => {
                tracing::info!("Suimon gives rules again");
                self.rules = false;
            }
            _ => {}
        }
    }

    /// How long to wait before the next try.
    fn of_reports(&mut self, why: Option<&NoAnswer>) -> Duration {
        match why {
            Some(why) => {
                if self.reports == 0 {
                    tracing::error!(%why, "Suimon takes no reports; they wait on the disk");
                }
                self.refused()
            }
            None => {
                if self.reports > 0 {
                    tracing::info!("Suimon takes reports again");
                }
                self.reports = 0;
                Duration::ZERO
            }
        }
    }

    fn refused(&mut self) -> Duration {
        self.reports = self.reports.saturating_add(1);
        Duration::from_secs(1).saturating_mul(1 << self.reports.min(6)).min(LONGEST)
    }
}
