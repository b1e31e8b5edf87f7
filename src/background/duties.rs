//! The law's own work: assessments after a change, the mail to officers when one says more than the one before, and reminders.

use futures::FutureExt;
use jiff::SignedDuration;
use law::Lang;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::audit::Event;
use crate::duties::{self, Alarm, Duty, Reminder};
use crate::error::Result;
use crate::incidents;
use crate::jobs::{Handler, Outcome, Running};
use crate::notices::Text;

/// Assesses an incident again after a change.
pub const ASSESS: Handler = Handler::on_demand(incidents::REASSESS, |running| assess(running).boxed());

/// Tells officers that an assessment says more than the one before, or that a count is near to what decides.
pub const ALARM: Handler = Handler::on_demand(duties::ALARM, |running| ring(running).boxed());

#[derive(Deserialize)]
struct Payload {
    incident: Uuid,
}

async fn assess(running: &Running) -> Result<Outcome> {
    let Payload { incident } = serde_json::from_value(running.job().payload.clone())?;
    // Done twice after a crash, the second time finds nothing new.
    duties::assess_by_itself(running.scope(), incident).await?;
    Ok(Outcome::Done)
}

async fn ring(running: &Running) -> Result<Outcome> {
    let scope = running.scope();
    let Some(alarm) = duties::alarm_of(scope, &running.job().payload).await? else {
        return Ok(Outcome::Done);
    };
    let Payload { incident } = serde_json::from_value(running.job().payload.clone())?;
    let everybody = incidents::officers(scope).await?;
    let event = |mail: &str| {
        Event::new("duty.alarm", format!("incident:{incident}"))
            .detail(json!({ "assessment": alarm.assessment, "mail": mail }))
    };
    let name = format!("assessment-{incident}-{}", alarm.assessment);
    super::alarm::ring(running, &everybody, &name, &text(running, &alarm), event).await
}

/// Both languages: whoever is woken at night reads one of them. Laws and numbers; nothing of a person.
fn text(running: &Running, alarm: &Alarm) -> Text {
    let Alarm { incident: number, assessment, lines } = alarm;
    let url = &running.scope().op().app().config().server.public_url;
    let ja: String = lines.iter().map(|line| format!("・{}\n", line.ja)).collect();
    let en: String = lines.iter().map(|line| format!("- {}\n", line.en)).collect();
    Text {
        subject: format!("[Suimon] 法的評価の変化 / Law: incident #{number}"),
        body: format!(
            "インシデント #{number} の法的評価（第{assessment}号）が、前回より厳しくなったか、基準に近づいています。\n{ja}\n\
             Assessment no. {assessment} of incident #{number} says more than the one before, or a count is near to what decides.\n{en}\n\
             確認 / See it: {url} (duties, assessments)\n"
        ),
    }
}

/// Looks for duties whose end comes near or has passed.
pub const REMIND: Handler = Handler {
    kind: "duties.remind",
    every: |config| {
        let minutes = config.duties.remind_minutes;
        (minutes > 0).then(|| SignedDuration::from_mins(i64::from(minutes)))
    },
    step: |running| remind(running).boxed(),
};

/// Sends one reminder.
pub const REMINDER: Handler = Handler::on_demand(duties::REMINDER, |running| reminder(running).boxed());

async fn remind(running: &Running) -> Result<Outcome> {
    let scope = running.scope();
    let mut done = 0;
    for due in duties::due_reminders(scope).await? {
        let tx = scope.begin().await?;
        let event = due.tell(&tx).await?;
        done += 1;
        running.save(&tx, &done, done, None).await?;
        tx.commit(event).await?;
    }
    Ok(Outcome::Done)
}

async fn reminder(running: &Running) -> Result<Outcome> {
    let scope = running.scope();
    let job = running.job();
    let Some(reminder) = duties::reminder_of(scope, &job.payload).await? else { return Ok(Outcome::Done) };
    let everybody = incidents::officers(scope).await?;
    let event = |mail: &str| {
        let detail = json!({ "job": job.id, "mail": mail });
        Event::new("duty.reminder", format!("incident:{}", reminder.incident)).detail(detail)
    };
    let name = format!("reminder-{}", job.id);
    super::alarm::ring(running, &everybody, &name, &reminder_text(running, &reminder), event).await
}

/// Both languages, one line a duty and language.
fn reminder_text(running: &Running, reminder: &Reminder) -> Text {
    let Reminder { number, incident: _, duties } = reminder;
    let url = &running.scope().op().app().config().server.public_url;
    let late = duties.iter().any(|(duty, _)| duty.overdue(running.scope().at()));
    let lines = |lang: Lang| -> String {
        let line = |(duty, point): &(Duty, String)| {
            let wording = &duty.wording;
            format!(
                "[{}] {} ({}): {}\n",
                duties::point_label(point).get(lang),
                wording.title.get(lang),
                duty.regime,
                wording.due.get(lang)
            )
        };
        duties.iter().map(line).collect()
    };
    let subject = match late {
        true => format!("[Suimon] 期限超過 / OVERDUE: incident #{number}"),
        false => format!("[Suimon] 期限のお知らせ / Deadlines: incident #{number}"),
    };
    Text {
        subject,
        body: format!(
            "インシデント #{number} の未了の義務の期限をお知らせします。\n{}\n\
             Open duties of incident #{number} and their deadlines.\n{}\n\
             確認・完了の記録 / See and settle them: {url} (duties, settleDuty)\n",
            lines(Lang::Ja),
            lines(Lang::En),
        ),
    }
}
