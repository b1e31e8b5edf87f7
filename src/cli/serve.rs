//! `suimon serve`.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{Context, Failure};
use crate::app::App;

/// Runs the service.
#[derive(Args)]
pub struct Arguments {
    /// Listen here instead of at server.listen.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
}

pub async fn run(context: &Context, arguments: Arguments) -> Result<ExitCode, Failure> {
    let app = context.open().await?;
    if app.config().drill.folder().is_some() {
        return Err(Failure::usage("this is a drill, whose clock would stand: use `suimon drill serve`"));
    }
    let address = arguments.listen.unwrap_or_else(|| app.config().server.listen.clone());
    let listener =
        TcpListener::bind(&address).await.with_context(|| format!("cannot listen on {address}"))?;
    if app.root().is_err() {
        tracing::warn!("this installation has no operator yet; run `suimon init`");
    }
    serve(app, listener).await?;
    Ok(ExitCode::SUCCESS)
}

/// Serves and works until the program is ended.
pub(super) async fn serve(app: Arc<App>, listener: TcpListener) -> Result<(), Failure> {
    let local = listener.local_addr()?;
    tracing::info!(address = %local, aes = %envelope::hardware_aes(), "listening");
    // The worker ends after the server: what a last request has approved may still be taken.
    let ending = CancellationToken::new();
    let worker = app.config().outbox.enabled.then(|| {
        let (app, ending) = (app.clone(), ending.clone());
        tokio::spawn(async move {
            let result = crate::notices::worker::run(app, ending.cancelled_owned()).await;
            result.inspect_err(|error| tracing::error!(%error, "no mail is sent"))
        })
    });
    let jobs = app.config().jobs.enabled.then(|| {
        let (app, ending) = (app.clone(), ending.clone());
        tokio::spawn(async move { crate::background::worker(app).run(ending.cancelled_owned()).await })
    });
    let served = crate::http::run(app, listener, ended()).await;
    ending.cancel();
    if let Some(worker) = worker {
        worker.await.context("the outbox worker broke off")??;
    }
    if let Some(jobs) = jobs {
        jobs.await.context("the worker of jobs broke off")?;
    }
    served?;
    tracing::info!("ended");
    Ok(())
}

/// Resolves at Ctrl-C or SIGTERM.
pub(super) async fn ended() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}
