//! The calendar of deadlines: `GET /calendar/<secret>.ics`. Whoever holds the secret reads what its owner may read by then, and nothing
//! else; every refusal looks the same. So many at a time: of wrong secrets from one network, and of one calendar by its right secret.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{ConnectInfo, Extension, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use capacity::admission::Rate;
use guard::gate::{Gate, network, retry_after};
use law::Lang;
use serde::Deserialize;

use super::Service;
use super::headers::RequestId;
use crate::error::{Error, Result};
use crate::{access, duties};

/// More than a secret has.
const LONGEST: usize = 200;
/// Wrong secrets of a network a minute, and at once: an address that was replaced is asked for by each program that still has it.
const WRONG: (u32, u32) = (10, 20);
/// Reads of one calendar a minute, and at once: programs ask every few minutes, each of a person's devices by itself.
const RIGHT: (u32, u32) = (6, 20);
/// Networks, and calendars, that are remembered.
const MOST: usize = 10_000;

/// How often calendars are asked for.
pub struct Gates {
    wrong: Gate<IpAddr>,
    right: Gate<String>,
}

impl Default for Gates {
    fn default() -> Self {
        let of_each = |(a_minute, burst): (u32, u32)| (Rate::per_minute(a_minute), burst);
        Self { wrong: Gate::new(of_each(WRONG), MOST), right: Gate::new(of_each(RIGHT), MOST) }
    }
}

/// In which language.
#[derive(Default, Deserialize)]
pub struct Wanted {
    #[serde(default)]
    lang: String,
}

/// Why there is no calendar.
enum Refused {
    TooMany(Duration),
    Other(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// `GET /calendar/<secret>.ics?lang=en`; Japanese without a language.
pub async fn feed(
    State(service): State<Service>,
    Extension(id): Extension<RequestId>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(file): Path<String>,
    wanted: std::result::Result<Query<Wanted>, QueryRejection>,
) -> Response {
    let lang = match wanted {
        Ok(Query(Wanted { lang })) if lang == "en" => Lang::En,
        _ => Lang::Ja,
    };
    match calendar(&service, &id, peer, &file, lang).await {
        Ok(text) => {
            let kind = [
                (header::CONTENT_TYPE, "text/calendar; charset=utf-8"),
                (header::CONTENT_DISPOSITION, "inline; filename=\"suimon.ics\""),
            ];
            (kind, text).into_response()
        }
        Err(Refused::TooMany(time)) => {
            let after = [(header::RETRY_AFTER, retry_after(time).to_string())];
            (StatusCode::TOO_MANY_REQUESTS, after, "too many requests; try again later\n").into_response()
        }
        Err(Refused::Other(Error::Internal(error))) => {
            tracing::error!(error = format!("{error:#}"), "a calendar could not be made");
            (StatusCode::INTERNAL_SERVER_ERROR, "internal error\n").into_response()
        }
        Err(Refused::Other(Error::Expected(_))) => (StatusCode::NOT_FOUND, "not found\n").into_response(),
    }
}

async fn calendar(
    service: &Service,
    id: &RequestId,
    peer: SocketAddr,
    file: &str,
    lang: Lang,
) -> std::result::Result<String, Refused> {
    let Gates { wrong, right } = &*service.calendars;
    let op = match reader(service, id, file).await {
        // Looked up first: behind one proxy all come from one address, and who floods there must not take the others' calendars away.
        Err(error @ Error::Expected(_)) => {
            wrong.admits(network(peer.ip())).map_err(Refused::TooMany)?;
            return Err(error.into());
        }
        read => read?,
    };
    right.admits(op.actor().label.to_string()).map_err(Refused::TooMany)?;
    Ok(duties::calendar(&op, lang).await?)
}

async fn reader(service: &Service, id: &RequestId, file: &str) -> Result<access::Op> {
    let secret = file.strip_suffix(".ics").filter(|secret| (1..=LONGEST).contains(&secret.len()));
    let secret = secret.ok_or_else(|| Error::not_found("calendar"))?;
    access::reader_of_calendar(&service.app, secret, &id.0).await
}
