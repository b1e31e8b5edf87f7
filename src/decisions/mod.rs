//! Decisions for the protected system: it asks what its own people may do with its own objects, and the policy engine
//! that guards Suimon's data answers, with the access requirements in force. `docs/AUTHZEN.md` tells how to ask.

mod about;
mod model;
mod page;
pub mod parse;
mod search;
mod setting;
mod tally;

pub use model::{
    Answer, Deed, Entity, Evaluation, Evaluations, Fault, Found, Page, Search, Semantic, Sought,
};
pub use search::search;
pub use tally::Tally;

use serde_json::{Value, json};

use self::setting::Session;
use crate::access::Op;
use crate::error::{Code, Error, Result};

/// The object of the permission to ask.
pub const ASK: &str = "authzen";
/// The object of the permission to search.
pub const SEARCH: &str = "authzen_search";
/// The object of the permission to say which roles somebody has.
pub const ROLES: &str = "authzen_roles";

/// Decides one question.
///
/// # Errors
/// Those of permission, and `INVALID` when the question names a system that there is not.
pub async fn evaluate(op: &Op, question: &Evaluation) -> Result<Answer> {
    let mut session = Session::new(op, ASK);
    let answer = decide_one(&mut session, question).await?;
    session.count();
    Ok(answer)
}

/// Decides the questions of a batch in their order, until its semantic ends it. What cannot be decided is a no that says why.
///
/// # Errors
/// Those of permission of the asker.
pub async fn evaluate_all(
    op: &Op,
    items: &[std::result::Result<Evaluation, Fault>],
    semantic: Semantic,
) -> Result<Vec<Answer>> {
    let mut session = Session::new(op, ASK);
    session.fetch(items.iter().filter_map(|item| item.as_ref().ok())).await?;
    let mut answers = Vec::with_capacity(items.len());
    for item in items {
        let answer = match item {
            Ok(question) => match decide_one(&mut session, question).await {
                Ok(answer) => answer,
                Err(error) => Answer::from(&fault_of(error)?),
            },
            Err(fault) => Answer::from(fault),
        };
        let ends = semantic.ends_after(answer.decision);
        answers.push(answer);
        if ends {
            break;
        }
    }
    session.count();
    Ok(answers)
}

async fn decide_one(session: &mut Session<'_>, question: &Evaluation) -> Result<Answer> {
    let setting = session.setting(&question.context).await?;
    let subject = session.subject(&setting, &question.subject).await?;
    let resource = session.resource(&setting, &question.resource).await?;
    let known = about::Known { setting: &setting, subject: &subject, resource: &resource };
    let attributes = known.attributes(question).map_err(|fault| Error::invalid("properties", fault))?;
    let verdict = known.decide(&question.action.name, &attributes);
    session.note(&setting, &verdict);
    if !verdict.allowed {
        known.note_denial(&question.action.name, &attributes, &verdict);
    }
    Ok(Answer { decision: verdict.allowed, context: reasons(&verdict, &subject) })
}

/// An error that concerns one question only: what is wrong with it, or that it asks about what is outside the reach.
fn fault_of(error: Error) -> Result<Fault> {
    match error {
        Error::Expected(problem) => {
            let status = match problem.code {
                Code::NotFound => 404,
                Code::Invalid | Code::LimitExceeded => 400,
                // The asker may not ask at all.
                Code::Forbidden
                | Code::Unauthenticated
                | Code::Conflict
                | Code::Incomplete
                | Code::ReauthenticationRequired
                | Code::SecondFactorRequired
                | Code::Unavailable => {
                    return Err(Error::Expected(problem));
                }
            };
            Ok(Fault { status, message: problem.to_string() })
        }
        internal @ Error::Internal(_) => Err(internal),
    }
}

/// Reasons as the specification shapes them. Names of requirements and roles of rules only: never a value of the request.
fn reasons(verdict: &about::Verdict, subject: &setting::Subject) -> Option<Value> {
    if verdict.allowed {
        return (!verdict.watched.is_empty()).then(|| json!({ "would_refuse": verdict.watched }));
    }
    let (id, admin) = if let Some(first) = verdict.refused_by.first() {
        (first.as_str(), format!("refused by requirement {}", verdict.refused_by.join(", ")))
    } else if subject.roles.is_empty() {
        ("no_role", "who asks holds no role here that a rule speaks of".to_owned())
    } else if verdict.unknown {
        ("unknown_object", "the system declares no such field".to_owned())
    } else {
        ("no_rule", "no rule of these roles allows it".to_owned())
    };
    let admin = if subject.roles_ignored {
        format!("{admin}; roles that were stated are not taken: the token lacks decide:{ROLES}")
    } else {
        admin
    };
    Some(json!({
        "id": id,
        "reason_admin": { "en": admin },
        "reason_user": { "en": "You may not do this.", "ja": "この操作は許可されていません。" },
    }))
}
