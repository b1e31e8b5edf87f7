//! `suimon drill report`: how the team did, in words.

use std::process::ExitCode;

use jiff::{SignedDuration, Timestamp};
use law::Lang;

use super::{Report as Arguments, installation};
use crate::access::act_locally;
use crate::cli::{Failure, Format, output};
use crate::drill::{self, Deadline, Judged, LEADER, Outcome, Report, Step, Taken, Told, measure};
use crate::reports::Words;

/// Pseudonyms that stand in the text; all stand in the JSON.
const NAMED: usize = 20;

pub async fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let Arguments { dir, lang, format } = arguments;
    let (folder, app) = installation::open(&dir).await?;
    let op = act_locally(&app, LEADER).await?;
    let report = measure(&op, &folder).await?;
    match format {
        Format::Json => output::json(&report)?,
        Format::Text => output::print(&Text::new(lang.into(), &report).all()),
    }
    Ok(ExitCode::SUCCESS)
}

struct Text<'r> {
    words: Words,
    report: &'r Report,
}

impl<'r> Text<'r> {
    fn new(lang: Lang, report: &'r Report) -> Self {
        Self { words: Words::new(lang, drill::ZONE), report }
    }

    fn say<'t>(&self, en: &'t str, ja: &'t str) -> &'t str {
        self.words.say(en, ja)
    }

    fn seconds(&self, seconds: i64) -> String {
        let from = self.report.fault_began;
        let to = from + SignedDuration::from_secs(seconds.max(0));
        self.words.duration(from, to).unwrap_or_default()
    }

    fn between(&self, from: Timestamp, to: Timestamp) -> String {
        self.seconds(to.duration_since(from).as_secs().abs())
    }

    fn all(&self) -> String {
        let mut lines = vec![self.head(), self.fault(), String::new()];
        lines.extend(self.report.steps.iter().map(|taken| self.step(taken)));
        lines.push(String::new());
        lines.push(self.say("Duties of the law", "法令上の義務").to_owned());
        if self.report.duties.is_empty() {
            let assessed =
                self.report.steps.iter().any(|taken| taken.step == Step::Assessed && taken.at.is_some());
            lines.push(format!(
                "  {}",
                match assessed {
                    true => self.say("none, by the assessment", "なし（評価の結果による）"),
                    false => self.say(
                        "not known: nobody has assessed the incident",
                        "不明（評価がまだ行われていない）"
                    ),
                }
            ));
        }
        lines.extend(self.report.duties.iter().map(|duty| self.duty(duty)));
        lines.push(String::new());
        lines.push(self.truth());
        lines.push(match &self.report.list {
            Some(list) => self.list(list),
            None => self.say("List: not yet", "対象者リスト：未作成").to_owned(),
        });
        lines.push(self.told(&self.report.told));
        let missing: Vec<&str> = self
            .report
            .steps
            .iter()
            .filter(|taken| taken.at.is_none())
            .map(|taken| self.name(taken.step))
            .collect();
        if !missing.is_empty() {
            let names = missing.join(self.say("; ", "、"));
            lines.push(format!("{}{names}", self.say("Not yet done: ", "未実施：")));
        }
        lines.join("\n") + "\n"
    }

    fn head(&self) -> String {
        let Report { seed, speed, at, fault_began, .. } = self.report;
        let (now, since) = (self.words.moment(*at), self.between(*fault_began, *at));
        match self.words.lang {
            Lang::En => format!(
                "Drill, seed {seed}, speed {speed}: it is {now} there, {since} after the fault began."
            ),
            Lang::Ja => {
                format!("訓練（シード{seed}、速度{speed}倍）：訓練内の時刻は{now}、障害の発生から{since}")
            }
        }
    }

    fn fault(&self) -> String {
        let began = self.report.fault_began;
        let start = self.words.moment(began);
        match (self.report.fault_ended, self.words.lang) {
            (Some(ended), Lang::En) => {
                format!("The fault began at {start} and lasted {}.", self.between(began, ended))
            }
            (Some(ended), Lang::Ja) => {
                format!("障害は{start}に始まり、{}続いた。", self.between(began, ended))
            }
            (None, Lang::En) => format!("The fault began at {start} and goes on: nobody has contained it."),
            (None, Lang::Ja) => format!("障害は{start}に始まり、まだ封じ込められていない。"),
        }
    }

    fn name(&self, step: Step) -> &'static str {
        let (en, ja) = match step {
            Step::FirstSign => ("first sign", "最初の兆候"),
            Step::Detected => ("incident opened", "インシデントの登録"),
            Step::Contained => ("contained", "封じ込め"),
            Step::FirstList => ("first list", "最初の対象者リスト"),
            Step::ApprovedList => ("first approved list", "最初の承認済みリスト"),
            Step::Assessed => ("law assessed", "法令上の評価"),
            Step::ReportWritten => ("first report written", "最初の報告書"),
            Step::AuthorityTold => ("authority told", "監督機関への報告"),
            Step::PersonsTold => ("last notice accepted", "最後の通知の送達"),
        };
        if self.words.lang == Lang::En { en } else { ja }
    }

    fn step(&self, taken: &Taken) -> String {
        let Taken { step, at, after_fault_seconds, after_first_sign_seconds } = taken;
        let name = self.name(*step);
        let (Some(at), Some(after)) = (at, after_fault_seconds) else {
            return format!("  {name}{}{}", self.say(": ", "："), self.say("not yet", "未実施"));
        };
        let (moment, after) = (self.words.moment(*at), self.seconds(*after));
        let sign = after_first_sign_seconds.filter(|_| *step != Step::FirstSign);
        let sign = sign.map(|seconds| self.seconds(seconds));
        match (self.words.lang, sign) {
            (Lang::En, None) => format!("  {name}: {moment}; {after} after the fault began"),
            (Lang::En, Some(sign)) => {
                format!("  {name}: {moment}; {after} after the fault began, {sign} after the first sign")
            }
            (Lang::Ja, None) => format!("  {name}：{moment}（障害の発生から{after}）"),
            (Lang::Ja, Some(sign)) => {
                format!("  {name}：{moment}（障害の発生から{after}、最初の兆候から{sign}）")
            }
        }
    }

    fn duty(&self, duty: &Deadline) -> String {
        let Deadline { regime, kind, title, nature, due_at, done_at, outcome } = duty;
        let due = match due_at {
            Some(due) => format!("{}{}", self.say("by ", "期限 "), self.words.moment(*due)),
            None => self.say("no last instant in the law", "日時の定めなし").to_owned(),
        };
        let apart = |from: Option<Timestamp>, to: Option<Timestamp>| {
            from.zip(to).map(|(from, to)| self.between(from, to)).unwrap_or_default()
        };
        let now = Some(self.report.at);
        let said = match (outcome, self.words.lang) {
            (Outcome::Kept, Lang::En) if due_at.is_some() => "done in time".to_owned(),
            (Outcome::Kept, Lang::Ja) if due_at.is_some() => "期限内に履行".to_owned(),
            (Outcome::Kept, Lang::En) => "done".to_owned(),
            (Outcome::Kept, Lang::Ja) => "履行済み".to_owned(),
            (Outcome::Incomplete, Lang::En) => {
                format!("in part: {} who were exposed were told nothing", self.report.told.missed.len())
            }
            (Outcome::Incomplete, Lang::Ja) => {
                format!("一部未了（通知漏れ{}人）", self.report.told.missed.len())
            }
            (Outcome::Late, Lang::En) => format!("late by {}", apart(*due_at, *done_at)),
            (Outcome::Late, Lang::Ja) => format!("{}の遅延", apart(*due_at, *done_at)),
            (Outcome::Open, Lang::En) if due_at.is_some() => format!("open, {} left", apart(now, *due_at)),
            (Outcome::Open, Lang::Ja) if due_at.is_some() => format!("未了（残り{}）", apart(now, *due_at)),
            (Outcome::Open, Lang::En) => "open".to_owned(),
            (Outcome::Open, Lang::Ja) => "未了".to_owned(),
            (Outcome::Missed, Lang::En) => format!("missed {} ago", apart(*due_at, now)),
            (Outcome::Missed, Lang::Ja) => format!("期限を{}超過し未了", apart(*due_at, now)),
            (Outcome::Waived, Lang::En) => "waived with a reason".to_owned(),
            (Outcome::Waived, Lang::Ja) => "理由を付して不実施".to_owned(),
        };
        let (title, nature) = (title.get(self.words.lang), nature.label(self.words.lang));
        match self.words.lang {
            Lang::En => format!("  {regime} {kind}, {title} ({nature}; {due}): {said}"),
            Lang::Ja => format!("  {regime} {kind}、{title}（{nature}、{due}）：{said}"),
        }
    }

    fn truth(&self) -> String {
        let number = self.report.truly_exposed;
        match self.words.lang {
            Lang::En => format!("Truly exposed, as only the drill knows: {number} people."),
            Lang::Ja => format!("実際に閲覧された本人（訓練の設定上の事実）：{number}人"),
        }
    }

    fn list(&self, list: &Judged) -> String {
        let Judged { revision, approved, persons, missed, not_exposed } = list;
        let state = match approved {
            true => self.say("approved", "承認済み"),
            false => self.say("not approved", "未承認"),
        };
        let (count, names) = (missed.len(), self.names(missed));
        match self.words.lang {
            Lang::En => format!(
                "List, revision {revision}, {state}: {persons} people. Exposed and missing: {count}{names}. Not exposed and listed: \
                 {not_exposed}."
            ),
            Lang::Ja => format!(
                "対象者リスト第{revision}版（{state}）：{persons}人。漏れ：{count}人{names}。閲覧されていないのに掲載：{not_exposed}人"
            ),
        }
    }

    fn told(&self, told: &Told) -> String {
        let Told { last_at: _, persons, waiting, failed, missed, not_exposed } = told;
        let (count, names) = (missed.len(), self.names(missed));
        match self.words.lang {
            Lang::En => format!(
                "Told by mail: {persons} people; {waiting} mails wait, {failed} failed. Exposed and not told: {count}{names}. Not \
                 exposed and told: {not_exposed}."
            ),
            Lang::Ja => format!(
                "メールで通知した本人：{persons}人（待機{waiting}通、失敗{failed}通）。通知漏れ：{count}人{names}。\
                 閲覧されていないのに通知：{not_exposed}人"
            ),
        }
    }

    fn names(&self, people: &[String]) -> String {
        if people.is_empty() {
            return String::new();
        }
        let shown: Vec<&str> = people.iter().take(NAMED).map(String::as_str).collect();
        let more = if people.len() > NAMED { " …" } else { "" };
        let (open, close) = (self.say(" (", "（"), self.say(")", "）"));
        format!("{open}{}{more}{close}", shown.join(", "))
    }
}
