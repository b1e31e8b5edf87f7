//! One request's way to the origin and back.

use std::sync::Arc;
use std::time::Duration;

use http::header::{self, HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery};
use http::{Method, Request, Response, StatusCode, Version};
use hyper::body::{Body, Incoming};

use crate::body::{Answer, Stream};
use crate::fields::{self, Caller};
use crate::head::{self, Refusal};
use crate::listen::Tie;
use crate::origin::{Asked, NoAnswer, Pool};
use crate::settings::Settings;
use crate::upload::{Over, Sent, Upload};
use crate::{own, tunnel};

/// A request that was checked and waits to be sent on. Passed on boxed: each function on its way would make room for it twice.
pub struct Checked {
    pub request: Request<Incoming>,
    pub host: Authority,
    pub tunnel: bool,
}

/// Checks the head of a request.
///
/// # Errors
/// [`Refusal`].
pub fn check(request: Request<Incoming>, settings: &Settings) -> Result<Box<Checked>, Refusal> {
    let host = head::check(&request, &settings.limits)?;
    let tunnel = tunnel::wanted(&request)?;
    // What one program reads as a body is for another the first of what the tunnel carries.
    if tunnel && !request.body().is_end_stream() {
        return Err(Refusal::Upgrade);
    }
    if request.body().size_hint().lower() > settings.limits.body_bytes {
        return Err(Refusal::BodyTooLong);
    }
    Ok(Box::new(Checked { request, host, tunnel }))
}

/// Sends a request on and gives the origin's answer with what concerns only the connection to the origin taken away. The fields in
/// `hidden` are in the trailers of neither.
///
/// # Errors
/// [`NoAnswer`].
pub async fn send(
    checked: Box<Checked>,
    caller: Caller,
    settings: &Settings,
    pool: &Pool,
    hidden: Option<Arc<[HeaderName]>>,
) -> Result<Response<Answer>, NoAnswer> {
    let Checked { mut request, host, tunnel } = *checked;
    let tie = request.extensions_mut().remove::<Tie>().unwrap_or_default();
    let client = tunnel.then(|| hyper::upgrade::on(&mut request));
    let method = request.method().clone();
    let (request, upload) = to_origin(request, &host, caller, settings, tunnel, hidden.clone());
    // Even when there is no answer.
    let over = upload.clone().map(Over::new);
    let host = settings.origin.host.as_ref().unwrap_or(&host);
    let mut answer = pool.ask(Asked { request, host, tunnel, upload: upload.as_ref() }).await?;
    if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
        let Some(client) = client.filter(|_| tunnel::agreed(answer.headers())) else {
            // It changes to what nobody asked for: there is no answer in a protocol that we know.
            return Err(NoAnswer::Protocol);
        };
        let origin = hyper::upgrade::on(&mut answer);
        let patience = settings.patience.tunnel;
        let Tie { tasks, end, place } = tie;
        tasks.spawn(async move {
            let _place = place;
            if let Some(Err(error)) = end.run_until_cancelled(tunnel::carry(client, origin, patience)).await {
                tracing::debug!(%error, "a tunnel ended early");
            }
        });
        let mut answer = answer.map(|_| Answer::from(bytes::Bytes::new()));
        fields::remove_hop_by_hop(answer.headers_mut());
        tunnel::say(answer.headers_mut());
        return Ok(answer);
    }
    from_origin(answer, &method, settings.patience.body, over, hidden)
}

fn to_origin(
    request: Request<Incoming>,
    host: &Authority,
    caller: Caller,
    settings: &Settings,
    tunnel: bool,
    hidden: Option<Arc<[HeaderName]>>,
) -> (Request<Sent>, Option<Arc<Upload>>) {
    let (mut parts, body) = request.into_parts();
    let trailers = wants_trailers(&parts.headers);
    let waits = waits_for_leave(&parts.headers);
    fields::remove_hop_by_hop(&mut parts.headers);
    fields::remove_aliases(&mut parts.headers);
    fields::join_cookies(&mut parts.headers);
    fields::tell_who_asked(&mut parts.headers, caller, host, &settings.trusted);
    fields::tell_way(&mut parts.headers, parts.version);
    if trailers {
        parts.headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    if tunnel {
        tunnel::say(&mut parts.headers);
    }
    // Said by the connection that the request came by.
    parts.extensions = http::Extensions::new();
    if body.is_end_stream() {
        return (Request::from_parts(parts, Sent::Nothing), None);
    }
    let upload = Arc::new(Upload::new());
    if let (true, Some(length)) =
        (parts.headers.contains_key(header::CONTENT_LENGTH), body.size_hint().exact())
    {
        // As everybody writes it: hyper takes zeros before it.
        parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    let stream = Stream::new(body, settings.patience.body, settings.limits.body_bytes).hiding(hidden);
    let sent = Sent::new(stream, upload.clone(), waits);
    (Request::from_parts(parts, sent), Some(upload))
}

/// Whether trailers would be read (RFC 9110 section 10.1.4). Everything else that `TE` says is for one connection.
fn wants_trailers(fields: &header::HeaderMap) -> bool {
    let said = fields.get_all(header::TE).iter().filter_map(|value| value.to_str().ok());
    said.flat_map(|value| value.split(',')).any(|coding| coding.trim().eq_ignore_ascii_case("trailers"))
}

/// Whether the client sends its body only when told to (RFC 9110 section 10.1.1).
fn waits_for_leave(fields: &header::HeaderMap) -> bool {
    fields.get(header::EXPECT).is_some_and(|said| said.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

fn from_origin(
    answer: Response<Incoming>,
    method: &Method,
    patience: Duration,
    over: Option<Over>,
    hidden: Option<Arc<[HeaderName]>>,
) -> Result<Response<Answer>, NoAnswer> {
    let (mut parts, body) = answer.into_parts();
    let coded = parts.headers.contains_key(header::TRANSFER_ENCODING);
    // Length and transfer coding together: one of them lies, and whoever reads the other sees another answer (RFC 9112 6.3).
    if !head::only_chunked(&parts.headers) || coded && parts.headers.contains_key(header::CONTENT_LENGTH) {
        return Err(NoAnswer::Coding);
    }
    one_length(&mut parts.headers)?;
    fields::remove_hop_by_hop(&mut parts.headers);
    parts.version = Version::HTTP_11;
    parts.extensions = http::Extensions::new();
    let empty = own::is_head(method) || body.is_end_stream();
    let body = if empty {
        // Its length, which the head may tell, is that of what GET would give.
        Answer::from(bytes::Bytes::new())
    } else {
        Answer::of_origin(Stream::new(body, patience, u64::MAX).hiding(hidden), over)
    };
    Ok(Response::from_parts(parts, body))
}

/// Says the length once, and as everybody writes it. hyper takes one that is repeated or that begins with zeros, and so would the
/// client, but what stands between might not.
fn one_length(fields: &mut header::HeaderMap) -> Result<(), NoAnswer> {
    let mut lines = fields.get_all(header::CONTENT_LENGTH).iter();
    if let (Some(line), None) = (lines.next(), lines.next())
        && is_as_everybody_writes_it(line.as_bytes())
    {
        return Ok(());
    }
    let said = fields.get_all(header::CONTENT_LENGTH).iter();
    let mut said = said.flat_map(|value| value.to_str().unwrap_or("?").split(',')).map(length);
    let Some(first) = said.next() else { return Ok(()) };
    let first = first.filter(|_| said.all(|next| next == first)).ok_or(NoAnswer::Coding)?;
    fields.insert(header::CONTENT_LENGTH, HeaderValue::from(first));
    Ok(())
}

/// Few enough digits that each number of them is one, and no zero before others.
fn is_as_everybody_writes_it(length: &[u8]) -> bool {
    matches!(length, [b'0'] | [b'1'..=b'9', ..])
        && length.len() <= 19
        && length.iter().all(u8::is_ascii_digit)
}

/// RFC 9110 section 8.6: digits and nothing else.
fn length(text: &str) -> Option<u64> {
    let text = text.trim();
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// The path and query of a request.
pub fn target<B>(request: &Request<B>) -> PathAndQuery {
    request.uri().path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_leaves_as_everybody_writes_it() {
        let leaves = |lines: &[&'static str]| {
            let mut fields = header::HeaderMap::new();
            for line in lines {
                fields.append(header::CONTENT_LENGTH, HeaderValue::from_static(line));
            }
            one_length(&mut fields).ok()?;
            let left: Vec<_> = fields
                .get_all(header::CONTENT_LENGTH)
                .iter()
                .map(|value| value.to_str().unwrap().to_owned())
                .collect();
            Some(left.join("|"))
        };
        for (lines, left) in [
            (&[][..], Some("")),
            (&["0"], Some("0")),
            (&["5120"], Some("5120")),
            (&["007"], Some("7")),
            (&["7, 7"], Some("7")),
            (&["7", "7"], Some("7")),
            (&["9999999999999999999"], Some("9999999999999999999")),
            (&["18446744073709551615"], Some("18446744073709551615")),
            (&["18446744073709551616"], None),
            (&["99999999999999999999"], None),
            (&["7", "8"], None),
            (&["7, 8"], None),
            (&["+7"], None),
            (&["-0"], None),
            (&["7a"], None),
            (&[""], None),
        ] {
            assert_eq!(leaves(lines).as_deref(), left, "{lines:?}");
        }
    }
}
