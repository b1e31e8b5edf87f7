//! From a duty's deadlines to dates: which start, which of several periods, which end.

use std::collections::BTreeSet;

use jiff::{RoundMode, SignedDuration, Unit as JiffUnit, ZonedRound};

use crate::{
    Certainty, Facts, Grade, Labels, Lang, Moment, Nature, Packs, Truth,
    clock::{self, Due},
    decision::{Annotation, DeadlineDecision, DeadlineStatus, Missing},
    grounds::{ends, find_missing},
    judge::Judge,
    pack::{Deadline, Regime, Version},
    trace::fact_label,
};

pub(crate) struct Context<'a> {
    pub packs: &'a Packs,
    pub regime: &'a Regime,
    pub version: &'a Version,
    pub judge: &'a Judge<'a>,
    pub facts: &'a Facts,
    /// Grade of the duty, inherited by a deadline without a source.
    pub grade: Grade,
    /// The duty itself is not certain yet.
    pub provisional: bool,
}

type Missings = BTreeSet<(String, Missing)>;

impl Context<'_> {
    /// The deadline, or nothing when its condition is certainly not met.
    pub(crate) fn compute(&self, d: &Deadline, missing: &mut Missings) -> Option<DeadlineDecision> {
        let grade =
            d.source.as_ref().and_then(|s| self.regime.sources.get(s)).map_or(self.grade, |s| s.verification);
        let mut out = DeadlineDecision {
            id: d.id.clone(),
            label: d.label.clone(),
            clause: d.clause.clone(),
            nature: d.nature,
            status: DeadlineStatus::Open,
            start_fact: None,
            start_at: None,
            window_opens: None,
            raw_due: None,
            due: None,
            roll_reason: None,
            computation: Vec::new(),
            annotations: Vec::new(),
            provisional: self.provisional,
            grade,
        };
        if let Some(when) = &d.when {
            let node = self.judge.eval(when, Some(Truth::T), grade);
            match node.result {
                Truth::F => return None,
                Truth::Unknown => {
                    find_missing(&node, missing);
                    out.provisional = true;
                }
                Truth::T => {}
            }
        }
        let Some(start) = self.start(d, &mut out, missing) else { return Some(out) };
        if let Some((first, last)) = &d.window {
            let opens = self.run(first, &start);
            let closes = self.run(last, &start);
            out.window_opens = opens.due;
            out.computation.extend(opens.steps);
            self.take(closes, &mut out);
        } else if !d.clocks.is_empty() {
            self.choose(d, &start, &mut out, missing);
        }
        self.suspend(d, &mut out, grade, missing);
        if let (Some((label, source)), Some(Due::Instant { .. })) = (&d.rounded_hour, &out.due) {
            let grade = self.regime.sources.get(source).map_or(Grade::Memory, |s| s.verification);
            let rounded = self.rounded(d, &start).map(|due| Annotation { label: label.clone(), due, grade });
            out.annotations.extend(rounded);
        }
        Some(out)
    }

    /// The earliest known of the starting facts. A start that is merely suspected starts nothing, unless the law
    /// counts suspicion.
    fn start(&self, d: &Deadline, out: &mut DeadlineDecision, missing: &mut Missings) -> Option<Moment> {
        let known = d.start.iter().filter_map(|name| {
            let fact = self.facts.get(name)?;
            let (min, max) = ends(&fact.value);
            Some((min.or(max)?.clone(), name, fact, min.is_some(), min != max))
        });
        let Some((moment, name, fact, has_min, is_range)) = known.min_by_key(|(m, ..)| m.timestamp()) else {
            let first = d.start.first()?;
            missing.insert((first.clone(), Missing::Unknown));
            if let Some(end) = self.end_of_the_one_before(d, first, out) {
                return Some(end);
            }
            out.status = if d.nature == Nature::OpenTextured {
                DeadlineStatus::Open
            } else {
                DeadlineStatus::NotStarted
            };
            out.computation.push(not_started(first));
            return None;
        };
        out.start_fact = Some(name.clone());
        out.start_at = Some(moment.to_string());
        if fact.certainty == Certainty::Suspected && !self.version.reading.suspicion_counts {
            missing.insert((name.clone(), Missing::Suspected));
            if let Some(end) = self.end_of_the_one_before(d, name, out) {
                return Some(end);
            }
            out.status = DeadlineStatus::NotStarted;
            out.computation.push(Labels::new(
                format!("{} is only suspected: the clock has not started", fact_label(name, Lang::En)),
                format!("「{}」はおそれの段階のため、期間は進行していません", fact_label(name, Lang::Ja)),
            ));
            return None;
        }
        if is_range {
            out.provisional = true;
            missing.insert((name.clone(), Missing::Range));
            let (en, ja) = if has_min { ("earliest", "最も早い") } else { ("latest", "最も遅い") };
            out.computation.push(Labels::new(
                format!("only a range is known; counted from its {en} end"),
                format!("範囲のみ判明しているため、{ja}時点から計算します"),
            ));
        }
        Some(moment)
    }

    /// The end of the deadline that this one follows, as a start for as long as its own is not certain.
    fn end_of_the_one_before(&self, d: &Deadline, name: &str, out: &mut DeadlineDecision) -> Option<Moment> {
        let (label, end) = self.end_before(d)?;
        out.provisional = true;
        out.start_fact = None;
        out.start_at = Some(end.to_string());
        out.computation.push(Labels::new(
            format!("{} is not certain: counted from the end of “{}”", fact_label(name, Lang::En), label.en),
            format!(
                "「{}」が確定していないため、「{}」の期限から計算します",
                fact_label(name, Lang::Ja),
                label.ja
            ),
        ));
        Some(end)
    }

    /// Label and end of the deadline that this one follows. Loading refused circles.
    fn end_before(&self, d: &Deadline) -> Option<(Labels, Moment)> {
        let (duty, id) = d.after.as_ref()?;
        let before = self.compute(self.version.deadline(duty, id)?, &mut Missings::new())?;
        let zone = &self.regime.zone;
        let at = match before.due? {
            Due::Instant { at, .. } => at,
            // The last second of the day: its date is that day.
            Due::Date { ends_at, .. } => ends_at.checked_sub(SignedDuration::from_secs(1)).ok()?,
        };
        Some((before.label, Moment::exact(at, zone.clone())))
    }

    /// Holds the deadline up while its cause certainly holds; a later end of the cause becomes the end.
    fn suspend(&self, d: &Deadline, out: &mut DeadlineDecision, grade: Grade, missing: &mut Missings) {
        let Some(s) = &d.suspended_by else { return };
        // Only a certain cause holds anything up: whoever waits without one is late.
        if self.judge.eval(&s.when, None, grade).result != Truth::T {
            return;
        }
        out.computation.push(s.text.clone());
        let Some(name) = &s.until else {
            out.status = DeadlineStatus::Suspended;
            return;
        };
        // The same holds for its end: only a confirmed one counts, and of a range the earliest.
        let fact = self.facts.get(name);
        let certain = fact.filter(|f| f.certainty == Certainty::Confirmed);
        let Some(until) = certain.and_then(|f| ends(&f.value).0.cloned()) else {
            out.status = DeadlineStatus::Suspended;
            let reason = match fact {
                None => Missing::Unknown,
                Some(f) if f.certainty == Certainty::Confirmed => Missing::Range,
                Some(_) => Missing::Suspected,
            };
            missing.insert((name.clone(), reason));
            return;
        };
        // What ended before the period itself moves nothing.
        if out.due.as_ref().is_some_and(|due| due.ends_at() >= until.timestamp()) {
            return;
        }
        out.status = DeadlineStatus::Suspended;
        let zone = if self.regime.show_in_fact_zone { until.zone() } else { &self.regime.zone };
        out.due = Some(Due::instant(until.timestamp(), zone));
        out.roll_reason = Some(s.text.clone());
    }

    fn run(&self, clock: &clock::Clock, start: &Moment) -> clock::Run {
        let zone = &self.regime.zone;
        let show = if self.regime.show_in_fact_zone { start.zone() } else { zone };
        clock::run(clock, start, zone, show, &self.packs.calendars)
    }

    fn take(&self, run: clock::Run, out: &mut DeadlineDecision) {
        out.status =
            if run.problem.is_some() { DeadlineStatus::NeedsReview } else { DeadlineStatus::Computed };
        out.raw_due = run.raw_due;
        out.due = run.due;
        out.roll_reason = run.roll_reason;
        out.computation.extend(run.steps);
        out.grade = out.grade.max(run.grade);
    }

    /// Of several periods the latest that certainly applies binds; one that may still apply is named in the steps and
    /// never moves the date, so that nobody relies on an extension that may not come. Where the earliest binds, one
    /// that may apply counts already: it could only bring the date forward.
    fn choose(&self, d: &Deadline, start: &Moment, out: &mut DeadlineDecision, missing: &mut Missings) {
        let mut certain: Option<clock::Run> = None;
        let mut doubtful = Vec::new();
        for a in &d.clocks {
            let run = self.run(&a.clock, start);
            let node = a.when.as_ref().map(|c| self.judge.eval(c, Some(Truth::T), out.grade));
            let result = node.as_ref().map_or(Truth::T, |n| n.result);
            if result == Truth::Unknown {
                node.iter().for_each(|n| find_missing(n, missing));
                doubtful.push((a, run.clone()));
            }
            match result {
                Truth::F => {}
                Truth::Unknown if d.latest_binds => {}
                Truth::Unknown | Truth::T => {
                    let better = certain.as_ref().is_none_or(|best| {
                        let (new, old) =
                            (run.raw_due.as_ref().map(Due::ends_at), best.raw_due.as_ref().map(Due::ends_at));
                        if d.latest_binds { new > old } else { new < old }
                    });
                    if better {
                        certain = Some(run);
                    }
                }
            }
        }
        out.provisional |= !doubtful.is_empty();
        match certain {
            Some(run) => self.take(run, out),
            None => out.status = DeadlineStatus::NeedsReview,
        }
        for (a, run) in doubtful {
            let end = run.due.as_ref().map_or_else(|| String::from("?"), Due::show);
            out.computation.push(Labels::new(
                format!("a period of {} could apply instead (end {end}): facts are missing", a.clock.amount),
                format!(
                    "{}の期間（期限 {end}）が適用される可能性があります：事実が不足しています",
                    a.clock.amount
                ),
            ));
        }
    }

    /// The same hours counted from the next full hour: the reading in which the hour of the event does not count.
    fn rounded(&self, d: &Deadline, start: &Moment) -> Option<Due> {
        let zoned = start.timestamp().to_zoned(start.zone().clone());
        let floor = zoned.round(ZonedRound::new().smallest(JiffUnit::Hour).mode(RoundMode::Trunc)).ok()?;
        let hours = d.clocks.first().map(|a| i64::from(a.clock.amount))?;
        let end = floor.timestamp().checked_add(SignedDuration::from_hours(hours + 1)).ok()?;
        let zone = if self.regime.show_in_fact_zone { start.zone() } else { &self.regime.zone };
        Some(Due::instant(end, zone))
    }
}

fn not_started(fact: &str) -> Labels {
    Labels::new(
        format!("{} is not recorded: the clock has not started", fact_label(fact, Lang::En)),
        format!("「{}」が記録されていないため、期間は進行していません", fact_label(fact, Lang::Ja)),
    )
}
