//! An example application with a guard from its manifests before it, and people with browsers.

use std::path::{Path, PathBuf};
use std::process::Command;

use reqwest::header::HeaderMap;

use crate::guard::Guard as Program;

/// A running example with its guard.
pub struct Example {
    pub folder: tempfile::TempDir,
    pub application: Program,
    pub guard: Program,
}

/// What is asked of the guard for every part that the manifests state.
pub const PARTS: [&str; 7] =
    ["--key-file", "guard.key", "--access-log", "access.jsonl", "--tripwire", "enforce", "--admission"];

/// The application itself.
pub async fn application(name: &str, more: &[&str]) -> Program {
    let mut command = Command::new(env!("CARGO_BIN_EXE_suimon"));
    command.args(["example", "serve", name, "--listen", "127.0.0.1:0"]).args(more);
    Program::running(command, "listens").await
}

/// Manifests of the examples below a folder; of one of them the folder.
pub fn manifests(folder: &Path, name: &str) -> PathBuf {
    let mut command = Command::new(env!("CARGO_BIN_EXE_suimon"));
    let made = command.args(["example", "manifests", "--force", "--out"]).arg(folder).output();
    assert!(made.expect("the program runs").status.success());
    folder.join(name)
}

impl Example {
    /// With what the application is told, and another text in place of one of the manifests'.
    pub async fn new(name: &str, more: &[&str], instead: Option<(&str, &str)>) -> Self {
        let application = application(name, more).await;
        let folder = tempfile::tempdir().expect("a folder");
        let system = manifests(folder.path(), name);
        if let Some((old, new)) = instead {
            let file = system.join("manifests/requirements.yaml");
            let text = std::fs::read_to_string(&file).expect("requirements");
            assert!(text.contains(old), "{old}");
            std::fs::write(file, text.replace(old, new)).expect("written");
        }
        let guard = Program::start(&system, application.address, &PARTS).await;
        Self { folder, application, guard }
    }
}

/// A browser that follows no redirection by itself.
pub struct Person {
    http: reqwest::Client,
    at: String,
}

/// Status, fields and page.
pub struct Answer {
    pub status: u16,
    pub fields: HeaderMap,
    pub page: String,
}

impl Answer {
    /// A field; empty when it is not there.
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map(|value| value.to_str().expect("text")).unwrap_or_default()
    }
}

impl Person {
    /// Somebody who comes to a program's address.
    pub fn at(program: &Program) -> Self {
        let none = reqwest::redirect::Policy::none();
        let http = reqwest::Client::builder().cookie_store(true).redirect(none).no_proxy().build();
        Self { http: http.expect("a client"), at: format!("http://{}", program.address) }
    }

    /// Somebody who is signed in as one of those whom the page offers.
    pub async fn signed_in(program: &Program, id: &str) -> Self {
        let person = Self::at(program);
        let answer = person.post("/login", &[("person", id)]).await;
        assert_eq!(answer.status, 303, "{id}: {}", answer.page);
        person
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let answer = request.header("accept", "text/html").send().await.expect("an answer");
        let (status, fields) = (answer.status().as_u16(), answer.headers().clone());
        Answer { status, fields, page: answer.text().await.expect("a page") }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.http.get(format!("{}{path}", self.at))).await
    }

    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let body = form.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
        let request = self.http.post(format!("{}{path}", self.at)).body(body);
        self.send(request.header("content-type", "application/x-www-form-urlencoded")).await
    }

    /// Whom the page for signing in offers: their values, in its order.
    pub async fn offered(&self) -> Vec<String> {
        let page = self.get("/login").await.page;
        let values = page.split("<option value=\"").skip(1);
        values.map(|rest| rest.split('"').next().expect("an end").to_owned()).collect()
    }
}
