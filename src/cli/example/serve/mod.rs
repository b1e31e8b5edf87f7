//! `suimon example serve`: small applications after the two founding stories, which make mistakes unless told otherwise, so that it
//! can be seen what the guard before them makes good. Some are those of the stories, others such as applications make; how the real
//! ones were built is not known. People are made up and sign in without a password, so it listens on this machine alone.

mod application;
mod booking;
mod decisions;
mod desk;
mod pages;
mod sessions;
mod slots;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use clap::{Args, ValueEnum};
use tokio::net::TcpListener;

use self::decisions::Decisions;
use super::super::{Context, Failure, output, serve};
use crate::entropy::Entropy;

/// Runs an example application. It makes mistakes, unless it is told to be careful: personal pages say nothing to caches; an
/// administrator sees whichever school stands in the address; a record is given to whoever knows its number; the call centre books
/// slots that accept no bookings.
#[derive(Args)]
pub struct Arguments {
    #[arg(value_enum)]
    application: Application,
    /// An address of this machine: people sign in without a password.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8000")]
    listen: SocketAddr,
    /// Another seed is other people.
    #[arg(long, default_value_t = exposure::simulate::DEFAULT_SEED)]
    seed: u64,
    /// Without these mistakes.
    #[arg(long)]
    careful: bool,
    /// Before a slot is booked, Suimon is asked at this address, over AuthZEN.
    #[arg(long, value_name = "URL", requires = "authzen_token_file")]
    authzen: Option<reqwest::Url>,
    /// File whose first line is the token for it.
    #[arg(long, value_name = "FILE", requires = "authzen")]
    authzen_token_file: Option<PathBuf>,
}

/// What runs. The names are those of the systems in the manifests.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Application {
    OnlineApplication,
    VaccineBooking,
}

/// Longest form, in bytes: a few short values.
const LONGEST_FORM: usize = 4096;

pub async fn run(context: &Context, arguments: Arguments) -> Result<ExitCode, Failure> {
    let Arguments { application, listen, seed, careful, authzen, authzen_token_file } = arguments;
    output::start_logging(&context.config()?.log);
    only_here(listen)?;
    let entropy = Entropy::from_os();
    let decisions =
        authzen.zip(authzen_token_file).map(|(url, file)| Decisions::new(url, &file)).transpose()?;
    let router = match (application, decisions) {
        (Application::OnlineApplication, None) => application::router(seed, careful, entropy)?,
        (Application::OnlineApplication, Some(_)) => {
            return Err(Failure::usage("--authzen: nothing is decided in online-application; leave it out"));
        }
        (Application::VaccineBooking, decisions) => booking::router(seed, careful, entropy, decisions)?,
    };
    let who = format!("the example {} listens; nobody in it exists", application.name());
    serve_until_ended(listen, router, &who).await
}

/// What everybody enters without a password stays on this machine.
pub fn only_here(listen: SocketAddr) -> Result<(), Failure> {
    if listen.ip().is_loopback() {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "--listen {listen}: an example is for this machine alone; name an address such as 127.0.0.1:{}",
        listen.port()
    )))
}

/// Serves until SIGTERM or Ctrl-C, and requests under way to their end; says so with an address when it listens.
pub async fn serve_until_ended(listen: SocketAddr, router: Router, told: &str) -> Result<ExitCode, Failure> {
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    let address = listener.local_addr()?;
    tracing::info!(%address, "{told}");
    let router = router.layer(DefaultBodyLimit::max(LONGEST_FORM));
    axum::serve(listener, router).with_graceful_shutdown(serve::ended()).await?;
    tracing::info!("ended");
    Ok(ExitCode::SUCCESS)
}

impl Application {
    fn name(self) -> &'static str {
        match self {
            Self::OnlineApplication => super::SYSTEM,
            Self::VaccineBooking => "vaccine-booking",
        }
    }
}

/// What both applications have.
pub struct Common<V> {
    pub pages: pages::Pages,
    pub sessions: sessions::Sessions<V>,
    pub careful: bool,
}

type Shared<T> = axum::extract::State<Arc<T>>;
