//! Webhooks of providers of mail: `POST /hooks/{ses,sendgrid,postmark}`, each there only when it is configured. Every refusal looks the
//! same, and so many of them come in from one network.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::BytesRejection;
use axum::extract::{ConnectInfo, DefaultBodyLimit};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bounces::providers::{limits, postmark, sendgrid};
use bytes::Bytes;
use capacity::admission::Rate;
use guard::gate::{Gate, network, retry_after};

use super::Service;
use crate::notices::hooks::{Answer, Hooks, Posted, Provider};

/// Wrong posts of a network a minute, and at once.
const WRONG: (u32, u32) = (10, 20);
/// Networks that are remembered.
const MOST: usize = 10_000;
/// When a provider is to try again what could not be recorded yet: a mail is written down within seconds of its sending.
const AGAIN: Duration = Duration::from_secs(29);

/// The webhooks that are configured.
pub fn routes(hooks: &Arc<Hooks>, providers: Vec<Provider>) -> Router<Service> {
    let (a_minute, burst) = WRONG;
    let wrong = Arc::new(Gate::<IpAddr>::new((Rate::per_minute(a_minute), burst), MOST));
    let mut routes = Router::new();
    for provider in providers {
        let (hooks, wrong) = (hooks.clone(), wrong.clone());
        let take = move |ConnectInfo(peer): ConnectInfo<SocketAddr>, headers: HeaderMap, body| async move {
            take(&hooks, &wrong, provider, peer, &headers, body).await
        };
        routes = routes.route(&format!("/hooks/{}", provider.as_str()), post(take));
    }
    routes.layer(DefaultBodyLimit::max(limits::BYTES))
}

async fn take(
    hooks: &Hooks,
    wrong: &Gate<IpAddr>,
    provider: Provider,
    peer: SocketAddr,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(rejected) => return (rejected.status(), "the body cannot be read\n").into_response(),
    };
    let value = |name: &str| headers.get(name).map(|value| value.as_bytes());
    let posted = Posted {
        authorization: value(header::AUTHORIZATION.as_str()),
        secret: value(postmark::SECRET_HEADER),
        signature: value(sendgrid::SIGNATURE_HEADER),
        timestamp: value(sendgrid::TIMESTAMP_HEADER),
        body: &body,
    };
    match hooks.take(provider, &posted).await {
        Ok(Answer::Done) => StatusCode::OK.into_response(),
        // Looked at first: all that providers post comes from their few addresses, or from one proxy.
        Ok(Answer::Refused) => match wrong.admits(network(peer.ip())) {
            Ok(()) => (StatusCode::FORBIDDEN, "forbidden\n").into_response(),
            Err(time) => again(StatusCode::TOO_MANY_REQUESTS, time),
        },
        Ok(Answer::Later) => again(StatusCode::SERVICE_UNAVAILABLE, AGAIN),
        Err(error) => {
            tracing::error!(%error, provider = provider.as_str(), "a webhook could not be recorded; it is to be posted again");
            again(StatusCode::SERVICE_UNAVAILABLE, AGAIN)
        }
    }
}

fn again(status: StatusCode, time: Duration) -> Response {
    (status, [(header::RETRY_AFTER, retry_after(time).to_string())], "try again later\n").into_response()
}
