//! What came by webhook and was not recorded with a message is counted: at most once a minute one entry for each provider says how often
//! what was refused, and how much was about nothing of ours. A flood of wrong signatures costs an entry a minute, and no more.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::{Provider, scope};
use crate::app::App;
use crate::audit::{Decision, Event};

/// How long the first counts gather.
const FIRST: Duration = Duration::from_secs(1);
/// How long those gather that come soon after others.
const GATHER: Duration = Duration::from_secs(60);

/// Why something was not recorded with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aside {
    /// Not the provider's words, or not for us.
    Refused(&'static str),
    /// The provider's, about no message of ours.
    NotOurs,
    /// The provider's, in a form that is not known.
    NotUnderstood,
}

/// Counts that are not yet recorded.
#[derive(Clone, Default)]
pub struct Counts(Arc<Mutex<Gathered>>);

#[derive(Default)]
struct Gathered {
    asides: BTreeMap<Provider, BTreeMap<Aside, u64>>,
    recorded: Option<Instant>,
}

impl Counts {
    /// Counts something, and sees to it that it is recorded soon.
    pub fn note(&self, app: &Arc<App>, provider: Provider, aside: Aside, times: u64) {
        if times == 0 {
            return;
        }
        let wait = {
            // A panic while it was held leaves counts, not a half-made structure: they are still good.
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let is_first = all.asides.is_empty();
            *all.asides.entry(provider).or_default().entry(aside).or_default() += times;
            let is_soon = all.recorded.is_some_and(|recorded| recorded.elapsed() < GATHER);
            is_first.then_some(if is_soon { GATHER } else { FIRST })
        };
        if let Some(wait) = wait {
            let (counts, app) = (self.clone(), app.clone());
            tokio::spawn(async move {
                tokio::time::sleep(wait).await;
                counts.flush(&app).await;
            });
        }
    }

    /// Records what was counted. Also at the end of the service.
    pub async fn flush(&self, app: &Arc<App>) {
        let counts = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.recorded = Some(Instant::now());
            std::mem::take(&mut all.asides)
        };
        for (provider, asides) in counts {
            let of = |wanted: Aside| asides.get(&wanted).copied().unwrap_or_default();
            let refused: BTreeMap<&str, u64> = asides
                .iter()
                .filter_map(|(aside, times)| match aside {
                    Aside::Refused(why) => Some((*why, *times)),
                    _ => None,
                })
                .collect();
            let decision = if refused.is_empty() { Decision::Allowed } else { Decision::Denied };
            let detail = json!({ "refused": refused, "not_ours": of(Aside::NotOurs), "not_understood": of(Aside::NotUnderstood) });
            let event = Event::new("hook.count", format!("hook:{}", provider.as_str()));
            let recorded = match scope(app) {
                Ok(scope) => {
                    scope.record(scope.tenant(), vec![event.decision(decision).detail(detail)]).await
                }
                Err(error) => Err(error),
            };
            if let Err(error) = recorded {
                tracing::error!(%error, provider = provider.as_str(), "counts of a webhook that were not recorded");
            }
        }
    }
}
