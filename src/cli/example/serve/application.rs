//! The online application to schools, as small as it can be: public pages, an applicant's own page, a school's list of applicants.

use std::sync::Arc;

use anyhow::Context as _;
use axum::extract::{Form, Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use exposure::simulate::founding_day;
use minijinja::{Value, context};
use serde::Deserialize;

use super::pages::{self, Lang, Pages, Spoken};
use super::sessions::{About, Sessions};
use super::{Common, Shared};
use crate::cli::example::{RecordType, SCHOOLS, people_csv};
use crate::entropy::Entropy;

const TEMPLATES: [(&str, &str); 5] = [
    ("top", include_str!("../../../../templates/example/application_top.html")),
    ("sign_in", include_str!("../../../../templates/example/application_sign_in.html")),
    ("mypage", include_str!("../../../../templates/example/application_mypage.html")),
    ("admin", include_str!("../../../../templates/example/application_admin.html")),
    ("refused", include_str!("../../../../templates/example/refused.html")),
];

/// The fields of the manifest's `sessions`.
const SUBJECT: &str = "x-portal-subject";
const TENANT: &str = "x-portal-school";

/// How many people the page for signing in offers.
const OFFERED: usize = 8;

/// Who is signed in: the place in the list.
#[derive(Clone, Copy)]
enum Visitor {
    Applicant(usize),
    Admin(usize),
}

struct School {
    slug: String,
    name: (String, String),
}

/// An application: a person with two schools has two.
struct Applicant {
    id: String,
    school: usize,
    /// What the page shows: Japanese and English name of the field, and its value.
    fields: Vec<(&'static str, &'static str, String)>,
}

struct Admin {
    id: String,
    school: usize,
    name: String,
}

struct Application {
    common: Common<Visitor>,
    schools: Vec<School>,
    applicants: Vec<Applicant>,
    admins: Vec<Admin>,
}

/// Names of the fields in the order of the table of people.
const FIELDS: [(&str, &str); 8] = [
    ("氏名", "Full name"),
    ("フリガナ", "Reading of the name"),
    ("メールアドレス", "Mail address"),
    ("生年月日", "Date of birth"),
    ("電話番号", "Telephone"),
    ("住所", "Postal address"),
    ("保護者氏名", "Name of the guardian"),
    ("志望コース", "Choice of course"),
];
const NAME: usize = 0;
/// What a school sees in its list: name, reading, mail address, course.
const LISTED: [usize; 4] = [NAME, 1, 2, 7];

pub fn router(seed: u64, careful: bool, entropy: Entropy) -> anyhow::Result<Router> {
    let pages = Pages::new(("インターネット出願システム", "Online application system"), &TEMPLATES)?;
    let common = Common { pages, sessions: Sessions::new("session", entropy), careful };
    let application = Arc::new(Application::with_people(common, seed)?);
    Ok(Router::new()
        .route("/", get(top))
        .route("/assets/site.css", get(pages::style))
        .route("/login", get(sign_in).post(signed_in))
        .route("/login/out", post(signed_out))
        .route("/mypage", get(mypage))
        .route("/mypage/", get(mypage))
        .route("/admin", get(own_school))
        .route("/admin/{school}", get(admin))
        .fallback(not_there)
        .layer(middleware::from_fn_with_state(application.clone(), told))
        .with_state(application))
}

impl Application {
    fn with_people(common: Common<Visitor>, seed: u64) -> anyhow::Result<Self> {
        let mut schools = Vec::new();
        for row in csv::Reader::from_reader(SCHOOLS.as_bytes()).deserialize() {
            let (slug, ja, en) = row.context("the example's schools")?;
            schools.push(School { slug, name: (ja, en) });
        }
        let day = founding_day(seed);
        let mut made = Self { common, schools, applicants: Vec::new(), admins: Vec::new() };
        for row in csv::Reader::from_reader(people_csv(&day, RecordType::Applicant)?.as_bytes()).records() {
            let row = row.context("the example's applicants")?;
            let fields = FIELDS.iter().zip(row.iter().skip(3));
            let fields = fields.map(|((ja, en), value)| (*ja, *en, value.to_owned())).collect();
            let school = made.school(&row[0]).context("an applicant's school")?;
            made.applicants.push(Applicant { id: row[1].to_owned(), school, fields });
        }
        for row in csv::Reader::from_reader(people_csv(&day, RecordType::SchoolAdmin)?.as_bytes()).records() {
            let row = row.context("the example's administrators")?;
            let school = made.school(&row[0]).context("an administrator's school")?;
            made.admins.push(Admin { id: row[1].to_owned(), school, name: row[3].to_owned() });
        }
        // As the schools are listed, and everybody in it as the ids count.
        made.applicants.sort_by_key(|applicant| applicant.school);
        made.admins.sort_by_key(|admin| admin.school);
        Ok(made)
    }

    fn school(&self, slug: &str) -> Option<usize> {
        self.schools.iter().position(|school| school.slug == slug)
    }

    fn about(&self, visitor: Visitor) -> About {
        let (id, school) = match visitor {
            Visitor::Applicant(at) => (&self.applicants[at].id, self.applicants[at].school),
            Visitor::Admin(at) => (&self.admins[at].id, self.admins[at].school),
        };
        About { subject: id.clone(), tenant: self.schools[school].slug.clone() }
    }

    fn name(&self, visitor: Visitor) -> &str {
        match visitor {
            Visitor::Applicant(at) => &self.applicants[at].fields[NAME].2,
            Visitor::Admin(at) => &self.admins[at].name,
        }
    }

    fn school_in(&self, school: usize, lang: Lang) -> &str {
        let (ja, en) = &self.schools[school].name;
        lang.of(ja, en)
    }

    /// The person whom a form names, `ID@SCHOOL`.
    fn find(&self, person: &str) -> Option<Visitor> {
        let (id, school) = person.split_once('@')?;
        let school = self.school(school)?;
        let applicant = self.applicants.iter().position(|one| one.id == id && one.school == school);
        let admin = || self.admins.iter().position(|one| one.id == id && one.school == school);
        applicant.map(Visitor::Applicant).or_else(|| admin().map(Visitor::Admin))
    }

    fn refuse(&self, status: StatusCode, lang: Lang, who: Option<Visitor>, ja: &str, en: &str) -> Response {
        let who = who.map(|visitor| self.name(visitor));
        let why = context! { title => lang.of(ja, en), requirement => Value::from(()) };
        self.common.pages.refuse(status, lang, who, why)
    }
}

/// Says whom a personal answer is about, and to caches what the day lets it say.
async fn told(State(application): Shared<Application>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let public = path == "/" || path.starts_with("/assets/");
    let asks = application.common.sessions.of(request.headers()).map(|visitor| application.about(visitor));
    let mut answer = next.run(request).await;
    let about = answer.extensions_mut().remove::<About>().or(asks).unwrap_or_default();
    let fields = answer.headers_mut();
    pages::tell_caches(fields, public, application.common.careful);
    if !public {
        pages::name(fields, SUBJECT, &about.subject);
        pages::name(fields, TENANT, &about.tenant);
    }
    answer
}

async fn top(State(application): Shared<Application>, Query(Spoken { lang }): Query<Spoken>) -> Response {
    let schools: Vec<String> =
        (0..application.schools.len()).map(|at| application.school_in(at, lang).to_owned()).collect();
    // Caches keep this page: nobody is named on it.
    application.common.pages.show("top", lang, "/", None, context! { schools })
}

async fn sign_in(
    State(application): Shared<Application>,
    Query(Spoken { lang }): Query<Spoken>,
    fields: HeaderMap,
) -> Response {
    let who = application.common.sessions.of(&fields).map(|visitor| application.name(visitor));
    // One of each school: whoever tries it wants people of several.
    let offered = |everybody: Vec<(&str, &str, usize)>| -> Vec<Value> {
        let mut offered: Vec<Value> = Vec::new();
        let mut last = None;
        for (id, name, school) in everybody {
            if last.replace(school) != Some(school) && offered.len() < OFFERED {
                let value = format!("{id}@{}", application.schools[school].slug);
                let school = application.school_in(school, lang);
                offered.push(context! { value, name, school });
            }
        }
        offered
    };
    let applicants = application.applicants.iter();
    let applicants =
        applicants.map(|one| (one.id.as_str(), one.fields[NAME].2.as_str(), one.school)).collect();
    let admins =
        application.admins.iter().map(|one| (one.id.as_str(), one.name.as_str(), one.school)).collect();
    let values = context! { applicants => offered(applicants), admins => offered(admins) };
    application.common.pages.show("sign_in", lang, "/login", who, values)
}

#[derive(Deserialize)]
struct SignIn {
    person: String,
    #[serde(default)]
    lang: Lang,
}

async fn signed_in(
    State(application): Shared<Application>,
    fields: HeaderMap,
    Form(SignIn { person, lang }): Form<SignIn>,
) -> Response {
    let Some(visitor) = application.find(&person) else {
        let (ja, en) = ("その人はいません。", "There is nobody of that name.");
        return application.refuse(StatusCode::BAD_REQUEST, lang, None, ja, en);
    };
    let cookie = application.common.sessions.begin(&fields, visitor);
    let to = match visitor {
        Visitor::Applicant(_) => "/mypage/".to_owned(),
        Visitor::Admin(at) => format!("/admin/{}", application.schools[application.admins[at].school].slug),
    };
    ([(header::SET_COOKIE, cookie)], Extension(application.about(visitor)), lang.see(&to)).into_response()
}

async fn signed_out(
    State(application): Shared<Application>,
    fields: HeaderMap,
    Form(Spoken { lang }): Form<Spoken>,
) -> Response {
    let cookie = application.common.sessions.end(&fields);
    ([(header::SET_COOKIE, cookie)], Extension(About::default()), lang.see("/login")).into_response()
}

async fn mypage(
    State(application): Shared<Application>,
    Query(Spoken { lang }): Query<Spoken>,
    fields: HeaderMap,
) -> Response {
    let Some(Visitor::Applicant(at)) = application.common.sessions.of(&fields) else {
        return lang.see("/login");
    };
    let applicant = &application.applicants[at];
    let values = context! {
        number => applicant.id.as_str(),
        school => application.school_in(applicant.school, lang),
        fields => fields_of(applicant, lang),
    };
    let name = Some(application.name(Visitor::Applicant(at)));
    application.common.pages.show("mypage", lang, "/mypage/", name, values)
}

/// Names and values.
fn fields_of(applicant: &Applicant, lang: Lang) -> Vec<Vec<String>> {
    let fields = applicant.fields.iter();
    fields.map(|(ja, en, value)| vec![lang.of(ja, en).to_owned(), value.clone()]).collect()
}

async fn own_school(
    State(application): Shared<Application>,
    Query(Spoken { lang }): Query<Spoken>,
    fields: HeaderMap,
) -> Response {
    match application.common.sessions.of(&fields) {
        Some(Visitor::Admin(at)) => {
            lang.see(&format!("/admin/{}", application.schools[application.admins[at].school].slug))
        }
        _ => lang.see("/login"),
    }
}

async fn admin(
    State(application): Shared<Application>,
    Path(slug): Path<String>,
    Query(Spoken { lang }): Query<Spoken>,
    fields: HeaderMap,
) -> Response {
    let visitor = application.common.sessions.of(&fields);
    let Some(Visitor::Admin(at)) = visitor else { return lang.see("/login") };
    let own = application.admins[at].school;
    let Some(school) = application.school(&slug) else {
        return application.refuse(
            StatusCode::NOT_FOUND,
            lang,
            visitor,
            "その学校はありません。",
            "There is no such school.",
        );
    };
    // The mistake: whichever school stands in the address is shown.
    if application.common.careful && school != own {
        let (ja, en) = ("他校の画面は表示できません。", "You cannot see the pages of another school.");
        return application.refuse(StatusCode::FORBIDDEN, lang, visitor, ja, en);
    }
    let of_school = application.applicants.iter().filter(|applicant| applicant.school == school);
    let listed: Vec<Vec<String>> =
        of_school.map(|one| LISTED.iter().map(|at| one.fields[*at].2.clone()).collect()).collect();
    let heads: Vec<&str> = LISTED.iter().map(|at| lang.of(FIELDS[*at].0, FIELDS[*at].1)).collect();
    // For whoever wants to see what happens.
    let next =
        application.admins.iter().map(|admin| admin.school).find(|other| *other > own).unwrap_or_default();
    let values = context! {
        school => application.school_in(school, lang), heads, listed, own => school == own,
        another => application.school_in(next, lang), address => format!("/admin/{}", application.schools[next].slug),
    };
    let path = format!("/admin/{}", application.schools[school].slug);
    application.common.pages.show("admin", lang, &path, Some(application.name(Visitor::Admin(at))), values)
}

/// Below a public prefix caches keep this, too: nobody is named on it.
async fn not_there(
    State(application): Shared<Application>,
    Query(Spoken { lang }): Query<Spoken>,
) -> Response {
    let (ja, en) = ("そのページはありません。", "There is no such page.");
    application.refuse(StatusCode::NOT_FOUND, lang, None, ja, en)
}
