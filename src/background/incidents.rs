//! The alarm of an incident that a guard opened: officers learn of it at once, at night too. It names the incident and the system;
//! nothing of a person.

use futures::FutureExt;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::audit::Event;
use crate::error::Result;
use crate::incidents::{self, Incident};
use crate::jobs::{Handler, Outcome, Running};
use crate::notices::Text;

/// Tells the officers.
pub const ALARM: Handler = Handler::on_demand(incidents::ALARM, |running| ring(running).boxed());

/// Tells the officers that recipients of notices have asked something.
pub const QUESTIONS: Handler =
    Handler::on_demand(incidents::QUESTIONS, |running| tell_of_questions(running).boxed());

/// Counts where the people of a list live.
pub const RESIDENCES: Handler = Handler::on_demand(incidents::affected::RESIDENCES, |running| {
    incidents::affected::count_residences(running).boxed()
});

#[derive(Deserialize)]
struct Payload {
    incident: Uuid,
}

async fn ring(running: &Running) -> Result<Outcome> {
    let Payload { incident: id } = serde_json::from_value(running.job().payload.clone())?;
    let scope = running.scope();
    let Some(incident) = incidents::for_alarm(scope, id).await? else { return Ok(Outcome::Done) };
    let everybody = incidents::recipients(scope).await?;
    let event =
        |mail: &str| Event::new("incident.alarm", format!("incident:{id}")).detail(json!({ "mail": mail }));
    super::alarm::ring(running, &everybody, &format!("incident-{id}"), &text(running, &incident), event).await
}

async fn tell_of_questions(running: &Running) -> Result<Outcome> {
    let Payload { incident: id } = serde_json::from_value(running.job().payload.clone())?;
    let scope = running.scope();
    let Some(incident) = incidents::for_alarm(scope, id).await? else { return Ok(Outcome::Done) };
    // Answered meanwhile, or its words were taken away.
    let Some((number, due)) = incidents::waiting_questions(scope, id).await? else {
        return Ok(Outcome::Done);
    };
    let everybody = incidents::recipients(scope).await?;
    let event = |mail: &str| {
        Event::new("incident.questions", format!("incident:{id}"))
            .detail(json!({ "mail": mail, "questions": number }))
    };
    let name = format!("questions-{}", running.job().id);
    super::alarm::ring(running, &everybody, &name, &questions(running, &incident, number, due), event).await
}

fn questions(running: &Running, incident: &Incident, waiting: u64, due: Option<Timestamp>) -> Text {
    let Incident { number, system, zone, .. } = incident;
    let url = &running.scope().op().app().config().server.public_url;
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let due = due.map(|due| due.to_zoned(zone).strftime("%Y-%m-%d %H:%M %:z").to_string());
    let due = due.unwrap_or_else(|| "-".to_owned());
    Text {
        subject: format!("[Suimon] 質問 {waiting} 件 / {waiting} questions (#{number}, {system})"),
        body: format!(
            "お知らせの受信者から質問が届いています。回答は受信者のページに表示されます。\n\n\
             Recipients of notices have asked questions. What you answer stands on their pages.\n\n\
             インシデント / Incident: #{number}\nシステム / System: {system}\n\
             未回答 / Waiting: {waiting}\n最初の期限 / First due: {due}\n\n\
             確認 / See them: {url} (incident(number: {number}) {{ inquiries }})\n"
        ),
    }
}

/// Both languages: whoever is woken at night reads one of them.
fn text(running: &Running, incident: &Incident) -> Text {
    let Incident { number, system, .. } = incident;
    let url = &running.scope().op().app().config().server.public_url;
    let at = incident.detected_at.unwrap_or(incident.opened_at);
    Text {
        subject: format!("[Suimon] インシデント #{number} / Incident #{number} ({system})"),
        body: format!(
            "他の利用者のページが届いたと、ブラウザーから報告がありました。インシデントを自動で開きました。\n\
             法令の期限は検知の時刻から数えます。まずキャッシュを止め、消去してください。\n\n\
             Browsers reported that a page reached a person for whom it was not made. An incident was opened.\n\
             Legal clocks count from the detection. First stop the cache and purge it.\n\n\
             インシデント / Incident: #{number}\nシステム / System: {system}\n検知 / Detected: {at}\n\n\
             確認 / See it: {url} (incident(number: {number}) {{ sightings }})\n"
        ),
    }
}
