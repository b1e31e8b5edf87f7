//! One-time codes. A code exists in two places: in the mail to the recipient, and as a keyed hash in the database. The work that sends it
//! draws it, so that not even the queue has it; and whoever asks waits as long for an address that exists as for one that does not.

use std::collections::HashMap;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::acts::ActKind;
use super::door::{self, Visit};
use super::link::Side;
use super::person::operator_name;
use super::{address, store};
use crate::access::Scope;
use crate::app::App;
use crate::audit::Decision;
use crate::error::Result;
use crate::jobs::{self, NewJob, Outcome, Running};
use crate::notices::model::{Language, Message};
use crate::notices::plain::{Delivered, send_plain};
use crate::notices::store_messages;
use crate::notices::template::Text;

/// Kind of the job that draws a code and sends it.
pub const CODE: &str = "notices.code";
/// What hashes of codes are made with.
const KEY: &str = "suimon portal code v1";
/// Digits of a code.
const DIGITS: usize = 8;
const MINUTE: i64 = 60 * 1_000_000;
/// How long a code opens.
const MINUTES: i64 = 15;
/// Wrong ones after which a code is over.
const MOST_TRIES: i32 = 5;
/// Codes of one message in an hour.
const MOST_AN_HOUR: u64 = 3;
/// How long a session lasts.
const SESSION_MINUTES: i64 = 30;
/// When the mail server was busy, it is asked again after this.
const AGAIN: SignedDuration = SignedDuration::from_secs(20);

/// What became of the wish for a code. It says nothing about whether there is an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requested {
    /// If there is an address, a code goes to it.
    Taken,
    /// There were enough in the last hour.
    TooMany,
}

/// What came of typing a code in.
pub enum Entered {
    /// A session: for a cookie.
    Open {
        /// Of 256 bits; here alone.
        secret: String,
        /// How long it lasts.
        seconds: i64,
    },
    /// Not this one; or there is none, or it is over.
    Wrong,
}

#[derive(Serialize, Deserialize)]
struct Payload {
    code: Uuid,
    side: Word,
}

/// A side as a job keeps it.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Person,
    Tenant,
}

/// Asks for a code to the address that the message went to.
///
/// # Errors
/// Unexpected ones only.
pub async fn request_code(visit: &Visit) -> Result<Requested> {
    let tx = visit.scope.begin().await?;
    let message = visit.message.id;
    // Under the message's lock: of wishes that come at once each is counted.
    store_messages::locked(&tx, message).await?;
    if store::codes_since(&tx, message, visit.scope.at_micros() - 60 * MINUTE).await? >= MOST_AN_HOUR {
        let event = visit.event("portal.code").decision(Decision::Denied);
        tx.commit(event.detail(json!({ "why": "enough for an hour" }))).await?;
        return Ok(Requested::TooMany);
    }
    let id = visit.scope.new_id();
    store::insert_code(&tx, id, message).await?;
    let side = match visit.side {
        Side::Person => Word::Person,
        Side::Tenant => Word::Tenant,
    };
    let payload = serde_json::to_value(Payload { code: id, side })?;
    jobs::enqueue(&tx, NewJob { kind: CODE, key: id.to_string(), payload, run_at: None }).await?;
    tx.commit(visit.event("portal.code")).await?;
    Ok(Requested::Taken)
}

/// Draws a code and sends it to the address of its message.
///
/// # Errors
/// Unexpected ones only; then another code is drawn and sent.
pub async fn send_code(running: &Running) -> Result<Outcome> {
    let Payload { code: id, side } = serde_json::from_value(running.job().payload.clone())?;
    let side = match side {
        Word::Person => Side::Person,
        Word::Tenant => Side::Tenant,
    };
    let scope = running.scope();
    let Some(wish) = store::code(scope, id).await? else { return Ok(Outcome::Done) };
    if wish.requested_at + MINUTES * MINUTE <= scope.at_micros() {
        return Ok(Outcome::Done);
    }
    let Some(visit) = door::of_message(scope.clone(), side, wish.message_id).await? else {
        return Ok(Outcome::Done);
    };
    let Some(address) = address::of(&visit).await? else { return Ok(Outcome::Done) };
    let app = scope.op().app();
    let code = draw(app);
    let end = scope.at_micros() + MINUTES * MINUTE;
    let tx = scope.begin().await?;
    store::draw_code(&tx, id, keyed(app, id, &code), end).await?;
    running.save(&tx, &json!(null), 0, None).await?;
    tx.commit(visit.event("portal.code_drawn")).await?;
    let operator = operator_name(&visit, visit.message.language).await?;
    let text = text(&operator, &code, visit.message.language);
    let delivered = send_plain(scope, &mail_name(id), &address, visit.message.language, &text).await?;
    let (outcome, said) = match delivered {
        Delivered::Accepted => (Outcome::Done, "accepted"),
        Delivered::NotNow => (Outcome::Later(AGAIN), "not now"),
        Delivered::Never => (Outcome::Done, "never"),
    };
    visit.record(visit.event("portal.code_sent").detail(json!({ "mail": said }))).await?;
    Ok(outcome)
}

fn draw(app: &App) -> Zeroizing<String> {
    let drawn = u64::from_be_bytes(app.entropy().bytes()) % 100_000_000;
    Zeroizing::new(format!("{drawn:0width$}", width = DIGITS))
}

/// Bound to its row: a hash of another message's code says nothing here.
fn keyed(app: &App, id: Uuid, code: &str) -> Vec<u8> {
    let key = app.master().derive(KEY);
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&*key).unwrap_or_else(|_| unreachable!());
    mac.update(id.as_bytes());
    mac.update(code.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn mail_name(id: Uuid) -> String {
    format!("code-{id}")
}

/// Message-ID of the mail that carried a code.
pub(super) fn mail_id(app: &App, id: Uuid) -> String {
    format!("<{}@{}>", mail_name(id), app.config().mail.sender_domain())
}

/// The messages whose codes these mails carried, by Message-ID: a code's mail is a mail to the same recipient.
pub(in crate::notices) async fn messages_of_codes(
    scope: &Scope,
    mail_ids: &[&str],
) -> Result<HashMap<String, Message>> {
    let id_of = |mail_id: &str| mail_id.strip_prefix("<code-")?.split('@').next()?.parse::<Uuid>().ok();
    let mut found = HashMap::new();
    for mail_id in mail_ids {
        let Some(id) = id_of(mail_id) else { continue };
        let Some(code) = store::code(scope, id).await? else { continue };
        if let Some(message) = store::message(scope, code.message_id).await? {
            found.insert((*mail_id).to_owned(), message);
        }
    }
    Ok(found)
}

fn text(operator: &str, code: &str, language: Language) -> Text {
    match language {
        Language::Ja => Text {
            subject: format!("確認コード({operator})"),
            body: format!(
                "{operator}です。\nお知らせのページを開くための確認コードをお送りします。\n\n確認コード: {code}\n\n\
                 {MINUTES}分以内に、ページに入力してください。一度だけ使えます。\n\
                 このコードを他の方に教えないでください。当社が電話やメールでコードをお尋ねすることはありません。\n\
                 お心当たりのない場合は、このメールを破棄してください。何も表示されません。\n\n{operator}\n"
            ),
        },
        Language::En => Text {
            subject: format!("Your one-time code ({operator})"),
            body: format!(
                "This is the one-time code that opens your page about our notice.\n\nCode: {code}\n\n\
                 Type it in on the page within {MINUTES} minutes. It works once.\n\
                 Do not tell it to anybody: we never ask for it by mail or telephone.\n\
                 If you did not ask for a code, delete this mail. Nothing was shown to anybody.\n\n{operator}\n"
            ),
        },
    }
}

/// The digits of what somebody typed; telephones write full-width ones, people put blanks between them.
fn digits(typed: &str) -> Option<Zeroizing<String>> {
    if typed.len() > 100 {
        return None;
    }
    let mut plain = Zeroizing::new(String::with_capacity(DIGITS));
    for typed in typed.chars().filter(|typed| !typed.is_whitespace() && !matches!(typed, '-' | '‐' | '－'))
    {
        let digit = match typed {
            '０'..='９' => char::from_digit(u32::from(typed) - u32::from('０'), 10)?,
            '0'..='9' => typed,
            _ => return None,
        };
        plain.push(digit);
    }
    (plain.len() == DIGITS).then_some(plain)
}

/// Opens a session with the newest code of the message.
///
/// # Errors
/// Unexpected ones only.
pub async fn enter(visit: &Visit, typed: &str) -> Result<Entered> {
    let app = visit.scope.op().app();
    let at = visit.scope.at_micros();
    let tx = visit.scope.begin().await?;
    store_messages::locked(&tx, visit.message.id).await?;
    let newest = store::newest_code(&tx, visit.message.id).await?;
    let usable = newest.filter(|code| {
        code.ended_at.is_none() && code.tries < MOST_TRIES && code.expires_at.is_some_and(|end| at < end)
    });
    let refuse =
        |why: &str| visit.event("portal.enter").decision(Decision::Denied).detail(json!({ "why": why }));
    let Some(code) = usable else {
        tx.commit(refuse("no code")).await?;
        return Ok(Entered::Wrong);
    };
    let hash = code.hash.as_deref().context("a drawn code without a hash")?;
    // What is no code at all can be no guess.
    let Some(plain) = digits(typed) else {
        tx.commit(refuse("not a code")).await?;
        return Ok(Entered::Wrong);
    };
    if !bool::from(keyed(app, code.id, &plain).ct_eq(hash)) {
        store::count_try(&tx, code.id).await?;
        tx.commit(refuse("wrong code")).await?;
        return Ok(Entered::Wrong);
    }
    let secret = URL_SAFE_NO_PAD.encode(app.entropy().bytes::<32>());
    store::end_code(&tx, code.id, at).await?;
    store::open_session(&tx, door::hash(&secret), visit.message.id, at + SESSION_MINUTES * MINUTE).await?;
    super::acts::record(&tx, visit.message.id, ActKind::Opened, None).await?;
    tx.commit(visit.event("portal.enter")).await?;
    Ok(Entered::Open { secret, seconds: SESSION_MINUTES * 60 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_is_read_kindly() {
        let read = |typed| digits(typed).map(|plain| plain.to_string());
        assert_eq!(read(" 1234 5678 ").as_deref(), Some("12345678"));
        assert_eq!(read("１２３４－５６７８").as_deref(), Some("12345678"));
        assert_eq!(
            (read("1234567"), read("123456789"), read("1234567x"), read("")),
            (None, None, None, None)
        );
        assert_eq!(read(&"1".repeat(1000)), None);
    }
}
