//! What the guard counts, as Prometheus reads it. Labels hold names from manifests and of the guard's own kinds; nothing of them
//! came with a request.

use std::fmt;
use std::sync::Arc;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use edge::policy::Effect;
use guard::{Connections, Tripwire, admission, tripwire};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::prometheus_text::{CONTENT_TYPE, encode};
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::health::{Health, Running};
use super::parts::Parts;

/// The text of now.
pub fn answer(health: &Arc<Health>) -> Response {
    let mut registry = Registry::with_prefix("suimon_guard");
    registry.register_collector(Box::new(Counted(health.clone())));
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        // Writing to a string cannot fail.
        Err(fmt::Error) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

struct Counted(Arc<Health>);

impl fmt::Debug for Counted {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Counted")
    }
}

/// Values of labels, in the order of the metric's names of them.
type Row<const N: usize> = ([String; N], u64);

impl Collector for Counted {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut out = Out(encoder);
        let Self(health) = self;
        out.gauge("ready", "1 while new connections are taken", health.is_ready().into())?;
        let failed = health.reload_has_failed().into();
        out.gauge("reload_failed", "1 while something that was to come into force has not", failed)?;
        match health.running() {
            Some(Running { guard, parts }) => {
                out.guard(guard)?;
                out.parts(parts)
            }
            None => Ok(()),
        }
    }
}

struct Out<'a>(DescriptorEncoder<'a>);

impl Out<'_> {
    fn guard(&mut self, guard: &guard::Guard) -> fmt::Result {
        let Connections { open, accepted, most } = guard.connections();
        self.gauge("connections", "Open connections of clients, tunnels among them", open as u64)?;
        self.gauge("connections_limit", "As many may be open", most as u64)?;
        self.counter("connections_accepted", "Connections of clients since the start", accepted)?;
        let rules = guard.rules();
        let version = [([rules.version().to_owned()], 1)];
        self.gauges("rules", "1 for the version of the caching rules in force", ["version"], version)?;
        let found = rules.counts().into_iter();
        let found = found.map(|count| finding(count.route, count.kind.code(), count.effect, count.times));
        let help = "What was wrong about caching, since the rules in force came into force";
        self.counters("caching_findings", help, ["route", "kind", "effect"], found)
    }

    fn parts(&mut self, parts: &Parts) -> fmt::Result {
        let Parts { options: _, tls: _, identity, admission, tripwire, access_log } = parts;
        if let Some(identity) = identity {
            let known = identity.sessions() as u64;
            self.gauge("sessions", "Sessions whose person is known", known)?;
            let found = identity.counts().into_iter();
            let found = found.map(|count| finding(count.route, count.kind.code(), count.effect, count.times));
            let help = "What was wrong about who is who, since the declaration in force came into force";
            self.counters("session_findings", help, ["route", "kind", "effect"], found)?;
        }
        if let Some(admission) = admission {
            self.admission(admission)?;
        }
        if let Some(tripwire) = tripwire {
            self.tripwire(tripwire)?;
        }
        if let Some(log) = access_log {
            let records = [("written", log.written()), ("lost", log.lost())];
            let records = records.map(|(outcome, times)| ([outcome.to_owned()], times));
            let help = "Records of personal answers, by what became of them; the others wait to be written";
            self.counters("access_log_records", help, ["outcome"], records)?;
        }
        Ok(())
    }

    fn admission(&mut self, admission: &admission::Admission) -> fmt::Result {
        let people = admission.levels().into_iter().flat_map(|admission::Level { tenant, people }| {
            let states = [
                ("early", people.early),
                ("waiting", people.waiting),
                ("called", people.called),
                ("inside", people.inside),
            ];
            states.map(|(state, number)| ([tenant.clone(), state.to_owned()], u64::from(number)))
        });
        let help = "People before the opening, waiting in line, called and not in yet, inside";
        self.gauges("people", help, ["tenant", "state"], people)?;
        let (under_way, most) = admission.in_flight();
        self.gauge("origin_requests", "Requests under way towards the system", under_way.into())?;
        self.gauge("origin_requests_limit", "As many may be, by what the system bears of late", most.into())?;
        let counts = admission.counts().into_iter();
        let requests = counts.map(|admission::Count { tenant, channel, kind, times }| {
            ([tenant, channel, kind.code().to_owned()], times)
        });
        let help = "Requests by what became of them at admission";
        self.counters("admission", help, ["tenant", "channel", "kind"], requests)
    }

    fn tripwire(&mut self, tripwire: &Tripwire) -> fmt::Result {
        let counts = tripwire.counts().into_iter();
        let events = counts.map(|tripwire::Count { event, times }| ([event.code().to_owned()], times));
        let help = "What the tripwire saw; `sighted`: a browser got an answer that was made for another";
        self.counters("tripwire", help, ["event"], events)
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        ConstGauge::new(value).encode(self.0.encode_descriptor(name, help, None, MetricType::Gauge)?)
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        ConstCounter::new(value).encode(self.0.encode_descriptor(name, help, None, MetricType::Counter)?)
    }

    fn gauges<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        labels: [&str; N],
        rows: impl IntoIterator<Item = Row<N>>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (values, number) in rows {
            ConstGauge::new(number).encode(family.encode_family(&labelled(labels, &values))?)?;
        }
        Ok(())
    }

    fn counters<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        labels: [&str; N],
        rows: impl IntoIterator<Item = Row<N>>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (values, number) in rows {
            ConstCounter::new(number).encode(family.encode_family(&labelled(labels, &values))?)?;
        }
        Ok(())
    }
}

fn labelled<'a, const N: usize>(names: [&'a str; N], values: &'a [String; N]) -> [(&'a str, &'a str); N] {
    std::array::from_fn(|at| (names[at], values[at].as_str()))
}

/// `-`: no declared route covers the requests for sure.
fn finding(route: Option<String>, kind: &str, effect: Effect, times: u64) -> Row<3> {
    ([route.unwrap_or_else(|| "-".to_owned()), kind.to_owned(), effect.code().to_owned()], times)
}
