//! What requirements about admission state, as the guard's settings.

use std::time::Duration;

use edge::Mode;
use guard::admission::{
    Budget, Channel, Cookie, InFlight, KnownBy, Order, Rate, Room, Settings, TenantOf, WaitingStatus,
};
use http::HeaderName;

use super::super::Failure;
use super::super::caching::Files;
use crate::clock::{Clock, SystemClock};
use crate::requirements::manifest::{self, AdmissionParams, Enforcement, Params};

/// By which proxies before the guard say which way somebody came.
const CHANNEL: HeaderName = HeaderName::from_static("x-suimon-channel");

/// What no manifest states.
pub struct Stated<'a> {
    /// Name of the occasion.
    pub event: &'a str,
    /// Most requests at once towards the system.
    pub in_flight: u32,
    /// After a start, for those who waited before it.
    pub settle: Duration,
    /// Whether browsers reach the guard over TLS.
    pub tls: bool,
}

/// The settings of now. Of several requirements the strictest mode holds, and of each limit among those of that mode the smallest.
pub fn settings(files: &Files, stated_here: &Stated<'_>) -> Result<Settings, Failure> {
    let Stated { event, in_flight, settle, tls } = *stated_here;
    let spec = files.spec()?;
    let stated: Vec<(manifest::Mode, AdmissionParams)> = files
        .requirements_at(SystemClock.now())
        .into_iter()
        .filter_map(|(_, requirement)| match requirement.enforcement {
            Some(Enforcement { mode, params: Params::Admission(params) }) => Some((mode, params)),
            _ => None,
        })
        .collect();
    let strictest = stated.iter().map(|(mode, _)| *mode).max().ok_or_else(|| {
        Failure::usage(format!(
            "--admission: no requirement of `{}` in force states `mechanism: admission`",
            files.system
        ))
    })?;
    let holding = || stated.iter().filter(|(mode, _)| *mode == strictest).map(|(_, params)| params);
    let rate = holding().map(|params| params.rate).fold(f64::INFINITY, f64::min);
    let people = holding().map(|params| params.concurrency).min().unwrap_or_default();
    // In thousandths a second, so that half a request a second is not none.
    let a_thousand_seconds = (rate * 1000.0).round().clamp(1.0, f64::from(u32::MAX)) as u32;
    let rate = Rate { tokens: a_thousand_seconds, per: Duration::from_secs(1000) };

    let share = |channel: manifest::Channel| {
        let shares = holding().filter_map(|params| params.reserve.get(&channel)).copied();
        (shares.fold(0.0, f64::max) * 1000.0).round() as u16
    };
    let mut channels: Vec<Channel> = Vec::new();
    for channel in &spec.channels {
        let known_by = if channels.is_empty() {
            KnownBy::Rest
        } else {
            KnownBy::Header(CHANNEL, channel.as_str().to_owned())
        };
        channels.push(Channel {
            name: channel.as_str().to_owned(),
            reserve: share(*channel),
            weight: 1,
            known_by,
        });
    }
    if channels.is_empty() {
        channels.push(Channel { name: "web".to_owned(), reserve: 0, weight: 1, known_by: KnownBy::Rest });
    }
    let seconds = Duration::from_secs;
    Ok(Settings {
        system: files.system.clone(),
        event: event.to_owned(),
        mode: match strictest {
            manifest::Mode::Observe => Mode::Observe,
            manifest::Mode::Audit => Mode::Audit,
            manifest::Mode::Enforce => Mode::Enforce,
        },
        channels,
        budget: Budget {
            rate,
            burst: (a_thousand_seconds / 10_000).clamp(1, 100_000),
            people,
            newcomers: None,
        },
        tenants: Vec::new(),
        tenant_of: TenantOf::Nobody,
        room: Room {
            order: Order::Fifo,
            group_of: None,
            most_waiting: 1_000_000,
            grace: seconds(300),
            idle: seconds(900),
            claim_within: seconds(120),
            settle,
            refresh: if settle.is_zero() { seconds(20) } else { seconds(20).min(settle / 2) },
            renew: seconds(60),
        },
        open: Vec::new(),
        api: Vec::new(),
        in_flight: InFlight { floor: 1, ceiling: in_flight, initial: in_flight.min(64), queue: 1_000 },
        delay: seconds(1),
        waiting_status: WaitingStatus::Unavailable,
        cookie: if tls { Cookie::Secure } else { Cookie::Plain },
        session_cookies: spec.sessions.as_ref().map(|sessions| sessions.cookies.clone()).unwrap_or_default(),
        status_max_age: seconds(5),
    })
}
