//! What the table says, in one language.

use serde::Serialize;

/// The whole of it.
#[derive(Serialize)]
pub struct Table {
    /// Language of the page.
    pub lang: &'static str,
    pub title: String,
    /// What the numbers and marks mean, in one sentence each.
    pub notes: Vec<String>,
    /// Name and value: tenant, system, instant, versions.
    pub head: Vec<(String, String)>,
    /// Names of the columns, in the order of [`Row`].
    pub columns: [String; 7],
    pub rows: Vec<Row>,
    pub roles_title: String,
    pub roles_columns: [String; 3],
    pub roles: Vec<RoleRow>,
    pub sources_title: String,
    pub sources_columns: [String; 3],
    /// Requirements and rules of the tenant that the rows name.
    pub sources: Vec<SourceRow>,
    pub bounds_title: String,
    pub bounds_columns: [String; 4],
    /// What the operator lets tenants grant.
    pub bounds: Vec<[String; 4]>,
    pub none: String,
}

/// What a role may do with an object.
#[derive(Serialize)]
pub struct Row {
    pub object: String,
    /// Its name for people.
    pub title: String,
    pub role: String,
    pub actions: Vec<String>,
    pub answer: String,
    /// `allowed`, `conditional` or `refused`.
    pub mark: &'static str,
    pub conditions: Vec<String>,
    pub sources: Vec<String>,
}

/// A role and how many hold it.
#[derive(Serialize)]
pub struct RoleRow {
    pub role: String,
    pub whose: String,
    pub holders: String,
}

/// Where a rule comes from.
#[derive(Serialize)]
pub struct SourceRow {
    pub name: String,
    pub version: String,
    pub text: String,
}
