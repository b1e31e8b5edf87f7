//! What the guard looks at while it keeps requirements, told Suimon each hour: a requirement of which nothing is heard but when it is
//! broken looks like one that nobody keeps.

use std::sync::{Arc, Mutex, PoisonError};

use guard::admission::{self, Admission};
use guard::{Guard, Judged, Rules};
use jiff::Timestamp;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::super::super::caching::{Files, KeptHere, Over};
use super::outbox::Outbox;
use crate::clock::{Clock, SystemClock};
use crate::guards::wire::Watched;
use crate::requirements::WATCHED_PERIOD;
use crate::requirements::manifest::Mode;

/// Requirements of which is told at once: more than any system has about what a guard keeps.
const MOST: usize = 500;

/// What is watched of a guard.
pub struct Watching {
    outbox: Outbox,
    guard: Arc<Guard>,
    admission: Option<Arc<Admission>>,
    state: Mutex<State>,
}

/// Since it was told last.
struct State {
    kept: Vec<KeptHere>,
    rules: Arc<Rules>,
    since: Timestamp,
    /// What was counted by then, in the order of [`Rules::judged`].
    answers: Vec<Judged>,
    admission: Decisions,
}

/// Of admission.
#[derive(Clone, Copy, Default)]
struct Decisions {
    all: u64,
    /// To let somebody wait, or to refuse.
    beyond: u64,
}

impl Watching {
    /// Watches from now on.
    pub fn begin(
        outbox: Outbox,
        guard: Arc<Guard>,
        admission: Option<Arc<Admission>>,
        files: &Files,
    ) -> Arc<Self> {
        let (rules, since) = (guard.rules(), SystemClock.now());
        let (answers, decided) = (judged(&rules), decisions(admission.as_deref()));
        let kept = kept(files, since);
        let state = State { kept, rules, since, answers, admission: decided };
        Arc::new(Self { outbox, guard, admission, state: Mutex::new(state) })
    }

    /// Tells each hour. Not all nodes of a guard at the same moment: each counts from its own beginning.
    pub fn each_hour(self: Arc<Self>) -> JoinHandle<()> {
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(WATCHED_PERIOD.unsigned_abs()).await;
                self.tell();
            }
        })
    }

    /// Tells what was seen under the rules of before, and goes on with those that are in force now.
    pub fn keeps(&self, files: &Files) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.tell_of(&mut state);
        let rules = self.guard.rules();
        if !Arc::ptr_eq(&rules, &state.rules) {
            // Their counts begin at nothing, and some may be there already.
            state.answers = vec![Judged::default(); rules.judged().len()];
            state.rules = rules;
        }
        state.kept = kept(files, state.since);
    }

    /// Tells what was seen since the last time.
    pub fn tell(&self) {
        self.tell_of(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn tell_of(&self, state: &mut State) {
        let (now, decided) = (SystemClock.now(), decisions(self.admission.as_deref()));
        let rules = state.rules.clone();
        let of_routes = rules.judged();
        let answers: Vec<Judged> = of_routes.iter().map(|(_, judged)| *judged).collect();
        let before = state.answers.iter();
        let of_routes: Vec<(Option<&str>, Judged)> = of_routes
            .iter()
            .zip(before)
            .map(|((route, now), before)| (*route, less(*now, *before)))
            .collect();
        let of_admission = Decisions {
            all: decided.all.saturating_sub(state.admission.all),
            beyond: decided.beyond.saturating_sub(state.admission.beyond),
        };
        for KeptHere { requirement, fingerprint, mode, over } in &state.kept {
            let seen = match over {
                Over::Answers { undeclared, routes } => of_routes
                    .iter()
                    .filter(|(route, _)| match route {
                        Some(route) => routes.contains(*route),
                        None => *undeclared,
                    })
                    .fold(Judged::default(), |sum, (_, seen)| more(sum, *seen)),
                // Whatever the guard lets pass beyond the limits in another mode is not kept.
                Over::Admission(effective) => match effective {
                    Mode::Enforce => {
                        Judged { answers: of_admission.all, noted: of_admission.beyond, ..Judged::default() }
                    }
                    Mode::Observe | Mode::Audit => Judged {
                        answers: of_admission.all,
                        uncorrected: of_admission.beyond,
                        ..Judged::default()
                    },
                },
            };
            if seen.answers == 0 {
                continue;
            }
            self.outbox.watched(told(requirement, fingerprint, *mode, (state.since.min(now), now), seen));
        }
        (state.since, state.answers, state.admission) = (now, answers, decided);
    }
}

fn told(
    requirement: &str,
    fingerprint: &str,
    mode: Mode,
    (since, until): (Timestamp, Timestamp),
    seen: Judged,
) -> Watched {
    let Judged { answers, noted, corrected, uncorrected } = seen;
    // More than the API's numbers hold comes by in no hour; the parts stay parts.
    let number = |count: u64| i32::try_from(count).unwrap_or(i32::MAX / 4).unsigned_abs();
    let (noted, corrected, uncorrected) = (number(noted), number(corrected), number(uncorrected));
    Watched {
        id: Uuid::nil(),
        requirement: requirement.to_owned(),
        fingerprint: fingerprint.to_owned(),
        mode: mode.into(),
        since,
        until,
        judged: number(answers).max(noted + corrected + uncorrected),
        noted,
        corrected,
        uncorrected,
    }
}

fn kept(files: &Files, at: Timestamp) -> Vec<KeptHere> {
    let mut kept = files.kept_at(at);
    if kept.len() > MOST {
        tracing::warn!(requirements = kept.len(), most = MOST, "more are kept than Suimon is told of");
        kept.truncate(MOST);
    }
    kept
}

fn judged(rules: &Rules) -> Vec<Judged> {
    rules.judged().into_iter().map(|(_, judged)| judged).collect()
}

fn decisions(admission: Option<&Admission>) -> Decisions {
    use admission::Kind;
    let mut sum = Decisions::default();
    for admission::Count { kind, times, .. } in admission.map(Admission::counts).into_iter().flatten() {
        let beyond = match kind {
            Kind::Inside | Kind::Entered => false,
            Kind::Waits | Kind::RoomFull | Kind::Delayed | Kind::Refused | Kind::Crowded => true,
            // Of tickets, not of people.
            Kind::Forged | Kind::Expired | Kind::Spent => continue,
        };
        sum.all += times;
        sum.beyond += if beyond { times } else { 0 };
    }
    sum
}

fn less(now: Judged, before: Judged) -> Judged {
    Judged {
        answers: now.answers.saturating_sub(before.answers),
        noted: now.noted.saturating_sub(before.noted),
        corrected: now.corrected.saturating_sub(before.corrected),
        uncorrected: now.uncorrected.saturating_sub(before.uncorrected),
    }
}

fn more(sum: Judged, other: Judged) -> Judged {
    Judged {
        answers: sum.answers + other.answers,
        noted: sum.noted + other.noted,
        corrected: sum.corrected + other.corrected,
        uncorrected: sum.uncorrected + other.uncorrected,
    }
}
