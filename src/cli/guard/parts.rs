//! What the guard does beside caching rules: who is who, who goes in, what tells of strangers' pages, the access log.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context;
use clap::{Args, ValueEnum};
use edge::identity::Keyring;
use guard::access_log::{AccessLog, Ring};
use guard::admission::{Admission, Keys, Noted};
use guard::identity::{AfterWrite, Identity, Memory};
use guard::tripwire::{self, Blindness, Sighting, Tripwire};
use guard::{Guard, admission};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::super::Failure;
use super::super::caching::Files;
use super::access_log::{self, Writing};
use super::attached::Outbox;
use super::{limits, sessions};
use crate::clock::{Clock, SystemClock};
use crate::entropy::Entropy;
use crate::vault::key_file;

/// Which parts the guard has.
#[derive(Args, Clone)]
pub struct Options {
    /// The guard's secret, 64 hexadecimal digits; made when it is not there. Each node of one guard has the same.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    #[command(flatten)]
    access_log: access_log::LogOptions,
    /// Personal pages tell when another browser holds them; with `enforce` they hide there, too.
    #[arg(long, value_enum, value_name = "MODE", requires = "key_file")]
    tripwire: Option<Strictness>,
    /// Answers carry their person's tag and browsers get theirs: for an edge that runs the exported code that compares them.
    #[arg(long, requires = "key_file")]
    identity_binding: bool,
    /// Keeps what the requirements about admission state: beyond it people wait.
    #[arg(long, requires = "key_file")]
    admission: bool,
    /// Name of the occasion that people wait for: with another one, places of before are void.
    #[arg(long, value_name = "NAME", default_value = "1")]
    event: String,
    /// Most requests at once towards the system under admission, at most what its manifest says was measured. Without it: that, or 256.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    in_flight: Option<u32>,
    /// Where people waited before the guard was started: how long they have to come back before anybody new is let in.
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=3600))]
    settle_seconds: u32,
}

#[derive(Clone, Copy, ValueEnum)]
enum Strictness {
    Observe,
    Audit,
    Enforce,
}

impl Options {
    fn stated(&self, tls: bool) -> limits::Stated<'_> {
        let Self { event, in_flight, settle_seconds, .. } = self;
        limits::Stated {
            event,
            in_flight: *in_flight,
            settle: Duration::from_secs((*settle_seconds).into()),
            tls,
        }
    }
}

/// The parts of a guard.
pub struct Parts {
    pub(super) options: Options,
    pub(super) tls: bool,
    pub(super) identity: Option<Arc<Identity>>,
    pub(super) admission: Option<Arc<Admission>>,
    pub(super) tripwire: Option<Tripwire>,
    pub(super) access_log: Option<Arc<AccessLog>>,
}

impl Parts {
    /// As the options and the manifests say, and who writes the access log, which is to be ended last.
    pub async fn open(
        options: Options,
        files: &Files,
        tls: bool,
        outbox: Option<Outbox>,
    ) -> Result<(Self, Option<Writing>), Failure> {
        let entropy = Arc::new(Entropy::from_os());
        let secret = options.key_file.as_ref().map(|path| key_file(path, "--key-file", &entropy)).transpose();
        let secret = secret.map_err(|error| Failure::usage(format!("{error:#}")))?;
        let key = |label: &str| secret.as_ref().map(|secret| derived(secret, label));
        let id = secret.as_ref().map(key_id).unwrap_or_default();
        let named = |key| [(id.clone(), key)];

        let mut identity = None;
        if let Some(declaration) = sessions::declaration(files)? {
            let process = Zeroizing::new(entropy.bytes());
            let mut made = Identity::new(files.version_of_system(), declaration, Memory::default(), process)
                .map_err(|faults| sessions::unfit(files, &faults))?;
            if let Some(key) = key("tags").filter(|_| options.identity_binding) {
                let ring = Keyring::new(named(key)).context("--identity-binding")?;
                made = made.with_binding(ring, AfterWrite::default());
            }
            identity = Some(Arc::new(made));
        } else if options.identity_binding {
            return Err(Failure::usage("--identity-binding: the system's manifest states no `sessions`"));
        }

        let mut admission = None;
        if let Some(key) = key("tickets").filter(|_| options.admission) {
            let settings = limits::settings(files, &options.stated(tls))?;
            let keys = Keys::new(named(key)).context("--admission")?;
            let chance = {
                let entropy = entropy.clone();
                move |bytes: &mut [u8]| fill(&entropy, bytes)
            };
            let made = Admission::new(settings, keys, chance, steady_clock(), Watch { outbox: None })
                .map_err(|error| Failure::usage(format!("--admission: {error}")))?;
            admission = Some(Arc::new(made));
        }

        let mut tripwire = None;
        if let Some((key, strictness)) = key("tripwire").zip(options.tripwire) {
            let entropy = entropy.clone();
            let settings = tripwire::Settings {
                keys: vec![key],
                mode: strictness.into(),
                limits: tripwire::Limits::default(),
                chance: Arc::new(move |bytes| fill(&entropy, bytes)),
                clock: Arc::new(|| SystemTime::from(SystemClock.now())),
                owner: None,
            };
            tripwire = Some(Tripwire::new(settings, Arc::new(Watch { outbox })).context("--tripwire")?);
        }

        let mut writing = None;
        if let Some(key) = key("access log").filter(|_| options.access_log.is_on()) {
            let ring = Ring::new(files.system.as_str(), named(key)).context("--access-log")?;
            writing = options.access_log.start(ring, &entropy).await?;
        }
        let access_log = writing.as_ref().map(|writing| writing.log.clone());
        Ok((Self { options, tls, identity, admission, tripwire, access_log }, writing))
    }

    /// The guard with its parts.
    pub fn of(&self, mut guard: Guard) -> Guard {
        if let Some(identity) = &self.identity {
            guard = guard.with_identity(identity.clone());
        }
        if let Some(admission) = &self.admission {
            guard = guard.with_admission(admission.clone());
        }
        if let Some(tripwire) = &self.tripwire {
            guard = guard.with_tripwire(tripwire.clone());
        }
        if let Some(log) = &self.access_log {
            guard = guard.with_access_log(log.clone());
        }
        guard
    }

    /// Takes over what other manifests say: all of it or nothing.
    pub fn change(&self, files: &Files) -> Result<(), Failure> {
        let declaration = sessions::declaration(files)?;
        if let Some(declaration) = &declaration {
            declaration.check().map_err(|faults| sessions::unfit(files, &faults))?;
        }
        if let Some(admission) = &self.admission {
            let settings = limits::settings(files, &self.options.stated(self.tls))?;
            admission.replace(settings).map_err(|error| Failure::usage(format!("--admission: {error}")))?;
        }
        match (&self.identity, declaration) {
            (Some(identity), Some(declaration)) => {
                // Nothing is wrong with it, as was seen above.
                identity
                    .replace(files.version_of_system(), declaration)
                    .map_err(|faults| sessions::unfit(files, &faults))?;
            }
            (None, None) => {}
            _ => tracing::warn!("whether sessions are declared changes only with a restart"),
        }
        Ok(())
    }

    /// Somebody may have moved the files that are written: opens them again.
    pub fn turn_log(&self) {
        if let Some(log) = &self.access_log {
            log.turn();
        }
    }

    /// Writes what was counted.
    pub fn tell(&self) {
        let Self { options: _, tls: _, identity, admission, tripwire, access_log: _ } = self;
        for count in identity.iter().flat_map(|identity| identity.counts()) {
            let guard::identity::Count { route, kind, effect, times } = count;
            let route = route.as_deref().unwrap_or("-");
            tracing::info!(route, kind = kind.code(), ?effect, times, "counted of sessions");
        }
        for count in admission.iter().flat_map(|admission| admission.counts()) {
            let admission::Count { tenant, channel, kind, times } = count;
            tracing::info!(tenant, channel, kind = kind.code(), times, "counted of admission");
        }
        for tripwire::Count { event, times } in tripwire.iter().flat_map(Tripwire::counts) {
            tracing::info!(?event, times, "counted of pages");
        }
    }
}

/// A key of its own for each use.
fn derived(secret: &Zeroizing<[u8; 32]>, label: &str) -> Zeroizing<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&**secret).expect("HMAC takes a key of any length");
    mac.update(b"suimon guard v1 ");
    mac.update(label.as_bytes());
    Zeroizing::new(mac.finalize().into_bytes().into())
}

/// The name under which tags, tickets and pseudonyms refer to the key that they were made with: another key has another. It tells nothing of
/// the key, from which it is derived as the keys are.
fn key_id(secret: &Zeroizing<[u8; 32]>) -> String {
    let digits = hex::encode(&derived(secret, "key id")[..]);
    format!("k{}", digits.get(..12).unwrap_or_default())
}

fn fill(entropy: &Entropy, bytes: &mut [u8]) {
    for piece in bytes.chunks_mut(32) {
        let drawn = Zeroizing::new(entropy.bytes::<32>());
        piece.copy_from_slice(&drawn[..piece.len()]);
    }
}

/// Time since 1970 that does not jump when somebody sets the clock.
fn steady_clock() -> admission::Clock {
    let micros = u64::try_from(SystemClock.now().as_microsecond()).unwrap_or_default();
    let (begun, start) = (Duration::from_micros(micros), Instant::now());
    Arc::new(move || -> Duration { begun + start.elapsed() })
}

impl From<Strictness> for edge::Mode {
    fn from(strictness: Strictness) -> Self {
        match strictness {
            Strictness::Observe => Self::Observe,
            Strictness::Audit => Self::Audit,
            Strictness::Enforce => Self::Enforce,
        }
    }
}

/// Writes to the log what the parts tell: names, kinds and pseudonyms, nothing of a request or an answer. An attached guard tells
/// Suimon too.
struct Watch {
    outbox: Option<Outbox>,
}

impl admission::Watch for Watch {
    fn tell(&self, noted: Noted<'_>) {
        let Noted { tenant, channel, kind, enforced } = noted;
        tracing::warn!(tenant, channel, kind = kind.code(), enforced, "against the limits of admission");
    }
}

impl tripwire::Watch for Watch {
    fn sighted(&self, sighting: Sighting) {
        let Sighting { response_id, known, route, owner, viewer_owner, first, .. } = &sighting;
        tracing::error!(
            response = %response_id,
            known,
            route = route.as_deref().unwrap_or("-"),
            owner = owner.as_deref().unwrap_or("-"),
            seen_by = viewer_owner.as_deref().unwrap_or("-"),
            first,
            own = sighting.is_of_one_person(),
            "a browser got an answer that was made for another"
        );
        if let Some(outbox) = &self.outbox {
            outbox.sighted(&sighting);
        }
    }

    fn blind(&self, route: Option<&str>, why: Blindness) {
        tracing::warn!(route = route.unwrap_or("-"), why = why.code(), "pages are not seen by the tripwire");
        if let Some(outbox) = &self.outbox {
            outbox.blind(route, why);
        }
    }
}
