//! The pages of those who are told: `/my/<token>` and `/tenant/<token>`. Plain HTML and forms; who may see what is decided by
//! `notices::portal`.

mod pages;
mod tenant;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::FormRejection;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Form, Path, Query, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use capacity::admission::Rate;
use guard::gate::{Gate, network, retry_after};
use serde::Deserialize;
use uuid::Uuid;

use self::pages::{Came, Place, Refusal};
use super::{Service, headers};
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::notices::Language;
use crate::notices::portal::{self, ActKind, Entered, Guest, Requested, Side, Visit, Word};

/// Links that open nothing, of a network a minute, and at once: a mail program may try one several times.
const WRONG: (u32, u32) = (10, 20);
/// Requests about one message a minute, and at once.
const RIGHT: (u32, u32) = (30, 60);
/// Networks, and messages, that are remembered.
const MOST: usize = 10_000;
/// Longest body of a form: 2,000 characters of four bytes each, written as addresses are, with room.
const FORM_BYTES: usize = 40 * 1024;
/// The session's cookie.
const COOKIE: &str = "suimon-page";

/// How often pages are asked for.
pub struct Gates {
    wrong: Gate<IpAddr>,
    right: Gate<Uuid>,
}

impl Default for Gates {
    fn default() -> Self {
        let of_each = |(a_minute, burst): (u32, u32)| (Rate::per_minute(a_minute), burst);
        Self { wrong: Gate::new(of_each(WRONG), MOST), right: Gate::new(of_each(RIGHT), MOST) }
    }
}

/// The routes of the pages. A form of another site is refused before it is read.
pub(super) fn routes(app: &Arc<App>) -> Router<Service> {
    let of_person = Router::new()
        .route("/my/{token}", get(person))
        .route("/my/{token}/code", post(|door: Door| send_code(Side::Person, door)))
        .route("/my/{token}/enter", post(|door: Door, form: Typed| enter(Side::Person, door, form)))
        .route("/my/{token}/leave", post(|door: Door| leave(Side::Person, door)))
        .route("/my/{token}/ask", post(ask_as_person))
        .route("/my/{token}/gift", post(take_gift));
    let of_tenant = Router::new()
        .route("/tenant/{token}", get(tenant::page))
        .route("/tenant/{token}/code", post(|door: Door| send_code(Side::Tenant, door)))
        .route("/tenant/{token}/enter", post(|door: Door, form: Typed| enter(Side::Tenant, door, form)))
        .route("/tenant/{token}/leave", post(|door: Door| leave(Side::Tenant, door)))
        .route(
            "/tenant/{token}/ask",
            post(|door: Door, form: Written| tenant::write(ActKind::Asked, door, form)),
        )
        .route(
            "/tenant/{token}/correct",
            post(|door: Door, form: Written| tenant::write(ActKind::Corrected, door, form)),
        )
        .route("/tenant/{token}/confirm", post(|door: Door| tenant::say(Word::Confirm, door)))
        .route("/tenant/{token}/take-over", post(|door: Door| tenant::say(Word::TakeOver, door)))
        .route("/tenant/{token}/list.csv", post(tenant::download));
    let known = app.clone();
    of_person.merge(of_tenant).layer(DefaultBodyLimit::max(FORM_BYTES)).route_layer(
        axum::middleware::from_fn(move |request: Request, next: Next| {
            let here = request.method().is_safe() || from_here(request.headers(), &known);
            let refused = (!here).then(|| refuse(&known, StatusCode::FORBIDDEN, Refusal::Elsewhere));
            async move {
                match refused {
                    Some(answer) => answer,
                    None => next.run(request).await,
                }
            }
        }),
    )
}

/// Whether a form was sent from a page of this service. Browsers that say nothing of the site, only the origin, hide that too for a page
/// that asks for no referrer, as these do: `null`. It is let in, because whoever wrote a foreign form does not know the address that it
/// must go to, which is the secret of the mail; and the session's cookie is not sent along from elsewhere.
fn from_here(headers: &HeaderMap, app: &App) -> bool {
    let hidden = headers.get(header::ORIGIN).is_some_and(|origin| origin == "null");
    let old = !headers.contains_key(HeaderName::from_static("sec-fetch-site"));
    (hidden && old) || headers::sent_from_here(headers, &app.config().server.public_url)
}

/// What every request to a page brings.
struct Door {
    service: Service,
    peer: SocketAddr,
    token: String,
    query: Spoken,
    headers: HeaderMap,
}

#[derive(Clone, Default, Deserialize)]
struct Spoken {
    #[serde(default)]
    lang: String,
    /// What came of the form before.
    #[serde(default)]
    step: String,
    /// Of a long list, from 1.
    #[serde(default)]
    page: Option<u64>,
}

impl axum::extract::FromRequestParts<Service> for Door {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        service: &Service,
    ) -> std::result::Result<Self, Response> {
        let broken = |_| refuse(&service.app, StatusCode::NOT_FOUND, Refusal::None);
        let ConnectInfo(peer) = ConnectInfo::from_request_parts(parts, service)
            .await
            .map_err(|_| refuse(&service.app, StatusCode::INTERNAL_SERVER_ERROR, Refusal::Broken))?;
        let Path(token) = Path::<String>::from_request_parts(parts, service).await.map_err(broken)?;
        let query = Query::<Spoken>::from_request_parts(parts, service).await;
        let query = query.map(|Query(query)| query).unwrap_or_default();
        Ok(Self { service: service.clone(), peer, token, query, headers: parts.headers.clone() })
    }
}

impl Door {
    fn app(&self) -> &Arc<App> {
        &self.service.app
    }

    fn path(&self, side: Side) -> String {
        format!("/{}/{}", side.path(), self.token)
    }

    fn language(&self) -> Option<Language> {
        match self.query.lang.as_str() {
            "ja" => Some(Language::Ja),
            "en" => Some(Language::En),
            _ => None,
        }
    }

    /// Who came, or the answer that nobody did. A link that opens is looked up before it is counted against its network: behind one
    /// proxy all come from one address, and who tries links there must not shut the others out.
    async fn visit(&self, side: Side) -> std::result::Result<Visit, Response> {
        let (app, gates) = (self.app(), &self.service.portal);
        let found = portal::visit(app, side, &self.token).await.map_err(|error| broken(app, &error))?;
        let Some(visit) = found else {
            gates.wrong.admits(network(self.peer.ip())).map_err(|time| busy(app, time))?;
            return Err(refuse(app, StatusCode::NOT_FOUND, Refusal::None));
        };
        gates.right.admits(visit.message()).map_err(|time| busy(app, time))?;
        Ok(visit)
    }

    /// The recipient, or the page that asks for the code.
    async fn guest(&self, side: Side) -> std::result::Result<std::result::Result<Guest, Visit>, Response> {
        let visit = self.visit(side).await?;
        let secret = cookie_value(self.app(), &self.headers);
        portal::guest(visit, secret.as_deref()).await.map_err(|error| broken(self.app(), &error))
    }

    /// The recipient, or the answer that what was sent was not taken.
    async fn recipient(&self, side: Side) -> std::result::Result<Guest, Response> {
        match self.guest(side).await? {
            Ok(guest) => Ok(guest),
            Err(visit) => Err(self.entrance(&visit, side, StatusCode::FORBIDDEN, "begin", true).await),
        }
    }

    /// Where somebody without a session stands.
    fn step_before(&self) -> &'static str {
        if self.query.step == "sent" { "sent" } else { "begin" }
    }

    async fn entrance(
        &self,
        visit: &Visit,
        side: Side,
        status: StatusCode,
        step: &str,
        unsent: bool,
    ) -> Response {
        let path = self.path(side);
        let language = self.language().unwrap_or_else(|| visit.language());
        let page = portal::operator_name(visit, language).await.and_then(|operator| {
            let place = Place { path: &path, language, operator: &operator };
            pages::enter(place, side == Side::Tenant, step, unsent)
        });
        shown(self.app(), status, page)
    }

    /// Another page after a form, in the language of the form.
    fn see(&self, side: Side, step: &str) -> Response {
        let lang = self.language().map_or("", Language::as_str);
        let query = match (lang, step) {
            ("", "") => String::new(),
            ("", step) => format!("?step={step}"),
            (lang, "") => format!("?lang={lang}"),
            (lang, step) => format!("?step={step}&lang={lang}"),
        };
        Redirect::to(&format!("{}{query}", self.path(side))).into_response()
    }
}

fn refuse(app: &App, status: StatusCode, refusal: Refusal) -> Response {
    match pages::refused(app, refusal) {
        Ok(page) => pages::answer(status, page),
        Err(error) => {
            tracing::error!(%error, "a page could not be made");
            (StatusCode::INTERNAL_SERVER_ERROR, "internal error\n").into_response()
        }
    }
}

fn busy(app: &App, time: Duration) -> Response {
    let mut answer = refuse(app, StatusCode::TOO_MANY_REQUESTS, Refusal::Busy);
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry_after(time)));
    answer
}

fn broken(app: &App, error: &Error) -> Response {
    tracing::error!(%error, "a page could not be shown");
    refuse(app, StatusCode::INTERNAL_SERVER_ERROR, Refusal::Broken)
}

fn shown(app: &App, status: StatusCode, page: Result<String>) -> Response {
    match page {
        Ok(page) => pages::answer(status, page),
        Err(error) => broken(app, &error),
    }
}

fn is_https(app: &App) -> bool {
    app.config().server.public_url.starts_with("https://")
}

/// With https its name binds it to connections that are protected (RFC 6265bis, 4.1.3.1).
fn cookie_name(app: &App) -> String {
    if is_https(app) { format!("__Secure-{COOKIE}") } else { COOKIE.to_owned() }
}

fn cookie(app: &App, side: Side, value: &str, seconds: i64) -> AppendHeaders<[(HeaderName, String); 1]> {
    let secure = if is_https(app) { "; Secure" } else { "" };
    let (name, path) = (cookie_name(app), side.path());
    let text = format!("{name}={value}; Path=/{path}/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    AppendHeaders([(header::SET_COOKIE, text)])
}

fn cookie_value(app: &App, headers: &HeaderMap) -> Option<String> {
    let prefix = format!("{}=", cookie_name(app));
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let value = all.flat_map(|value| value.split(';')).find_map(|pair| pair.trim().strip_prefix(&prefix))?;
    (!value.is_empty()).then(|| value.to_owned())
}

/// `POST …/code`
async fn send_code(side: Side, door: Door) -> Response {
    let visit = match door.visit(side).await {
        Ok(visit) => visit,
        Err(answer) => return answer,
    };
    match portal::request_code(&visit).await {
        Ok(Requested::Taken) => door.see(side, "sent"),
        Ok(Requested::TooMany) => {
            door.entrance(&visit, side, StatusCode::TOO_MANY_REQUESTS, "wait", false).await
        }
        Err(error) => broken(door.app(), &error),
    }
}

#[derive(Deserialize)]
struct CodeForm {
    code: String,
}

type Typed = std::result::Result<Form<CodeForm>, FormRejection>;

/// `POST …/enter` with `code`
async fn enter(side: Side, door: Door, form: Typed) -> Response {
    let visit = match door.visit(side).await {
        Ok(visit) => visit,
        Err(answer) => return answer,
    };
    // What is no form has no code.
    let typed = form.map(|Form(form)| form.code).unwrap_or_default();
    match portal::enter(&visit, &typed).await {
        Ok(Entered::Open { secret, seconds }) => {
            (cookie(door.app(), side, &secret, seconds), door.see(side, "")).into_response()
        }
        Ok(Entered::Wrong) => door.entrance(&visit, side, StatusCode::FORBIDDEN, "wrong", false).await,
        Err(error) => broken(door.app(), &error),
    }
}

/// `POST …/leave`
async fn leave(side: Side, door: Door) -> Response {
    let left = match door.guest(side).await {
        Ok(Ok(guest)) => {
            let secret = cookie_value(door.app(), &door.headers).unwrap_or_default();
            portal::leave(guest, &secret).await
        }
        Ok(Err(_)) => Ok(()),
        Err(answer) => return answer,
    };
    match left {
        Ok(()) => (cookie(door.app(), side, "", 0), door.see(side, "")).into_response(),
        Err(error) => broken(door.app(), &error),
    }
}

/// `GET /my/<token>`
async fn person(door: Door) -> Response {
    match door.guest(Side::Person).await {
        Ok(Ok(guest)) => {
            let done = if door.query.step == "asked" { "asked" } else { "" };
            person_page(&door, &guest, StatusCode::OK, Came { done, ..Came::default() }).await
        }
        Ok(Err(visit)) => {
            door.entrance(&visit, Side::Person, StatusCode::OK, door.step_before(), false).await
        }
        Err(answer) => answer,
    }
}

async fn person_page(door: &Door, guest: &Guest, status: StatusCode, came: Came<'_>) -> Response {
    let page = portal::person_page(guest, door.language()).await;
    let path = door.path(Side::Person);
    shown(door.app(), status, page.and_then(|page| pages::person(&path, &page, came)))
}

#[derive(Deserialize)]
struct TextForm {
    text: String,
}

type Written = std::result::Result<Form<TextForm>, FormRejection>;

/// `POST /my/<token>/ask` with `text`
async fn ask_as_person(door: Door, form: Written) -> Response {
    let guest = match door.recipient(Side::Person).await {
        Ok(guest) => guest,
        Err(answer) => return answer,
    };
    match question(&guest, form, ActKind::Asked, door.language()).await {
        Ok(()) => door.see(Side::Person, "asked"),
        Err(Unasked::Said { status, problem, kept }) => {
            let came = Came { problem: &problem, kept: &kept, of: "ask", done: "" };
            person_page(&door, &guest, status, came).await
        }
        Err(Unasked::Broken(error)) => broken(door.app(), &error),
    }
}

/// `POST /my/<token>/gift`
async fn take_gift(door: Door) -> Response {
    let guest = match door.recipient(Side::Person).await {
        Ok(guest) => guest,
        Err(answer) => return answer,
    };
    match portal::take_gift(&guest).await {
        Ok(()) => door.see(Side::Person, ""),
        Err(error) if error.problem().is_some_and(|problem| problem.code == Code::Conflict) => {
            let problem = match door.language().unwrap_or_else(|| guest.language()) {
                Language::Ja => "お渡しできるギフトコードがありません。下の窓口にご連絡ください。",
                Language::En => "There is no gift code to give. Please contact the desk below.",
            };
            let came = Came { problem, of: "gift", ..Came::default() };
            person_page(&door, &guest, StatusCode::CONFLICT, came).await
        }
        Err(error) => broken(door.app(), &error),
    }
}

/// Why a question was not taken.
enum Unasked {
    /// For the person to read; what was written stays in the form.
    Said {
        status: StatusCode,
        problem: String,
        kept: String,
    },
    Broken(Error),
}

async fn question(
    guest: &Guest,
    form: Written,
    kind: ActKind,
    language: Option<Language>,
) -> std::result::Result<(), Unasked> {
    let ja = language.unwrap_or_else(|| guest.language()) == Language::Ja;
    let pick = |ja_text: &str, en_text: &str| if ja { ja_text.to_owned() } else { en_text.to_owned() };
    let length = || {
        pick(
            "送信されませんでした。1字以上2,000字以内で、普通の文字だけで入力してください。",
            "This was not sent. Please write 1 to 2,000 characters of plain text.",
        )
    };
    let Ok(Form(TextForm { text })) = form else {
        let (status, kept) = (StatusCode::PAYLOAD_TOO_LARGE, String::new());
        return Err(Unasked::Said { status, problem: length(), kept });
    };
    let most = portal::most_a_day(guest.side());
    let Err(error) = portal::ask(guest, &text, kind).await else { return Ok(()) };
    let (status, problem) = match error.problem().map(|problem| problem.code) {
        Some(Code::Invalid) => (StatusCode::BAD_REQUEST, length()),
        Some(Code::LimitExceeded) => (
            StatusCode::TOO_MANY_REQUESTS,
            pick(
                &format!(
                    "送信されませんでした。1日{most}件までです。お急ぎのときは、下の窓口にご連絡ください。"
                ),
                &format!(
                    "This was not sent: {most} a day are taken. If it is urgent, please contact the desk below."
                ),
            ),
        ),
        _ => return Err(Unasked::Broken(error)),
    };
    Err(Unasked::Said { status, problem, kept: text })
}
