//! Reports of browsers that got a response made for another viewer.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use capacity::admission::{Rate, TokenBucket};
use edge::identity::Tag;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::Authority;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Deserialize;
use subtle::ConstantTimeEq;
use tokio::time::Instant;

use super::mark::{self, Mark};
use super::registry::{Before, Sighting};
use super::{Event, Shared};
use crate::body::Answer;
use crate::fields::{self, Caller};
use crate::gate;
use crate::own;
use crate::settings::Settings;

/// Where they go.
pub const PATH: &str = "/.well-known/suimon/guard/report";
/// Bytes of one: a mark and a hash, and room for spaces.
const MOST_BYTES: usize = 512;
/// A browser sends it in one piece.
const PATIENCE: Duration = Duration::from_secs(5);

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// How a browser got the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// As a page to be shown.
    Page,
    /// As the answer to a script.
    Fetch,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Report {
    mark: String,
    /// What the mark's check would be for this browser.
    viewer: String,
    how: How,
}

/// How many reports are taken.
pub struct Gate {
    start: Instant,
    networks: gate::Gate<IpAddr>,
    all: Mutex<TokenBucket>,
}

impl Gate {
    pub fn new(of_network: (Rate, u32), (rate, burst): (Rate, u32), networks: usize) -> Self {
        let networks = gate::Gate::new(of_network, networks);
        Self { start: Instant::now(), networks, all: Mutex::new(TokenBucket::new(rate, burst)) }
    }

    /// Whether one more of this address is looked at. Who floods empties the bucket of the own network alone.
    fn admits(&self, address: IpAddr) -> Result<(), Duration> {
        self.networks.admits(gate::network(address))
    }

    /// Whether one more is taken that is a true one: what anybody can make up takes nothing from those who have one.
    fn admits_true(&self) -> Result<(), Duration> {
        let since = Instant::now().saturating_duration_since(self.start);
        gate::decided(self.all.lock().unwrap_or_else(PoisonError::into_inner).take(since, 1))
    }
}

/// Why a report is not taken.
enum Refused {
    Method,
    Site,
    Type,
    TooMany(Duration),
    TooLong,
    Late,
    Form,
    Seal,
    Viewer,
}

impl Refused {
    fn answer(self) -> Response<Answer> {
        let (status, text) = match self {
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "only POST is taken here"),
            Self::Site => (StatusCode::FORBIDDEN, "reports come from the site's own pages"),
            Self::Type => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "a report is application/json"),
            Self::TooMany(_) => (StatusCode::TOO_MANY_REQUESTS, "too many reports; try again later"),
            Self::TooLong => (StatusCode::PAYLOAD_TOO_LARGE, "a report is no longer than 512 bytes"),
            Self::Late => (StatusCode::REQUEST_TIMEOUT, "the report did not come in time"),
            Self::Form => (StatusCode::BAD_REQUEST, "this is no report"),
            Self::Seal => (StatusCode::FORBIDDEN, "the report is about no response of this site"),
            Self::Viewer => (StatusCode::BAD_REQUEST, "the report does not fit who sent it"),
        };
        let mut answer = own::told(status, text);
        let fields = answer.headers_mut();
        match self {
            Self::Method => drop(fields.insert(header::ALLOW, HeaderValue::from_static("POST"))),
            Self::TooMany(time) => {
                fields.insert(header::RETRY_AFTER, HeaderValue::from(gate::retry_after(time)));
            }
            // The rest of its body is not read.
            Self::TooLong | Self::Late => {
                drop(fields.insert(header::CONNECTION, HeaderValue::from_static("close")))
            }
            Self::Site | Self::Type | Self::Form | Self::Seal | Self::Viewer => {}
        }
        answer
    }
}

/// Takes a report.
pub(super) async fn answer<B>(
    shared: &Shared,
    request: Request<B>,
    host: &Authority,
    caller: Caller,
    settings: &Settings,
) -> Response<Answer>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let version = request.version();
    match take(shared, request, host, caller, settings).await {
        Ok(()) => {
            let mut answer = Response::new(Answer::from(Bytes::new()));
            *answer.status_mut() = StatusCode::NO_CONTENT;
            edge::policy::seal(answer.headers_mut());
            answer
        }
        Err(refused) => {
            let limited = matches!(refused, Refused::TooMany(_));
            shared.told.count(if limited { Event::Limited } else { Event::Refused });
            let mut answer = refused.answer();
            if version >= http::Version::HTTP_2 {
                answer.headers_mut().remove(header::CONNECTION);
            }
            answer
        }
    }
}

async fn take<B>(
    shared: &Shared,
    request: Request<B>,
    host: &Authority,
    caller: Caller,
    settings: &Settings,
) -> Result<(), Refused>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (parts, body) = request.into_parts();
    let fields = &parts.headers;
    if parts.method != Method::POST {
        return Err(Refused::Method);
    }
    let (host, _) = fields::as_asked(fields, host, caller, &settings.trusted);
    if !is_same_origin(fields, &host) {
        return Err(Refused::Site);
    }
    let json = fields.get(header::CONTENT_TYPE).is_some_and(|said| {
        let kind = said.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
        kind.trim_ascii().eq_ignore_ascii_case(b"application/json")
    });
    if !json {
        return Err(Refused::Type);
    }
    let address = fields::client(caller.address.ip(), fields, &settings.trusted);
    shared.gate.admits(address).map_err(Refused::TooMany)?;
    let body = std::pin::pin!(Limited::new(body, MOST_BYTES));
    let body = match tokio::time::timeout(PATIENCE, body.collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(Refused::TooLong),
        Ok(Err(_)) => return Err(Refused::Form),
        Err(_) => return Err(Refused::Late),
    };
    let report: Report = serde_json::from_slice(&body).map_err(|_| Refused::Form)?;
    let mark = Mark::parse(&report.mark).ok_or(Refused::Form)?;
    let said = mark::digits(&report.viewer).ok_or(Refused::Form)?;
    // Before any table: who makes up an id learns nothing and costs nothing.
    if !shared.keys.made(&mark) {
        return Err(Refused::Seal);
    }
    let viewer = Tag::of_viewer(fields).map_err(|_| Refused::Viewer)?;
    let check = mark::check(mark.id, viewer.as_ref());
    let fits = bool::from(check.ct_eq(&said));
    // Only a nonce surely comes along with each request, so that a page made for nobody is another browser's.
    let nonce = viewer.as_ref().is_some_and(|viewer| viewer.key_id() == mark::NONCE);
    let for_nobody = mark.check == mark::check(mark.id, None);
    if !fits || check == mark.check || for_nobody && !nonce {
        return Err(Refused::Viewer);
    }
    shared.gate.admits_true().map_err(Refused::TooMany)?;
    let viewer = viewer.map(|tag| shared.keys.viewer(&tag));
    let Before::No { first } = shared.registry.report(&mark, viewer) else {
        shared.told.count(Event::Repeated);
        return Ok(());
    };
    let entry = shared.registry.response(mark.id);
    let known = entry.is_some();
    let (route, made_at, owner, made_for) = entry
        .map_or((None, None, None, None), |entry| (entry.route, Some(entry.at), entry.owner, entry.viewer));
    shared.told.sighted(Sighting {
        response_id: mark.id,
        known,
        route,
        made_at,
        owner,
        made_for,
        at: (shared.clock)(),
        viewer,
        viewer_owner: viewer.and_then(|viewer| shared.registry.owner(viewer)),
        how: report.how,
        mode: mark.mode,
        first,
    });
    Ok(())
}

/// Whether a request comes from a page of this very site (Fetch Metadata; before it, `Origin`). Every browser says at least one of them
/// with `POST`.
fn is_same_origin(fields: &HeaderMap, host: &Authority) -> bool {
    if let Some(site) = fields.get(SEC_FETCH_SITE) {
        return site == "same-origin";
    }
    let origin = fields.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    let said =
        origin.and_then(|origin| origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://")));
    said.is_some_and(|said| said.eq_ignore_ascii_case(host.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_network_does_not_take_the_others_share() {
        let gate = Gate::new((Rate::per_minute(1), 2), (Rate::per_second(1), 3), 10);
        let admits = |address: &str| gate.admits(address.parse().unwrap()).is_ok();
        assert!(admits("198.51.100.1") && admits("198.51.100.2") && !admits("198.51.100.3"));
        assert!(
            admits("203.0.113.1") && admits("192.0.2.1"),
            "what was refused took nothing from the others"
        );
        let together: Vec<bool> = (0..4).map(|_| gate.admits_true().is_ok()).collect();
        assert_eq!(together, [true, true, true, false], "all together");
    }

    #[test]
    fn sites() {
        let host: Authority = "school.example:8443".parse().unwrap();
        let of = |pairs: &[(HeaderName, &'static str)]| {
            let pairs = pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
            is_same_origin(&pairs.collect(), &host)
        };
        assert!(of(&[(SEC_FETCH_SITE, "same-origin")]));
        assert!(of(&[(header::ORIGIN, "https://school.example:8443")]));
        for (name, value) in [
            (SEC_FETCH_SITE, "same-site"),
            (SEC_FETCH_SITE, "cross-site"),
            (SEC_FETCH_SITE, "none"),
            (header::ORIGIN, "https://school.example"),
            (header::ORIGIN, "https://evil.example"),
            (header::ORIGIN, "null"),
            (header::REFERER, "https://school.example:8443/"),
        ] {
            assert!(!of(&[(name.clone(), value)]), "{name}: {value}");
        }
        assert!(!of(&[(SEC_FETCH_SITE, "cross-site"), (header::ORIGIN, "https://school.example:8443")]));
    }
}
