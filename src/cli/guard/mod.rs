//! `suimon guard`: the reverse proxy in front of a system, from manifests alone.

mod bounds;
mod certificate;
mod health;
mod limits;
mod metrics;
mod parts;
mod sessions;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use guard::settings::{Origin, Patience};
use guard::{Found, Guard, Rules, Settings, Sink};
use jiff::Timestamp;
use tokio::net::TcpListener;

use self::bounds::{StatedLimit, StatedPatience};
use self::certificate::Certificate;
use self::health::Health;
use self::parts::{Options, Parts};
use super::caching::{Files, Ruled, Stated};
use super::{Context, Failure, output, serve};
use crate::clock::{Clock, SystemClock};

/// Runs the guard in front of a system. SIGHUP reads the manifests and the certificate again: when one has problems, the rules in
/// force stay, and the certificate with them.
/// SIGTERM and Ctrl-C let requests under way finish.
#[derive(Args)]
pub struct Arguments {
    /// Manifest files, or folders with *.yaml, *.yml and *.json.
    #[arg(long, required = true, value_name = "PATH")]
    manifests: Vec<PathBuf>,
    /// Name of the system's manifest; may be left out when there is one system.
    #[arg(long, value_name = "KEY")]
    system: Option<String>,
    /// Where the system answers: http://host:port or https://host:port.
    #[arg(long, value_name = "URL")]
    origin: http::Uri,
    /// The origin speaks HTTP/2 (with http: from the first byte).
    #[arg(long)]
    origin_http2: bool,
    /// Ask the origin for this name instead of the one that the client asked for.
    #[arg(long, value_name = "HOST")]
    origin_host: Option<http::uri::Authority>,
    /// PEM file of certificate authorities that may vouch for the origin, beside the well-known ones.
    #[arg(long, value_name = "FILE")]
    origin_authorities: Option<PathBuf>,
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    listen: String,
    /// PEM file of the guard's certificate and those that lead to its authority: the guard speaks TLS.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// PEM file of the certificate's key.
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Network (CIDR) of proxies before the guard, whose word about the client is believed. May be repeated.
    #[arg(long, value_name = "NETWORK")]
    trusted: Vec<String>,
    /// How long requests under way may take at the end.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(0..=86_400))]
    drain_seconds: u64,
    /// Listen here, too, for probes and whoever collects metrics: /health/live, /health/ready, /metrics. Nothing personal is told;
    /// it is for operators all the same, best on 127.0.0.1.
    #[arg(long, value_name = "ADDRESS:PORT")]
    health: Option<String>,
    /// How much is taken; --help names all. May be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = bounds::limit, long_help = bounds::help_of_limits())]
    limit: Vec<StatedLimit>,
    /// How long is waited, in seconds; --help names all. May be repeated.
    #[arg(long, value_name = "NAME=SECONDS", value_parser = bounds::patience, long_help = bounds::help_of_patience())]
    patience: Vec<StatedPatience>,
    #[command(flatten)]
    parts: Options,
}

pub async fn run(context: &Context, arguments: Arguments) -> Result<ExitCode, Failure> {
    output::start_logging(&context.config()?.log);
    let settings = settings(&arguments)?;
    let Arguments { manifests, system, listen, tls_certificate, tls_key, parts, health: probed, .. } =
        arguments;
    let health = Arc::new(Health::default());
    // First of all and to the end: whoever asks is told that the guard is not ready, and why.
    let _answering = match &probed {
        Some(address) => Some(health.answer(address).await?),
        None => None,
    };
    let certificate = match tls_certificate.zip(tls_key) {
        Some((certificate, key)) => {
            Some(Arc::new(Certificate::open(certificate::Files { certificate, key })?))
        }
        None => None,
    };
    let tls = certificate.as_ref().map(|certificate| certificate.tls());
    let stated = Stated { paths: manifests, system };
    let files = stated.read()?;
    let (rules, until) = compiled(&files)?;
    let (version, routes) = (rules.version().to_owned(), rules.table().routes().len());
    let guard =
        Guard::new(settings, rules, Arc::new(Log)).map_err(|error| Failure::usage(error.to_string()))?;
    let (parts, writing) = Parts::open(parts, &files, tls.is_some()).await?;
    let (guard, parts) = (Arc::new(parts.of(guard)), Arc::new(parts));
    // Before anybody can know that the guard is there: a signal that nobody listens for would end it.
    let reloading =
        Reloading::start(guard.clone(), parts.clone(), certificate, health.clone(), stated, files, until)?;
    let listener = TcpListener::bind(&listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    let address = listener.local_addr()?;
    tracing::info!(%address, version, routes, tls = tls.is_some(), "the guard listens");
    health.listens(guard.clone(), parts.clone());
    let ended = async {
        serve::ended().await;
        health.drains();
    };
    guard::serve(guard.clone(), listener, tls, ended).await;
    drop(reloading);
    for guard::Count { route, kind, effect, times } in guard.rules().counts() {
        tracing::info!(
            route = route.as_deref().unwrap_or("-"),
            kind = kind.code(),
            ?effect,
            times,
            "counted"
        );
    }
    parts.tell();
    if let Some(writing) = writing {
        writing.end().await;
    }
    tracing::info!("ended");
    Ok(ExitCode::SUCCESS)
}

fn settings(arguments: &Arguments) -> Result<Settings, Failure> {
    let trusted = arguments.trusted.iter().map(|network| {
        network.parse().map_err(|_| {
            Failure::usage(format!("--trusted {network}: no network; write it as 10.0.0.0/8 or 192.0.2.1/32"))
        })
    });
    let authorities = match &arguments.origin_authorities {
        Some(file) => std::fs::read(file).map_err(|error| cannot_read(file, &error))?,
        None => Vec::new(),
    };
    Ok(Settings {
        origin: Origin {
            address: arguments.origin.clone(),
            http2: arguments.origin_http2,
            authorities,
            host: arguments.origin_host.clone(),
            idle_connections: 256,
        },
        limits: bounds::limits(&arguments.limit)?,
        patience: Patience {
            drain: Duration::from_secs(arguments.drain_seconds),
            ..bounds::patiences(&arguments.patience)?
        },
        trusted: trusted.collect::<Result<_, _>>()?,
        edge_ids: Vec::new(),
    })
}

fn cannot_read(file: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::usage(format!("{}: cannot be read ({error})", file.display()))
}

/// The rules of now, and the next instant at which they change by themselves.
fn compiled(files: &Files) -> Result<(Rules, Option<Timestamp>), Failure> {
    let Ruled { rules, version, exceptions, until } = files.rules_at(SystemClock.now())?;
    for exception in exceptions {
        tracing::warn!(exception, "an exception holds");
    }
    let rules = Rules::compile(version, rules).map_err(|faults| files.unfit(&faults))?;
    Ok((rules, until))
}

/// The task that reads the manifests again; ends when dropped.
struct Reloading(tokio::task::JoinHandle<()>);

impl Drop for Reloading {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Reloading {
    #[cfg(unix)]
    fn start(
        guard: Arc<Guard>,
        parts: Arc<Parts>,
        certificate: Option<Arc<Certificate>>,
        health: Arc<Health>,
        stated: Stated,
        files: Files,
        until: Option<Timestamp>,
    ) -> anyhow::Result<Self> {
        let hangup = tokio::signal::unix::SignalKind::hangup();
        let mut asked = tokio::signal::unix::signal(hangup).context("cannot listen for SIGHUP")?;
        Ok(Self(tokio::spawn(async move {
            let (mut files, mut until) = (Arc::new(files), until);
            loop {
                let hung_up = tokio::select! {
                    heard = asked.recv() => match heard {
                        Some(()) => true,
                        None => return,
                    },
                    () = reached(until) => false,
                };
                let (stated, known, parts) = (stated.clone(), files.clone(), parts.clone());
                let of_now = certificate.clone().filter(|_| hung_up);
                // Files, and comparing many routes: nothing for the threads that answer requests. When only time has passed, what
                // was read holds: somebody may be writing.
                let read = move || {
                    let files = if hung_up { Arc::new(stated.read()?) } else { known };
                    let (rules, until) = compiled(&files)?;
                    let shown = of_now.map(|certificate| certificate.read()).transpose()?;
                    // What can go wrong has gone by: the rest takes over all or nothing.
                    parts.change(&files)?;
                    Ok::<_, Failure>((files, rules, until, shown))
                };
                match tokio::task::spawn_blocking(read).await {
                    Ok(Ok((read, rules, next, shown))) => {
                        (files, until) = (read, next);
                        exchange(&guard, rules);
                        if let (Some(certificate), Some(shown)) = (&certificate, shown)
                            && certificate.show(shown)
                        {
                            tracing::info!("another certificate is shown from now on");
                        }
                        if hung_up {
                            health.reloaded(true);
                        }
                    }
                    Ok(Err(problem)) => {
                        let version = guard.rules().version().to_owned();
                        tracing::error!(
                            %problem,
                            version,
                            "what was read has problems; the rules in force stay, and the certificate with them"
                        );
                        health.reloaded(false);
                        // What was read before still has its instants; one that has passed would come again at once.
                        until = until.filter(|until| *until > SystemClock.now());
                    }
                    Err(error) => {
                        tracing::error!(%error, "the manifests were not read; the rules in force stay");
                        health.reloaded(false);
                        until = until.filter(|until| *until > SystemClock.now());
                    }
                }
            }
        })))
    }

    #[cfg(not(unix))]
    fn start(
        _: Arc<Guard>,
        _: Arc<Parts>,
        _: Option<Arc<Certificate>>,
        _: Arc<Health>,
        _: Stated,
        _: Files,
        _: Option<Timestamp>,
    ) -> anyhow::Result<Self> {
        Ok(Self(tokio::spawn(std::future::pending())))
    }
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

/// Writes what was wrong: names of routes and kinds, nothing of a request or an answer.
struct Log;

impl Sink for Log {
    fn tell(&self, found: Found<'_>) {
        let Found { version, route, kind, effect } = found;
        let route = route.unwrap_or("-");
        tracing::warn!(route, kind = kind.code(), grade = ?kind.grade(), ?effect, version, "against the caching rules");
    }
}
