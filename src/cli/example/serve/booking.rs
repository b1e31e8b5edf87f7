//! The booking service for medical workers, as small as it can be: public slots, a worker's own page, the call centre's desk.

use std::sync::Arc;

use axum::extract::{Form, Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use minijinja::{Value, context};
use serde::Deserialize;
use serde_json::json;

use super::decisions::{Decisions, Verdict};
use super::pages::{self, Lang, Pages, Spoken};
use super::sessions::{About, Sessions};
use super::slots::{Clinic, Open, Slot, Slots};
use super::{Common, Shared, desk};
use crate::cli::example::workers::{WORKERS, Worker, workers};
use crate::entropy::Entropy;

const TEMPLATES: [(&str, &str); 6] = [
    ("top", include_str!("../../../../templates/example/booking_top.html")),
    ("slots", include_str!("../../../../templates/example/booking_slots.html")),
    ("sign_in", include_str!("../../../../templates/example/booking_sign_in.html")),
    ("own", include_str!("../../../../templates/example/booking_own.html")),
    ("desk", include_str!("../../../../templates/example/booking_desk.html")),
    ("refused", include_str!("../../../../templates/example/refused.html")),
];

/// The field of the manifest's `sessions`.
const SUBJECT: &str = "x-booking-subject";
/// How many medical workers the page for signing in offers.
const OFFERED: usize = 8;
/// Desks of the call centre.
const DESKS: usize = 3;

/// Who is signed in.
#[derive(Clone, Copy)]
pub enum Visitor {
    /// A place in the list of workers.
    Worker(usize),
    /// An operator, and the worker with whom the operator speaks.
    Desk(usize, Option<usize>),
}

pub struct Booking {
    pub common: Common<Visitor>,
    pub workers: Vec<Worker>,
    pub slots: Slots,
    decisions: Option<Decisions>,
}

/// # Errors
/// When templates or names do not read.
pub fn router(
    seed: u64,
    careful: bool,
    entropy: Entropy,
    decisions: Option<Decisions>,
) -> anyhow::Result<Router> {
    let pages = Pages::new(("ワクチン接種予約システム", "Vaccine booking system"), &TEMPLATES)?;
    let common = Common { pages, sessions: Sessions::new("booking_session", entropy), careful };
    let booking =
        Arc::new(Booking { common, workers: workers(seed, WORKERS)?, slots: Slots::new(), decisions });
    Ok(Router::new()
        .route("/", get(top))
        .route("/assets/site.css", get(pages::style))
        .route("/slots/{clinic}", get(slots))
        .route("/login", get(sign_in).post(signed_in))
        .route("/login/out", post(signed_out))
        .route("/booking", get(own))
        .route("/booking/", get(own).post(book))
        .route("/booking/cancel", post(cancel))
        .route("/api/bookings/{number}", get(record))
        .route("/desk", get(desk::show))
        .route("/desk/", get(desk::show).post(desk::book))
        .route("/desk/person", post(desk::find))
        .fallback(not_there)
        .layer(middleware::from_fn_with_state(booking.clone(), told))
        .with_state(booking))
}

impl Booking {
    fn about(&self, visitor: Visitor) -> About {
        let subject = match visitor {
            Visitor::Worker(at) => self.workers[at].number.clone(),
            Visitor::Desk(desk, _) => format!("desk-{}", desk + 1),
        };
        About { subject, tenant: String::new() }
    }

    pub fn name(&self, visitor: Visitor, lang: Lang) -> String {
        match visitor {
            Visitor::Worker(at) => {
                lang.of(&self.workers[at].name, &self.workers[at].name_in_latin).to_owned()
            }
            Visitor::Desk(desk, _) => {
                format!("{} {}", lang.of("電話窓口", "Call centre, desk"), desk + 1)
            }
        }
    }

    /// A person's fields with their names.
    pub fn fields(&self, worker: usize, lang: Lang) -> Vec<Vec<String>> {
        let Worker { number, name, name_in_latin, born, occupation, ticket, .. } = &self.workers[worker];
        let fields = [
            (lang.of("予約管理番号", "Booking management number"), number.as_str()),
            (lang.of("氏名", "Full name"), lang.of(name, name_in_latin)),
            (lang.of("生年月日", "Date of birth"), born),
            (lang.of("職種", "Occupation"), lang.of(occupation.0, occupation.1)),
            (lang.of("接種券番号", "Vaccination ticket number"), ticket),
        ];
        fields.map(|(name, value)| vec![name.to_owned(), value.to_owned()]).into()
    }

    /// Slots that can be chosen.
    pub fn choice(&self, lang: Lang, offered: impl Fn(Open) -> bool) -> Vec<Value> {
        let all = self.slots.all().into_iter().filter(|(slot, _)| offered(slot.open));
        let one = |(slot, free): (&Slot, usize)| {
            let label = slot.label(lang);
            context! { id => slot.id.as_str(), label, open => slot.open.words(lang), free }
        };
        all.map(one).collect()
    }

    /// Whether somebody may book a slot. Without Suimon the call centre may book all of them, which was the mistake of the day, unless the
    /// application is careful.
    pub async fn may_book(&self, visitor: Visitor, slot: &Slot) -> Verdict {
        let here = match visitor {
            Visitor::Worker(_) => slot.open == Open::Everybody,
            Visitor::Desk(..) => slot.open != Open::Nobody || !self.common.careful,
        };
        let (role, channel) = match visitor {
            Visitor::Worker(_) => ("data_subject", "web"),
            Visitor::Desk(..) => ("call_centre", "call_centre"),
        };
        match &self.decisions {
            _ if !here => Verdict::No(None),
            Some(decisions) => decisions.may_book(role, channel, &slot.id, slot.open != Open::Nobody).await,
            None => Verdict::Yes,
        }
    }

    /// Books for a worker, as somebody: the way back, or a page that says why not.
    pub async fn book_as(
        &self,
        visitor: Visitor,
        worker: usize,
        slot: &str,
        lang: Lang,
        back: &str,
    ) -> Response {
        let say = |status, ja, en, requirement: Option<String>| {
            let why = context! { title => lang.of(ja, en), requirement };
            self.common.pages.refuse(status, lang, Some(&self.name(visitor, lang)), why)
        };
        let Some(slot) = self.slots.find(slot) else {
            return say(StatusCode::NOT_FOUND, "その接種枠はありません。", "There is no such slot.", None);
        };
        match self.may_book(visitor, slot).await {
            Verdict::Yes if self.slots.book(worker, &slot.id) => lang.see(back),
            Verdict::Yes => say(StatusCode::CONFLICT, "空きがありません。", "No place is free.", None),
            Verdict::No(requirement) => say(
                StatusCode::FORBIDDEN,
                "この接種枠は予約を受け付けていません。",
                "This slot accepts no bookings.",
                requirement,
            ),
            Verdict::Unanswered => say(
                StatusCode::SERVICE_UNAVAILABLE,
                "予約してよいか確認できません。しばらくしてからお試しください。",
                "Whether this may be booked cannot be checked now. Please try again later.",
                None,
            ),
        }
    }
}

/// Says whom a personal answer is about, and to caches what the day lets it say.
async fn told(State(booking): Shared<Booking>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let public = path == "/" || path.starts_with("/assets/") || path.starts_with("/slots/");
    let asks = booking.common.sessions.of(request.headers()).map(|visitor| booking.about(visitor));
    let mut answer = next.run(request).await;
    let about = answer.extensions_mut().remove::<About>().or(asks).unwrap_or_default();
    let fields = answer.headers_mut();
    pages::tell_caches(fields, public, booking.common.careful);
    if !public {
        pages::name(fields, SUBJECT, &about.subject);
    }
    answer
}

async fn top(State(booking): Shared<Booking>, Query(Spoken { lang }): Query<Spoken>) -> Response {
    let clinics: Vec<Value> = Clinic::all()
        .map(|clinic| context! { name => clinic.name(lang), address => format!("/slots/{}", clinic.slug) })
        .collect();
    booking.common.pages.show("top", lang, "/", None, context! { clinics })
}

async fn slots(
    State(booking): Shared<Booking>,
    Path(slug): Path<String>,
    Query(Spoken { lang }): Query<Spoken>,
) -> Response {
    let Some(clinic) = Clinic::all().find(|clinic| clinic.slug == slug) else {
        let why = context! { title => lang.of("その医療機関はありません。", "There is no such clinic."), requirement => () };
        return booking.common.pages.refuse(StatusCode::NOT_FOUND, lang, None, why);
    };
    let slots: Vec<Value> = (booking.slots.all().into_iter())
        .filter(|(slot, _)| slot.clinic.slug == slug)
        .map(|(slot, free)| context! { time => slot.time(lang), open => slot.open.words(lang), free })
        .collect();
    let values = context! { clinic => clinic.name(lang), slots };
    booking.common.pages.show("slots", lang, &format!("/slots/{slug}"), None, values)
}

async fn sign_in(
    State(booking): Shared<Booking>,
    Query(Spoken { lang }): Query<Spoken>,
    fields: HeaderMap,
) -> Response {
    let who = booking.common.sessions.of(&fields).map(|visitor| booking.name(visitor, lang));
    let offer =
        |visitor| context! { value => booking.about(visitor).subject, name => booking.name(visitor, lang) };
    let workers: Vec<Value> = (0..OFFERED).map(|at| offer(Visitor::Worker(at))).collect();
    let desks: Vec<Value> = (0..DESKS).map(|desk| offer(Visitor::Desk(desk, None))).collect();
    booking.common.pages.show("sign_in", lang, "/login", who.as_deref(), context! { workers, desks })
}

#[derive(Deserialize)]
struct SignIn {
    person: String,
    #[serde(default)]
    lang: Lang,
}

async fn signed_in(
    State(booking): Shared<Booking>,
    fields: HeaderMap,
    Form(SignIn { person, lang }): Form<SignIn>,
) -> Response {
    let worker = booking.workers.iter().position(|worker| worker.number == person).map(Visitor::Worker);
    let desk = || {
        (0..DESKS).map(|desk| Visitor::Desk(desk, None)).find(|desk| booking.about(*desk).subject == person)
    };
    let Some(visitor) = worker.or_else(desk) else {
        let title = lang.of("その人はいません。", "There is nobody of that name.");
        let why = context! { title, requirement => () };
        return booking.common.pages.refuse(StatusCode::BAD_REQUEST, lang, None, why);
    };
    let cookie = booking.common.sessions.begin(&fields, visitor);
    let to = if matches!(visitor, Visitor::Worker(_)) { "/booking/" } else { "/desk/" };
    ([(header::SET_COOKIE, cookie)], Extension(booking.about(visitor)), lang.see(to)).into_response()
}

async fn signed_out(
    State(booking): Shared<Booking>,
    fields: HeaderMap,
    Form(Spoken { lang }): Form<Spoken>,
) -> Response {
    let cookie = booking.common.sessions.end(&fields);
    ([(header::SET_COOKIE, cookie)], Extension(About::default()), lang.see("/login")).into_response()
}

async fn own(
    State(booking): Shared<Booking>,
    Query(Spoken { lang }): Query<Spoken>,
    fields: HeaderMap,
) -> Response {
    let Some(Visitor::Worker(at)) = booking.common.sessions.of(&fields) else { return lang.see("/login") };
    let values = context! {
        number => booking.workers[at].number.as_str(),
        another => booking.workers[(at + 1) % booking.workers.len()].number.as_str(),
        fields => booking.fields(at, lang),
        booked => booking.slots.of(at).map(|slot| slot.label(lang)),
        slots => booking.choice(lang, |open| open == Open::Everybody),
    };
    let name = booking.name(Visitor::Worker(at), lang);
    booking.common.pages.show("own", lang, "/booking/", Some(&name), values)
}

#[derive(Deserialize)]
pub struct Wish {
    pub slot: String,
    #[serde(default)]
    pub lang: Lang,
}

async fn book(
    State(booking): Shared<Booking>,
    fields: HeaderMap,
    Form(Wish { slot, lang }): Form<Wish>,
) -> Response {
    match booking.common.sessions.of(&fields) {
        Some(visitor @ Visitor::Worker(at)) => booking.book_as(visitor, at, &slot, lang, "/booking/").await,
        _ => lang.see("/login"),
    }
}

async fn cancel(
    State(booking): Shared<Booking>,
    fields: HeaderMap,
    Form(Spoken { lang }): Form<Spoken>,
) -> Response {
    let Some(Visitor::Worker(at)) = booking.common.sessions.of(&fields) else { return lang.see("/login") };
    booking.slots.cancel(at);
    lang.see("/booking/")
}

/// A record for scripts, to whoever is signed in and knows its number: one way in which a "special tool" may read what it should not. It
/// does say whose record it is, by which the guard withholds it from others.
async fn record(State(booking): Shared<Booking>, Path(number): Path<String>, fields: HeaderMap) -> Response {
    let Some(visitor) = booking.common.sessions.of(&fields) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let Some(at) = booking.workers.iter().position(|worker| worker.number == number) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if booking.common.careful && !matches!(visitor, Visitor::Worker(own) if own == at) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let Worker { number, name, born, occupation, ticket, .. } = &booking.workers[at];
    let slot = booking.slots.of(at).map(|slot| slot.id.as_str());
    let record = json!({
        "booking_number": number, "full_name": name, "date_of_birth": born, "occupation": occupation.0,
        "ticket_number": ticket, "slot": slot,
    });
    (Extension(booking.about(Visitor::Worker(at))), Json(record)).into_response()
}

/// Below a public prefix caches keep this, too: nobody is named on it.
async fn not_there(State(booking): Shared<Booking>, Query(Spoken { lang }): Query<Spoken>) -> Response {
    let why = context! { title => lang.of("そのページはありません。", "There is no such page."), requirement => () };
    booking.common.pages.refuse(StatusCode::NOT_FOUND, lang, None, why)
}
