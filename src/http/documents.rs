//! `GET /documents/<id>.<form>`: a version of a document as a file.

use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::headers::RequestId;
use super::{Service, auth};
use crate::access;
use crate::error::{Error, Result};
use crate::graphql;
use crate::reports::documents::{self, File, Form};

/// A page that somebody stored: it runs, fetches, frames and sends nothing.
const PAGE: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
);

/// Longest name that is looked at: an id of this kind has 55 characters.
const MAX_NAME: usize = 100;

/// `GET /documents/<id>.{html,pdf,docx,txt}`, with a session or a token as everywhere else. Always as a download: a browser shows
/// nothing of it under this origin by itself.
pub async fn get(
    State(service): State<Service>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Response {
    match find(&service, &request_id, &headers, &name).await {
        Ok(file) => answer(file),
        Err(error) => auth::refuse(error),
    }
}

async fn find(service: &Service, request_id: &str, headers: &HeaderMap, name: &str) -> Result<File> {
    let credentials = auth::credentials(&service.app, headers).ok_or_else(|| {
        Error::unauthenticated("sign in first")
            .remedy("POST /auth/sign-in, or send a token as Authorization: Bearer")
    })?;
    let op = access::authenticate(&service.app, &credentials, request_id).await?;
    let parts = name.rsplit_once('.').filter(|_| name.len() <= MAX_NAME);
    let form = parts.and_then(|(id, end)| Some((id, Form::from_extension(end)?)));
    let (id, form) = form.ok_or_else(|| Error::not_found("document"))?;
    let row = graphql::document_id(id)?;
    let version = documents::document(&op, row).await?;
    documents::file(&op, &version, form).await
}

fn answer(file: File) -> Response {
    let File { name, media_type, bytes, sha256: _ } = file;
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    // The name is made of words of this program and numbers.
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, PAGE);
    response
}
