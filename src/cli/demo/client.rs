//! A client as any program could be one: GraphQL over HTTP with an API token.

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

/// Somebody who acts in the demo.
pub struct Client {
    http: reqwest::Client,
    endpoint: String,
    token: String,
}

impl Client {
    /// Acts with `token` on the service at `url`.
    pub fn new(http: &reqwest::Client, url: &str, token: String) -> Self {
        Self { http: http.clone(), endpoint: format!("{url}/graphql"), token }
    }

    /// Sends an operation; the answer's data.
    ///
    /// # Errors
    /// When the service cannot be reached or answers with errors. The texts of this API hold no personal data.
    pub async fn ask(&self, operation: &str, variables: Value) -> anyhow::Result<Value> {
        let body = serde_json::to_vec(&json!({ "query": operation, "variables": variables }))?;
        let response = self
            .http
            .post(&self.endpoint)
            .bearer_auth(&self.token)
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await
            .context("the service does not answer")?;
        let status = response.status();
        let text = response.text().await.context("the answer broke off")?;
        let Ok(mut answer) = serde_json::from_str::<Value>(&text) else {
            bail!("status {status} without a GraphQL answer");
        };
        if let Some(errors) = answer.get("errors").filter(|errors| !errors.is_null()) {
            bail!("status {status}: {}", messages(errors));
        }
        Ok(answer["data"].take())
    }

    /// Sends an operation with one top-level field and gives that field. Its `Problem` is an error here: the demo expects none.
    ///
    /// # Errors
    /// As `ask`, and for a `Problem` with its code, place and remedy.
    pub async fn call(&self, operation: &str, variables: Value) -> anyhow::Result<Value> {
        let data = self.ask(operation, variables).await?;
        let Value::Object(fields) = data else { bail!("an answer without data") };
        let (name, value) = fields.into_iter().next().context("an answer without a field")?;
        if value["__typename"] == "Problem" {
            let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
            bail!("{name}: {} {} {} {}", text("code"), text("field"), text("message"), text("remedy"));
        }
        Ok(value)
    }
}

fn messages(errors: &Value) -> String {
    let list = errors.as_array().map(Vec::as_slice).unwrap_or_default();
    let texts: Vec<_> = list.iter().filter_map(|error| error["message"].as_str()).collect();
    texts.join("; ")
}

/// The text at `pointer` (RFC 6901) of an answer.
///
/// # Errors
/// When there is none: the API is not the one that the demo was written for.
pub fn text(value: &Value, pointer: &str) -> anyhow::Result<String> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.map(str::to_owned).with_context(|| format!("the answer has no text at {pointer}"))
}

/// The number at `pointer` of an answer.
///
/// # Errors
/// As `text`.
pub fn number(value: &Value, pointer: &str) -> anyhow::Result<u64> {
    let found = value.pointer(pointer).and_then(Value::as_u64);
    found.with_context(|| format!("the answer has no number at {pointer}"))
}
