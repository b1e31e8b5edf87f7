//! The calendar of deadlines: `GET /calendar/<secret>.ics`. Whoever holds the secret reads what its owner may read by then, and nothing
//! else; every refusal looks the same.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use law::Lang;
use serde::Deserialize;

use super::Service;
use super::headers::RequestId;
use crate::error::{Error, Result};
use crate::{access, duties};

/// More than a secret has.
const LONGEST: usize = 200;

/// In which language.
#[derive(Default, Deserialize)]
pub struct Wanted {
    #[serde(default)]
    lang: String,
}

/// `GET /calendar/<secret>.ics?lang=en`; Japanese without a language.
pub async fn feed(
    State(service): State<Service>,
    Extension(id): Extension<RequestId>,
    Path(file): Path<String>,
    wanted: std::result::Result<Query<Wanted>, QueryRejection>,
) -> Response {
    let lang = match wanted {
        Ok(Query(Wanted { lang })) if lang == "en" => Lang::En,
        _ => Lang::Ja,
    };
    match calendar(&service, &id, &file, lang).await {
        Ok(text) => {
            let kind = [
                (header::CONTENT_TYPE, "text/calendar; charset=utf-8"),
                (header::CONTENT_DISPOSITION, "inline; filename=\"suimon.ics\""),
            ];
            (kind, text).into_response()
        }
        Err(Error::Internal(error)) => {
            tracing::error!(error = format!("{error:#}"), "a calendar could not be made");
            (StatusCode::INTERNAL_SERVER_ERROR, "internal error\n").into_response()
        }
        Err(Error::Expected(_)) => (StatusCode::NOT_FOUND, "not found\n").into_response(),
    }
}

async fn calendar(service: &Service, id: &RequestId, file: &str, lang: Lang) -> Result<String> {
    let secret = file.strip_suffix(".ics").filter(|secret| (1..=LONGEST).contains(&secret.len()));
    let secret = secret.ok_or_else(|| Error::not_found("calendar"))?;
    let op = access::reader_of_calendar(&service.app, secret, &id.0).await?;
    duties::calendar(&op, lang).await
}
