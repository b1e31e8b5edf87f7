//! The packs and worked cases of this repository, compiled in, so that an offline binary has them.

/// Rule packs and calendars as (name, text), for [`crate::Packs::load`].
pub const SHIPPED: &[(&str, &str)] = &[
    (
        "calendars/jp-administrative.yaml",
        include_str!("../../../policies/regulations/calendars/jp-administrative.yaml"),
    ),
    ("eu-gdpr.yaml", include_str!("../../../policies/regulations/eu-gdpr.yaml")),
    ("jp-appi-26.yaml", include_str!("../../../policies/regulations/jp-appi-26.yaml")),
    ("jp-appi-68.yaml", include_str!("../../../policies/regulations/jp-appi-68.yaml")),
];

/// Worked cases as (name, text), for [`crate::cases::Cases::load`].
pub const SHIPPED_CASES: &[(&str, &str)] = &[
    ("cases/eu-gdpr.yaml", include_str!("../../../policies/regulations/cases/eu-gdpr.yaml")),
    ("cases/jp-appi-26.yaml", include_str!("../../../policies/regulations/cases/jp-appi-26.yaml")),
    ("cases/jp-appi-68.yaml", include_str!("../../../policies/regulations/cases/jp-appi-68.yaml")),
];
