//! The example's files as they stand in `examples/`, part of the program: the demo needs no checkout.

/// The system that the founding day happened to.
pub const SYSTEM: &str = "online-application";

/// Name and text.
pub type File = (&'static str, &'static str);

/// Names and kana of the made-up people: `part,kanji,kana,romaji`.
pub const NAMES: &str = include_str!("../../../examples/people/names.csv");

/// The 72 schools: `slug,name_ja,name_en`.
pub const SCHOOLS: &str = include_str!("../../../examples/online-application/schools.csv");

/// What was in force before the day: no caching rule among it.
pub const MANIFESTS: [File; 4] = [
    ("system.yaml", include_str!("../../../examples/online-application/manifests/system.yaml")),
    ("access.yaml", include_str!("../../../examples/online-application/manifests/access.yaml")),
    ("capacity.yaml", include_str!("../../../examples/online-application/manifests/capacity.yaml")),
    ("protection.yaml", include_str!("../../../examples/online-application/manifests/protection.yaml")),
];

/// The caching rule that was missing: the corrective action.
pub const CORRECTIVE: File = (
    "NFR-CACHE-001.yaml",
    include_str!("../../../examples/online-application/corrective/NFR-CACHE-001.yaml"),
);

/// The booking service for medical workers.
pub const BOOKING: &str = "vaccine-booking";

/// What the booking service is and what its operator asks of it.
pub const BOOKING_MANIFESTS: [File; 2] = [
    ("system.yaml", include_str!("../../../examples/vaccine-booking/manifests/system.yaml")),
    ("requirements.yaml", include_str!("../../../examples/vaccine-booking/manifests/requirements.yaml")),
];

/// The rule that let the desks of the institutions read too much.
pub const BOOKING_TOO_WIDE: File =
    ("VAX-ACC-010.yaml", include_str!("../../../examples/vaccine-booking/too-wide/VAX-ACC-010.yaml"));

/// The same rule as it was meant: the corrective action.
pub const BOOKING_CORRECTIVE: File =
    ("VAX-ACC-010.yaml", include_str!("../../../examples/vaccine-booking/corrective/VAX-ACC-010.yaml"));

/// Everything that `suimon example manifests` writes, by path.
pub const FILES: [File; 12] = [
    ("online-application/manifests/system.yaml", MANIFESTS[0].1),
    ("online-application/manifests/access.yaml", MANIFESTS[1].1),
    ("online-application/manifests/capacity.yaml", MANIFESTS[2].1),
    ("online-application/manifests/protection.yaml", MANIFESTS[3].1),
    ("online-application/corrective/NFR-CACHE-001.yaml", CORRECTIVE.1),
    ("online-application/schools.csv", SCHOOLS),
    ("vaccine-booking/manifests/system.yaml", BOOKING_MANIFESTS[0].1),
    ("vaccine-booking/manifests/requirements.yaml", BOOKING_MANIFESTS[1].1),
    (
        "vaccine-booking/manifests/estimate.yaml",
        include_str!("../../../examples/vaccine-booking/manifests/estimate.yaml"),
    ),
    (
        "vaccine-booking/manifests/probes.yaml",
        include_str!("../../../examples/vaccine-booking/manifests/probes.yaml"),
    ),
    ("vaccine-booking/too-wide/VAX-ACC-010.yaml", BOOKING_TOO_WIDE.1),
    ("vaccine-booking/corrective/VAX-ACC-010.yaml", BOOKING_CORRECTIVE.1),
];
