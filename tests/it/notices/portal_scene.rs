//! Somebody with a link in a mail, and a browser without scripts.

use entity::{revision, revision_person};
use reqwest::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use serde_json::{Value, json};
use uuid::Uuid;

use super::fixture::{Entry, Fixture};
use crate::harness::text;

/// A captured mail: to whom, and its text.
#[derive(Clone, Debug)]
pub struct Mail {
    pub to: String,
    pub body: String,
}

impl Fixture {
    /// All captured mails, oldest first.
    pub async fn mails(&self) -> Vec<Mail> {
        let answer =
            self.officer.gql("{ capturedMails(first: 200, purpose: \"test\") { nodes { to body } } }").await;
        let nodes = answer["data"]["capturedMails"]["nodes"].as_array().cloned();
        let mail = |node: &Value| Mail { to: text(&node["to"]), body: text(&node["body"]) };
        nodes.unwrap_or_else(|| panic!("{answer}")).iter().map(mail).collect()
    }

    /// The newest code that went to an address.
    pub async fn code_to(&self, address: &str) -> Option<String> {
        let mails = self.mails().await;
        let mine = mails.iter().rev().find(|mail| mail.to == address && !digits(&mail.body).is_empty());
        mine.map(|mail| digits(&mail.body))
    }

    /// Path of the link in the first mail to an address.
    pub async fn path_to(&self, address: &str) -> String {
        let mails = self.mails().await;
        let has_page = |body: &str| body.contains("/my/") || body.contains("/tenant/");
        let mail = mails.iter().find(|mail| mail.to == address && has_page(&mail.body));
        path_in(&mail.unwrap_or_else(|| panic!("no link for {address}: {mails:?}")).body)
    }

    /// A new approved list with what it rests on.
    pub async fn rests_on(&self, list: Uuid, inputs: &Value) {
        revision::Entity::update_many()
            .col_expr(revision::Column::Inputs, Expr::value(inputs.to_string()))
            .filter(revision::Column::Id.eq(list))
            .exec(&self.database)
            .await
            .expect("inputs");
    }

    /// Puts somebody on a list, with what the logs show.
    pub async fn stands_on(&self, list: Uuid, (school, person, class): Entry<'_>, evidence: &Value) {
        let tenants = entity::tenant::Entity::find().all(&self.database).await.expect("tenants");
        let row = revision_person::Model {
            tenant_id: self.root,
            revision_id: list,
            tenant_slug: school.into(),
            person: person.into(),
            person_kind: "applicant".into(),
            person_tenant: tenants.iter().find(|tenant| tenant.slug == school).map(|tenant| tenant.id),
            class: class.into(),
            first_at: Some(1_698_286_200_000_000),
            last_at: Some(1_698_289_800_000_000),
            requests: 1,
            logins: 1,
            origin: "logs".into(),
            reason: None,
            evidence: evidence.to_string(),
        };
        revision_person::Entity::insert(row.into_active_model().reset_all())
            .exec_without_returning(&self.database)
            .await
            .expect("a person");
    }

    /// Audit actions about a message or a person, in order.
    pub async fn audited(&self, prefix: &str) -> Vec<String> {
        let entries = entity::audit_entry::Entity::find().all(&self.database).await.expect("entries");
        let mut found: Vec<_> =
            entries.into_iter().filter(|entry| entry.action.starts_with(prefix)).collect();
        found.sort_by_key(|entry| (entry.at, entry.tenant_id, entry.seq));
        found.iter().map(|entry| format!("{} {} {}", entry.action, entry.decision, entry.detail)).collect()
    }
}

/// The line of a code in a mail.
fn digits(body: &str) -> String {
    let line =
        body.lines().find_map(|line| line.strip_prefix("確認コード: ").or(line.strip_prefix("Code: ")));
    line.unwrap_or_default().trim().to_owned()
}

/// The path of the page in a mail.
pub fn path_in(body: &str) -> String {
    let line = body.lines().find(|line| line.starts_with("http")).expect("a link");
    let (_, path) = line.split_once("://").expect("an address");
    format!("/{}", path.split_once('/').expect("a path").1)
}

/// A browser of one person, without scripts.
pub struct Browser {
    http: Client,
    base: String,
    pub cookie: Option<String>,
    /// What the last answer said of its cookie.
    pub set_cookie: Option<String>,
}

/// What came back.
pub struct Page {
    pub status: StatusCode,
    pub body: String,
    pub headers: reqwest::header::HeaderMap,
}

impl Browser {
    pub fn new(base: &str) -> Self {
        let http = Client::builder().redirect(Policy::none()).build().expect("a client");
        Self { http, base: base.to_owned(), cookie: None, set_cookie: None }
    }

    pub async fn get(&mut self, path: &str) -> Page {
        let mut request = self.http.get(format!("{}{path}", self.base));
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie);
        }
        let answer = request.send().await.expect("an answer");
        self.take(answer).await
    }

    /// Sends a form as a page of the service does, and follows where it leads.
    pub async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Page {
        let answer = self.post_with(path, form, &[("sec-fetch-site", "same-origin")]).await;
        match answer.headers.get(LOCATION) {
            Some(place) if answer.status == StatusCode::SEE_OTHER => {
                let place = place.to_str().expect("a place").to_owned();
                self.get(&place).await
            }
            _ => answer,
        }
    }

    pub async fn post_with(&mut self, path: &str, form: &[(&str, &str)], headers: &[(&str, &str)]) -> Page {
        let form: Vec<String> =
            form.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let kind = (CONTENT_TYPE, "application/x-www-form-urlencoded");
        let mut request =
            self.http.post(format!("{}{path}", self.base)).header(kind.0, kind.1).body(form.join("&"));
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.expect("an answer");
        self.take(answer).await
    }

    async fn take(&mut self, answer: Response) -> Page {
        let (status, headers) = (answer.status(), answer.headers().clone());
        if let Some(set) = headers.get(SET_COOKIE) {
            let set = set.to_str().expect("a cookie").to_owned();
            let pair = set.split(';').next().unwrap_or_default().to_owned();
            self.cookie = (!pair.ends_with('=')).then_some(pair);
            self.set_cookie = Some(set);
        }
        Page { status, headers, body: answer.text().await.expect("a body") }
    }

    /// Opens a page with a code: the newest of `address`.
    pub async fn enter(&mut self, fixture: &Fixture, path: &str, address: &str) -> Page {
        let sent = self.post(&format!("{path}/code"), &[]).await;
        assert_eq!(sent.status, StatusCode::OK, "{}", sent.body);
        fixture.app.run_jobs().await;
        let code = fixture.code_to(address).await.expect("a code");
        self.post(&format!("{path}/enter"), &[("code", &code)]).await
    }
}

/// As a browser writes what was typed.
fn encoded(value: &str) -> String {
    let byte = |byte: &u8| match byte {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => char::from(*byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    value.as_bytes().iter().map(byte).collect()
}

/// What a list rests on when the pages of the route show these fields.
pub fn shows(fields: &[&str]) -> Value {
    json!({ "inputs": [], "shown": {
        "system": "applications", "as_of": "2023-10-26T02:00:00Z",
        "routes": [{ "pattern": "/mypage/**", "fields": fields }]
    } })
}
