//! What requirements about admission state, as the guard's settings.

use std::time::Duration;

use edge::Mode;
use guard::admission::{
    Budget, Channel, Cookie, InFlight, KnownBy, Rate, Settings, Tenant, TenantOf, WaitingStatus,
};
use http::HeaderName;

use super::super::Failure;
use super::super::caching::Files;
use super::waiting;
use crate::clock::{Clock, SystemClock};
use crate::requirements::manifest::{self, AdmissionParams, SystemSpec, TenantBudgets};
use crate::requirements::{AdmissionRules, StandingAt, admission_rules};

/// By which proxies before the guard say which way somebody came, where a requirement does not say otherwise.
const CHANNEL: HeaderName = HeaderName::from_static("x-suimon-channel");

/// Requests at once where nobody measured or says otherwise.
const IN_FLIGHT: u32 = 256;

/// What no manifest states.
pub struct Stated<'a> {
    /// Name of the occasion.
    pub event: &'a str,
    /// Most requests at once towards the system; without it what was measured, or 256.
    pub in_flight: Option<u32>,
    /// After a start, for those who waited before it.
    pub settle: Duration,
    /// Whether browsers reach the guard over TLS.
    pub tls: bool,
}

/// The settings of now.
pub fn settings(files: &Files, stated_here: &Stated<'_>) -> Result<Settings, Failure> {
    let Stated { event, in_flight, settle, tls } = *stated_here;
    let spec = files.spec()?;
    let StandingAt { requirements, lowered, .. } = files.standing_at(SystemClock.now());
    for requirement in lowered {
        tracing::warn!(
            requirement,
            "no exception holds for limits above what was measured: the measured ones are kept"
        );
    }
    let rules = admission_rules(requirements.iter().map(|(_, requirement)| requirement));
    let AdmissionRules { mode, params } = rules.ok_or_else(|| {
        Failure::usage(format!(
            "--admission: no requirement of `{}` in force states `mechanism: admission`",
            files.system
        ))
    })?;
    let in_flight = at_once(in_flight, spec.measured.as_ref().and_then(|measured| measured.in_flight));
    let status = params.waiting_room.as_ref().and_then(|room| room.status);
    Ok(Settings {
        system: files.system.clone(),
        event: event.to_owned(),
        mode: match mode {
            manifest::Mode::Observe => Mode::Observe,
            manifest::Mode::Audit => Mode::Audit,
            manifest::Mode::Enforce => Mode::Enforce,
        },
        channels: channels(spec, &params)?,
        budget: budget(params.rate, params.concurrency, params.newcomers_per_minute),
        tenants: tenants(&params),
        tenant_of: tenant_of(spec, params.tenants.as_ref()),
        room: waiting::room(&params, settle),
        open: params.open,
        api: params.api_clients,
        in_flight: InFlight { floor: 1, ceiling: in_flight, initial: in_flight.min(64), queue: 1_000 },
        delay: Duration::from_secs(1),
        waiting_status: if status == Some(200) { WaitingStatus::Ok } else { WaitingStatus::Unavailable },
        cookie: if tls { Cookie::Secure } else { Cookie::AsAsked },
        session_cookies: spec.sessions.as_ref().map(|sessions| sessions.cookies.clone()).unwrap_or_default(),
        status_max_age: Duration::from_secs(5),
    })
}

/// Never above what was measured, whatever somebody wrote on the command line.
fn at_once(stated: Option<u32>, measured: Option<u32>) -> u32 {
    match (stated, measured) {
        (Some(stated), Some(measured)) if stated > measured => {
            tracing::warn!(
                stated,
                measured,
                "--in-flight is above what was measured: the measured figure is kept"
            );
            measured
        }
        (stated, measured) => stated.or(measured).unwrap_or(IN_FLIGHT),
    }
}

fn budget(rate: f64, people: u32, newcomers_per_minute: Option<u32>) -> Budget {
    // In thousandths a second, so that half a request a second is not none.
    let a_thousand_seconds = (rate * 1000.0).round().clamp(1.0, f64::from(u32::MAX)) as u32;
    Budget {
        rate: Rate { tokens: a_thousand_seconds, per: Duration::from_secs(1000) },
        // What comes in a tenth of a second.
        burst: (a_thousand_seconds / 10_000).clamp(1, 100_000),
        people,
        // At once as many as come in a second.
        newcomers: newcomers_per_minute.map(|people| (Rate::per_minute(people), (people / 60).max(1))),
    }
}

/// In the order of the system: the first takes whoever comes by no other.
fn channels(spec: &SystemSpec, params: &AdmissionParams) -> Result<Vec<Channel>, Failure> {
    let mut channels = Vec::new();
    for (at, channel) in spec.channels.iter().enumerate() {
        let name = channel.as_str().to_owned();
        let entrance = params.channels.get(channel);
        let known_by = match entrance.and_then(|entrance| entrance.known_by.as_ref()) {
            _ if at == 0 => KnownBy::Rest,
            None => KnownBy::Header(CHANNEL, name.clone()),
            Some(manifest::KnownBy::Header(header)) => {
                let field = HeaderName::try_from(&header.name)
                    .map_err(|error| Failure::usage(format!("--admission: channel `{name}`: {error}")))?;
                KnownBy::Header(field, header.value.clone())
            }
            Some(manifest::KnownBy::Host(host)) => KnownBy::Host(host.clone()),
            Some(manifest::KnownBy::Path(path)) => KnownBy::Path(path.clone()),
        };
        let share = params.reserve.get(channel).copied().unwrap_or_default();
        channels.push(Channel {
            reserve: (share * 1000.0).round() as u16,
            weight: entrance.and_then(|entrance| entrance.weight).unwrap_or(1),
            name,
            known_by,
        });
    }
    if channels.is_empty() {
        channels.push(Channel { name: "web".to_owned(), reserve: 0, weight: 1, known_by: KnownBy::Rest });
    }
    Ok(channels)
}

fn tenants(params: &AdmissionParams) -> Vec<Tenant> {
    let resolved = params.tenants.iter().flat_map(TenantBudgets::resolved);
    let tenant = |(name, own): (&str, manifest::TenantBudget)| Tenant {
        name: name.to_owned(),
        // What a tenant does not state is the system's, as far as that leaves any.
        budget: budget(
            own.rate.unwrap_or(params.rate).min(params.rate),
            own.concurrency.unwrap_or(params.concurrency).min(params.concurrency),
            own.newcomers_per_minute,
        ),
    };
    resolved.map(tenant).collect()
}

fn tenant_of(spec: &SystemSpec, tenants: Option<&TenantBudgets>) -> TenantOf {
    let Some(tenants) = tenants else { return TenantOf::Nobody };
    if !tenants.paths.is_empty() {
        return TenantOf::Paths(tenants.paths.clone());
    }
    let declared = spec.sessions.as_ref().map(|sessions| sessions.tenant_paths.clone());
    TenantOf::Paths(declared.unwrap_or_default())
}
