//! Gaps between versions, ends without a successor, checks that are too old.

use jiff::{ToSpan, civil::Date};

use super::{Kind, Out, Severity};
use crate::{
    Status,
    pack::{Regime, Version},
};

pub(super) fn check(regime: &Regime, today: Option<Date>, out: &mut Out<'_>) {
    let in_force = || regime.versions.iter().enumerate().filter(|(_, v)| v.status == Status::InForce);
    for (i, v) in in_force() {
        let place = format!("versions[{i}].effective");
        if let Some(end) = v.effective_to {
            follow(regime, v, end, &place, today, out);
        } else if v.assured_to.is_none() {
            out.tell(
                Some(v),
                place,
                Kind::OpenEnd,
                Severity::Note,
                (
                    "in force without an end: say assured_to once a day is known up to which that is certain",
                    "終期のない施行中の版です。確実といえる最終日が分かれば assured_to に記載してください",
                ),
            );
        } else if let (Some(end), Some(today)) = (v.assured_to, today)
            && end < today
            && !starts_after(regime, end)
        {
            ended(v, end, &place, out);
        }
        for (_, other) in in_force().filter(|(j, _)| *j != i) {
            knowledge(v, other, i, out);
        }
    }
    for (i, v) in regime.versions.iter().enumerate() {
        let Some(today) = today else { continue };
        if v.checked.checked_add(1.year()).is_ok_and(|due| due < today) {
            out.tell(
                Some(v),
                format!("versions[{i}].checked"),
                Kind::StaleCheck,
                Severity::Warning,
                (
                    format!("last compared with the law on {}, more than a year ago", v.checked),
                    format!("法令との照合が {} から1年以上行われていません", v.checked),
                ),
            );
        }
        // One that is no longer known is history: it says what was to be seen coming then.
        if v.status == Status::Enacted
            && v.known_to.is_none()
            && let Some(from) = v.effective_from.filter(|f| *f <= today)
        {
            out.tell(
                Some(v),
                format!("versions[{i}].status"),
                Kind::StillPending,
                Severity::Warning,
                (
                    format!("enacted, and its first day {from} has come: is it in force?"),
                    format!("公布済みの版の施行日 {from} が到来しています。施行中ではありませんか"),
                ),
            );
        }
    }
}

/// The first version that takes over on a later day.
fn starts_after(regime: &Regime, end: Date) -> bool {
    let later = |v: &Version| v.effective_from.is_some_and(|f| f > end);
    regime.versions.iter().any(|v| v.status == Status::InForce && later(v))
}

fn follow(regime: &Regime, v: &Version, end: Date, place: &str, today: Option<Date>, out: &mut Out<'_>) {
    // What is no longer known to be the law is followed by what is known in its place.
    let current = |o: &&Version| o.status == Status::InForce && o.known_to.is_none();
    if v.known_to.is_some() {
        return;
    }
    let next =
        regime.versions.iter().filter(current).filter_map(|o| o.effective_from).filter(|f| *f > end).min();
    match (next, end.tomorrow()) {
        (Some(next), Ok(day)) if next > day => out.tell(
            Some(v),
            place,
            Kind::GapInTime,
            Severity::Warning,
            (
                format!("no version binds from {day} until {next}"),
                format!("{day} から {next} の前日まで適用される版がありません"),
            ),
        ),
        (None, _) if today.is_some_and(|t| end < t) => ended(v, end, place, out),
        _ => {}
    }
}

fn ended(v: &Version, end: Date, place: &str, out: &mut Out<'_>) {
    out.tell(
        Some(v),
        place,
        Kind::EndedWithoutSuccessor,
        Severity::Warning,
        (
            format!("ended on {end}, and no version follows: every event since goes to a person"),
            format!("{end} で終了し、後継の版がありません。以後の事案はすべて人による確認となります"),
        ),
    );
}

/// The same days under two versions, told apart by what was known when: between both there must be no day on which
/// neither was known.
fn knowledge(v: &Version, other: &Version, i: usize, out: &mut Out<'_>) {
    let meet = v.effective_from.zip(other.effective_to).is_none_or(|(f, t)| f <= t)
        && other.effective_from.zip(v.effective_to).is_none_or(|(f, t)| f <= t);
    if let (true, Some(end), Some(begin)) = (meet, v.known_to, other.known_from)
        && let Ok(day) = end.tomorrow()
        && begin > day
    {
        out.tell(
            Some(v),
            format!("versions[{i}].known"),
            Kind::GapInKnowledge,
            Severity::Warning,
            (
                format!(
                    "for an evaluation from {day} until {begin} neither this version nor {:?} is known",
                    other.id
                ),
                format!(
                    "{day} から {begin} の前日までの評価では、この版も「{}」も既知の法令となりません",
                    other.id
                ),
            ),
        );
    }
}
