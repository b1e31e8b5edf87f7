//! From the bytes of a request to what it asks. Pure. Unknown fields are ignored, as the specification wants; everything that
//! is read has a limit, and no message quotes what was sent.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::model::{Deed, Entity, Evaluation, Evaluations, Fault, Search, Semantic, Sought};

/// Questions of one batch.
pub const MAX_BATCH: usize = 1024;
/// Bytes of a type or of the name of an action.
pub const MAX_NAME: usize = 200;
/// Bytes of an id.
pub const MAX_ID: usize = 500;
/// Properties of one entity, and keys of a context.
pub const MAX_PROPERTIES: usize = 64;
/// Results of one page, and how many are given where none is stated.
pub const MAX_PAGE: usize = 1000;
const PAGE: usize = 100;
/// Bytes of a page token.
const MAX_TOKEN: usize = 2000;

type Parsed<T> = Result<T, Fault>;
type Object = Map<String, Value>;

/// Reads the body of `POST /access/v1/evaluation`.
///
/// # Errors
/// 400 with the place.
pub fn evaluation(body: &[u8]) -> Parsed<Evaluation> {
    question(&object(body)?, &Object::new())
}

/// Reads the body of `POST /access/v1/evaluations`.
///
/// # Errors
/// 400 with the place, for what concerns the whole; a question that is wrong by itself is an item of the batch.
pub fn evaluations(body: &[u8]) -> Parsed<Evaluations> {
    let whole = object(body)?;
    let items = match whole.get("evaluations") {
        None => &Vec::new(),
        Some(Value::Array(items)) => items,
        Some(_) => return Err(Fault::bad("evaluations must be an array")),
    };
    if items.len() > MAX_BATCH {
        return Err(Fault::bad(format!(
            "evaluations has more than {MAX_BATCH} items; send several requests"
        )));
    }
    let semantic = semantic(&whole)?;
    if items.is_empty() {
        return Ok(Evaluations::One(Box::new(question(&whole, &Object::new())?)));
    }
    // Defaults may be partial, but must be what they are called.
    for key in ["subject", "action", "resource", "context"] {
        if whole.get(key).is_some_and(|value| !value.is_object()) {
            return Err(Fault::bad(format!("{key} must be an object")));
        }
    }
    let items = items.iter().map(|item| match item {
        Value::Object(item) => question(item, &whole),
        _ => Err(Fault::bad("an evaluation must be an object")),
    });
    Ok(Evaluations::Many { items: items.collect(), semantic })
}

/// Reads the body of a search.
///
/// # Errors
/// 400 with the place.
pub fn search(sought: Sought, body: &[u8]) -> Parsed<Search> {
    let whole = object(body)?;
    let none = Object::new();
    let subject = entity(&whole, &none, "subject", sought == Sought::Subject)?;
    let action = match sought {
        // "The action is omitted": what is sent all the same is ignored.
        Sought::Action => Deed { name: String::new(), properties: Object::new() },
        _ => deed(&whole, &none)?,
    };
    let resource = entity(&whole, &none, "resource", sought == Sought::Resource)?;
    let context = properties(whole.get("context"), "context")?;
    let (limit, token) = page(&whole)?;
    let question = Evaluation { subject, action, resource, context };
    let fingerprint = fingerprint(sought, &question);
    Ok(Search { sought, question, limit, token, fingerprint })
}

fn object(body: &[u8]) -> Parsed<Object> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(Fault::bad("the body is empty; send a JSON object"));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Fault::bad("the body must be a JSON object")),
        // The parser's own message may quote what was sent.
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            Err(Fault::bad(format!("the body is not JSON: line {line}, column {column}")))
        }
    }
}

fn semantic(whole: &Object) -> Parsed<Semantic> {
    let options = match whole.get("options") {
        None => return Ok(Semantic::default()),
        Some(Value::Object(options)) => options,
        Some(_) => return Err(Fault::bad("options must be an object")),
    };
    match options.get("evaluations_semantic") {
        None => Ok(Semantic::default()),
        Some(Value::String(word)) if word == "execute_all" => Ok(Semantic::ExecuteAll),
        Some(Value::String(word)) if word == "deny_on_first_deny" => Ok(Semantic::DenyOnFirstDeny),
        Some(Value::String(word)) if word == "permit_on_first_permit" => Ok(Semantic::PermitOnFirstPermit),
        Some(_) => Err(Fault::bad(
            "options.evaluations_semantic must be execute_all, deny_on_first_deny or permit_on_first_permit",
        )),
    }
}

/// One question; what it leaves out comes from the defaults. An entity of its own replaces the default one, except that a
/// missing `type`, `id` or `name` is taken from there (certification scenario, "Batch with default value merging").
fn question(own: &Object, defaults: &Object) -> Parsed<Evaluation> {
    Ok(Evaluation {
        subject: entity(own, defaults, "subject", false)?,
        action: deed(own, defaults)?,
        resource: entity(own, defaults, "resource", false)?,
        context: properties(own.get("context").or(defaults.get("context")), "context")?,
    })
}

fn part<'o>(own: &'o Object, defaults: &'o Object, key: &str) -> Parsed<(&'o Object, Option<&'o Object>)> {
    let default = defaults.get(key).and_then(Value::as_object);
    match own.get(key) {
        Some(Value::Object(part)) => Ok((part, default)),
        Some(_) => Err(Fault::bad(format!("{key} must be an object"))),
        None => default.map(|part| (part, None)).ok_or_else(|| Fault::bad(format!("{key} is missing"))),
    }
}

/// `sought`: the id is what is searched for; one that is sent all the same is ignored.
fn entity(own: &Object, defaults: &Object, key: &str, sought: bool) -> Parsed<Entity> {
    let (part, default) = part(own, defaults, key)?;
    let kind = text(part, default, key, "type", MAX_NAME)?;
    let id = if sought { String::new() } else { text(part, default, key, "id", MAX_ID)? };
    let properties = properties(part.get("properties"), &format!("{key}.properties"))?;
    Ok(Entity { kind, id, properties })
}

fn deed(own: &Object, defaults: &Object) -> Parsed<Deed> {
    let (part, default) = part(own, defaults, "action")?;
    let name = text(part, default, "action", "name", MAX_NAME)?;
    let properties = properties(part.get("properties"), "action.properties")?;
    Ok(Deed { name, properties })
}

fn text(part: &Object, default: Option<&Object>, of: &str, key: &str, limit: usize) -> Parsed<String> {
    match part.get(key).or_else(|| default?.get(key)) {
        None => Err(Fault::bad(format!("{of}.{key} is missing"))),
        Some(Value::String(text)) if text.is_empty() => Err(Fault::bad(format!("{of}.{key} is empty"))),
        Some(Value::String(text)) if text.len() > limit => {
            Err(Fault::bad(format!("{of}.{key} is longer than {limit} bytes")))
        }
        // PostgreSQL keeps no such text: there can be nothing of this name.
        Some(Value::String(text)) if text.contains('\0') => {
            Err(Fault::bad(format!("{of}.{key} contains U+0000")))
        }
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(Fault::bad(format!("{of}.{key} must be a string"))),
    }
}

fn properties(value: Option<&Value>, place: &str) -> Parsed<Object> {
    match value {
        None => Ok(Object::new()),
        Some(Value::Object(properties)) if properties.len() > MAX_PROPERTIES => {
            Err(Fault::bad(format!("{place} has more than {MAX_PROPERTIES} keys")))
        }
        Some(Value::Object(properties)) => Ok(properties.clone()),
        Some(_) => Err(Fault::bad(format!("{place} must be an object"))),
    }
}

fn page(whole: &Object) -> Parsed<(usize, Option<String>)> {
    let page = match whole.get("page") {
        None => return Ok((PAGE, None)),
        Some(Value::Object(page)) => page,
        Some(_) => return Err(Fault::bad("page must be an object")),
    };
    let limit = match page.get("limit") {
        None => PAGE,
        Some(limit) => match limit.as_u64().filter(|limit| *limit > 0) {
            Some(limit) => usize::try_from(limit).unwrap_or(MAX_PAGE).min(MAX_PAGE),
            None => return Err(Fault::bad("page.limit must be a whole number above 0")),
        },
    };
    // `token` in 1.0, `next_token` in the drafts before.
    let token = match page.get("token").or_else(|| page.get("next_token")) {
        None => None,
        Some(Value::String(token)) if token.is_empty() => None,
        Some(Value::String(token)) if token.len() <= MAX_TOKEN => Some(token.clone()),
        Some(_) => return Err(Fault::bad("page.token must be a token that an answer gave")),
    };
    Ok((limit, token))
}

fn fingerprint(sought: Sought, question: &Evaluation) -> [u8; 32] {
    let Evaluation { subject, action, resource, context } = question;
    // serde_json's maps are sorted: the order of keys in the request does not matter.
    let text = serde_json::json!([
        sought.as_str(),
        [&subject.kind, &subject.id, &action.name, &resource.kind, &resource.id],
        [&subject.properties, &action.properties, &resource.properties, context],
    ])
    .to_string();
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(body: &str) -> String {
        match evaluation(body.as_bytes()) {
            Ok(_) => "accepted".to_owned(),
            Err(fault) => format!("{} {}", fault.status, fault.message),
        }
    }

    #[test]
    fn what_is_wrong_is_named_and_never_quoted() {
        let secret = "秘密の名前";
        let cases = [
            "",
            "   ",
            "{",
            "[]",
            "null",
            r#""秘密の名前""#,
            r#"{"action":{"name":"read"},"resource":{"type":"r","id":"1"}}"#,
            r#"{"subject":{"type":"u","id":"1"},"resource":{"type":"r","id":"1"}}"#,
            r#"{"subject":{"type":"u","id":"1"},"action":{"name":"read"}}"#,
            r#"{"subject":"秘密の名前","action":{"name":"read"},"resource":{"type":"r","id":"1"}}"#,
            r#"{"subject":{"id":"秘密の名前"},"action":{"name":"read"},"resource":{"type":"r","id":"1"}}"#,
            r#"{"subject":{"type":"u"},"action":{"name":"read"},"resource":{"type":"r","id":"1"}}"#,
            r#"{"subject":{"type":"u","id":""},"action":{"name":"read"},"resource":{"type":"r","id":"1"}}"#,
            r#"{"subject":{"type":"u","id":null},"action":{"name":"read"},"resource":{"type":"r","id":"1"}}"#,
            r#"{"subject":{"type":"u","id":"1"},"action":{"name":123},"resource":{"type":"r","id":"1"}}"#,
            r#"{"subject":{"type":"u","id":"1"},"action":{},"resource":{"type":"r","id":"1"}}"#,
            r#"{"subject":{"type":"u","id":"1"},"action":{"name":"a"},"resource":{"type":"r","id":"1"},"context":1}"#,
            r#"{"subject":{"type":"u","id":"1","properties":[]},"action":{"name":"a"},"resource":{"type":"r","id":"1"}}"#,
        ];
        let told: Vec<String> = cases.iter().map(|case| fault(case)).collect();
        assert!(told.iter().all(|text| text.starts_with("400 ") && !text.contains(secret)), "{told:?}");
        insta::assert_snapshot!(told.join("\n"), @r"
        400 the body is empty; send a JSON object
        400 the body is empty; send a JSON object
        400 the body is not JSON: line 1, column 1
        400 the body must be a JSON object
        400 the body must be a JSON object
        400 the body must be a JSON object
        400 subject is missing
        400 action is missing
        400 resource is missing
        400 subject must be an object
        400 subject.type is missing
        400 subject.id is missing
        400 subject.id is empty
        400 subject.id must be a string
        400 action.name must be a string
        400 action.name is missing
        400 context must be an object
        400 subject.properties must be an object
        ");
    }

    #[test]
    fn limits_hold_and_nesting_ends() {
        let of_id = |id: &str| {
            fault(&format!(
                r#"{{"subject":{{"type":"u","id":"{id}"}},"action":{{"name":"a"}},"resource":{{"type":"r","id":"1"}}}}"#
            ))
        };
        assert_eq!(of_id(&"x".repeat(MAX_ID)), "accepted");
        assert_eq!(of_id(&"x".repeat(MAX_ID + 1)), "400 subject.id is longer than 500 bytes");
        let deep = format!(r#"{{"subject":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
        assert!(fault(&deep).starts_with("400 the body is not JSON"), "{}", fault(&deep));
        let batch = |items: usize| {
            evaluations(format!(r#"{{"evaluations":[{}]}}"#, vec!["{}"; items].join(",")).as_bytes())
                .map(|_| ())
        };
        assert!(batch(MAX_BATCH).is_ok() && batch(MAX_BATCH + 1).is_err());
    }

    #[test]
    fn defaults_are_replaced_whole_but_for_what_is_required() {
        let body = br#"{
            "subject": {"type": "user", "id": "a", "properties": {"x": 1}}, "action": {"name": "write"},
            "resource": {"type": "record", "properties": {"status": "kept"}}, "context": {"time": "t"},
            "evaluations": [
                {"resource": {"id": "1"}},
                {"resource": {"type": "other", "id": "2"}, "subject": {"id": "b"}, "context": {}},
                {}, 7, {"resource": {"id": "3"}, "action": "x"}
            ]}"#;
        let Ok(Evaluations::Many { items, semantic }) = evaluations(body) else { panic!("a batch") };
        assert_eq!(semantic, Semantic::ExecuteAll);
        let told: Vec<String> = items
            .iter()
            .map(|item| match item {
                Ok(Evaluation { subject, action, resource, context }) => format!(
                    "{}:{} {} {}:{} {:?} {:?} {context:?}",
                    subject.kind,
                    subject.id,
                    action.name,
                    resource.kind,
                    resource.id,
                    subject.properties,
                    resource.properties
                ),
                Err(fault) => fault.message.clone(),
            })
            .collect();
        insta::assert_snapshot!(told.join("\n"), @r#"
        user:a write record:1 {"x": Number(1)} {} {"time": String("t")}
        user:b write other:2 {} {} {}
        resource.id is missing
        an evaluation must be an object
        action must be an object
        "#);
    }

    #[test]
    fn a_search_is_bound_to_everything_but_its_page() {
        let of = |body: &str| search(Sought::Subject, body.as_bytes()).map(|search| search.fingerprint);
        let plain =
            of(r#"{"subject":{"type":"user"},"action":{"name":"read"},"resource":{"type":"r","id":"1"}}"#);
        let paged = of(
            r#"{"resource":{"id":"1","type":"r"},"action":{"name":"read"},"subject":{"id":"ignored","type":"user"},"page":{"limit":1,"token":"x"}}"#,
        );
        let other =
            of(r#"{"subject":{"type":"user"},"action":{"name":"read"},"resource":{"type":"r","id":"2"}}"#);
        assert!(plain.is_ok() && plain == paged && plain != other);
    }
}
