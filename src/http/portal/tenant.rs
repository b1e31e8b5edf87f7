//! A tenant's page: its list, the file, and what it says of both.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::pages::{self, Came};
use super::{Door, Unasked, Written, broken, question, shown};
use crate::error::Code;
use crate::notices::Language;
use crate::notices::portal::{self, ActKind, Guest, Side, Word};

const SIDE: Side = Side::Tenant;

/// `GET /tenant/<token>`
pub(super) async fn page(door: Door) -> Response {
    match door.guest(SIDE).await {
        Ok(Ok(guest)) => {
            let done = match door.query.step.as_str() {
                step @ ("asked" | "confirmed" | "taken") => step,
                _ => "",
            };
            show(&door, &guest, StatusCode::OK, Came { done, ..Came::default() }).await
        }
        Ok(Err(visit)) => door.entrance(&visit, SIDE, StatusCode::OK, door.step_before(), false).await,
        Err(answer) => answer,
    }
}

async fn show(door: &Door, guest: &Guest, status: StatusCode, came: Came<'_>) -> Response {
    let page = portal::tenant_page(guest, door.language(), door.query.page.unwrap_or(1)).await;
    let path = door.path(SIDE);
    shown(door.app(), status, page.and_then(|page| pages::tenant(&path, &page, came)))
}

/// `POST …/ask` and `POST …/correct` with `text`
pub(super) async fn write(kind: ActKind, door: Door, form: Written) -> Response {
    let guest = match door.recipient(SIDE).await {
        Ok(guest) => guest,
        Err(answer) => return answer,
    };
    match question(&guest, form, kind, door.language()).await {
        Ok(()) => door.see(SIDE, "asked"),
        Err(Unasked::Said { status, problem, kept }) => {
            let of = if kind == ActKind::Corrected { "correct" } else { "ask" };
            show(&door, &guest, status, Came { problem: &problem, kept: &kept, of, done: "" }).await
        }
        Err(Unasked::Broken(error)) => broken(door.app(), &error),
    }
}

/// `POST …/confirm` and `POST …/take-over`
pub(super) async fn say(word: Word, door: Door) -> Response {
    let guest = match door.recipient(SIDE).await {
        Ok(guest) => guest,
        Err(answer) => return answer,
    };
    match portal::say(&guest, word).await {
        Ok(()) => door.see(SIDE, if word == Word::Confirm { "confirmed" } else { "taken" }),
        Err(error) => broken(door.app(), &error),
    }
}

/// `POST …/list.csv`: a form, because each one is counted and recorded.
pub(super) async fn download(door: Door) -> Response {
    let guest = match door.recipient(SIDE).await {
        Ok(guest) => guest,
        Err(answer) => return answer,
    };
    match portal::download(&guest, door.language()).await {
        Ok(file) => {
            let disposition = format!("attachment; filename=\"{}\"", file.name);
            let mut answer = file.bytes.to_vec().into_response();
            let headers = answer.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
            // The name is made of words of this program and numbers.
            if let Ok(value) = HeaderValue::from_str(&disposition) {
                headers.insert(header::CONTENT_DISPOSITION, value);
            }
            answer
        }
        Err(error) if error.problem().is_some_and(|problem| problem.code == Code::LimitExceeded) => {
            let problem = match door.language().unwrap_or_else(|| guest.language()) {
                Language::Ja => {
                    "ダウンロードできませんでした。ダウンロードは1日20回までです。以前のファイルをお使いいただくか、窓口にご連絡ください。"
                }
                Language::En => {
                    "This was not downloaded: twenty downloads a day are given. Please use an earlier file, or contact the desk."
                }
            };
            let came = Came { problem, of: "page", ..Came::default() };
            show(&door, &guest, StatusCode::TOO_MANY_REQUESTS, came).await
        }
        Err(error) => broken(door.app(), &error),
    }
}
