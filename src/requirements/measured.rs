//! Limits of admission against what the system was measured to bear: above it only by an exception, and only while that holds.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::admission::problem;
use super::manifest::{
    AdmissionParams, Enforcement, ExceptionSpec, Kind, Manifest, ManifestSet, Measured, Params, Problem,
    RequirementSpec, UpTo,
};

/// Names and fingerprints of exceptions that were approved as they are written.
pub(super) type Approved = BTreeSet<(String, String)>;

/// A limit above what was measured.
#[derive(Clone, Debug, PartialEq)]
struct Beyond {
    requirement: String,
    limit: &'static str,
    stated: f64,
    measured: f64,
}

/// What an exception is worth to a limit that it would cover.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Worth {
    Holds,
    Not(&'static str),
}

/// Limits of a system that are above what was measured though no exception among the files covers them, whenever that holds. For
/// files that stand alone: whoever keeps them has decided on their exceptions.
pub fn limits_above_measured(set: &ManifestSet, system: &str) -> Vec<Problem> {
    let found = beyond(set, system).into_iter();
    let open = found.filter(|beyond| covering(set, beyond, |_, _| Worth::Holds).is_none());
    open.map(|beyond| refused(set, set, system, &beyond, None)).collect()
}

/// What planning says of limits above what was measured.
pub(super) struct Limits {
    pub problems: Vec<Problem>,
    /// Of requirements, by name.
    pub notes: Vec<(String, String)>,
}

/// Compares what would be in force (`after`) with what is (`before`). What was above the measure before and is no worse now is noted;
/// what would come to be is a problem. An exception counts when it was approved as written, has begun and is not over.
pub(super) fn limits(
    after: &ManifestSet,
    before: &ManifestSet,
    given: &ManifestSet,
    system: &str,
    approved: &Approved,
    now: Timestamp,
) -> Limits {
    let worth = |name: &str, spec: &ExceptionSpec, set: &ManifestSet| {
        let start = set.requirement(&spec.requirement).and_then(|requirement| requirement.in_force_from);
        let written = set.get(Kind::Exception, name).map(Manifest::fingerprint).unwrap_or_default();
        if spec.expires <= now {
            Worth::Not("is over")
        } else if !approved.contains(&(name.to_owned(), written)) {
            // Its version before would end with this one, and the limit would have nothing to stand on until somebody approves.
            let stands = before.get(Kind::Exception, name).map(Manifest::fingerprint);
            if stands.is_some_and(|stands| approved.contains(&(name.to_owned(), stands))) {
                Worth::Not(
                    "waits for its approval, and its version that holds would end: have a second exception approved first",
                )
            } else {
                Worth::Not("waits for its approval: apply it by itself first")
            }
        } else if !spec.holds_at(start.map_or(now, |start| start.max(now))) {
            Worth::Not("does not hold yet when the limit comes into force")
        } else {
            Worth::Holds
        }
    };
    let open = |set: &ManifestSet| -> Vec<(Beyond, Option<(String, Worth)>)> {
        let found = beyond(set, system).into_iter();
        found
            .map(|beyond| {
                let by = covering(set, &beyond, |name, spec| worth(name, spec, set));
                (beyond, by.map(|(manifest, worth)| (manifest.name.clone(), worth)))
            })
            .collect()
    };
    let was: Vec<Beyond> = open(before)
        .into_iter()
        .filter(|(_, by)| !matches!(by, Some((_, Worth::Holds))))
        .map(|(beyond, _)| beyond)
        .collect();
    let mut limits = Limits { problems: Vec::new(), notes: Vec::new() };
    for (beyond, by) in open(after) {
        let Beyond { requirement, limit, stated, measured } = &beyond;
        let above = format!("its {limit} of {stated} is above the measured {measured}");
        match by {
            Some((name, Worth::Holds)) => {
                let until = after.get(Kind::Exception, &name).and_then(Manifest::as_exception);
                let until = until.map(|spec| spec.expires.to_string()).unwrap_or_default();
                limits
                    .notes
                    .push((requirement.clone(), format!("{above}, by the exception {name} until {until}")));
            }
            by if was.iter().any(|was| beyond.is_no_worse_than(was)) => {
                let why = match by {
                    Some((name, Worth::Not(why))) => format!("the exception {name} {why}"),
                    _ => "no exception covers that".to_owned(),
                };
                let note = format!("{above}, and {why}: a guard keeps the measured figure");
                limits.notes.push((requirement.clone(), note));
            }
            by => {
                let why = by.map(|(name, worth)| match worth {
                    Worth::Not(why) => format!("the exception `{name}` {why}"),
                    Worth::Holds => String::new(),
                });
                limits.problems.push(refused(given, after, system, &beyond, why));
            }
        }
    }
    limits
}

fn refused(
    given: &ManifestSet,
    set: &ManifestSet,
    system: &str,
    beyond: &Beyond,
    why: Option<String>,
) -> Problem {
    let Beyond { requirement, limit, stated, measured } = beyond;
    let source = set.system(system).and_then(|spec| spec.measured.as_ref());
    let source =
        source.map(|measured| format!(" ({}, {})", measured.source, measured.at)).unwrap_or_default();
    let mut message = format!(
        "`{requirement}` states a {limit} of {stated}, and `{system}` was measured to bear {measured}{source}"
    );
    if let Some(why) = why {
        message += &format!("; {why}");
    }
    let remedy = format!(
        "lower it, measure again, or have an Exception on it approved with `upTo: {{ {limit}: {stated} }}`"
    );
    let path = format!("spec.enforcement.params.{limit}");
    problem(given, system, &[requirement], &path, message, remedy)
}

impl Beyond {
    /// Whether the same limit is as far above what was measured as it was, or less.
    fn is_no_worse_than(&self, was: &Self) -> bool {
        self.requirement == was.requirement
            && self.limit == was.limit
            && self.stated <= was.stated
            && self.measured >= was.measured
    }
}

/// Limits above what was measured, excepted or not.
fn beyond(set: &ManifestSet, system: &str) -> Vec<Beyond> {
    let Some(measured) = set.system(system).and_then(|spec| spec.measured.as_ref()) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (name, requirement) in set.requirements_of(system) {
        let Some(params) = admission(requirement) else { continue };
        let figures = [
            ("rate", params.rate, measured.rate),
            ("concurrency", f64::from(params.concurrency), measured.concurrency.map(f64::from)),
        ];
        for (limit, stated, measured) in figures {
            if let Some(measured) = measured.filter(|measured| stated > *measured) {
                found.push(Beyond { requirement: name.to_owned(), limit, stated, measured });
            }
        }
    }
    found
}

fn admission(requirement: &RequirementSpec) -> Option<&AdmissionParams> {
    match requirement.enforcement.as_ref()? {
        Enforcement { mode: _, params: Params::Admission(params) } => Some(params),
        _ => None,
    }
}

/// An exception that lets the limit go so far; one that holds before others.
fn covering<'s>(
    set: &'s ManifestSet,
    beyond: &Beyond,
    worth: impl Fn(&str, &ExceptionSpec) -> Worth,
) -> Option<(&'s Manifest, Worth)> {
    let of = set.iter().filter_map(|manifest| Some((manifest, manifest.as_exception()?)));
    let covers = of.filter(|(_, spec)| {
        let up_to = spec.up_to.filter(|_| spec.requirement == beyond.requirement);
        let up_to = up_to.and_then(|UpTo { rate, concurrency }| match beyond.limit {
            "rate" => rate,
            _ => concurrency.map(f64::from),
        });
        up_to.is_some_and(|up_to| beyond.stated <= up_to)
    });
    let judged = covers.map(|(manifest, spec)| (manifest, worth(&manifest.name, spec)));
    judged.max_by_key(|(_, worth)| *worth == Worth::Holds)
}

/// Lowers the limits of a requirement to what was measured, or to what exceptions that hold let them be. Whether that changed any.
pub(super) fn lower(requirement: &mut RequirementSpec, measured: &Measured, excepted: &[UpTo]) -> bool {
    let Some(Enforcement { mode: _, params: Params::Admission(params) }) = &mut requirement.enforcement
    else {
        return false;
    };
    let Measured { rate, concurrency, in_flight: _, at: _, source: _ } = measured;
    let before = (params.rate, params.concurrency);
    if let Some(rate) = rate {
        let most = excepted.iter().filter_map(|up_to| up_to.rate).fold(*rate, f64::max);
        params.rate = params.rate.min(most);
    }
    if let Some(concurrency) = concurrency {
        let most = excepted.iter().filter_map(|up_to| up_to.concurrency).fold(*concurrency, u32::max);
        params.concurrency = params.concurrency.min(most);
    }
    before != (params.rate, params.concurrency)
}
