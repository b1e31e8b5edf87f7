//! Requirements: planning, applying, what was in force when, who may, and what the command line makes of it.

mod access;
mod apply;
mod command_line;
mod crash;
mod history;
mod together;

use serde_json::{Value, json};

use crate::harness::{Member, TestApp};

/// A small system.
pub const SYSTEM: &str = "\
apiVersion: suimon/v1
kind: System
metadata: { name: shop }
spec:
  title: { ja: 店, en: Shop }
  operator: { name: { ja: 会社, en: Company } }
  timeZone: Asia/Tokyo
  tenantsKind: { ja: 支店, en: branch }
  channels: [web]
  recordTypes:
    - name: customer
      title: { ja: 顧客, en: Customer }
      externalId: Customer number
      contactField: email
      fields:
        - name: email
          title: { ja: メール, en: Mail }
          category: contact
          protection: encrypted
          kind: mail
          retention: P1Y
        - name: number
          title: { ja: 番号, en: Number }
          category: identifier
          protection: encrypted
          kind: text
          retention: P1Y
  routes:
    - { name: account, pattern: /account/**, personal: true, shows: [{ recordType: customer }] }
    - { name: top, pattern: /, personal: false }
";

/// A caching rule for it.
pub const CACHING: &str = "\
apiVersion: suimon/v1
kind: Requirement
metadata: { name: NFR-CACHE }
spec:
  system: shop
  statement: { ja: 保存しない, en: Not stored }
  target: routes:personal
  metric: shared_cache_stores
  threshold: { op: eq, value: 0, unit: responses }
  obligation: MUST
  enforcement: { mode: observe, mechanism: cache, params: { rule: no_store } }
";

/// The same, strictly.
pub fn enforced() -> String {
    with(CACHING, "mode: observe", "mode: enforce")
}

/// Replaces a passage that must be there.
pub fn with(base: &str, passage: &str, other: &str) -> String {
    assert!(base.contains(passage), "the fixture has no `{passage}`");
    base.replacen(passage, other, 1)
}

/// Files as the API takes them.
pub fn files(files: &[(&str, &str)]) -> Value {
    files.iter().map(|(name, content)| json!({ "name": name, "content": content })).collect()
}

/// Plans and returns the answer's `plan`.
pub async fn plan(member: &Member, set: &[(&str, &str)], prune: bool) -> Value {
    let query = "query($files: [ManifestFile!]!, $prune: Boolean!) { plan(files: $files, prune: $prune) {
        pending changes { kind name change base version inForceFrom diff { path before after } notes }
        problems { file line column path message remedy } } }";
    let answer = member.gql_with(query, json!({ "files": files(set), "prune": prune })).await;
    assert!(answer["errors"].is_null(), "{answer}");
    answer["data"]["plan"].clone()
}

/// Applies and returns the payload.
pub async fn apply(member: &Member, set: &[(&str, &str)], reason: &str, prune: bool) -> Value {
    let query = "mutation($files: [ManifestFile!]!, $reason: String!, $prune: Boolean!) {
           applyManifests(files: $files, reason: $reason, prune: $prune) {
             __typename
             ... on ManifestsApplied { changes { kind name change version inForceFrom } }
             ... on ManifestProblems { problems { file line column path message remedy } }
             ... on Problem { code field message remedy } } }";
    let variables = json!({ "files": files(set), "reason": reason, "prune": prune });
    let answer = member.gql_with(query, variables).await;
    assert!(answer["errors"].is_null(), "{answer}");
    answer["data"]["applyManifests"].clone()
}

/// `kind name change version` of each change.
pub fn lines(payload: &Value) -> Vec<String> {
    let changes = payload["changes"].as_array().unwrap_or_else(|| panic!("no changes: {payload}"));
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    changes
        .iter()
        .map(|change| {
            let words = [&change["kind"], &change["name"], &change["change"]].map(word).join(" ");
            format!("{words} {}", change["version"])
        })
        .collect()
}

/// The problems as `file:line:column: path: message; remedy`.
pub fn problems(payload: &Value) -> String {
    let problems = payload["problems"].as_array().unwrap_or_else(|| panic!("no problems: {payload}"));
    let text = |problem: &Value, key: &str| problem[key].as_str().unwrap_or_default().to_owned();
    problems
        .iter()
        .map(|problem| {
            let place = format!("{}:{}:{}", text(problem, "file"), problem["line"], problem["column"]);
            let (path, message) = (text(problem, "path"), text(problem, "message"));
            format!("{place}: {path}: {message}; {}\n", text(problem, "remedy"))
        })
        .collect()
}

/// The stored versions of a manifest, the newest first.
pub async fn versions(app: &TestApp, kind: &str, name: &str) -> Vec<Value> {
    let query = "query($kind: ManifestKind!, $name: String!) { manifestVersions(kind: $kind, name: $name) {
        nodes { version withdrawn inForceFrom appliedAt reason fingerprint } } }";
    let answer = app.admin().gql_with(query, json!({ "kind": kind, "name": name })).await;
    let nodes = &answer["data"]["manifestVersions"]["nodes"];
    nodes.as_array().unwrap_or_else(|| panic!("no versions: {answer}")).clone()
}
