//! Which version of a law binds: by the time axis of the event and by what was known at the evaluation.

use jiff::{civil::Date, tz::TimeZone};

use crate::{
    Fact, Grade, Labels, Status, Truth,
    decision::Pending,
    evaluate::{OCCURRED, Run},
    grounds::ends,
    judge::operand,
    pack::Version,
    trace::{Operator, TraceNode},
};

/// Which version binds.
pub(crate) struct Choice<'a> {
    pub version: Option<&'a Version>,
    /// Facts that would have to be known to choose.
    pub missing: Vec<String>,
    /// Earliest local date of the moment that decides.
    pub basis: Option<Date>,
    pub note: Option<Labels>,
}

impl Version {
    fn known_on(&self, today: Date) -> bool {
        self.known_from.is_none_or(|f| f <= today) && self.known_to.is_none_or(|t| today <= t)
    }

    fn covers(&self, day: Date) -> bool {
        self.effective_from.is_none_or(|f| f <= day) && self.effective_to.is_none_or(|t| day <= t)
    }

    /// Whether the event lies under this version, as the knowledge of it does.
    pub(crate) fn has_event(&self, event: Option<&Fact>, zone: &TimeZone, basis: Option<Date>) -> Truth {
        // Nothing is known of an event after it happened: the basis bounds an open end.
        let (min, max) = event.map_or((None, None), |f| ends(&f.value));
        let (min, max) = (min.map(|m| m.date_in(zone)), max.map(|m| m.date_in(zone)).or(basis));
        match (min, max) {
            (Some(a), Some(b)) if self.covers(a) && self.covers(b) => Truth::T,
            (Some(a), Some(b)) if !self.covers(a) && !self.covers(b) => Truth::F,
            (None, Some(b)) if self.effective_from.is_none() && self.covers(b) => Truth::T,
            (None, Some(b)) if self.effective_from.is_some_and(|f| b < f) => Truth::F,
            _ => Truth::Unknown,
        }
    }
}

/// The version in force on a day, as the law was known on another.
pub(crate) fn in_force(versions: &[Version], day: Date, today: Date) -> Option<&Version> {
    versions.iter().find(|v| {
        v.status == Status::InForce
            && v.known_on(today)
            && v.covers(day)
            && v.assured_to.is_none_or(|t| day <= t)
    })
}

/// Earliest and latest local date of the moment that decides which version binds.
pub(crate) fn basis<'f>(facts: impl Iterator<Item = &'f Fact>, zone: &TimeZone) -> Option<(Date, Date)> {
    let dates = facts.filter_map(|f| {
        let (min, max) = ends(&f.value);
        let (min, max) = (min.or(max)?, max.or(min)?);
        Some((min.date_in(zone), max.date_in(zone)))
    });
    dates.min()
}

impl<'a> Run<'a> {
    /// The day of the evaluation where the regulator is.
    fn today(&self) -> Date {
        self.at.0.to_zoned(self.regime.zone.clone()).date()
    }

    pub(crate) fn pending(&self) -> Vec<Pending> {
        let today = self.today();
        let to_come =
            |v: &&Version| matches!(v.status, Status::Enacted | Status::Proposed) && v.known_on(today);
        let show = |v: &Version| Pending {
            version: v.id.clone(),
            title: v.title.clone(),
            status: v.status,
            note: v.note.clone(),
        };
        self.regime.versions.iter().filter(to_come).map(show).collect()
    }

    pub(crate) fn choose(&self) -> Choice<'a> {
        let mut bases: Vec<&Vec<String>> = self.regime.versions.iter().map(|v| &v.basis).collect();
        bases.dedup();
        let today = self.today();
        let in_force = |day| in_force(&self.regime.versions, day, today);
        let mut missing = Vec::new();
        let mut basis = None;
        // Versions were found, but each is chosen by other moments than those that found it.
        let mut crossed = false;
        for names in bases {
            let Some((from, to)) = self.basis(names) else {
                missing.extend(names.first().cloned());
                continue;
            };
            let (first, last) = (in_force(from), in_force(to));
            basis = basis.or(Some(from));
            match (first, last) {
                (Some(a), Some(b)) if a.id == b.id && a.basis == *names => {
                    let late = from > a.checked;
                    let note = late.then(|| {
                        Labels::new(
                            format!("this version was last compared with the law on {}", a.checked),
                            format!("この版を法令と照合した最終日は {} です", a.checked),
                        )
                    });
                    return Choice { version: first, missing: Vec::new(), basis: Some(from), note };
                }
                // Only the range of the moment is known, and the law changed within it.
                (Some(a), Some(b)) if a.id != b.id => missing.extend(names.first().cloned()),
                (Some(_), Some(_)) => crossed = true,
                _ => {}
            }
        }
        let note = basis.filter(|_| missing.is_empty()).map(|day| {
            if crossed {
                return Labels::new(
                    "the moments on record lie on both sides of a change of the law, and each version is chosen by \
                     other ones; a person must choose",
                    "記録された時点が法改正の前後にまたがり、版ごとに基準となる時点が異なるため、人による確認が必要です",
                );
            }
            Labels::new(
                format!("no version is known to be in force on {day}; a person must look the law up"),
                format!("{day} に適用される版が確認できないため、人による確認が必要です"),
            )
        });
        Choice { version: None, missing, basis, note }
    }

    fn basis(&self, names: &[String]) -> Option<(Date, Date)> {
        basis(names.iter().filter_map(|n| self.facts.get(n)), &self.regime.zone)
    }

    pub(crate) fn version_node(&self, version: &Version) -> TraceNode {
        let name = version.basis.iter().find(|n| self.facts.get(n).is_some()).or(version.basis.first());
        TraceNode {
            rule_id: String::from("version"),
            clause: None,
            text: Some(version.title.clone()),
            text_ref: Some(version.dating.clone()),
            operands: name.map(|n| operand(n, self.facts.get(n))).into_iter().collect(),
            op: Operator::InForce,
            expected: Some(version.id.clone()),
            result: Truth::T,
            grade: self.regime.sources.get(&version.dating).map_or(Grade::Memory, |s| s.verification),
            children: Vec::new(),
        }
    }

    /// Whether the event lies under the same version as the knowledge of it. Absent when the pack does not ask.
    pub(crate) fn transition(&self, version: &Version, basis: Option<Date>) -> Option<TraceNode> {
        self.regime.transition_review.as_ref()?;
        let fact = self.facts.get(OCCURRED);
        let result = version.has_event(fact, &self.regime.zone, basis);
        Some(TraceNode {
            rule_id: String::from("transition"),
            clause: None,
            text: Some(Labels::new(
                "event and knowledge lie under the same version of the law",
                "発生と認知が同じ版の適用期間にあること",
            )),
            text_ref: Some(version.dating.clone()),
            operands: vec![operand(OCCURRED, fact)],
            op: Operator::SameVersion,
            expected: Some(version.id.clone()),
            result,
            grade: Grade::Verified,
            children: Vec::new(),
        })
    }
}
