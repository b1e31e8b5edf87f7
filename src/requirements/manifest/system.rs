//! `kind: System`: what the protected system holds, and on which routes it shows it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::measured::Measured;
use super::model::Localized;
use super::not_applicable::NotApplicable;
use super::period::Period;
use super::sessions::Sessions;
use super::vocabulary::vocabulary;

/// An information system under Suimon's protection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SystemSpec {
    /// Name of the system for people.
    pub title: Localized,
    /// Who runs it.
    pub operator: Operator,
    /// IANA name, for example `Asia/Tokyo`; dates of this system (retention, opening hours) are meant in this zone.
    pub time_zone: String,
    /// What one tenant is called, for example "学校" / "school".
    pub tenants_kind: Localized,
    /// The declared kinds of personal data.
    pub record_types: Vec<RecordType>,
    /// Classes of URLs. A path that no route covers is personal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<Route>,
    /// Ways by which people reach the system.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<Channel>,
    /// How it knows whose request it is; without it the guard keeps nobody apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions: Option<Sessions>,
    /// What it was measured to bear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<Measured>,
    /// Items of catalogues that say nothing about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_applicable: Vec<NotApplicable>,
}

impl SystemSpec {
    /// The record type of this name.
    pub fn record_type(&self, name: &str) -> Option<&RecordType> {
        self.record_types.iter().find(|record_type| record_type.name == name)
    }

    /// The field at `record_type.field`.
    pub fn field(&self, record_type: &str, field: &str) -> Option<&Field> {
        self.record_type(record_type)?.field(field)
    }
}

/// The organisation that runs the system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Operator {
    /// Its name.
    pub name: Localized,
}

/// One kind of data subject's record, for example `applicant`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordType {
    /// snake_case; first part of the dotted object `applicant.email` in access rules.
    pub name: String,
    /// Name for people.
    pub title: Localized,
    /// What the system's own identifier of such a record is: the key by which imports and logs name a person.
    pub external_id: String,
    /// Name of the field of kind `mail` to which notices are sent; without it people are reached in other ways.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_field: Option<String>,
    /// Name of the field of kind `text` that holds the language (`ja`, `en`) of notices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language_field: Option<String>,
    /// Name of the field of kind `text` that holds the postal address, for letters to people whom no mail reaches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_field: Option<String>,
    /// Name of the field of kind `phone` at which people are called whom no mail reaches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_field: Option<String>,
    /// Name of the field of kind `text` that holds where the person lives, as a code: `JP`, `US-CA`. Laws of several countries and
    /// States count their own residents; without it an officer states these numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residence_field: Option<String>,
    /// The data kept about one person.
    pub fields: Vec<Field>,
}

impl RecordType {
    /// The field of this name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// One item of personal data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Field {
    /// snake_case.
    pub name: String,
    /// Name for people.
    pub title: Localized,
    /// Which kind of data the law would call it.
    pub category: Category,
    /// How it is stored.
    pub protection: Protection,
    /// Shape of the value: how it is normalised for search and checked on import.
    pub kind: FieldKind,
    /// Whether search is possible at all; by whole values, unless `search` says more.
    #[serde(default)]
    pub searchable: bool,
    /// By which parts of a value it is found, too. What this tells a thief of the database: `docs/SEARCH.md`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<Search>,
    /// What somebody sees who may read it masked only; unstated means everything is hidden.
    #[serde(default)]
    pub mask: Mask,
    /// Whether a record without it is refused.
    #[serde(default)]
    pub required: bool,
    /// How long it is kept after the record's last change.
    pub retention: Period,
}

vocabulary! {
    /// The kind of personal data, in the words that notification duties use (APPI Rules art. 7, GDPR art. 9).
    pub enum Category {
        /// Name or reading of a name.
        Name = "name",
        /// Postal or mail address, telephone.
        Contact = "contact",
        /// Date of birth.
        DateOfBirth = "date_of_birth",
        /// Password, token, answer to a secret question.
        AccountCredentials = "account_credentials",
        /// My Number, passport, licence or residence number.
        GovId = "gov_id",
        /// Card or account number, income.
        Financial = "financial",
        /// Special care-required information: creed, illness, crime, disability and so on (APPI art. 2(3)).
        SpecialCare = "special_care",
        /// Number or symbol of a health insurance.
        HealthInsurance = "health_insurance",
        /// Features of a body that identify.
        Biometric = "biometric",
        /// Genetic data.
        Genetic = "genetic",
        /// Where a person is or was.
        Location = "location",
        /// Schooling, marks, choices of course.
        Education = "education",
        /// Occupation, employer.
        Employment = "employment",
        /// A number of the system itself. The only category that may be stored plain.
        Identifier = "identifier",
        /// Anything else about a person.
        Other = "other",
    }
}

impl Category {
    /// Whether a value by itself says something about a person, so that it must be encrypted.
    pub const fn is_personal(self) -> bool {
        !matches!(self, Self::Identifier)
    }
}

vocabulary! {
    /// How a field is stored.
    pub enum Protection {
        /// AES-256-GCM under the subject's key.
        Encrypted = "encrypted",
        /// As it is; for identifiers that mean nothing outside the system.
        Plain = "plain",
    }
}

vocabulary! {
    /// Shape of a field's value.
    pub enum FieldKind {
        /// Free text.
        Text = "text",
        /// Mail address.
        Mail = "mail",
        /// Name of a person.
        Name = "name",
        /// Telephone number.
        Phone = "phone",
        /// Calendar date, `YYYY-MM-DD`.
        Date = "date",
        /// Postal code.
        PostalCode = "postal_code",
    }
}

vocabulary! {
    /// What of a value it takes to find a person.
    #[derive(Default)]
    pub enum Search {
        /// The whole value.
        #[default]
        Exact = "exact",
        /// A beginning of two characters or more, too.
        Prefix = "prefix",
        /// Any two neighbouring characters or more, too.
        Substring = "substring",
    }
}

impl Search {
    /// Whether a field of this statement can be searched in that way: each statement includes those before it.
    pub fn includes(self, mode: Search) -> bool {
        mode <= self
    }
}

impl Field {
    /// How the field can be searched, if at all.
    pub fn search(&self) -> Option<Search> {
        self.searchable.then(|| self.search.unwrap_or_default())
    }
}

vocabulary! {
    /// What remains visible in a masked read.
    #[derive(Default)]
    pub enum Mask {
        /// Nothing is hidden.
        None = "none",
        /// First letter and domain.
        Mail = "mail",
        /// First letter.
        Name = "name",
        /// Last four digits.
        Phone = "phone",
        /// The year.
        Date = "date",
        /// Everything is hidden.
        #[default]
        All = "all",
    }
}

/// A class of URLs of the system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Route {
    /// Name by which requirements refer to it.
    pub name: String,
    /// Path pattern: `*` stands for one segment, a final `**` for any number, also none.
    pub pattern: String,
    /// Whether responses contain data about the person who asks.
    pub personal: bool,
    /// Methods it answers; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<Method>,
    /// File suffixes that its paths may end in, lower case, without dot. On a personal route a path with any other is refused; on a
    /// public one, if there are any here, it is personal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suffixes: Vec<String>,
    /// Which personal data its pages show: what an exposure of this route exposes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shows: Vec<Shown>,
}

/// Data shown on a route.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Shown {
    /// Name of a record type.
    pub record_type: String,
    /// Names of its fields; empty means all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
}

vocabulary! {
    /// HTTP methods (RFC 9110 section 9, RFC 5789).
    pub enum Method {
        /// Read.
        Get = "GET",
        /// Read the header only.
        Head = "HEAD",
        /// Submit.
        Post = "POST",
        /// Replace.
        Put = "PUT",
        /// Change.
        Patch = "PATCH",
        /// Remove.
        Delete = "DELETE",
        /// Ask what is possible.
        Options = "OPTIONS",
    }
}

vocabulary! {
    /// A way by which people reach the system; each has its own share of capacity and its own access conditions.
    pub enum Channel {
        /// Pages for people.
        Web = "web",
        /// Operators who act for a caller.
        CallCentre = "call_centre",
        /// Other systems.
        Api = "api",
        /// Application on a telephone.
        Mobile = "mobile",
    }
}
