//! The pages as HTML: one template each, both languages, no script. What a template shows is escaped.

use std::sync::{LazyLock, OnceLock};

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};
use sha2::{Digest, Sha256};

use crate::app::App;
use crate::error::Result;
use crate::notices::Language;
use crate::notices::portal::{Asked, Listed, Offer, PersonPage, Standing, TenantPage};

const STYLE: &str = include_str!("../../../templates/portal/style.css");
const TEMPLATES: &[(&str, &str)] = &[
    ("layout.html", include_str!("../../../templates/portal/layout.html")),
    ("parts.html", include_str!("../../../templates/portal/parts.html")),
    ("enter.html", include_str!("../../../templates/portal/enter.html")),
    ("person.html", include_str!("../../../templates/portal/person.html")),
    ("tenant.html", include_str!("../../../templates/portal/tenant.html")),
    ("refused.html", include_str!("../../../templates/portal/refused.html")),
];

/// Nothing but this very style sheet and forms to this service: no script, no image, nothing from elsewhere, in no frame.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let style = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"))
});

fn environment() -> Result<&'static Environment<'static>> {
    static ENVIRONMENT: OnceLock<std::result::Result<Environment<'static>, String>> = OnceLock::new();
    let built = ENVIRONMENT.get_or_init(|| build().map_err(|error| format!("{error:#}")));
    built.as_ref().map_err(|error| anyhow::anyhow!("a template of a page does not read: {error}").into())
}

fn build() -> std::result::Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    for (name, source) in TEMPLATES {
        environment.add_template(name, source)?;
    }
    Ok(environment)
}

/// Renders a page. An error of the engine may quote data: its kind and place are told, nothing else.
pub(super) fn render(template: &str, content: &Value) -> Result<String> {
    let template = environment()?.get_template(template).map_err(|error| wrong(&error))?;
    template.render(content).map_err(|error| wrong(&error).into())
}

fn wrong(error: &minijinja::Error) -> anyhow::Error {
    anyhow::anyhow!(
        "page {} line {}: {:?}",
        error.name().unwrap_or_default(),
        error.line().unwrap_or_default(),
        error.kind()
    )
}

/// A page with what its headers say to browsers and search engines. (That nothing keeps it, every answer of this service says.)
pub(super) fn answer(status: StatusCode, page: String) -> Response {
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY.clone()),
        (HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex, nofollow")),
    ];
    (status, headers, Html(page)).into_response()
}

/// Where a page lies and how it speaks.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    /// Path of the page, with the token.
    pub path: &'p str,
    pub language: Language,
    pub operator: &'p str,
}

pub(super) fn common(place: Place<'_>) -> Value {
    let Place { path, language, operator } = place;
    context! {
        lang => language.as_str(), ja => language == Language::Ja, style => STYLE, operator => operator,
        path => path, here => path, refused => false,
    }
}

/// Before anybody has proved anything: `step` is `begin`, `sent`, `wait` or `wrong`.
pub(super) fn enter(place: Place<'_>, tenant: bool, step: &str, unsent: bool) -> Result<String> {
    let content = context! { tenant => tenant, step => step, unsent => unsent, ..common(place) };
    render("enter.html", &content)
}

/// Why there is no page.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There is none by this link, for whatever reason.
    None,
    Busy,
    Elsewhere,
    Broken,
}

/// In both languages: of whom it is, nobody knows.
pub(super) fn refused(app: &App, refusal: Refusal) -> Result<String> {
    let mail = &app.config().mail;
    let place = Place { path: "", language: Language::Ja, operator: &mail.from_name };
    let content = context! {
        busy => refusal == Refusal::Busy, elsewhere => refusal == Refusal::Elsewhere,
        broken => refusal == Refusal::Broken, desk => mail.letter_sender.clone(), refused => true, ..common(place)
    };
    render("refused.html", &content)
}

/// What came of a form on the page: what to say, and what stays in the form.
#[derive(Clone, Copy, Default)]
pub(super) struct Came<'c> {
    pub done: &'c str,
    pub problem: &'c str,
    pub kept: &'c str,
    /// Which form it was, where a page has several.
    pub of: &'c str,
}

/// An instant for people.
pub(super) fn instant(at: Timestamp, zone: &str, language: Language) -> String {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let form = match language {
        Language::Ja => "%Y年%-m月%-d日 %H:%M",
        Language::En => "%-d %B %Y %H:%M",
    };
    at.to_zoned(zone).strftime(form).to_string()
}

pub(super) fn questions(asked: &[Asked], zone: &str, language: Language) -> Vec<Value> {
    let say = |at| instant(at, zone, language);
    asked
        .iter()
        .map(|one| {
            let answers = one.answers.iter().map(|(at, text)| context! { at => say(*at), text => text });
            context! {
                at => say(one.at), due => one.due.map(say), text => one.text.clone(), closed => one.closed,
                answers => answers.collect::<Vec<_>>(),
            }
        })
        .collect()
}

/// The author's texts by name; a template asks for some that this notice may not have.
pub(super) fn texts(given: &[(String, String)]) -> Value {
    let of = |name: &str| given.iter().find(|(known, _)| known == name).map(|(_, text)| text.clone());
    context! {
        what_happened => of("what_happened"), data_items => of("data_items"), cause => of("cause"),
        secondary_damage => of("secondary_damage"), measures => of("measures"), contact_desk => of("contact_desk"),
    }
}

/// An affected person's page.
pub(super) fn person(path: &str, page: &PersonPage, came: Came<'_>) -> Result<String> {
    let place = Place { path, language: page.language, operator: &page.operator };
    let standing = match page.standing {
        Standing::Confirmed => "confirmed",
        Standing::Possible => "possible",
        Standing::Unknown => "unknown",
        Standing::Cleared => "cleared",
    };
    let viewers =
        page.viewers.map(|viewers| context! { certain => viewers.certain, possible => viewers.possible });
    let (gift, gift_code) = match &page.gift {
        Offer::None => ("none", None),
        Offer::Open => ("open", None),
        Offer::Given(code) => ("given", Some(code.as_str())),
    };
    let content = context! {
        gift => gift, gift_code => gift_code,
        system => page.system.clone(), tenants_kind => page.tenants_kind.clone(),
        tenants => page.tenants.clone(), period => page.period.clone(),
        standing => standing, fields => page.fields.clone(), viewers => viewers, texts => texts(&page.texts),
        texts_lang => page.texts_language.as_str(),
        questions => questions(&page.questions, &page.zone, page.language),
        done => came.done, problem => came.problem, problem_of => came.of, kept => came.kept, ..common(place)
    };
    render("person.html", &content)
}

/// A tenant's page.
pub(super) fn tenant(path: &str, page: &TenantPage, came: Came<'_>) -> Result<String> {
    let place = Place { path, language: page.language, operator: &page.operator };
    let say = |at| instant(at, &page.zone, page.language);
    let groups: Vec<Value> =
        page.groups.iter().map(|(kind, count)| context! { kind => kind, count => count }).collect();
    let total: u64 = page.groups.iter().map(|(_, count)| count).sum();
    let person = |one: &Listed| {
        context! {
            person => one.person.clone(), kind => one.kind.clone(), certain => one.certain,
            first => one.first_at.map(say), last => one.last_at.map(say), fields => one.fields.clone(),
        }
    };
    let content = context! {
        system => page.system.clone(), tenant => page.tenant.clone(), period => page.period.clone(),
        list => page.list, total => total, groups => groups,
        people => page.people.iter().map(person).collect::<Vec<_>>(), page => page.page, pages => page.pages,
        confirmed => page.confirmed.map(say), taken_over => page.taken_over.map(say),
        texts => texts(&page.texts), texts_lang => page.texts_language.as_str(),
        questions => questions(&page.questions, &page.zone, page.language),
        done => came.done, problem => came.problem, problem_of => came.of, kept => came.kept, ..common(place)
    };
    render("tenant.html", &content)
}
