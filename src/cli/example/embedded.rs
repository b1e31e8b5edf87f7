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

/// Everything that `suimon example manifests` writes, by path.
pub const FILES: [File; 10] = [
    ("online-application/manifests/system.yaml", MANIFESTS[0].1),
    ("online-application/manifests/access.yaml", MANIFESTS[1].1),
    ("online-application/manifests/capacity.yaml", MANIFESTS[2].1),
    ("online-application/manifests/protection.yaml", MANIFESTS[3].1),
    ("online-application/corrective/NFR-CACHE-001.yaml", CORRECTIVE.1),
    ("online-application/schools.csv", SCHOOLS),
    (
        "vaccine-booking/manifests/system.yaml",
        include_str!("../../../examples/vaccine-booking/manifests/system.yaml"),
    ),
    (
        "vaccine-booking/manifests/estimate.yaml",
        include_str!("../../../examples/vaccine-booking/manifests/estimate.yaml"),
    ),
    (
        "vaccine-booking/manifests/probes.yaml",
        include_str!("../../../examples/vaccine-booking/manifests/probes.yaml"),
    ),
    (
        "vaccine-booking/manifests/requirements.yaml",
        include_str!("../../../examples/vaccine-booking/manifests/requirements.yaml"),
    ),
];
