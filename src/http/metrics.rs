//! `GET /metrics`: numbers as Prometheus reads them. Nothing in them is about a person, a tenant or an incident; who may read them shows
//! `server.metrics_token`, and without one configured there is no such page.

use std::fmt;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::prometheus_text::{CONTENT_TYPE, encode};
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use subtle::ConstantTimeEq;

use super::{Service, auth};
use crate::notices;

/// The text of now.
pub async fn get(State(service): State<Service>, headers: HeaderMap) -> Response {
    let app = &service.app;
    let wanted = app.config().server.metrics_token.expose();
    if wanted.is_empty() {
        return (StatusCode::NOT_FOUND, "not found\n").into_response();
    }
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    if !bool::from(given.as_bytes().ct_eq(wanted.as_bytes())) {
        return (
            StatusCode::UNAUTHORIZED,
            [(header::WWW_AUTHENTICATE, "Bearer")],
            "wants server.metrics_token\n",
        )
            .into_response();
    }
    let outbox = match notices::outbox(app).await {
        Ok(outbox) => outbox,
        Err(error) => return auth::refuse(error),
    };
    let mut registry = Registry::with_prefix("suimon");
    registry.register_collector(Box::new(Numbers { outbox, sent: app.sent().counts() }));
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        // Writing to a string cannot fail.
        Err(fmt::Error) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[derive(Debug)]
struct Numbers {
    outbox: notices::Outbox,
    sent: [(&'static str, u64); 5],
}

impl Collector for Numbers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Messages of notices by where they stand";
        let mut family = encoder.encode_descriptor("messages", help, None, MetricType::Gauge)?;
        for (state, number) in &self.outbox.by_state {
            let labels = [("state", state.as_str())];
            ConstGauge::new(*number).encode(family.encode_family(&labels)?)?;
        }
        let help = "For how long the oldest message that could be sent has been waiting";
        let gauge = encoder.encode_descriptor("message_oldest_due_seconds", help, None, MetricType::Gauge)?;
        ConstGauge::new(self.outbox.oldest_due_seconds).encode(gauge)?;
        let help = "What this node's sender did since it began";
        let mut family = encoder.encode_descriptor("mails", help, None, MetricType::Counter)?;
        for (outcome, number) in self.sent {
            let labels = [("outcome", outcome)];
            ConstCounter::new(number).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
