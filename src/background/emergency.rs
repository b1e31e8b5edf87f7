//! The alarm of access in an emergency: one mail a step. It names ids and says that a reason was given; nothing of a person.

use futures::FutureExt;
use serde_json::json;
use uuid::Uuid;

use crate::audit::Event;
use crate::emergency::{self, Alarm};
use crate::error::Result;
use crate::jobs::{Handler, Outcome, Running};
use crate::notices::Text;

/// Tells everybody who may decide on such access.
pub const ALARM: Handler = Handler::on_demand(emergency::ALARM, |running| ring(running).boxed());

async fn ring(running: &Running) -> Result<Outcome> {
    let (tenant, grant, alarm) = emergency::alarm_of(&running.job().payload)?;
    let everybody = emergency::recipients(running.scope(), tenant).await?;
    let event = |mail: &str| {
        Event::new("emergency_access.alarm", format!("emergency_access:{grant}"))
            .detail(json!({ "alarm": alarm, "mail": mail }))
    };
    let name = format!("emergency-{}-{grant}", alarm.as_str());
    super::alarm::ring(running, &everybody, &name, &text(running, tenant, grant, alarm), event).await
}

/// Both languages: whoever is woken at night reads one of them.
fn text(running: &Running, tenant: Uuid, grant: Uuid, alarm: Alarm) -> Text {
    let (ja, en) = match alarm {
        Alarm::Requested => (
            "緊急アクセスが申請されました。承認者の判断が必要です。",
            "Emergency access was requested. A second person has to decide.",
        ),
        Alarm::Approved => {
            ("緊急アクセスが承認されました。", "Emergency access was approved and is in force.")
        }
        Alarm::Used => {
            ("緊急アクセスが初めて使用されました。", "Emergency access was used for the first time.")
        }
    };
    let url = &running.scope().op().app().config().server.public_url;
    Text {
        subject: format!("[Suimon] 緊急アクセス / Emergency access: {}", alarm.as_str()),
        body: format!(
            "{ja}\n{en}\n\n申請 / Request: {grant}\nテナント / Tenant: {tenant}\n理由 / Reason: 記録あり / given\n\n\
             確認・終了 / See and end it: {url} (emergencyAccess, endEmergencyAccess)\n"
        ),
    }
}
