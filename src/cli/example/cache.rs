//! `suimon example cache`: a shared cache with the mistake of 26 October 2023, to be put before a guard or an example application. It
//! keeps whatever was read by its address alone: no cookie is part of its key, and no header stops it. Nothing but an example.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use clap::Args;

use super::super::{Context, Failure, output};
use super::serve::{only_here, serve_until_ended};

/// Runs a cache that makes the mistake of the day: it gives a page to whoever asks for its address. For this machine alone.
#[derive(Args)]
pub struct Arguments {
    /// What stands behind it: http://host:port of a guard or an application.
    #[arg(long, value_name = "URL")]
    origin: reqwest::Url,
    /// An address of this machine.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8001")]
    listen: SocketAddr,
    /// How long it keeps a page. The one of the day did so for about a second.
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
}

/// Longest body of a request or an answer, in bytes.
const LONGEST: usize = 1024 * 1024;
/// Most answers at once.
const MOST: u64 = 1_000;
/// How long the origin may take.
const PATIENCE: Duration = Duration::from_secs(30);
const TOLD: HeaderName = HeaderName::from_static("x-cache");

/// Fields of one connection, and the length, which is found anew (RFC 9110 section 7.6.1).
const OF_A_CONNECTION: [HeaderName; 7] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];

type Kept = (HeaderMap, Bytes);

struct Cache {
    http: reqwest::Client,
    origin: String,
    kept: moka::sync::Cache<String, Kept>,
}

pub async fn run(context: &Context, arguments: Arguments) -> Result<ExitCode, Failure> {
    let Arguments { origin, listen, seconds } = arguments;
    output::start_logging(&context.config()?.log);
    only_here(listen)?;
    if origin.scheme() != "http" || origin.path() != "/" || origin.query().is_some() {
        return Err(Failure::usage(format!("--origin {origin}: write it as http://127.0.0.1:8080")));
    }
    let redirects = reqwest::redirect::Policy::none();
    let http = reqwest::Client::builder().no_proxy().redirect(redirects).timeout(PATIENCE).build();
    let kept =
        moka::sync::Cache::builder().max_capacity(MOST).time_to_live(Duration::from_secs(seconds)).build();
    let origin = origin.as_str().trim_end_matches('/').to_owned();
    let cache = Arc::new(Cache { http: http.context("the HTTP client")?, origin, kept });
    serve_until_ended(listen, Router::new().fallback(pass).with_state(cache), "a cache that leaks listens")
        .await
}

async fn pass(State(cache): State<Arc<Cache>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let address = head.uri.path_and_query().map_or("/", |address| address.as_str()).to_owned();
    let reads = head.method == Method::GET;
    // The mistake: whose page this is, nobody asks.
    if let Some(kept) = cache.kept.get(&address).filter(|_| reads) {
        return answer(StatusCode::OK, kept, "HIT");
    }
    let Ok(body) = to_bytes(body, LONGEST).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let url = format!("{}{address}", cache.origin);
    let asked =
        cache.http.request(head.method, url).headers(end_to_end(head.headers)).body(body).send().await;
    let Ok(mut got) = asked else { return StatusCode::BAD_GATEWAY.into_response() };
    let status = got.status();
    let fields = end_to_end(std::mem::take(got.headers_mut()));
    let mut whole = Vec::new();
    loop {
        match got.chunk().await {
            Ok(Some(part)) if whole.len() + part.len() <= LONGEST => whole.extend_from_slice(&part),
            Ok(None) => break,
            _ => return StatusCode::BAD_GATEWAY.into_response(),
        }
    }
    let whole = (fields, Bytes::from(whole));
    if reads && status == StatusCode::OK {
        cache.kept.insert(address, whole.clone());
    }
    answer(status, whole, "MISS")
}

fn answer(status: StatusCode, (mut fields, body): Kept, told: &'static str) -> Response {
    fields.insert(TOLD, HeaderValue::from_static(told));
    (status, fields, body).into_response()
}

fn end_to_end(mut fields: HeaderMap) -> HeaderMap {
    for name in OF_A_CONNECTION {
        fields.remove(name);
    }
    fields
}
