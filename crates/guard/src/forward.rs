//! One request's way to the origin and back.

use std::time::Duration;

use http::header::{self, HeaderValue};
use http::uri::{Authority, PathAndQuery};
use http::{Method, Request, Response, StatusCode, Version};
use hyper::body::{Body, Incoming};
use tokio_util::task::TaskTracker;

use crate::body::{Answer, Sent, Stream};
use crate::fields::{self, Caller};
use crate::head::{self, Refusal};
use crate::origin::{NoAnswer, Pool};
use crate::settings::Settings;
use crate::{own, tunnel};

/// A request that was checked and waits to be sent on.
pub struct Checked {
    pub request: Request<Incoming>,
    pub host: Authority,
    pub tunnel: bool,
}

/// Checks the head of a request.
///
/// # Errors
/// [`Refusal`].
pub fn check(request: Request<Incoming>, settings: &Settings) -> Result<Checked, Refusal> {
    let host = head::check(&request, &settings.limits)?;
    let tunnel = tunnel::wanted(&request)?;
    if request.body().size_hint().lower() > settings.limits.body_bytes {
        return Err(Refusal::BodyTooLong);
    }
    Ok(Checked { request, host, tunnel })
}

/// Sends a request on and gives the origin's answer with what concerns only the connection to the origin taken away.
///
/// # Errors
/// [`NoAnswer`].
pub async fn send(
    checked: Checked,
    caller: Caller,
    settings: &Settings,
    pool: &Pool,
    tunnels: &TaskTracker,
) -> Result<Response<Answer>, NoAnswer> {
    let Checked { mut request, host, tunnel } = checked;
    let client = tunnel.then(|| hyper::upgrade::on(&mut request));
    let method = request.method().clone();
    let request = to_origin(request, &host, caller, settings, pool, tunnel);
    let mut answer = pool.ask(request).await?;
    if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
        let Some(client) = client.filter(|_| tunnel::agreed(answer.headers())) else {
            // It changes to what nobody asked for: there is no answer in a protocol that we know.
            return Ok(own::told(StatusCode::BAD_GATEWAY, "the system's answer cannot be read"));
        };
        let origin = hyper::upgrade::on(&mut answer);
        let patience = settings.patience.tunnel;
        tunnels.spawn(async move {
            if let Err(error) = tunnel::carry(client, origin, patience).await {
                tracing::debug!(%error, "a tunnel ended early");
            }
        });
        let mut answer = answer.map(|_| Answer::from(bytes::Bytes::new()));
        fields::remove_hop_by_hop(answer.headers_mut());
        tunnel::say(answer.headers_mut());
        return Ok(answer);
    }
    Ok(from_origin(answer, &method, settings.patience.body))
}

fn to_origin(
    request: Request<Incoming>,
    host: &Authority,
    caller: Caller,
    settings: &Settings,
    pool: &Pool,
    tunnel: bool,
) -> Request<Sent> {
    let (mut parts, body) = request.into_parts();
    let trailers = wants_trailers(&parts.headers);
    fields::remove_hop_by_hop(&mut parts.headers);
    fields::tell_who_asked(&mut parts.headers, caller, host, &settings.trusted);
    if trailers {
        parts.headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    if tunnel {
        tunnel::say(&mut parts.headers);
    }
    let asked = settings.origin.host.as_ref().unwrap_or(host);
    if let Ok(asked) = HeaderValue::from_str(asked.as_str()) {
        parts.headers.insert(header::HOST, asked);
    }
    let target = parts.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    parts.uri = pool.address(target);
    // Whichever the connection to the origin speaks.
    parts.version = Version::HTTP_11;
    // Said by the connection that the request came by.
    parts.extensions = http::Extensions::new();
    let body = if body.is_end_stream() {
        Sent::Nothing
    } else {
        Sent::Piecewise(Box::pin(Stream::new(body, settings.patience.body, settings.limits.body_bytes)))
    };
    Request::from_parts(parts, body)
}

/// Whether trailers would be read (RFC 9110 section 10.1.4). Everything else that `TE` says is for one connection.
fn wants_trailers(fields: &header::HeaderMap) -> bool {
    let said = fields.get_all(header::TE).iter().filter_map(|value| value.to_str().ok());
    said.flat_map(|value| value.split(',')).any(|coding| coding.trim().eq_ignore_ascii_case("trailers"))
}

fn from_origin(answer: Response<Incoming>, method: &Method, patience: Duration) -> Response<Answer> {
    let (mut parts, body) = answer.into_parts();
    fields::remove_hop_by_hop(&mut parts.headers);
    parts.version = Version::HTTP_11;
    parts.extensions = http::Extensions::new();
    let empty = own::is_head(method) || body.is_end_stream();
    let body = if empty {
        // Its length, which the head may tell, is that of what GET would give.
        Answer::from(bytes::Bytes::new())
    } else {
        Answer::from(Stream::new(body, patience, u64::MAX))
    };
    Response::from_parts(parts, body)
}
