//! The call centre's desk: an operator looks a caller up by the booking management number and books for the caller.

use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use minijinja::context;
use serde::Deserialize;

use super::Shared;
use super::booking::{Booking, Visitor, Wish};
use super::pages::{Lang, Spoken};

pub async fn show(
    State(booking): Shared<Booking>,
    Query(Spoken { lang }): Query<Spoken>,
    fields: HeaderMap,
) -> Response {
    let Some(visitor @ Visitor::Desk(_, caller)) = booking.common.sessions.of(&fields) else {
        return lang.see("/login");
    };
    let values = context! {
        fields => caller.map(|at| booking.fields(at, lang)),
        booked => caller.and_then(|at| booking.slots.of(at)).map(|slot| slot.label(lang)),
        // All of them, as on the day.
        slots => booking.choice(lang, |_| true),
        example => booking.workers[0].number.as_str(),
    };
    booking.common.pages.show("desk", lang, "/desk/", Some(&booking.name(visitor, lang)), values)
}

#[derive(Deserialize)]
pub struct Caller {
    number: String,
    #[serde(default)]
    lang: Lang,
}

/// The number comes in a form and stays with the session, so that no address names a person.
pub async fn find(
    State(booking): Shared<Booking>,
    fields: HeaderMap,
    Form(Caller { number, lang }): Form<Caller>,
) -> Response {
    let Some(visitor @ Visitor::Desk(desk, _)) = booking.common.sessions.of(&fields) else {
        return lang.see("/login");
    };
    let Some(at) = booking.workers.iter().position(|worker| worker.number == number.trim()) else {
        let title = lang.of("その予約管理番号はありません。", "There is no such booking management number.");
        let why = context! { title, requirement => () };
        let who = booking.name(visitor, lang);
        return booking.common.pages.refuse(StatusCode::NOT_FOUND, lang, Some(&who), why);
    };
    booking.common.sessions.change(&fields, Visitor::Desk(desk, Some(at)));
    lang.see("/desk/")
}

pub async fn book(
    State(booking): Shared<Booking>,
    fields: HeaderMap,
    Form(Wish { slot, lang }): Form<Wish>,
) -> Response {
    match booking.common.sessions.of(&fields) {
        Some(visitor @ Visitor::Desk(_, Some(caller))) => {
            booking.book_as(visitor, caller, &slot, lang, "/desk/").await
        }
        Some(Visitor::Desk(_, None)) => lang.see("/desk/"),
        _ => lang.see("/login"),
    }
}
