//! A decision as text that a person can read to the end.

use crate::{DeadlineDecision, DeadlineStatus, Decision, Grade, Labels, Lang, Missing, Nature, Outcome};

impl Decision {
    /// The whole decision in words: outcomes, deadlines with their computation, missing facts, caveats, trace.
    pub fn to_prose(&self, lang: Lang) -> String {
        let say = |en: &'static str, ja: &'static str| if lang == Lang::Ja { ja } else { en };
        let mut out = Lines { lang, text: String::new() };
        out.line(0, &format!("{} ({})", self.title.get(lang), self.pack_id));
        out.pair(1, say("report to the regulator", "監督機関への報告"), self.regulator);
        out.pair(1, say("notice to the persons", "本人への通知"), self.persons);
        for o in &self.others {
            out.pair(1, &o.recipient, o.outcome);
        }
        for (duty, deadline) in self.deadlines() {
            out.line(1, &format!("{} — {}", duty.label.get(lang), out.deadline(deadline)));
            for step in &deadline.computation {
                out.line(2, step.get(lang));
            }
            for note in &deadline.annotations {
                out.line(2, &format!("{}: {}", note.label.get(lang), note.due.show()));
            }
        }
        out.section(
            say("Facts that could change this", "結論を変え得る事実"),
            self.missing_facts.iter().map(|m| {
                let why = match m.reason {
                    Missing::Unknown => say("not known", "不明"),
                    Missing::Range => say("only a range is known", "範囲のみ判明"),
                    Missing::Suspected => say("only suspected", "おそれの段階"),
                };
                format!("{} ({}): {why}", m.label.get(lang), m.fact)
            }),
        );
        out.section(
            say("Rests on texts that were not verified", "未確認の資料に基づく部分"),
            self.caveats.iter().map(|c| {
                let grade = match c.grade {
                    Grade::Verified => say("verified", "確認済み"),
                    Grade::Secondary => say("secondary source", "二次資料"),
                    Grade::Memory => say("not checked", "未確認"),
                };
                format!("{}: {grade}", c.clause.as_ref().map_or(c.rule_id.as_str(), |l| l.get(lang)))
            }),
        );
        out.section(
            say("Law to come", "今後の改正"),
            self.pending
                .iter()
                .map(|p| format!("{} — {}", p.title.get(lang), p.note.as_ref().map_or("", |n| n.get(lang)))),
        );
        out.section(say("Notes", "備考"), self.notes.iter().map(|n: &Labels| n.get(lang).to_owned()));
        out.line(0, say("Rules asked", "適用した規定"));
        for line in self.trace.to_prose(lang).lines() {
            out.line(1, line);
        }
        out.text
    }
}

struct Lines {
    lang: Lang,
    text: String,
}

impl Lines {
    fn line(&mut self, depth: usize, text: &str) {
        self.text.extend(std::iter::repeat_n("  ", depth));
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn pair(&mut self, depth: usize, name: &str, outcome: Outcome) {
        let text = format!("{name}: {}", outcome.label().get(self.lang));
        self.line(depth, &text);
    }

    fn section(&mut self, title: &str, lines: impl Iterator<Item = String>) {
        for (i, text) in lines.enumerate() {
            if i == 0 {
                self.line(0, title);
            }
            self.line(1, &text);
        }
    }

    fn deadline(&self, d: &DeadlineDecision) -> String {
        let ja = self.lang == Lang::Ja;
        let nature = match (d.nature, ja) {
            (Nature::Statute, false) => "statute",
            (Nature::Statute, true) => "法定",
            (Nature::Guidance, false) => "guidance",
            (Nature::Guidance, true) => "ガイドライン上の目安",
            (Nature::Internal, false) => "internal target",
            (Nature::Internal, true) => "内部目標",
            (Nature::OpenTextured, false) => "no date in the text",
            (Nature::OpenTextured, true) => "日数の定めなし",
        };
        let when = match (d.status, &d.window_opens, &d.due) {
            (DeadlineStatus::Computed, Some(first), Some(last)) => {
                format!("{}..{}", first.show(), last.show())
            }
            (DeadlineStatus::Computed, None, Some(due)) => due.show(),
            (DeadlineStatus::NotStarted, ..) => String::from(if ja { "未進行" } else { "not started" }),
            (DeadlineStatus::Suspended, _, Some(due)) if ja => format!("停止中（期日 {}）", due.show()),
            (DeadlineStatus::Suspended, _, Some(due)) => format!("suspended (date {})", due.show()),
            (DeadlineStatus::Suspended, ..) => String::from(if ja { "停止中" } else { "suspended" }),
            (DeadlineStatus::NeedsReview, ..) => String::from(if ja { "要確認" } else { "needs review" }),
            _ => String::from(if ja { "期日なし" } else { "no date" }),
        };
        let doubt = match (d.provisional, ja) {
            (false, _) => "",
            (true, false) => ", provisional",
            (true, true) => "、暫定",
        };
        format!("{} [{}]: {when} ({nature}{doubt})", d.label.get(self.lang), d.clause.get(self.lang))
    }
}
