//! Reminders to the operator's own address: one POST a job, signed, without redirects. What fails for now is tried again by the queue.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use futures::FutureExt;
use hmac::{Hmac, KeyInit, Mac};
use http::{Request, StatusCode, header};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rustls::RootCertStore;
use serde_json::json;
use sha2::Sha256;

use crate::audit::Event;
use crate::config::DutiesConfig;
use crate::duties;
use crate::error::{Error, Result};
use crate::jobs::{Handler, Outcome, Running};
use crate::outbound;

/// Posts what a reminder tells.
pub const POST: Handler = Handler::on_demand(duties::WEBHOOK, |running| post(running).boxed());

/// `t=<seconds>,v1=<HMAC-SHA-256 over "<seconds>.<body>", hexadecimal>`.
const SIGNATURE: &str = "suimon-signature";

async fn post(running: &Running) -> Result<Outcome> {
    let scope = running.scope();
    let config = &scope.op().app().config().duties;
    // Posted before this worker's predecessor went away.
    if running.progress::<bool>()? {
        return Ok(Outcome::Done);
    }
    // Switched off since, or settled meanwhile: nothing to tell.
    if config.webhook_url.is_empty() {
        return Ok(Outcome::Done);
    }
    let Some(posted) = duties::posted_of(scope, &running.job().payload).await? else {
        return Ok(Outcome::Done);
    };
    let job = running.job().id;
    let mut body = serde_json::to_value(&posted)?;
    body["id"] = json!(job);
    let body = body.to_string();
    let status = send(config, body, scope.at().as_second()).await?;
    let event = Event::new("duty.webhook", format!("job:{job}")).detail(json!({ "status": status.as_u16() }));
    let verdict = verdict(status);
    if verdict.is_err() {
        // Not saved as progress: that would count as a success, and the queue would neither wait longer nor give up.
        scope.record(scope.tenant(), vec![event]).await?;
        return verdict;
    }
    let tx = scope.begin().await?;
    running.save(&tx, &true, 1, Some(1)).await?;
    tx.commit(event).await?;
    verdict
}

/// Sends it once. What the peer says is not read: its status is all that counts.
async fn send(config: &DutiesConfig, body: String, at: i64) -> Result<StatusCode> {
    let roots = match config.webhook_ca_file.as_str() {
        "" => outbound::public_authorities(),
        file => {
            let mut roots = RootCertStore::empty();
            outbound::add_authorities(&mut roots, "duties.webhook_ca_file", Path::new(file))?;
            roots
        }
    };
    let client: Client<_, Full<Bytes>> =
        Client::builder(TokioExecutor::new()).build(outbound::connector(roots)?);
    let request = Request::post(&config.webhook_url)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, concat!("suimon/", env!("CARGO_PKG_VERSION")))
        .header(SIGNATURE, sign(config.webhook_secret.expose(), at, &body)?)
        .body(Full::new(Bytes::from(body)))
        .context("duties.webhook_url: a request cannot be made")?;
    let limit = Duration::from_secs(config.webhook_timeout_seconds);
    match tokio::time::timeout(limit, client.request(request)).await {
        Ok(Ok(answer)) => Ok(answer.status()),
        Ok(Err(_)) | Err(_) => Err(Error::unavailable("the address of duties.webhook_url")),
    }
}

/// The signature of a body that is sent at an instant.
fn sign(secret: &str, at: i64, body: &str) -> Result<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).context("the webhook's secret")?;
    mac.update(format!("{at}.").as_bytes());
    mac.update(body.as_bytes());
    Ok(format!("t={at},v1={}", hex::encode(mac.finalize().into_bytes())))
}

fn verdict(status: StatusCode) -> Result<Outcome> {
    if status.is_success() {
        return Ok(Outcome::Done);
    }
    let later = status.is_server_error()
        || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
    if later {
        return Err(Error::unavailable("the address of duties.webhook_url"));
    }
    Err(Error::conflict(format!("the address of duties.webhook_url answers {}", status.as_u16()))
        .remedy("redirects are not followed; correct the address or what answers there, then retry the job"))
}
