//! Alarms: a mail to each of several people, one a step, so that what breaks off goes on with the next person.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use uuid::Uuid;

use crate::access::WithAddress;
use crate::audit::Event;
use crate::error::Result;
use crate::jobs::{Outcome, Running};
use crate::notices::{self, Delivered, Text};

/// Wait before a server that refused for now is asked again.
const AGAIN: SignedDuration = SignedDuration::from_mins(2);

/// Tells the next of these people who was not told yet. `name` begins the names of the messages; `event` is recorded with each,
/// with what came of it.
///
/// # Errors
/// Unexpected ones only.
pub async fn ring(
    running: &Running,
    everybody: &[WithAddress],
    name: &str,
    text: &Text,
    event: impl Fn(&str) -> Event,
) -> Result<Outcome> {
    let scope = running.scope();
    let mut told: BTreeSet<Uuid> = running.progress()?;
    let Some(next) = everybody.iter().find(|person| !told.contains(&person.account)) else {
        if told.is_empty() {
            tracing::warn!(alarm = name, "AN ALARM, and nobody who is told has an address");
            let tx = scope.begin().await?;
            running.save(&tx, &told, 0, Some(0)).await?;
            tx.commit(event("nobody has an address")).await?;
        }
        return Ok(Outcome::Done);
    };
    let message = format!("{name}-{}", next.account);
    let delivered = notices::send_plain(scope, &message, &next.address, notices::Language::Ja, text).await?;
    if delivered == Delivered::NotNow {
        return Ok(Outcome::Later(AGAIN));
    }
    told.insert(next.account);
    let tx = scope.begin().await?;
    let total = i64::try_from(everybody.len()).ok();
    running.save(&tx, &told, i64::try_from(told.len()).unwrap_or_default(), total).await?;
    tx.commit(event(if delivered == Delivered::Accepted { "accepted" } else { "refused" })).await?;
    Ok(Outcome::Continue)
}
