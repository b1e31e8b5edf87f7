//! The texts of notices: templates of the program, filled with what the service knows and what the author adds.
//!
//! They hold the items that the notice to persons must have (Rules of the APPI, art. 10 with art. 8(1) items 1, 2, 4, 5, 9):
//! outline, data concerned, cause, secondary damage, and what else helps, with the desk to ask. Nothing may be left open:
//! an undefined variable is an error, not an empty place.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::LazyLock;

use anyhow::{Context, bail};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use minijinja::{Environment, UndefinedBehavior, Value, context};

use super::model::{Audience, Language, Variables};
use crate::error::{Error, Result};

/// Longest text that an author may add in one variable, in characters.
const MAX_TEXT: usize = 4000;
/// What begins the names of the author's variables in a template.
const AUTHORS: &str = "text.";

struct Source {
    name: &'static str,
    audience: Audience,
    language: Language,
    text: &'static str,
}

const SOURCES: &[Source] = &[
    Source {
        name: "incident_notice_person",
        audience: Audience::Persons,
        language: Language::Ja,
        text: include_str!("../../templates/mail/incident_notice_person.ja.txt"),
    },
    Source {
        name: "incident_notice_person",
        audience: Audience::Persons,
        language: Language::En,
        text: include_str!("../../templates/mail/incident_notice_person.en.txt"),
    },
    Source {
        name: "incident_correction_person",
        audience: Audience::Cleared,
        language: Language::Ja,
        text: include_str!("../../templates/mail/incident_correction_person.ja.txt"),
    },
    Source {
        name: "incident_correction_person",
        audience: Audience::Cleared,
        language: Language::En,
        text: include_str!("../../templates/mail/incident_correction_person.en.txt"),
    },
    Source {
        name: "incident_notice_tenant",
        audience: Audience::Tenants,
        language: Language::Ja,
        text: include_str!("../../templates/mail/incident_notice_tenant.ja.txt"),
    },
    Source {
        name: "incident_notice_tenant",
        audience: Audience::Tenants,
        language: Language::En,
        text: include_str!("../../templates/mail/incident_notice_tenant.en.txt"),
    },
];

/// What the service itself knows, in the language of the message.
pub struct Known {
    pub recipient: Recipient,
    pub system: System,
    pub operator: Operator,
    /// The time during which data was open, in the incident's zone; none while unknown.
    pub period: Option<String>,
    /// For tenants: how many of their people are on the list.
    pub list: Option<List>,
    /// The recipient's own page; none where there is none, and in letters.
    pub link: Option<String>,
}

/// Who reads it.
pub struct Recipient {
    /// Name of the person or of the tenant; none where it is not known.
    pub name: Option<String>,
    /// Names of the tenants at which the person is concerned.
    pub tenants: Vec<String>,
    /// Whether it is certain that somebody else saw the person's data.
    pub confirmed: bool,
}

/// The system that it happened in.
pub struct System {
    pub title: String,
    pub tenants_kind: String,
}

/// Who writes.
pub struct Operator {
    pub name: String,
}

/// The affected list, as far as it concerns a tenant.
pub struct List {
    pub number: i32,
    pub groups: Vec<Group>,
}

/// People of one kind.
pub struct Group {
    pub kind: String,
    pub count: u64,
}

/// A finished text.
#[derive(PartialEq, Eq)]
pub struct Text {
    pub subject: String,
    pub body: String,
}

/// What a template sees. The types above are neither `Debug` nor `Serialize`: a name gets into a text here, on purpose, or
/// nowhere.
fn everything(known: &Known, texts: &BTreeMap<String, String>) -> Value {
    let Known { recipient, system, operator, period, list, link } = known;
    let list = list.as_ref().map(|list| {
        let groups =
            list.groups.iter().map(|group| context! { kind => group.kind.clone(), count => group.count });
        context! { number => list.number, groups => groups.collect::<Vec<_>>() }
    });
    context! {
        recipient => context! {
            name => recipient.name.clone(), tenants => recipient.tenants.clone(), confirmed => recipient.confirmed
        },
        system => context! { title => system.title.clone(), tenants_kind => system.tenants_kind.clone() },
        operator => context! { name => operator.name.clone() },
        period => period.clone(),
        list => list,
        link => link.clone(),
        text => texts.clone(),
    }
}

fn source(template: &str, language: Language) -> anyhow::Result<(&'static str, &'static str)> {
    let source = SOURCES
        .iter()
        .find(|source| source.name == template && source.language == language)
        .with_context(|| format!("there is no template {template:?} in {}", language.as_str()))?;
    let (first, body) = source.text.split_once('\n').context("a template without a body")?;
    Ok((first.strip_prefix("Subject: ").context("a template without a subject")?, body))
}

/// Whether this program has a template of that name.
pub fn is_known(template: &str) -> bool {
    SOURCES.iter().any(|source| source.name == template)
}

type Compiled = HashMap<(&'static str, Language), Environment<'static>>;

/// Every template, read once: a notice has as many messages as people.
fn environment(template: &str, language: Language) -> anyhow::Result<&'static Environment<'static>> {
    static COMPILED: LazyLock<anyhow::Result<Compiled>> = LazyLock::new(|| {
        SOURCES
            .iter()
            .map(|source| Ok(((source.name, source.language), compiled(source.name, source.language)?)))
            .collect()
    });
    let compiled = COMPILED.as_ref().map_err(|error| anyhow::anyhow!("{error:#}"))?;
    let known = SOURCES
        .iter()
        .find(|source| source.name == template)
        .and_then(|source| compiled.get(&(source.name, language)));
    known.with_context(|| format!("there is no template {template:?} in {}", language.as_str()))
}

fn compiled(template: &str, language: Language) -> anyhow::Result<Environment<'static>> {
    let (subject, body) = source(template, language)?;
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_template("subject.txt", subject)?;
    environment.add_template("body.txt", body)?;
    Ok(environment)
}

/// Renders a message. A pure function of its arguments.
///
/// # Errors
/// When a variable is missing, or the subject would not be one line. The text names the template, never the data.
pub fn render(
    template: &str,
    language: Language,
    known: &Known,
    variables: &Variables,
) -> anyhow::Result<Text> {
    let texts = variables.of(language).with_context(|| format!("no texts in {}", language.as_str()))?;
    let environment = environment(template, language)?;
    let everything = everything(known, texts);
    // An error of the engine may quote the data around the place; its kind and line are enough to find it.
    let part = |name: &str| -> anyhow::Result<String> {
        environment.get_template(name)?.render(&everything).map_err(|error| {
            anyhow::anyhow!(
                "template {template} ({}), {name} line {}: {:?}",
                language.as_str(),
                error.line().unwrap_or_default(),
                error.kind()
            )
        })
    };
    let subject = part("subject.txt")?;
    if subject.chars().any(char::is_control) {
        bail!("template {template} ({}): the subject is not one line", language.as_str());
    }
    Ok(Text { subject, body: part("body.txt")? + "\n" })
}

/// Checks template, languages and what the author adds, by name and by rendering the worst case.
///
/// # Errors
/// `INVALID`, naming all variables that are missing, unknown or unusable.
pub fn check(audience: Audience, template: &str, variables: &Variables) -> Result<()> {
    let mut fitting: Vec<&str> =
        SOURCES.iter().filter(|source| source.audience == audience).map(|source| source.name).collect();
    fitting.dedup();
    if !fitting.contains(&template) {
        return Err(Error::invalid("template", format!("is not a template for {}", audience.as_str()))
            .remedy(format!("use one of {}", fitting.join(", "))));
    }
    let languages = variables.languages();
    if languages.is_empty() {
        return Err(Error::invalid("variables", "no language is given")
            .remedy("give the texts as {\"ja\": {…}, \"en\": {…}}; one language is enough"));
    }
    let mut problems = Vec::new();
    for language in languages {
        let given = variables.of(language).cloned().unwrap_or_default();
        let wanted = authors_variables(template, language)?;
        for name in &wanted {
            match given.get(name).map(|text| unusable(text)) {
                None => problems.push(format!("{}.{name} is missing", language.as_str())),
                Some(Some(problem)) => problems.push(format!("{}.{name} {problem}", language.as_str())),
                Some(None) => {}
            }
        }
        for name in given.keys().filter(|name| !wanted.contains(*name)) {
            let name: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
            problems.push(format!("{}.{name} is not a variable of this template", language.as_str()));
        }
    }
    if !problems.is_empty() {
        return Err(Error::invalid("variables", problems.join("; ")).remedy("give each variable a text"));
    }
    for language in variables.languages() {
        for known in samples(audience, language) {
            render(template, language, &known, variables)?;
        }
    }
    Ok(())
}

fn unusable(text: &str) -> Option<String> {
    if text.trim().is_empty() {
        return Some("is empty".to_owned());
    }
    if text.chars().count() > MAX_TEXT {
        return Some(format!("is longer than {MAX_TEXT} characters"));
    }
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Some("has control characters".to_owned());
    }
    // Whoever writes this expects it to be filled in; it would be sent as it stands.
    if text.contains("{{") || text.contains("{%") {
        return Some("has a placeholder, which is not filled in here".to_owned());
    }
    None
}

/// Names of the variables that the author must give.
fn authors_variables(template: &str, language: Language) -> anyhow::Result<BTreeSet<String>> {
    let environment = environment(template, language)?;
    let mut names = BTreeSet::new();
    for part in ["subject.txt", "body.txt"] {
        let undeclared = environment.get_template(part)?.undeclared_variables(true);
        names.extend(undeclared.iter().filter_map(|name| Some(name.strip_prefix(AUTHORS)?.to_owned())));
    }
    Ok(names)
}

/// Made-up recipients to see a text with: an ordinary one, and one with everything long, strange or absent.
pub fn samples(audience: Audience, language: Language) -> [Known; 2] {
    let pick = |ja: &str, en: &str| match language {
        Language::Ja => ja.to_owned(),
        Language::En => en.to_owned(),
    };
    let typical = Known {
        recipient: Recipient {
            name: Some(match audience {
                Audience::Persons | Audience::Cleared => pick("見本 花子", "Hanako Mihon"),
                Audience::Tenants => pick("見本中学校", "Mihon Junior High School"),
            }),
            tenants: match audience {
                Audience::Persons => vec![pick("見本中学校", "Mihon Junior High School")],
                Audience::Tenants | Audience::Cleared => Vec::new(),
            },
            confirmed: false,
        },
        system: System {
            title: pick("見本システム", "Sample system"), tenants_kind: pick("学校", "school")
        },
        operator: Operator { name: pick("見本株式会社", "Sample Inc.") },
        period: Some(pick("2023年10月26日 11:00 から 15:41 まで", "26 October 2023, 11:00 to 15:41")),
        list: (audience == Audience::Tenants)
            .then(|| List {
                number: 1, groups: vec![Group { kind: pick("志願者", "Applicant"), count: 5 }]
            }),
        link: None,
    };
    let long = pick("長い名前の見本", "A very long sample name ").repeat(15);
    let strange = format!("<b>\"'&{{{{ 7 * 7 }}}}</b> é か\u{3099} 𠮷 😀 {long}");
    let worst = Known {
        recipient: Recipient {
            name: (audience == Audience::Tenants).then(|| strange.clone()),
            tenants: match audience {
                Audience::Persons => vec![strange.clone(); 20],
                Audience::Tenants | Audience::Cleared => Vec::new(),
            },
            confirmed: true,
        },
        system: System { title: strange.clone(), tenants_kind: long.clone() },
        operator: Operator { name: strange },
        period: None,
        list: (audience == Audience::Tenants).then(|| List {
            number: i32::MAX,
            groups: (0..20).map(|_| Group { kind: long.clone(), count: u64::MAX }).collect(),
        }),
        link: (audience != Audience::Cleared)
            .then(|| format!("https://{}.example/", "long-name.".repeat(20))),
    };
    [typical, worst]
}

/// A stretch of time in words, in the zone in which people speak about the incident.
pub fn period(
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    zone: &str,
    language: Language,
) -> Option<String> {
    // A zone that is not in this program's tables would be a worse reason for silence than UTC.
    let (zone, name) = TimeZone::get(zone).map_or((TimeZone::UTC, "UTC"), |found| (found, zone));
    let say = |instant: Timestamp| {
        let format = match language {
            Language::Ja => "%Y年%-m月%-d日 %H:%M",
            Language::En => "%-d %B %Y %H:%M",
        };
        instant.to_zoned(zone.clone()).strftime(format).to_string()
    };
    let text = match (from.map(say), to.map(say), language) {
        (Some(from), Some(to), Language::Ja) => format!("{from} から {to} まで"),
        (Some(from), None, Language::Ja) => format!("{from} から"),
        (Some(from), Some(to), Language::En) => format!("{from} to {to}"),
        (Some(from), None, Language::En) => format!("from {from}"),
        (None, ..) => return None,
    };
    Some(format!("{text} ({name})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts() -> Variables {
        let map = |mark: &str| {
            ["what_happened", "data_items", "cause", "secondary_damage", "measures", "contact_desk"]
                .iter()
                .map(|name| ((*name).to_owned(), format!("{mark} {name}")))
                .collect::<BTreeMap<_, _>>()
        };
        Variables { ja: Some(map("和")), en: Some(map("en")) }
    }

    #[test]
    fn every_template_takes_the_same_texts_and_renders_the_worst_case() {
        for source in SOURCES.iter().filter(|source| source.audience != Audience::Cleared) {
            check(source.audience, source.name, &texts()).unwrap();
            assert_eq!(
                authors_variables(source.name, source.language).unwrap().into_iter().collect::<Vec<_>>(),
                ["cause", "contact_desk", "data_items", "measures", "secondary_damage", "what_happened"]
            );
        }
    }

    #[test]
    fn a_correction_says_why_and_whom_to_ask() {
        let map = || {
            Some(BTreeMap::from(
                [("reason", "r"), ("contact_desk", "c")]
                    .map(|(name, text)| (name.to_owned(), text.to_owned())),
            ))
        };
        let variables = Variables { ja: map(), en: map() };
        check(Audience::Cleared, "incident_correction_person", &variables).unwrap();
        assert!(check(Audience::Persons, "incident_correction_person", &variables).is_err());
    }

    #[test]
    fn all_problems_of_the_authors_texts_are_named() {
        let mut variables = texts();
        let ja = variables.ja.as_mut().unwrap();
        ja.remove("cause");
        ja.insert("measures".into(), " ".into());
        ja.insert("data_items".into(), "氏名 {{ name }}".into());
        ja.insert("contact".into(), "x".into());
        let error = check(Audience::Persons, "incident_notice_person", &variables).unwrap_err();
        assert_eq!(
            error.to_string(),
            "variables: ja.cause is missing; ja.data_items has a placeholder, which is not filled in here; \
             ja.measures is empty; ja.contact is not a variable of this template; give each variable a text"
        );
        assert!(check(Audience::Tenants, "incident_notice_person", &texts()).is_err());
        assert!(check(Audience::Persons, "incident_notice_person", &Variables::default()).is_err());
    }

    #[test]
    fn data_is_never_evaluated() {
        let [_, worst] = samples(Audience::Persons, Language::En);
        let text = render("incident_notice_person", Language::En, &worst, &texts()).unwrap();
        assert!(text.body.contains("<b>\"'&{{ 7 * 7 }}</b>") && !text.body.contains("49"), "{}", text.body);
    }

    #[test]
    fn a_subject_with_a_line_break_is_refused() {
        let [mut known, _] = samples(Audience::Persons, Language::En);
        known.operator.name = "Sample\r\nBcc: somebody@example.org".into();
        let error = render("incident_notice_person", Language::En, &known, &texts()).err().unwrap();
        assert_eq!(error.to_string(), "template incident_notice_person (en): the subject is not one line");
    }

    #[test]
    fn periods_are_told_in_the_incidents_zone() {
        let (from, to) = ("2023-10-26T02:00:00Z".parse().unwrap(), "2023-10-26T06:41:00Z".parse().unwrap());
        assert_eq!(
            period(Some(from), Some(to), "Asia/Tokyo", Language::Ja).unwrap(),
            "2023年10月26日 11:00 から 2023年10月26日 15:41 まで (Asia/Tokyo)"
        );
        assert_eq!(
            period(Some(from), None, "Asia/Tokyo", Language::En).unwrap(),
            "from 26 October 2023 11:00 (Asia/Tokyo)"
        );
        assert_eq!(period(None, Some(to), "Asia/Tokyo", Language::En), None);
    }
}
