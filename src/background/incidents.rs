//! The alarm of an incident that a guard opened: officers learn of it at once, at night too. It names the incident and the system;
//! nothing of a person.

use futures::FutureExt;
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
