//! Duties, exclusions, deadlines and periods that no facts reach.
//!
//! Decided by a search through the facts that a condition reads (see `satisfy`): "never" holds for every record. A search
//! that gives up tells nothing.

use super::{Kind, Out, Severity};
use crate::{
    Nature, Status,
    clock::Clock,
    pack::{Regime, Version},
    satisfy::{Answer, search},
    view::{self, Ask},
};

pub(super) fn check(regime: &Regime, out: &mut Out<'_>) {
    let view = view::regime(regime);
    for (i, (v, seen)) in regime.versions.iter().zip(&view.versions).enumerate() {
        let mut ground = vec![(&view.scope, true)];
        ground.extend(seen.scope.iter().map(|s| (s, true)));
        let mut walk = Walk { v, ground, out, place: format!("versions[{i}]") };
        if v.status == Status::InForce {
            let place = format!("{}.review", walk.place);
            walk.reviews(&seen.review, &place, &[]);
        }
        for (j, duty) in seen.duties.iter().enumerate() {
            walk.duty(duty, &format!("versions[{i}].duties[{j}]"));
        }
    }
}

struct Walk<'a, 'o, 'p> {
    v: &'a Version,
    /// What holds for every duty: the scopes.
    ground: Vec<(&'a Ask<'a>, bool)>,
    out: &'o mut Out<'p>,
    place: String,
}

impl<'a> Walk<'a, '_, '_> {
    /// Whether no facts at all answer so.
    fn never(&self, wishes: &[(&Ask<'_>, bool)]) -> bool {
        let goals: Vec<_> = self.ground.iter().copied().chain(wishes.iter().copied()).collect();
        matches!(search(&goals, &mut |_| 0), Answer::Impossible)
    }

    fn tell(&mut self, place: &str, kind: Kind, severity: Severity, en: &str, ja: &str) {
        self.out.tell(Some(self.v), place, kind, severity, (en, ja));
    }

    fn duty(&mut self, duty: &view::Duty<'_>, place: &str) {
        let when = (&duty.when, true);
        if self.never(&[when]) {
            // A version has to name regulator and persons, were the duty never due.
            let meant = ["regulator", "persons"].contains(&duty.recipient);
            let severity = if meant { Severity::Note } else { Severity::Warning };
            let text = (
                "no facts meet this trigger: the duty is never due",
                "この発動要件を満たす事実がなく、義務が生じることはありません",
            );
            self.tell(&format!("{place}.when"), Kind::UnreachableDuty, severity, text.0, text.1);
            return;
        }
        for (i, (_, exclusion)) in duty.exclusions.iter().enumerate() {
            let place = format!("{place}.exclusions[{i}].when");
            if self.never(&[when, (exclusion, false)]) {
                let text = (
                    "holds whenever the trigger is met: the duty is never due",
                    "発動要件を満たすと常に成立するため、義務が生じることはありません",
                );
                self.tell(&place, Kind::ExclusionAlwaysHolds, Severity::Error, text.0, text.1);
            } else if self.never(&[when, (exclusion, true)]) {
                let text = (
                    "never holds when the trigger is met",
                    "発動要件を満たす場合に成立することがない除外事由です",
                );
                self.tell(&place, Kind::ExclusionNeverHolds, Severity::Warning, text.0, text.1);
            }
        }
        self.reviews(&duty.review, &format!("{place}.review"), &[when]);
        for (i, deadline) in duty.deadlines.iter().enumerate() {
            self.deadline(deadline, when, &format!("{place}.deadlines[{i}]"));
        }
    }

    /// One that is never met still calls a person while it is undecided, and some packs mean just that.
    fn reviews(&mut self, reviews: &[Ask<'_>], place: &str, context: &[(&Ask<'_>, bool)]) {
        for (i, review) in reviews.iter().enumerate() {
            let mut goals = context.to_vec();
            goals.push((review, true));
            if self.never(&goals) {
                let text = (
                    "no facts meet this condition: it calls a person only while facts are missing",
                    "この条件を満たす事実はなく、事実が不足している間に限り人による確認が求められます",
                );
                let place = format!("{place}[{i}].when");
                self.tell(&place, Kind::ReviewNeverMet, Severity::Note, text.0, text.1);
            }
        }
    }

    fn deadline(&mut self, deadline: &view::Deadline<'_>, when: (&Ask<'_>, bool), place: &str) {
        let mut context = vec![when];
        context.extend(deadline.when.iter().map(|w| (w, true)));
        if deadline.when.is_some() && self.never(&context) {
            let text = (
                "this deadline never exists: its condition excludes the duty's trigger",
                "期限の条件が義務の発動要件と両立せず、期限が生じることはありません",
            );
            self.tell(&format!("{place}.when"), Kind::UnreachableDeadline, Severity::Warning, text.0, text.1);
            return;
        }
        if deadline.clocks.is_empty() && deadline.window.is_none() {
            if matches!(deadline.nature, Nature::Statute | Nature::Internal) {
                let text = (
                    "has no period, though it is neither open-textured nor guidance",
                    "期間の定めがありません（不確定概念・ガイドラインの期限でもありません）",
                );
                self.tell(place, Kind::DeadlineWithoutClock, Severity::Warning, text.0, text.1);
            }
            return;
        }
        for (i, (condition, clock)) in deadline.clocks.iter().enumerate() {
            let mut goals = context.clone();
            goals.extend(condition.iter().map(|c| (c, true)));
            let never = condition.is_some() && self.never(&goals);
            let rivals = deadline.clocks.iter().enumerate().filter(|(j, _)| *j != i);
            let beaten = condition.is_some()
                && rivals
                    .into_iter()
                    .any(|(_, (c, rival))| c.is_none() && beats(rival, clock, deadline.latest_binds));
            let text = if never {
                ("no facts make this period apply", "この期間が適用される事実がありません")
            } else if beaten {
                (
                    "never decides: a period without a condition always goes further",
                    "無条件の期間が常に優先するため、この期間が結論となることはありません",
                )
            } else {
                continue;
            };
            self.tell(
                &format!("{place}.clocks[{i}]"),
                Kind::UnreachableClock,
                Severity::Warning,
                text.0,
                text.1,
            );
        }
        let all_conditional = !deadline.clocks.is_empty() && deadline.clocks.iter().all(|(c, _)| c.is_some());
        if all_conditional {
            let mut goals = context;
            goals.extend(deadline.clocks.iter().flat_map(|(c, _)| c).map(|c| (c, false)));
            if !self.never(&goals) {
                let text = (
                    "there are facts under which none of the periods applies; then a person has to say",
                    "いずれの期間も適用されない場合があり、そのときは人による確認となります",
                );
                self.tell(&format!("{place}.clocks"), Kind::NoClockApplies, Severity::Note, text.0, text.1);
            }
        }
    }
}

/// Whether a period of the same make always ends no earlier (or no later).
fn beats(rival: &Clock, clock: &Clock, latest_binds: bool) -> bool {
    let alike = Clock { amount: clock.amount, ..rival.clone() } == *clock;
    alike && if latest_binds { rival.amount >= clock.amount } else { rival.amount <= clock.amount }
}
