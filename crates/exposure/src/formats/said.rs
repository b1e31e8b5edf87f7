//! What caches call it when they had an answer, and when they had none.
//!
//! A word that is not known says nothing: nothing is then taken at its worst. So a word belongs here only if its cache's manual says what it
//! means.

use crate::record::Said;

/// The word of any cache: Cloudflare's `CacheCacheStatus`, Fastly's `fastly_info.state`, nginx' `$upstream_cache_status`, varnish's handling,
/// httpd's `cache-status`, the result codes of Squid and Traffic Server, RFC 9211's `Cache-Status`.
pub(crate) fn said(word: &[u8]) -> Said {
    if memchr::memchr(b';', word).is_some() {
        return cache_status(word);
    }
    let mut parts = word
        .split(|byte| !byte.is_ascii_alphanumeric())
        .filter(|part| !part.is_empty() && !is_any(part, &[b"cache", b"TCP", b"UDP", b"conditional"]));
    let Some(first) = parts.next() else { return Said::Nothing };
    let second = parts.next().unwrap_or_default();
    let is = |wanted: &[&[u8]]| is_any(first, wanted);
    let then = |wanted: &[&[u8]]| is_any(second, wanted);
    if is(&[b"hit"]) {
        return match second {
            // Fastly gives it past its life.
            _ if then(&[b"STALE"]) => Said::Confirmed,
            // Made up by its configuration, or a hit of the mark that says "pass".
            _ if then(&[b"SYNTH"]) => Said::Nothing,
            _ if then(&[b"PASS"]) => Said::Asked,
            // httpd: "conditional cache hit: entity refreshed".
            _ if then(&[b"entity"]) => Said::Confirmed,
            _ => Said::Kept,
        };
    }
    if is(&[b"MEM", b"IMS", b"INM", b"NEGATIVE", b"OFFLINE", b"stream", b"CF", b"STALE"]) && then(&[b"hit"]) {
        return if is(&[b"STALE"]) { Said::Confirmed } else { Said::Kept };
    }
    // Squid: asked whether it is still good; Traffic Server calls the same `REFRESH_HIT`, and `REF_FAIL_HIT` where nobody answered.
    if is(&[b"REFRESH", b"REF"]) {
        return match second {
            _ if then(&[b"UNMODIFIED", b"HIT", b"FAIL"]) => Said::Confirmed,
            _ if then(&[b"MODIFIED", b"MISS"]) => Said::Asked,
            _ => Said::Nothing,
        };
    }
    // Given past their life: however long ago they were kept.
    if is(&[b"revalidated", b"revalidate", b"stale", b"updating"]) {
        return Said::Confirmed;
    }
    if is(&[b"miss", b"expired", b"bypass", b"dynamic", b"pass", b"pipe", b"hitpass", b"hitmiss"]) {
        return Said::Asked;
    }
    if (is(&[b"CLIENT"]) && then(&[b"REFRESH"])) || (is(&[b"SWAPFAIL", b"IMS"]) && then(&[b"MISS"])) {
        return Said::Asked;
    }
    Said::Nothing
}

fn is_any(part: &[u8], wanted: &[&[u8]]) -> bool {
    wanted.iter().any(|wanted| part.eq_ignore_ascii_case(wanted))
}

/// `ExampleCache; hit; ttl=30, Near; fwd=miss`: the last one is the nearest to the viewer.
fn cache_status(field: &[u8]) -> Said {
    let nearest = field.rsplit(|byte| *byte == b',').next().unwrap_or_default();
    let mut parameters = nearest.split(|byte| *byte == b';').skip(1).map(<[u8]>::trim_ascii);
    let has = |wanted: &[u8]| parameters.clone().any(|one| one.eq_ignore_ascii_case(wanted));
    match () {
        // Waited for what somebody else had asked for.
        () if has(b"collapsed") => Said::Nothing,
        () if has(b"hit") => Said::Kept,
        () if has(b"fwd=stale") && has(b"fwd-status=304") => Said::Confirmed,
        () if parameters.any(|one| one.starts_with(b"fwd=")) => Said::Asked,
        () => Said::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_every_cache() {
        for (word, means) in [
            ("hit", Said::Kept),
            ("HIT-CLUSTER", Said::Kept),
            ("stream_hit", Said::Kept),
            ("TCP_HIT", Said::Kept),
            ("TCP_MEM_HIT", Said::Kept),
            ("TCP_IMS_HIT", Said::Kept),
            ("TCP_CF_HIT", Said::Kept),
            ("cache hit", Said::Kept),
            ("HIT-STALE", Said::Confirmed),
            ("HIT-STALE-CLUSTER", Said::Confirmed),
            ("revalidated", Said::Confirmed),
            ("stale", Said::Confirmed),
            ("UPDATING", Said::Confirmed),
            ("TCP_REFRESH_UNMODIFIED", Said::Confirmed),
            ("TCP_REFRESH_FAIL_OLD", Said::Confirmed),
            ("TCP_REFRESH_HIT", Said::Confirmed),
            ("TCP_REF_FAIL_HIT", Said::Confirmed),
            ("TCP_STALE_HIT", Said::Confirmed),
            ("conditional cache hit: entity refreshed", Said::Confirmed),
            ("cache revalidated", Said::Confirmed),
            ("miss", Said::Asked),
            ("cache miss: attempting entity save", Said::Asked),
            ("expired", Said::Asked),
            ("dynamic", Said::Asked),
            ("PASS", Said::Asked),
            ("HITPASS", Said::Asked),
            ("HIT-PASS", Said::Asked),
            ("TCP_MISS", Said::Asked),
            ("TCP_MISS_ABORTED", Said::Asked),
            ("TCP_REFRESH_MODIFIED", Said::Asked),
            ("TCP_CLIENT_REFRESH_MISS", Said::Asked),
            ("TCP_SWAPFAIL_MISS", Said::Asked),
            ("TCP_IMS_MISS", Said::Asked),
            ("TCP_CF_MISS", Said::Nothing),
            ("TCP_DENIED", Said::Nothing),
            ("HIT-SYNTH", Said::Nothing),
            ("ERROR", Said::Nothing),
            ("BG-ERROR-RECV", Said::Nothing),
            ("deferred", Said::Nothing),
            ("NONE", Said::Nothing),
            ("", Said::Nothing),
            ("Origin; fwd=miss, Edge; hit; ttl=3", Said::Kept),
            ("Origin; hit, Edge; fwd=miss; stored", Said::Asked),
            ("Edge; fwd=stale; fwd-status=304", Said::Confirmed),
            ("Edge; fwd=miss; collapsed", Said::Nothing),
        ] {
            assert_eq!(said(word.as_bytes()), means, "{word}");
        }
    }
}
