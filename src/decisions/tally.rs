//! How decisions are recorded. A decision that the system asks for is no read of personal data, and there may be thousands a
//! second: an entry for each would make the audit log the bottleneck and bury what matters in it. So they are counted, and at
//! most once a second one entry for each asker, tenant and system says how many were allowed and which were refused, how
//! often. The answer does not wait for it: a crash loses the counts of its last second, never a decision's effect.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;

use super::about::Verdict;
use crate::access::Scope;
use crate::audit::{Decision, Event};

/// How long counts gather.
const GATHER: Duration = Duration::from_secs(1);
/// Different refusals that one entry tells; the rest is a number.
const TOLD: usize = 50;

/// Asker, tenant and system.
type Place = (String, uuid::Uuid, Arc<str>);

#[derive(Clone)]
struct Count {
    /// Of the first request: whose entry it will be.
    scope: Scope,
    allowed: u64,
    watched: u64,
    /// By object, action and requirements.
    refused: BTreeMap<(String, String, String), u64>,
}

/// Counts of one request.
#[derive(Default)]
pub(super) struct Counts(HashMap<Place, Count>);

/// Counts of all requests that are not yet recorded.
#[derive(Clone, Default)]
pub struct Tally(Arc<Mutex<HashMap<Place, Count>>>);

impl Counts {
    pub fn note(&mut self, scope: &Scope, system: &Arc<str>, verdict: &Verdict) {
        let place = (scope.op().actor().label.to_string(), scope.tenant(), system.clone());
        let count = self.0.entry(place).or_insert_with(|| Count {
            scope: scope.clone(),
            allowed: 0,
            watched: 0,
            refused: BTreeMap::new(),
        });
        if verdict.allowed {
            count.allowed += 1;
            count.watched += u64::from(!verdict.watched.is_empty());
        } else {
            let (object, action) = verdict.shown.clone();
            *count.refused.entry((object, action, verdict.refused_by.join(" "))).or_default() += 1;
        }
    }
}

impl Tally {
    /// Adds the counts of a request, and sees to it that they are recorded soon.
    pub(super) fn add(&self, counts: Counts) {
        if counts.0.is_empty() {
            return;
        }
        let first = {
            // A panic while it was held leaves counts, not a half-made structure: they are still good.
            let mut all = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let first = all.is_empty();
            for (place, count) in counts.0 {
                match all.get_mut(&place) {
                    None => {
                        all.insert(place, count);
                    }
                    Some(sum) => {
                        sum.allowed += count.allowed;
                        sum.watched += count.watched;
                        for (what, times) in count.refused {
                            *sum.refused.entry(what).or_default() += times;
                        }
                    }
                }
            }
            first
        };
        if first {
            let tally = self.clone();
            tokio::spawn(async move {
                tokio::time::sleep(GATHER).await;
                tally.flush().await;
            });
        }
    }

    /// Records what was counted. Also at the end of the service.
    pub async fn flush(&self) {
        let counts = std::mem::take(&mut *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        for ((_, tenant, system), Count { scope, allowed, watched, refused }) in counts {
            let times: u64 = refused.values().sum();
            let told: Vec<_> = refused
                .iter()
                .take(TOLD)
                .map(|((object, action, by), times)| {
                    json!({ "object": object, "action": action, "by": by, "times": times })
                })
                .collect();
            let mut detail = json!({ "allowed": allowed, "refused": times });
            if times > 0 {
                detail["refusals"] = told.into();
            }
            if watched > 0 {
                detail["watched"] = watched.into();
            }
            let decision = if times > 0 { Decision::Denied } else { Decision::Allowed };
            let event =
                Event::new("authzen.decide", format!("system:{system}")).decision(decision).detail(detail);
            if let Err(error) = scope.record(tenant, vec![event]).await {
                tracing::error!(%error, allowed, refused = times, "decisions that were not recorded");
            }
        }
    }
}
