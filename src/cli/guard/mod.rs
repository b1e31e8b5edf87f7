//! `suimon guard`: the reverse proxy in front of a system, from manifests alone.

mod access_log;
mod attached;
mod bounds;
mod certificate;
mod health;
mod limits;
mod metrics;
mod parts;
mod reloading;
mod sessions;
mod told;
mod waiting;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use guard::settings::{Origin, Patience};
use guard::{Guard, Settings};
use tokio::net::TcpListener;

use self::attached::{Opened, Speaking, Watching};
use self::bounds::{StatedLimit, StatedPatience};
use self::certificate::Certificate;
use self::health::Health;
use self::parts::{Options, Parts};
use self::reloading::{Behind, HangUps, Live, Reloading, Source, compiled};
use self::told::Log;
use super::caching::{Files, Stated};
use super::{Context, Failure, output, serve};

/// Runs the guard in front of a system. SIGHUP reads the manifests and the certificate again (when one has problems, the rules in
/// force stay, and the certificate with them) and opens the access log again.
/// SIGTERM and Ctrl-C let requests under way finish.
#[derive(Args)]
pub struct Arguments {
    /// Manifest files, or folders with *.yaml, *.yml and *.json.
    #[arg(long, required_unless_present = "suimon", value_name = "PATH")]
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
    /// Header field in which the edge before the guard gives the number of its request, for the access log. Left out, `X-Amz-Cf-Id`,
    /// `CF-Ray` and `X-Request-Id` are looked at, and a visitor can spoil the number by sending another one of them.
    #[arg(long, value_name = "FIELD")]
    edge_request_id: Option<http::HeaderName>,
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
    #[command(flatten)]
    attached: attached::AttachedTo,
}

pub async fn run(context: &Context, arguments: Arguments) -> Result<ExitCode, Failure> {
    output::start_logging(&context.config()?.log);
    // Before anybody can know that the guard is there: a signal that nobody listens for would end it.
    let hang_ups = HangUps::listen()?;
    let settings = settings(&arguments)?;
    let Arguments {
        manifests,
        system,
        listen,
        tls_certificate,
        tls_key,
        parts,
        attached,
        health: probed,
        ..
    } = arguments;
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
    let fits = |files: &Files| compiled(files).map(drop);
    let (files, source, outbox, speaking) = match attached.open(system.as_deref(), fits).await? {
        Some(Opened { files, outbox, changes, keeping, speaking }) => {
            (files, Source::Suimon { changes, keeping }, Some(outbox), Some(speaking))
        }
        None => {
            let stated = Stated { paths: manifests, system };
            (Arc::new(stated.read()?), Source::Files(stated), None, None)
        }
    };
    let (rules, until) = compiled(&files)?;
    let (version, routes) = (rules.version().to_owned(), rules.table().routes().len());
    let guard = Guard::new(settings, rules, Arc::new(Log { outbox: outbox.clone() }))
        .map_err(|error| Failure::usage(error.to_string()))?;
    let (parts, writing) = Parts::open(parts, &files, tls.is_some(), outbox.clone()).await?;
    let (guard, parts) = (Arc::new(parts.of(guard)), Arc::new(parts));
    let (for_guard, for_parts, for_health) = (guard.clone(), parts.clone(), health.clone());
    let watching =
        outbox.map(|outbox| Watching::begin(outbox, guard.clone(), parts.admission.clone(), &files));
    let hourly = watching.clone().map(Watching::each_hour);
    let live = Live {
        behind: Behind::default(),
        watching: watching.clone(),
        refused: None,
        guard: for_guard,
        parts: for_parts,
        certificate,
        health: for_health,
        source,
        files,
        until,
    };
    let reloading = Reloading::start(live, hang_ups);
    let listener = TcpListener::bind(&listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    let address = listener.local_addr()?;
    tracing::info!(%address, version, routes, tls = tls.is_some(), "the guard listens");
    health.listens(guard.clone(), parts.clone());
    let attached = speaking.map(Speaking::begin);
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
    if let Some(hourly) = hourly {
        hourly.abort();
    }
    if let Some(watching) = watching {
        watching.tell();
    }
    if let Some(attached) = attached {
        attached.end().await;
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
        edge_ids: arguments.edge_request_id.iter().cloned().collect(),
    })
}

fn cannot_read(file: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::usage(format!("{}: cannot be read ({error})", file.display()))
}
