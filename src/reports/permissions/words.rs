//! Conditions, answers and sources in words of both languages.

use law::Lang;

use crate::access::{Against, Comparison, Condition, Effect, Origin, Rule, Scalar, StandingAnswer};

/// The text of the language.
pub fn say(lang: Lang, en: &'static str, ja: &'static str) -> &'static str {
    if lang == Lang::Ja { ja } else { en }
}

/// The answer and its mark.
pub fn answer(lang: Lang, answer: StandingAnswer) -> (&'static str, &'static str) {
    match answer {
        StandingAnswer::Allowed => ("allowed", say(lang, "allowed", "○ 可")),
        StandingAnswer::Conditional => ("conditional", say(lang, "under conditions", "△ 条件付き")),
        StandingAnswer::Refused => ("refused", say(lang, "refused by a rule", "× 規則により不可")),
        StandingAnswer::NotGranted | StandingAnswer::Unmentioned => {
            ("refused", say(lang, "no rule allows it", "× 許可する規則なし"))
        }
    }
}

/// All conditions of a rule, as a half-sentence of what it then does.
pub fn conditions(lang: Lang, rule: &Rule) -> String {
    let all: Vec<String> = rule.when.iter().map(|condition| one(lang, condition, rule.effect)).collect();
    match (lang, rule.effect) {
        (Lang::Ja, Effect::Allow) => format!("次の場合に可：{}", all.join("、かつ")),
        (Lang::Ja, Effect::Deny) => format!("次の場合は不可：{}", all.join("、かつ")),
        (_, Effect::Allow) => format!("when {}", all.join(" and ")),
        (_, Effect::Deny) => format!("not when {}", all.join(" and ")),
    }
}

fn one(lang: Lang, condition: &Condition, effect: Effect) -> String {
    let Condition { attribute, comparison, against } = condition;
    let value = |value: &Scalar| match value {
        Scalar::Text(text) => text.to_string(),
        Scalar::Number(number) => number.to_string(),
        Scalar::Truth(truth) => truth.to_string(),
    };
    let right = match against {
        Against::Value(right) => value(right),
        Against::Other(other) => other.to_string(),
        Against::Values(right) => {
            let values: Vec<String> = right.iter().map(value).collect();
            values.join(say(lang, " or ", "または"))
        }
    };
    let text = match (lang, comparison) {
        (Lang::Ja, Comparison::Eq | Comparison::In) => format!("{attribute} が {right} である"),
        (Lang::Ja, Comparison::Ne | Comparison::NotIn) => format!("{attribute} が {right} でない"),
        (Lang::Ja, Comparison::Lt) => format!("{attribute} が {right} より小さい（前である）"),
        (Lang::Ja, Comparison::Lte) => format!("{attribute} が {right} 以下（以前）である"),
        (Lang::Ja, Comparison::Gt) => format!("{attribute} が {right} より大きい（後である）"),
        (Lang::Ja, Comparison::Gte) => format!("{attribute} が {right} 以上（以後）である"),
        (_, Comparison::Eq | Comparison::In) => format!("{attribute} is {right}"),
        (_, Comparison::Ne | Comparison::NotIn) => format!("{attribute} is not {right}"),
        (_, Comparison::Lt) => format!("{attribute} is below {right}"),
        (_, Comparison::Lte) => format!("{attribute} is at most {right}"),
        (_, Comparison::Gt) => format!("{attribute} is above {right}"),
        (_, Comparison::Gte) => format!("{attribute} is at least {right}"),
    };
    // What is not known never helps who asks (`Condition::holds`).
    let unknown_refuses = effect == Effect::Deny && !matches!(comparison, Comparison::Eq | Comparison::In);
    if unknown_refuses {
        format!("{text}{}", say(lang, " (or is not known)", "（不明な場合を含む）"))
    } else {
        text
    }
}

/// Where a rule comes from.
pub fn source(lang: Lang, rule: &Rule) -> String {
    match &rule.origin {
        Origin::Template => say(lang, "role template", "役割の標準").to_owned(),
        Origin::Override => say(lang, "rule of the tenant", "組織の規則").to_owned(),
        Origin::Requirement(name) => format!("{} {name}", say(lang, "requirement", "要件")),
        Origin::BreakGlass(id) => format!("{} {id}", say(lang, "grant for an emergency", "緊急時の許可")),
    }
}
