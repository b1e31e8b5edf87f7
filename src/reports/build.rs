//! From what the parts know to what the report says, in one language. Pure.

use law::Lang;

use super::gather::Material;
use super::lists;
use super::model::{
    Action, Authority, Communications, Deadline, Decision, Document, Duty, Entry, Fact, Finding, Inquiry,
    Law, Member, Notice, Passage, Period, Report, Step, Summary, Undecided,
};
use super::words::Words;
use crate::duties::{self, DutyState};
use crate::incidents;
use crate::incidents::model::{ActionState, EntryKind, InquiryState, Party, TeamRole};

/// Rules that decided, shown beside the outcome; the whole trace stands in the appendix.
const MAX_REASONS: usize = 12;

/// Builds the report.
pub fn build(material: &Material, lang: Lang) -> Report {
    let words = Words::new(lang, &material.incident.zone);
    let incident = &material.incident;
    let system = material.system.as_deref();
    let operator = match system {
        Some(system) => words.say(&system.operator.name.en, &system.operator.name.ja),
        None => words.say(&material.operator.1, &material.operator.0),
    };
    let of_kinds = |kinds: &[EntryKind]| entries(material, &words, |entry| kinds.contains(&entry.kind));
    Report {
        number: incident.number,
        title: incident.title.clone(),
        operator: operator.to_owned(),
        system: match system {
            Some(system) => words.say(&system.title.en, &system.title.ja).to_owned(),
            None => incident.system.clone(),
        },
        date: words.day(material.now),
        prepared_at: words.moment(material.now),
        zone: incident.zone.clone(),
        status: words.status(incident.status),
        team: members(material, &words, |role| role != TeamRole::PublicContact),
        summary: summary(material, &words),
        timeline: entries(material, &words, |entry| {
            // The narrative that holds has sections of its own; what was replaced stays visible here.
            entry.superseded_by.is_some()
                || !matches!(entry.kind, EntryKind::Summary | EntryKind::Cause | EntryKind::Impact)
        }),
        investigation: of_kinds(&[
            EntryKind::Report,
            EntryKind::Detection,
            EntryKind::Investigation,
            EntryKind::Decision,
            EntryKind::Meeting,
        ])
        .into_iter()
        .filter(|entry| entry.replaced_by.is_none())
        .collect(),
        causes: passages(material, &words, EntryKind::Cause),
        scope: lists::scope(material, &words),
        communications: Communications {
            notices: notices(material, &words),
            entries: current(of_kinds(&[EntryKind::Communication])),
        },
        inquiries: inquiries(material, &words, |party| party != Party::Authority),
        law: material.assessment.as_ref().map(|assessment| law_of(assessment, &words)),
        authority: Authority {
            duties: material.duties.iter().map(|duty| duty_of(duty, &words)).collect(),
            entries: current(of_kinds(&[EntryKind::Authority])),
            consultations: inquiries(material, &words, |party| party == Party::Authority),
        },
        containment: passages(material, &words, EntryKind::Containment),
        measures: passages(material, &words, EntryKind::Measure),
        actions: material.actions.iter().map(|action| action_of(action, &words)).collect(),
        next_steps: next_steps(material, &words),
        contacts: members(material, &words, |role| role == TeamRole::PublicContact),
        documents: material.timeline.iter().flat_map(|entry| documents(&entry.attachments)).collect(),
    }
}

fn members(material: &Material, words: &Words, wanted: impl Fn(TeamRole) -> bool) -> Vec<Member> {
    let mut members: Vec<_> = material.members.iter().filter(|member| wanted(member.role)).collect();
    members.sort_by_key(|member| (member.role, member.since));
    members
        .into_iter()
        .map(|member| Member {
            role: words.role(member.role),
            name: member.name.clone(),
            organisation: member.organisation.clone(),
            contact: member.contact.clone(),
            until: member.until.map(|until| words.moment(until)),
        })
        .collect()
}

fn summary(material: &Material, words: &Words) -> Summary {
    let incident = &material.incident;
    let latest = |kind| {
        let narrative =
            material.timeline.iter().filter(|entry| entry.kind == kind && entry.superseded_by.is_none());
        narrative.max_by_key(|entry| entry.seq).map(|entry| paragraphs(&entry.text)).unwrap_or_default()
    };
    let period = incident.occurred_from.map(|from| Period {
        from: words.moment(from),
        to: incident.occurred_to.map(|to| words.moment(to)),
        duration: incident.occurred_to.and_then(|to| words.duration(from, to)),
    });
    Summary {
        what: latest(EntryKind::Summary),
        impact: passages(material, words, EntryKind::Impact)
            .into_iter()
            .map(|passage| passage.text)
            .collect(),
        findings: material.findings.iter().map(|finding| finding_of(finding, words)).collect(),
        period,
        detected_at: incident.detected_at.map(|at| words.moment(at)),
        detection_delay: match (incident.occurred_from, incident.detected_at) {
            (Some(from), Some(detected)) => words.duration(from, detected),
            _ => None,
        },
        aware_at: incident.aware_at.map(|at| words.moment(at)),
        contained_at: incident.contained_at.map(|at| words.moment(at)),
    }
}

fn paragraphs(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn finding_of(finding: &incidents::Finding, words: &Words) -> Finding {
    Finding {
        at: words.moment(finding.occurred_at),
        source: words.finding_source(finding.source),
        reporter: finding.reporter.clone(),
        summary: finding.summary.clone(),
        requirement: finding.requirement.clone(),
    }
}

fn entries(material: &Material, words: &Words, wanted: impl Fn(&incidents::Entry) -> bool) -> Vec<Entry> {
    let seq = |id| material.timeline.iter().find(|entry| Some(entry.id) == id).map(|entry| entry.seq);
    material
        .timeline
        .iter()
        .filter(|entry| wanted(entry))
        .map(|entry| Entry {
            seq: entry.seq,
            at: words.occurred(entry.occurred_at, entry.occurred_until, entry.precision),
            kind: words.kind(entry.kind),
            text: entry.text.clone(),
            recorded_at: words.moment(entry.recorded_at),
            replaced_by: seq(entry.superseded_by),
            replaces: seq(entry.supersedes),
            attachments: documents(&entry.attachments),
        })
        .collect()
}

fn current(entries: Vec<Entry>) -> Vec<Entry> {
    entries.into_iter().filter(|entry| entry.replaced_by.is_none()).collect()
}

fn passages(material: &Material, words: &Words, kind: EntryKind) -> Vec<Passage> {
    current(entries(material, words, |entry| entry.kind == kind))
        .into_iter()
        .map(|entry| Passage { at: entry.at, text: entry.text })
        .collect()
}

fn documents(attachments: &[incidents::model::Attachment]) -> Vec<Document> {
    attachments.iter().map(|a| Document { name: a.name.clone(), sha256: a.sha256.clone() }).collect()
}

fn notices(material: &Material, words: &Words) -> Vec<Notice> {
    let number = |id| material.lists.iter().find(|(list, _)| list.id == id).and_then(|(list, _)| list.number);
    material
        .notices
        .iter()
        .map(|(notice, counts)| Notice {
            at: words.moment(notice.approved_at.unwrap_or(notice.created_at)),
            audience: words.audience(notice.audience),
            list: number(notice.revision),
            state: words.notice_state(notice.state),
            total: counts.audience(),
            accepted: counts.accepted + counts.told_otherwise,
            waiting: counts.open(),
            failed: counts.not_reached(),
        })
        .collect()
}

fn inquiries(material: &Material, words: &Words, wanted: impl Fn(Party) -> bool) -> Vec<Inquiry> {
    material
        .inquiries
        .iter()
        .filter(|inquiry| wanted(inquiry.party_kind))
        .map(|inquiry| Inquiry {
            at: words.moment(inquiry.asked_at),
            direction: words.direction(inquiry.direction),
            party: match words.lang {
                Lang::En => format!("{} ({})", inquiry.party, words.party(inquiry.party_kind)),
                Lang::Ja => format!("{}（{}）", inquiry.party, words.party(inquiry.party_kind)),
            },
            channel: inquiry.channel.clone(),
            question: inquiry.question.clone(),
            state: words.inquiry_state(inquiry.state),
            answers: inquiry
                .answers
                .iter()
                .map(|answer| Passage { at: words.moment(answer.answered_at), text: answer.text.clone() })
                .collect(),
        })
        .collect()
}

fn law_of(assessment: &duties::Assessment, words: &Words) -> Law {
    let lang = words.lang;
    let (binding, undecided): (Vec<_>, Vec<_>) = duties::binding_first(&assessment.decisions)
        .into_iter()
        .partition(|decision| decision.scope == law::Scope::In);
    let out = duties::out_of_scope(&assessment.decisions);
    Law {
        number: assessment.number,
        at: words.moment(assessment.evaluated_at),
        digest: assessment.digest.clone(),
        decisions: binding.into_iter().map(|decision| decision_of(decision, words)).collect(),
        undecided: undecided
            .into_iter()
            .map(|decision| Undecided {
                title: decision.title.get(lang).to_owned(),
                missing: missing_of(decision, lang),
            })
            .collect(),
        not_applicable: out.into_iter().map(|decision| decision.title.get(lang).to_owned()).collect(),
        facts: facts_of(&assessment.facts, words),
    }
}

/// Numbers by tenant stand in a row together: there may be a hundred.
fn facts_of(facts: &law::Facts, words: &Words) -> Vec<Fact> {
    const BY_TENANT: &str = "counts.by_entrustor.";
    let of_tenants: Vec<_> = facts.iter().filter(|(name, _)| name.starts_with(BY_TENANT)).collect();
    let mut rows: Vec<Fact> = facts
        .iter()
        .filter(|(name, _)| !name.starts_with(BY_TENANT))
        .map(|(name, fact)| Fact {
            label: duties::fact_label(name).get(words.lang).to_owned(),
            value: fact.value.to_string(),
            certainty: words.certainty(fact.certainty),
            source: fact.source.clone(),
        })
        .collect();
    if let Some((_, first)) = of_tenants.first() {
        let value: Vec<String> = of_tenants
            .iter()
            .map(|(name, fact)| format!("{} {}", name.trim_start_matches(BY_TENANT), fact.value))
            .collect();
        rows.push(Fact {
            label: duties::fact_label(BY_TENANT).get(words.lang).trim().to_owned(),
            value: value.join(words.say(", ", "、")),
            certainty: words.certainty(first.certainty),
            source: first.source.clone(),
        });
    }
    rows
}

fn missing_of(decision: &law::Decision, lang: Lang) -> Vec<String> {
    decision.missing_facts.iter().map(|missing| missing.label.get(lang).to_owned()).collect()
}

fn decision_of(decision: &law::Decision, words: &Words) -> Decision {
    let lang = words.lang;
    Decision {
        title: decision.title.get(lang).to_owned(),
        pack: decision.pack_id.clone(),
        regulator: decision.regulator.label().get(lang).to_owned(),
        persons: decision.persons.label().get(lang).to_owned(),
        reasons: reasons(decision, lang),
        deadlines: decision
            .deadlines()
            .filter(|(duty, _)| {
                !matches!(
                    duty.outcome,
                    law::Outcome::NotRequired | law::Outcome::OutOfScope | law::Outcome::Exempt
                )
            })
            .map(|(duty, deadline)| Deadline {
                title: format!("{} — {}", duty.label.get(lang), deadline.label.get(lang)),
                clause: deadline.clause.get(lang).to_owned(),
                due: duties::due_words(deadline, lang),
                nature: duties::Nature::from(deadline.nature).label(lang).to_owned(),
                provisional: deadline.provisional,
            })
            .collect(),
        missing: missing_of(decision, lang),
        notes: decision.notes.iter().map(|note| note.get(lang).to_owned()).collect(),
        caveats: decision
            .caveats
            .iter()
            .map(|caveat| caveat.clause.as_ref().map_or(caveat.rule_id.as_str(), |c| c.get(lang)).to_owned())
            .collect(),
        trace: decision.trace.to_prose(lang),
    }
}

/// The rules that decided about the authority: the leaves on which the answer of its duties rests.
fn reasons(decision: &law::Decision, lang: Lang) -> Vec<String> {
    let mut leaves = Vec::new();
    let duties = decision.duties.iter().filter(|duty| duty.recipient == "regulator");
    for duty in duties {
        decision
            .trace
            .nodes
            .iter()
            .filter(|node| node.rule_id == duty.id)
            .for_each(|node| node.decisive(&mut leaves));
    }
    let mut lines: Vec<String> = Vec::new();
    for (clause, leaf) in leaves {
        let line = match clause {
            Some(clause) if leaf.clause.is_none() => {
                format!(
                    "{}{}{}",
                    clause.get(lang),
                    if lang == Lang::Ja { "：" } else { ": " },
                    leaf.line(lang)
                )
            }
            _ => leaf.line(lang),
        };
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines.truncate(MAX_REASONS);
    lines
}

fn duty_of(duty: &duties::Duty, words: &Words) -> Duty {
    let lang = words.lang;
    Duty {
        title: duty.wording.title.get(lang).to_owned(),
        to: duty.wording.to.get(lang).to_owned(),
        clause: duty.clause.get(lang).to_owned(),
        due: duty.wording.due.get(lang).to_owned(),
        nature: duty.nature.label(lang).to_owned(),
        state: words.duty_state(duty.state),
        provisional: duty.wording.provisional && duty.state == DutyState::Open,
        settled_at: duty.settled_at.map(|at| words.moment(at)),
        proof: match (&duty.receipt, &duty.late_reason) {
            (Some(receipt), Some(why)) => {
                Some(format!("{receipt} ({}: {why})", words.say("late", "期限後の理由")))
            }
            (receipt, _) => receipt.clone().or_else(|| duty.reason.clone()),
        },
    }
}

fn action_of(action: &incidents::model::CorrectiveAction, words: &Words) -> Action {
    Action {
        title: action.title.clone(),
        requirement: action.requirement.clone(),
        owner: action.owner.clone(),
        starts: action.starts_at.map(|at| words.day(at)),
        due: action.due_at.map(|at| words.day(at)),
        state: words.action_state(action.state),
        done_at: action.done_at.map(|at| words.moment(at)),
    }
}

/// What is still to be done: planned actions, open duties, unanswered questions, a list that nobody approved.
fn next_steps(material: &Material, words: &Words) -> Vec<Step> {
    let lang = words.lang;
    let planned =
        material.actions.iter().filter(|action| action.state == ActionState::Planned).map(|action| {
            let starts = action.starts_at.map(|at| match lang {
                Lang::En => format!("from {}", words.day(at)),
                Lang::Ja => format!("{}から", words.day(at)),
            });
            let ends = action.due_at.map(|at| match lang {
                Lang::En => format!("by {}", words.day(at)),
                Lang::Ja => format!("{}まで", words.day(at)),
            });
            let when: Vec<String> = starts.into_iter().chain(ends).collect();
            Step {
                what: action.title.clone(),
                when: (!when.is_empty()).then(|| when.join(words.say(" ", "、"))),
                who: action.owner.clone(),
            }
        });
    let duties = material.duties.iter().filter(|duty| duty.state == DutyState::Open).map(|duty| Step {
        what: duty.wording.title.get(lang).to_owned(),
        when: Some(duty.wording.due.get(lang).to_owned()),
        who: None,
    });
    let questions =
        material.inquiries.iter().filter(|inquiry| inquiry.state == InquiryState::Open).map(|inquiry| {
            let what = words.say("Answer to an open question: ", "未回答の問い合わせへの対応：");
            Step {
                what: format!("{what}{}", inquiry.party),
                when: inquiry.due_at.map(|at| words.moment(at)),
                who: None,
            }
        });
    let list = material.lists.last().filter(|(list, _)| list.state == incidents::affected::State::Draft);
    let approval = list.map(|(list, _)| {
        let number = list.number.unwrap_or_default();
        Step {
            what: match lang {
                Lang::En => format!("Approval of revision {number} of the affected list"),
                Lang::Ja => format!("対象者リスト第{number}版の承認"),
            },
            when: None,
            who: None,
        }
    });
    planned.chain(duties).chain(questions).chain(approval).collect()
}
