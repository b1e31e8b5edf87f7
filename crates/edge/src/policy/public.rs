//! A public route's response: what it declares, unless it proves to be about a person.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::finding::{Findings, Kind};
use super::personal::{H_ACCEL, H_CDN, H_SURROGATE, forbids, is_only, is_vendor_field, remove_fields};
use super::vary;
use crate::identity::{ANONYMOUS, SUBJECT_TAG_HEADER};
use crate::rules::Lifetime;

const H_AUTHENTICATION_INFO: HeaderName = HeaderName::from_static("authentication-info");
const H_CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

/// Fields that would tell some cache something else than `Cache-Control` says.
static OVERRIDING: [HeaderName; 5] = [header::EXPIRES, header::PRAGMA, H_CDN, H_SURROGATE, H_ACCEL];

/// Tells whether the response proves that it is about a person. A cookie proves it: the body was made for whoever it is
/// set for, and removing the cookie would break that person's session and still publish the body. `named`: it names a person, which
/// its headers need not show.
pub(super) fn proves_personal(headers: &HeaderMap, named: bool, findings: &mut Findings<'_>) -> bool {
    let vary = vary::read(headers);
    let tagged = named || headers.get_all(&SUBJECT_TAG_HEADER).iter().any(|value| value != ANONYMOUS);
    let authenticates = [header::WWW_AUTHENTICATE, H_AUTHENTICATION_INFO, H_CLEAR_SITE_DATA]
        .iter()
        .any(|field| headers.contains_key(field));
    let mut proven = false;
    for (found, kind) in [
        (headers.contains_key(header::SET_COOKIE), Kind::PublicSetsCookie),
        (forbids(headers), Kind::PublicSaysPrivate),
        (vary.any || vary.cookie || vary.authorization, Kind::PublicVariesByPerson),
        (tagged, Kind::PublicNamesSubject),
        (authenticates, Kind::PublicAuthenticates),
    ] {
        if found {
            findings.add(kind);
            proven = true;
        }
    }
    proven
}

/// Whether what a route declares is about responses of this status: a representation, part of one, or the word that it
/// has not changed. Errors may quote the person, redirects may lead into a session.
pub(super) fn is_declared_status(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::OK
            | StatusCode::NON_AUTHORITATIVE_INFORMATION
            | StatusCode::PARTIAL_CONTENT
            | StatusCode::NOT_MODIFIED
    )
}

/// Tells whether the headers differ from what the route declares; changes nothing.
pub(super) fn inspect(
    headers: &HeaderMap,
    lifetime: &Lifetime,
    cache_control: &HeaderValue,
    findings: &mut Findings<'_>,
) {
    let declared = cache_control.to_str().unwrap_or_default(); // compiled from digits and words
    if !is_only(headers, &header::CACHE_CONTROL, declared)
        || OVERRIDING.iter().any(|field| headers.contains_key(field))
        || headers.keys().any(is_vendor_field)
        || vary::merged(headers, &lifetime.vary).is_some()
    {
        findings.add(Kind::PublicDiffers);
    }
}

/// Gives the response what the route declares.
pub(super) fn publish(headers: &mut HeaderMap, lifetime: &Lifetime, cache_control: &HeaderValue) {
    headers.insert(header::CACHE_CONTROL, cache_control.clone());
    for field in &OVERRIDING {
        headers.remove(field);
    }
    remove_fields(headers, is_vendor_field);
    if let Some(value) = vary::merged(headers, &lifetime.vary) {
        headers.insert(header::VARY, value);
    }
}
