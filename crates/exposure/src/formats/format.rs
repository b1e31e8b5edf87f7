//! The kinds of log, and their names.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Kinds of log that are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Format {
    /// CloudFront standard log, version 1, and version 2 as w3c, plain or raw: named by `#Fields:`, by a first line of names, or by whoever
    /// asks.
    CloudfrontStandard,
    /// Access and login log of the origin: JSON Lines, see the README.
    OriginJsonLines,
    /// Log of a cache in the form of a template: nginx, httpd, varnish, Squid, Traffic Server, HAProxy.
    Template,
    /// CloudFront standard log, version 2, as JSON Lines.
    CloudfrontJson,
    /// CloudFront standard log, version 2, as Parquet.
    CloudfrontParquet,
    /// CloudFront real-time log: tab-separated, without names.
    CloudfrontRealtime,
    /// Cloudflare Logpush, `http_requests`, JSON Lines.
    Cloudflare,
    /// Fastly, JSON as its documentation configures it.
    Fastly,
    /// JSON Lines of any cache, by a mapping of names.
    Json,
    /// Log of an Application Load Balancer.
    Alb,
    /// HAProxy, `option httplog`.
    Haproxy,
    /// Squid's own format.
    Squid,
    /// Traffic Server's own format, which it calls squid.
    Trafficserver,
    /// Common or combined, of nginx, httpd, varnish and others; nobody knows whose.
    Combined,
    /// The guard's access log.
    Guard,
}

/// No format has this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such format; one of {}", Format::NAMES.map(|(name, _)| name).join(", "))]
pub struct UnknownFormat;

impl Format {
    /// Every format by the name that forces it.
    pub const NAMES: [(&'static str, Self); 15] = [
        ("cloudfront", Self::CloudfrontStandard),
        ("cloudfront-json", Self::CloudfrontJson),
        ("cloudfront-parquet", Self::CloudfrontParquet),
        ("cloudfront-realtime", Self::CloudfrontRealtime),
        ("cloudflare", Self::Cloudflare),
        ("fastly", Self::Fastly),
        ("json", Self::Json),
        ("template", Self::Template),
        ("combined", Self::Combined),
        ("haproxy", Self::Haproxy),
        ("squid", Self::Squid),
        ("trafficserver", Self::Trafficserver),
        ("alb", Self::Alb),
        ("guard", Self::Guard),
        ("origin", Self::OriginJsonLines),
    ];

    /// Reads a name.
    ///
    /// # Errors
    /// [`UnknownFormat`].
    pub fn parse(name: &str) -> Result<Self, UnknownFormat> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, format)| *format).ok_or(UnknownFormat)
    }

    /// Whether it is a log of the origin, and not of an edge.
    #[must_use]
    pub fn is_of_origin(self) -> bool {
        matches!(self, Self::OriginJsonLines | Self::Guard)
    }

    /// Whether it may be the log of a balancer or of the origin's own server, which says nothing of the hours of the edge before it.
    pub(crate) fn may_stand_beside_an_edge(self) -> bool {
        matches!(self, Self::Alb | Self::Combined | Self::Haproxy)
    }

    /// The name that forces it.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, format)| *format == self).map_or("", |(name, _)| name)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
