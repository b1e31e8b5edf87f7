//! Statements of law in documents: each with its clause, and where the pack's text was not checked against the primary source,
//! with that. Nothing is concluded here; what the assessment concluded is told. Pure.

use document::{Block, Note, NoteKind, Rich, Value};
use law::{DutyDecision, Grade, Labels, Outcome};

use super::writer::Writer;
use crate::duties::{Nature, due_words};

/// Japan's law for private operators.
pub const APPI: &str = "jp-appi-26";
/// The Union's.
pub const GDPR: &str = "eu-gdpr";

impl<'m> Writer<'m> {
    /// The assessment's decision under a regime.
    pub fn decision(&self, regime: &str) -> Option<&'m law::Decision> {
        self.material.base.assessment.as_ref()?.regime(regime)
    }

    /// The decision about one duty, where the law applies at all.
    pub fn ruled(&self, regime: &str, duty: &str) -> Option<(&'m law::Decision, &'m DutyDecision)> {
        let decision = self.decision(regime)?;
        let duty = decision.duty(duty)?;
        (decision.scope != law::Scope::Out).then_some((decision, duty))
    }

    /// How well a text was checked, where it was not the primary one.
    pub fn grade(&self, grade: Grade) -> Option<&str> {
        match grade {
            Grade::Verified => None,
            Grade::Secondary => Some(self.say("read in a secondary source only", "二次資料のみで確認")),
            Grade::Memory => Some(self.say("not checked against any source", "出典未確認")),
        }
    }

    /// A clause with how well it was checked.
    pub fn clause(&self, clause: &Labels, grade: Grade) -> String {
        let clause = clause.get(self.lang);
        match self.grade(grade) {
            None => clause.to_owned(),
            Some(grade) => format!("{clause}{}{grade}{}", self.say(" [", "［"), self.say("]", "］")),
        }
    }

    /// `assessment 2 of Thu 9 Nov 2023, 10:00`
    pub fn assessed(&self) -> Option<String> {
        let law = self.report.law.as_ref()?;
        Some(self.pick(
            format!("assessment {} of {}", law.number, law.at),
            format!("第{}回評価（{}）", law.number, law.at),
        ))
    }

    /// What is said while nobody has assessed the incident.
    pub fn without_assessment(&self) -> Value {
        self.unknown("assess the incident", "インシデントの法的評価を行えば確定")
    }

    /// What the assessment says of a duty: outcome, clause, the rules that decided, what is missing, and what was not checked.
    pub fn ruling_with_reasons(&self, regime: &str, duty: &str) -> Value {
        self.told_of(regime, duty, true)
    }

    /// The same without the single rules, for who does not work with them.
    pub fn ruling(&self, regime: &str, duty: &str) -> Value {
        self.told_of(regime, duty, false)
    }

    fn told_of(&self, regime: &str, duty: &str, reasons: bool) -> Value {
        let Some(assessed) = self.assessed() else { return self.without_assessment() };
        let Some(decision) = self.decision(regime) else {
            return self
                .pick(
                    format!("No rule pack {regime} was in force; {assessed}"),
                    format!("ルールパック{regime}に該当する版なし。{assessed}"),
                )
                .into();
        };
        let Some((_, duty)) = self.ruled(regime, duty) else {
            let title = decision.title.get(self.lang);
            return self
                .pick(
                    format!("{title}: does not apply; {assessed}"),
                    format!("{title}：適用対象外。{assessed}"),
                )
                .into();
        };
        let mut rich =
            self.outcome_of(duty).text(self.pick(format!("; {assessed}"), format!("。{assessed}")));
        if reasons && duty.recipient == "regulator" {
            let told = self
                .report
                .law
                .as_ref()
                .and_then(|law| law.decisions.iter().find(|told| told.pack == decision.pack_id));
            for reason in told.map(|told| told.reasons.as_slice()).unwrap_or_default() {
                rich = rich.text(format!("\n{reason}"));
            }
        }
        let missing = missing(decision, self.lang);
        if duty.outcome == Outcome::NeedsReview && !missing.is_empty() {
            let missing = missing.join(self.say(", ", "、"));
            rich = rich.text("\n").unknown(self.pick(
                format!("these facts can still change it: {missing}"),
                format!("結論を変え得る未確定の事実：{missing}"),
            ));
        } else if duty.outcome == Outcome::NeedsReview {
            rich = rich.text("\n").unknown(self.say("a person has to decide", "人による判断が必要"));
        }
        if let Some(unchecked) = self.unchecked(decision) {
            rich = rich.text(format!("\n{unchecked}"));
        }
        rich.into()
    }

    /// What the assessment says of other laws that apply or may apply, a line each.
    pub fn other_laws(&self, regime: &str) -> Vec<String> {
        let decisions = self
            .material
            .base
            .assessment
            .as_ref()
            .map(|known| known.decisions.as_slice())
            .unwrap_or_default();
        let others =
            decisions.iter().filter(|known| known.scope != law::Scope::Out && known.regime != regime);
        let line = |known: &law::Decision| {
            let outcome = known.regulator.label();
            let grounds = known.duty("regulator").map_or_else(String::new, |duty| self.grounds(duty));
            let title = known.title.get(self.lang);
            self.pick(
                format!("{title}: report to the authority {}{grounds}", outcome.get(self.lang)),
                format!("{title}：監督機関への報告は{}{grounds}", outcome.get(self.lang)),
            )
        };
        others.map(line).collect()
    }

    /// Outcome with its clause, and whether it rests on a text that was not checked.
    pub fn outcome_of(&self, duty: &DutyDecision) -> Rich {
        Rich::new().strong(duty.outcome.label().get(self.lang)).text(self.grounds(duty))
    }

    /// The clause of a duty in brackets, and whether its outcome rests on a text that was not checked.
    fn grounds(&self, duty: &DutyDecision) -> String {
        let clause = duty.clause.get(self.lang);
        let rests = match self.grade(duty.grade) {
            None => String::new(),
            Some(grade) => {
                self.pick(format!("; rests in part on text {grade}"), format!("、一部の規定は{grade}"))
            }
        };
        self.pick(format!(" ({clause}{rests})"), format!("（{clause}{rests}）"))
    }

    /// Clauses of a decision that were not checked against the primary source, with how they were.
    pub fn unchecked(&self, decision: &law::Decision) -> Option<String> {
        let mut clauses: Vec<String> = Vec::new();
        for caveat in &decision.caveats {
            let fallback = Labels::new(caveat.rule_id.as_str(), caveat.rule_id.as_str());
            let text = self.clause(caveat.clause.as_ref().unwrap_or(&fallback), caveat.grade);
            if !clauses.contains(&text) {
                clauses.push(text);
            }
        }
        (!clauses.is_empty()).then(|| {
            let clauses = clauses.join(self.say("; ", "、"));
            self.pick(
                format!("Not checked against the primary text: {clauses}"),
                format!("原典で確認していない規定：{clauses}"),
            )
        })
    }

    /// A deadline as the assessment computed it: text, nature, clause.
    pub fn deadline(&self, regime: &str, duty: &str, deadline: &str) -> Option<String> {
        let (_, duty) = self.ruled(regime, duty)?;
        let told = !matches!(duty.outcome, Outcome::NotRequired | Outcome::OutOfScope | Outcome::Exempt);
        let deadline = duty.deadlines.iter().find(|known| known.id == deadline).filter(|_| told)?;
        let due = due_words(deadline, self.lang);
        let nature = Nature::from(deadline.nature).label(self.lang);
        let clause = self.clause(&deadline.clause, deadline.grade);
        let provisional = match deadline.provisional {
            true => self.say(", provisional", "、暫定"),
            false => "",
        };
        Some(self.pick(
            format!("{due} ({nature}{provisional}; {clause})"),
            format!("{due}（{nature}{provisional}、{clause}）"),
        ))
    }

    /// What the document rests on, and that it is no legal advice: stands once, at the end.
    pub fn basis(&self) -> Block {
        let mut body = Vec::new();
        let law = self.report.law.as_ref();
        body.push(match (law, self.assessed()) {
            (Some(law), Some(assessed)) => Rich::from(self.pick(
                format!("Law: {assessed}, SHA-256 {}", law.digest),
                format!("法的評価：{assessed}、SHA-256 {}", law.digest),
            )),
            _ => Rich::new()
                .text(self.say("Law: ", "法的評価："))
                .unknown(self.say("assess the incident", "インシデントの法的評価を行えば確定")),
        });
        body.push(match self.list() {
            Some((_, list)) => Rich::from(self.pick(
                format!(
                    "Numbers of people: revision {} of the affected list ({}), SHA-256 {}",
                    list.number, list.state, list.digest
                ),
                format!("人数：対象者リスト第{}版（{}）、SHA-256 {}", list.number, list.state, list.digest),
            )),
            None => Rich::new().text(self.say("Numbers of people: ", "人数：")).unknown(
                self.say("make the affected list from the logs", "ログから対象者リストを作成すれば確定"),
            ),
        });
        body.push(Rich::from(self.disclaimer()));
        Block::Note(Note { kind: NoteKind::Info, body })
    }

    /// No legal advice.
    pub fn disclaimer(&self) -> &'static str {
        disclaimer(self.lang)
    }
}

/// The sentence that stands once in each document that says what a law asks for.
pub fn disclaimer(lang: law::Lang) -> &'static str {
    match lang {
        law::Lang::En => {
            "What this document says of the law was worked out by a program from recorded facts. It is no legal advice: \
             have counsel check it before it is sent."
        }
        law::Lang::Ja => {
            "本文書の法令に関する記載は、記録された事実からプログラムが導いたものであり、法的助言ではない。提出・公表の前に専門家の確認を受けること。"
        }
    }
}

/// Facts that can still change the outcome.
pub fn missing(decision: &law::Decision, lang: law::Lang) -> Vec<String> {
    decision.missing_facts.iter().map(|missing| missing.label.get(lang).to_owned()).collect()
}
