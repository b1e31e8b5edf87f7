//! Error texts are a contract: the tests compare whole sentences.

mod admission;
mod documents;
mod envelope;
mod estimates;
mod examples;
mod hostile;
mod json_schema;
mod measured;
mod not_applicable;
mod references;
mod requirements;
mod routes;
mod systems;
mod versions;

use super::{ManifestSet, parse_files};

/// A small system without a problem.
const SYSTEM: &str = "\
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
          protection: plain
          kind: text
          retention: P1Y
  routes:
    - { name: account, pattern: /account/**, personal: true, shows: [{ recordType: customer }] }
    - { name: top, pattern: /, personal: false }
";

/// A requirement on it without a problem.
const REQUIREMENT: &str = "\
apiVersion: suimon/v1
kind: Requirement
metadata: { name: NFR-1 }
spec:
  system: shop
  statement: { ja: 保存しない, en: Not stored }
  target: routes:personal
  metric: shared_cache_stores
  threshold: { op: eq, value: 0, unit: responses }
  obligation: MUST
  enforcement: { mode: enforce, mechanism: cache, params: { rule: no_store } }
";

/// Replaces a passage that must be there.
fn with(base: &str, passage: &str, other: &str) -> String {
    assert!(base.contains(passage), "the fixture has no `{passage}`");
    base.replacen(passage, other, 1)
}

fn parse(files: &[(&str, &str)]) -> Result<ManifestSet, Vec<String>> {
    parse_files(files.iter().map(|(name, text)| (*name, text.as_bytes())))
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

/// The problems of a set, displayed.
#[track_caller]
fn problems(files: &[(&str, &str)]) -> Vec<String> {
    parse(files).expect_err("the set has a problem")
}

/// The problems of the small system with one passage replaced.
#[track_caller]
fn system_problems(passage: &str, other: &str) -> Vec<String> {
    problems(&[("s.yaml", &with(SYSTEM, passage, other))])
}

/// The problems of the small requirement, beside its system, with one passage replaced.
#[track_caller]
fn requirement_problems(passage: &str, other: &str) -> Vec<String> {
    problems(&[("r.yaml", &with(REQUIREMENT, passage, other)), ("s.yaml", SYSTEM)])
}

/// Name of the route that a path belongs to, and whether it is personal, as the guard and every edge see it.
fn resolved(system: &crate::requirements::manifest::SystemSpec, path: &str) -> (Option<String>, bool) {
    let table = edge::RouteTable::compile(crate::requirements::caching_rules(system, [])).unwrap();
    let found = table.resolve(&http::Method::GET, path);
    (found.route.map(|route| route.name().to_owned()), found.is_personal())
}
