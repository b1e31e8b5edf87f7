//! `--health`: whether the guard is there and takes requests, and what it counts. On a listener of its own, which no request of
//! the guard's clients can reach.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use anyhow::Context as _;
use axum::Router;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use guard::Guard;
use tokio::net::TcpListener;

use super::metrics;
use super::parts::Parts;
use crate::http::listen::{Limits, serve};

/// How the guard is.
#[derive(Default)]
pub struct Health {
    state: Mutex<State>,
    reload_failed: AtomicBool,
    running: OnceLock<Running>,
}

/// What is counted where.
pub struct Running {
    pub guard: Arc<Guard>,
    pub parts: Arc<Parts>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Starting,
    Ready,
    Draining,
}

/// The listener; ends when dropped.
pub struct Answering(tokio::task::JoinHandle<()>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Probes and whoever collects metrics are few.
const CONNECTIONS: usize = 64;

impl Health {
    /// Answers from now on, whatever the guard still has to do.
    pub async fn answer(self: &Arc<Self>, address: &str) -> anyhow::Result<Answering> {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("--health: cannot listen on {address}; name a port that is free"))?;
        let address = listener.local_addr()?;
        if !address.ip().is_loopback() {
            tracing::warn!(%address, "--health answers beyond this machine: keep it from whoever is no operator");
        }
        tracing::info!(%address, "health and metrics are told");
        let health = || self.clone();
        let (ready, counted) = (health(), health());
        let fields = [("cache-control", "no-store"), ("x-content-type-options", "nosniff")];
        let router = Router::new()
            .route("/health/live", get(move || async move { (fields, "ok\n") }))
            .route("/health/ready", get(move || async move { (fields, ready.ready()) }))
            .route("/metrics", get(move || async move { (fields, metrics::answer(&counted)) }))
            .fallback(move || async move { (StatusCode::NOT_FOUND, fields, "there is nothing here\n") });
        let limits = Limits { connections: CONNECTIONS, ..Limits::default() };
        Ok(Answering(tokio::spawn(serve(listener, router, limits, std::future::pending()))))
    }

    /// The guard is there, and its listener.
    pub fn listens(&self, guard: Arc<Guard>, parts: Arc<Parts>) {
        // It is the only one of this process.
        let _ = self.running.set(Running { guard, parts });
        self.is_now(State::Ready);
    }

    /// It takes no new connection.
    pub fn drains(&self) {
        self.is_now(State::Draining);
    }

    /// Whether everything that was to come into force has.
    pub fn reloaded(&self, all: bool) {
        self.reload_failed.store(!all, Ordering::Relaxed);
    }

    pub fn running(&self) -> Option<&Running> {
        self.running.get()
    }

    pub fn is_ready(&self) -> bool {
        self.state() == State::Ready
    }

    pub fn reload_has_failed(&self) -> bool {
        self.reload_failed.load(Ordering::Relaxed)
    }

    fn is_now(&self, state: State) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    fn state(&self) -> State {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ready(&self) -> impl IntoResponse + use<> {
        match self.state() {
            State::Starting => (StatusCode::SERVICE_UNAVAILABLE, "starting: the listener is not up yet\n"),
            State::Draining => (
                StatusCode::SERVICE_UNAVAILABLE,
                "ending: requests under way are answered, no new ones taken\n",
            ),
            State::Ready if self.reload_has_failed() => (
                StatusCode::OK,
                "ok, but something that was to come into force is not in force: the guard's log says why\n",
            ),
            State::Ready => (StatusCode::OK, "ok\n"),
        }
    }
}
