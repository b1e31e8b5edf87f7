//! What is asked of the decision point, and what it answers (AuthZEN Authorization API 1.0, OpenID Foundation).

use serde::Serialize;
use serde_json::{Map, Value};

/// Who or what: a type and an id within it. Properties may be personal data: they are compared and dropped.
#[derive(Clone, PartialEq)]
pub struct Entity {
    pub kind: String,
    pub id: String,
    pub properties: Map<String, Value>,
}

/// The verb.
#[derive(Clone, PartialEq)]
pub struct Deed {
    pub name: String,
    pub properties: Map<String, Value>,
}

/// One question.
#[derive(Clone, PartialEq)]
pub struct Evaluation {
    pub subject: Entity,
    pub action: Deed,
    pub resource: Entity,
    pub context: Map<String, Value>,
}

/// When a batch ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Semantic {
    #[default]
    ExecuteAll,
    DenyOnFirstDeny,
    PermitOnFirstPermit,
}

impl Semantic {
    /// Whether no more is answered after this decision.
    pub fn ends_after(self, decision: bool) -> bool {
        match self {
            Semantic::ExecuteAll => false,
            Semantic::DenyOnFirstDeny => !decision,
            Semantic::PermitOnFirstPermit => decision,
        }
    }
}

/// What `POST /access/v1/evaluations` asks.
pub enum Evaluations {
    /// No `evaluations`, or none in it: the same as a single one.
    One(Box<Evaluation>),
    /// Each is a question or why it is none.
    Many { items: Vec<Result<Evaluation, Fault>>, semantic: Semantic },
}

/// Which of the three is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sought {
    Subject,
    Resource,
    Action,
}

impl Sought {
    /// As in the path of the endpoint.
    pub fn as_str(self) -> &'static str {
        match self {
            Sought::Subject => "subject",
            Sought::Resource => "resource",
            Sought::Action => "action",
        }
    }
}

/// A search. What is sought has an empty id or name.
pub struct Search {
    pub sought: Sought,
    pub question: Evaluation,
    /// Results wanted in one answer.
    pub limit: usize,
    /// Where the page before ended, as it said.
    pub token: Option<String>,
    /// Digest of everything but the page: a token of one search is none of another.
    pub fingerprint: [u8; 32],
}

/// Why a request, or one question of a batch, cannot be decided. Never quotes a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// As an HTTP status.
    pub status: u16,
    pub message: String,
}

impl Fault {
    /// Of a request that is wrong.
    pub fn bad(message: impl Into<String>) -> Self {
        Self { status: 400, message: message.into() }
    }
}

/// The answer to one question.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer {
    pub decision: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<Value>,
}

impl From<&Fault> for Answer {
    fn from(fault: &Fault) -> Self {
        let error = serde_json::json!({ "status": fault.status, "message": fault.message });
        Self { decision: false, context: Some(serde_json::json!({ "error": error })) }
    }
}

/// The answer to a search.
#[derive(Debug, Serialize)]
pub struct Found {
    /// Objects with `type` and `id`, or with `name`.
    pub results: Vec<Value>,
    pub page: Page,
}

/// Where the next answer begins.
#[derive(Debug, Default, Serialize)]
pub struct Page {
    /// Empty when there is no more.
    pub next_token: String,
    pub count: usize,
}
