//! Other rules while the guard runs: at SIGHUP, when their time comes, and when Suimon says something else.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use guard::{Guard, Rules};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;

use super::super::Failure;
use super::super::caching::{Files, Ruled, Stated};
use super::attached::{Change, Keeping, Watching};
use super::certificate::{Certificate, Read};
use super::health::Health;
use super::parts::Parts;
use crate::clock::{Clock, SystemClock};

/// Where manifests come from.
pub enum Source {
    /// Read at the start and at SIGHUP.
    Files(Stated),
    /// As Suimon says, whenever it says something else.
    Suimon { changes: mpsc::Receiver<Change>, keeping: Keeping },
}

/// SIGHUP. Whoever sends it before anybody can reload is heard when somebody can; it never ends the process.
pub struct HangUps(#[cfg(unix)] tokio::signal::unix::Signal);

impl HangUps {
    /// Listens from now on.
    ///
    /// # Errors
    /// When the system does not let it.
    #[cfg(unix)]
    pub fn listen() -> anyhow::Result<Self> {
        let hangup = tokio::signal::unix::SignalKind::hangup();
        Ok(Self(tokio::signal::unix::signal(hangup).context("cannot listen for SIGHUP")?))
    }

    /// Where there is no such signal.
    ///
    /// # Errors
    /// None.
    #[cfg(not(unix))]
    pub fn listen() -> anyhow::Result<Self> {
        Ok(Self())
    }

    async fn heard(&mut self) {
        #[cfg(unix)]
        if self.0.recv().await.is_some() {
            return;
        }
        std::future::pending().await
    }
}

/// What could not be put into force, and is not yet.
#[derive(Default)]
pub struct Behind {
    /// At the last SIGHUP.
    asked: bool,
    /// When its time came, or Suimon said it.
    by_itself: bool,
}

/// What is changed while it runs.
pub struct Live {
    pub behind: Behind,
    /// What Suimon gave last and cannot be put into force: it is not given again, and what stands against it may pass.
    pub refused: Option<Change>,
    pub guard: Arc<Guard>,
    pub parts: Arc<Parts>,
    pub certificate: Option<Arc<Certificate>>,
    pub health: Arc<Health>,
    /// Where Suimon is told what was looked at.
    pub watching: Option<Arc<Watching>>,
    pub source: Source,
    /// What holds.
    pub files: Arc<Files>,
    /// The next instant at which that changes by itself.
    pub until: Option<Timestamp>,
}

/// Why rules are made anew.
enum Woken {
    HungUp,
    Time,
    Told(Change),
}

/// What was made anew, before any of it is in force.
struct Made {
    files: Arc<Files>,
    rules: Rules,
    until: Option<Timestamp>,
    /// Of Suimon's manifests.
    change: Option<Change>,
    shown: Option<Read>,
    /// What one part cannot keep of what has begun by itself.
    behind: Option<Failure>,
}

/// The rules of now, and the next instant at which they change by themselves.
///
/// # Errors
/// When they contradict themselves.
pub fn compiled(files: &Files) -> Result<(Rules, Option<Timestamp>), Failure> {
    let Ruled { rules, version, exceptions, until } = files.rules_at(SystemClock.now())?;
    for exception in exceptions {
        tracing::warn!(exception, "an exception holds");
    }
    let rules = Rules::compile(version, rules).map_err(|faults| files.unfit(&faults))?;
    Ok((rules, until))
}

impl Source {
    /// Other manifests that nobody asked for; from files there are none.
    async fn change(&mut self) -> Change {
        match self {
            Self::Suimon { changes, .. } => match changes.recv().await {
                Some(change) => change,
                // Whoever speaks with Suimon has ended; the guard is about to.
                None => std::future::pending().await,
            },
            Self::Files(_) => std::future::pending().await,
        }
    }
}

/// The task that puts other rules into force; ends when dropped.
pub struct Reloading(tokio::task::JoinHandle<()>);

impl Drop for Reloading {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Reloading {
    pub fn start(mut live: Live, mut asked: HangUps) -> Self {
        Self(tokio::spawn(async move {
            loop {
                let woken = tokio::select! {
                    () = asked.heard() => Woken::HungUp,
                    () = reached(live.until) => Woken::Time,
                    change = live.source.change() => Woken::Told(change),
                };
                // Whether or not that can be kept now: what holds has its instants.
                if let (Woken::Time, Some(refused)) = (&woken, live.refused.clone())
                    && live.renew(Woken::Told(refused)).await
                {
                    continue;
                }
                live.renew(woken).await;
            }
        }))
    }
}

impl Live {
    /// Whether it was all put into force.
    async fn renew(&mut self, woken: Woken) -> bool {
        let hung_up = matches!(woken, Woken::HungUp);
        if hung_up {
            self.parts.turn_log();
        }
        let stated = match &self.source {
            Source::Files(stated) if hung_up => Some(stated.clone()),
            _ => None,
        };
        let certificate = self.certificate.clone().filter(|_| hung_up);
        let (known, parts) = (self.files.clone(), self.parts.clone());
        let told = match &woken {
            Woken::Told(change) => Some(change.clone()),
            Woken::HungUp | Woken::Time => None,
        };
        // Files, and comparing many routes: nothing for the threads that answer requests.
        let made = tokio::task::spawn_blocking(move || make(woken, stated, known, certificate, &parts)).await;
        let mut is_whole = false;
        let taken = match made {
            Ok(Ok(made)) => {
                is_whole = made.behind.is_none();
                self.put_into_force(made);
                true
            }
            Ok(Err(problem)) => {
                let version = self.guard.rules().version().to_owned();
                tracing::error!(
                    %problem,
                    version,
                    "what was read has problems; the rules in force stay, and the certificate with them"
                );
                false
            }
            Err(error) => {
                tracing::error!(%error, "the manifests were not read; the rules in force stay");
                false
            }
        };
        if !taken {
            self.until = again(self.files.next_change(SystemClock.now()));
            self.refused = told.or(self.refused.take());
        }
        if hung_up {
            self.behind.asked = !taken;
        }
        if !hung_up || taken {
            self.behind.by_itself = !is_whole || self.refused.is_some();
        }
        self.health.reloaded(!self.behind.asked && !self.behind.by_itself);
        taken
    }

    fn put_into_force(&mut self, made: Made) {
        let Made { files, rules, until, change, shown, behind } = made;
        (self.files, self.until) = (files, until);
        exchange(&self.guard, rules);
        if let Some(watching) = &self.watching {
            watching.keeps(&self.files);
        }
        if let (Some(certificate), Some(shown)) = (&self.certificate, shown)
            && certificate.show(shown)
        {
            tracing::info!("another certificate is shown from now on");
        }
        if let (Some(change), Source::Suimon { keeping, .. }) = (change, &self.source) {
            tokio::task::block_in_place(|| keeping.now(&change));
            self.refused = None;
        } else if self.refused.is_some() {
            self.until = again(self.until);
        }
        if let Some(problem) = behind {
            tracing::error!(%problem, "the caching rules have changed; the limits of before stay");
            self.until = again(self.until);
        }
    }
}

/// Makes everything anew, of other manifests all or nothing. When only time has passed, what was read holds: somebody may be writing.
fn make(
    woken: Woken,
    stated: Option<Stated>,
    known: Arc<Files>,
    certificate: Option<Arc<Certificate>>,
    parts: &Parts,
) -> Result<Made, Failure> {
    let others = !matches!(woken, Woken::Time);
    let (files, change) = match (woken, stated) {
        (Woken::Told(change), _) => (change.files.clone(), Some(change)),
        (_, Some(stated)) => (Arc::new(stated.read()?), None),
        (_, None) => (known, None),
    };
    let (rules, until) = compiled(&files)?;
    let shown = certificate.map(|certificate| certificate.read()).transpose()?;
    // What can go wrong has gone by, but for this.
    let behind = match parts.change(&files) {
        // Of manifests that hold already, what one part cannot keep holds no other back.
        Err(problem) if others => return Err(problem),
        changed => changed.err(),
    };
    Ok(Made { files, rules, until, change, shown, behind })
}

/// When to try again what failed: at the next instant of the files that hold, and soon, since one that has passed does not come again.
fn again(next: Option<Timestamp>) -> Option<Timestamp> {
    const SOON: SignedDuration = SignedDuration::from_secs(60);
    let soon = SystemClock.now().checked_add(SOON).ok();
    next.into_iter().chain(soon).min()
}

/// Waits until the clock shows an instant; without one for ever. The clock may be set meanwhile, so it is looked at again and
/// again.
async fn reached(instant: Option<Timestamp>) {
    const LOOK: Duration = Duration::from_secs(30);
    let Some(instant) = instant else { return std::future::pending().await };
    loop {
        let left = instant.duration_since(SystemClock.now());
        match Duration::try_from(left) {
            Ok(left) if !left.is_zero() => tokio::time::sleep(left.min(LOOK)).await,
            _ => return,
        }
    }
}

fn exchange(guard: &Guard, rules: Rules) {
    if guard.rules().version() == rules.version() {
        // What was told once is not told again.
        tracing::info!(version = rules.version(), "the manifests state the rules in force");
        return;
    }
    let (version, routes) = (rules.version().to_owned(), rules.table().routes().len());
    let before = guard.replace(rules);
    tracing::info!(version, routes, before = before.version(), "other rules are in force");
}
