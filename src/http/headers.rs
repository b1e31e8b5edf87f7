//! Headers of every response, and the request id.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

/// The id under which a request appears in logs and in the audit log.
#[derive(Clone)]
pub struct RequestId(pub String);

/// Everything here is personal: no cache may keep any of it. Each line is for a cache that does not heed the others:
/// `Cache-Control` (RFC 9111), `CDN-Cache-Control` (RFC 9213), `Surrogate-Control` (Edge Architecture), `X-Accel-Expires`
/// (nginx), and `Vary` for one that stores all the same.
const HEADERS: [(HeaderName, HeaderValue); 9] = [
    (
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-store, no-cache, max-age=0, stale-if-error=0"),
    ),
    (HeaderName::from_static("cdn-cache-control"), HeaderValue::from_static("no-store")),
    (HeaderName::from_static("surrogate-control"), HeaderValue::from_static("no-store")),
    (HeaderName::from_static("x-accel-expires"), HeaderValue::from_static("0")),
    (header::VARY, HeaderValue::from_static("Cookie, Authorization")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

const STRICT_CONTENT: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; form-action 'self'",
);

/// Paths that may stand in logs.
const KNOWN: [&str; 23] = [
    "/",
    "/graphql",
    "/graphiql",
    "/auth/sign-in",
    "/auth/sign-out",
    "/auth/second-factor",
    "/auth/second-factor/enrol",
    "/auth/second-factor/confirm",
    "/auth/second-factor/recovery-codes",
    "/auth/second-factor/remove",
    "/auth/password",
    "/auth/re-authenticate",
    "/auth/oidc",
    "/auth/oidc/begin",
    "/auth/oidc/finish",
    "/health/live",
    "/health/ready",
    "/.well-known/authzen-configuration",
    "/access/v1/evaluation",
    "/access/v1/evaluations",
    "/access/v1/search/subject",
    "/access/v1/search/resource",
    "/access/v1/search/action",
];

/// Adds the headers and a request id, and logs the request without query or body.
pub async fn apply(mut request: Request, next: Next) -> Response {
    let id = request_id(request.headers());
    request.extensions_mut().insert(RequestId(id.clone()));
    // Paths of this service carry no personal data; an unknown path is somebody else's invention and is not logged.
    let asked = request.uri().path();
    let path = KNOWN.into_iter().find(|known| *known == asked).unwrap_or_else(|| {
        let with_more_behind = [
            "/auth/oidc/callback",
            "/auth/oidc/backchannel-logout",
            "/calendar",
            "/documents",
            "/my",
            "/tenant",
        ];
        let known = with_more_behind
            .into_iter()
            .find(|known| asked.strip_prefix(known).is_some_and(|rest| rest.starts_with('/')));
        known.unwrap_or("(unknown)")
    });
    // AuthZEN: "the PDP MUST include the same identifier in the response", whatever it looks like. In the logs it is only what
    // looks like one.
    let echo = path.starts_with("/access/").then(|| request.headers().get("x-request-id").cloned()).flatten();
    let span = tracing::info_span!("request", id, method = %request.method(), path);
    let mut response = next.run(request).instrument(span.clone()).await;
    span.in_scope(|| tracing::debug!(status = response.status().as_u16(), "answered"));
    let headers = response.headers_mut();
    for name in [header::EXPIRES, header::ETAG, header::LAST_MODIFIED, header::AGE] {
        headers.remove(name);
    }
    for (name, value) in HEADERS {
        headers.insert(name, value);
    }
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        headers.insert(header::CONTENT_SECURITY_POLICY, STRICT_CONTENT);
    }
    if let Some(value) = echo.or_else(|| HeaderValue::from_str(&id).ok()) {
        headers.insert(HeaderName::from_static("x-request-id"), value);
    }
    response
}

/// Takes the id of a proxy in front, where it looks like one; otherwise makes its own.
fn request_id(headers: &HeaderMap) -> String {
    headers
        .get("x-request-id")
        .and_then(|value| value.to_str().ok())
        .filter(|value| (8..=64).contains(&value.len()))
        .filter(|value| value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
        .map_or_else(new_request_id, str::to_owned)
}

/// A request id is a label, not a secret and not a row id: a counter with a random start is enough.
fn new_request_id() -> String {
    use std::hash::{BuildHasher, RandomState};
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| AtomicU64::new(RandomState::new().hash_one(0)));
    format!("{:016x}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Whether a page of this service, or no page at all, sent a change. Browsers say where it comes from (`Sec-Fetch-Site`; older
/// ones `Origin` alone); programs say nothing. A second wall beside JSON, `SameSite` and the CSRF token, and the only one before
/// there is a session.
pub fn sent_from_here(headers: &HeaderMap, public_url: &str) -> bool {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("(unreadable)"));
    if let Some(site) = text(HeaderName::from_static("sec-fetch-site")) {
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text(header::ORIGIN) else { return true };
    let mut parts = public_url.splitn(4, '/');
    let own = [parts.next(), parts.next(), parts.next()].map(Option::unwrap_or_default).join("/");
    origin == own
        || text(header::HOST).is_some_and(|host| {
            // Behind the name that the client used, on the scheme that this service is reached by.
            own.split_once("://").is_some_and(|(scheme, _)| origin == format!("{scheme}://{host}"))
        })
}
