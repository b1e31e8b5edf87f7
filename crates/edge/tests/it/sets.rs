//! What origins send.

/// The 32 sets that were measured on 53 configurations of caches.
pub const SETS: &[(&str, &[(&str, &str)])] = &[
    ("none", &[]),
    ("last-modified", &[("last-modified", "Mon, 02 Jan 2023 00:00:00 GMT")]),
    ("max-age", &[("cache-control", "max-age=60")]),
    ("public", &[("cache-control", "public, max-age=60")]),
    ("private", &[("cache-control", "private")]),
    ("no-cache", &[("cache-control", "no-cache")]),
    ("no-store", &[("cache-control", "no-store")]),
    ("s-maxage=0", &[("cache-control", "s-maxage=0")]),
    ("max-age=0", &[("cache-control", "max-age=0")]),
    ("full", &[("cache-control", "private, no-store, no-cache, max-age=0, must-revalidate")]),
    ("expires 1970", &[("expires", "Thu, 01 Jan 1970 00:00:00 GMT")]),
    ("expires 0", &[("expires", "0")]),
    ("expires 1981", &[("expires", "Thu, 19 Nov 1981 08:52:00 GMT")]),
    ("expires and pragma", &[("expires", "0"), ("pragma", "no-cache")]),
    ("pragma", &[("pragma", "no-cache")]),
    (
        "php",
        &[
            ("expires", "Thu, 19 Nov 1981 08:52:00 GMT"),
            ("cache-control", "no-store, no-cache, must-revalidate"),
            ("pragma", "no-cache"),
        ],
    ),
    ("set-cookie", &[("set-cookie", "sid=1")]),
    ("vary cookie", &[("vary", "Cookie")]),
    ("vary *", &[("vary", "*")]),
    ("cdn", &[("cdn-cache-control", "no-store")]),
    ("surrogate", &[("surrogate-control", "no-store")]),
    ("accel", &[("x-accel-expires", "0")]),
    ("max-age and cookie", &[("cache-control", "max-age=60"), ("set-cookie", "sid=1")]),
    ("max-age and vary", &[("cache-control", "max-age=60"), ("vary", "Cookie")]),
    ("max-age and cdn", &[("cache-control", "max-age=60"), ("cdn-cache-control", "no-store")]),
    ("max-age and surrogate", &[("cache-control", "max-age=60"), ("surrogate-control", "no-store")]),
    ("max-age and accel", &[("cache-control", "max-age=60"), ("x-accel-expires", "0")]),
    ("age", &[("cache-control", "max-age=60"), ("age", "99999999")]),
    ("no-store and vary", &[("cache-control", "no-store"), ("vary", "Cookie")]),
    (
        "belt",
        &[
            ("cache-control", "private, no-store, no-cache, max-age=0, must-revalidate"),
            ("cdn-cache-control", "no-store"),
            ("surrogate-control", "no-store"),
            ("x-accel-expires", "0"),
            ("expires", "0"),
            ("pragma", "no-cache"),
            ("vary", "Cookie, Authorization"),
        ],
    ),
    (
        "belt and cookie",
        &[
            ("cache-control", "private, no-store, no-cache, max-age=0, must-revalidate"),
            ("set-cookie", "sid=1"),
            ("vary", "Cookie, Authorization"),
        ],
    ),
    (
        "belt and vary *",
        &[("cache-control", "private, no-store, no-cache, max-age=0, must-revalidate"), ("vary", "*")],
    ),
    // Beyond the measured ones.
    (
        "targeted by vendor",
        &[("cloudflare-cdn-cache-control", "max-age=600"), ("edge-control", "max-age=600")],
    ),
    ("surrogate permits", &[("surrogate-control", "max-age=600"), ("cache-control", "private")]),
    ("accel permits", &[("x-accel-expires", "600"), ("cache-control", "private")]),
    (
        "two lines",
        &[
            ("cache-control", "private"),
            ("cache-control", "public, max-age=600"),
            ("vary", "Accept"),
            ("vary", "Accept-Language"),
        ],
    ),
    ("stale", &[("cache-control", "no-cache, stale-while-revalidate=600, stale-if-error=600")]),
];
