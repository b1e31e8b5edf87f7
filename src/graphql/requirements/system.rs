//! A system as its manifest states it.

use async_graphql::{Context, Enum, Object, SimpleObject};
use jiff::Timestamp;

use super::super::guards::{self, GuardNode};
use super::LocalizedText;
use super::catalogue::NotApplicable;
use super::exception::BlindSpot;
use super::version::ManifestVersion;
use crate::access::Op;
use crate::requirements::manifest::{self, SystemSpec};
use crate::requirements::{self, Stated};

/// A system under protection.
pub struct System {
    stated: Stated<SystemSpec>,
    /// The instant that was asked about; none for now.
    at: Option<Timestamp>,
}

impl System {
    /// As it is in force now, or at another instant.
    pub fn new(stated: Stated<SystemSpec>, at: Option<Timestamp>) -> Self {
        Self { stated, at }
    }
}

#[Object]
impl System {
    async fn name(&self) -> &str {
        &self.stated.version.name
    }

    /// The version that is in force.
    async fn version(&self) -> ManifestVersion {
        ManifestVersion(self.stated.version.clone())
    }

    async fn title(&self) -> LocalizedText {
        (&self.stated.spec.title).into()
    }

    /// Who runs it.
    async fn operator_name(&self) -> LocalizedText {
        (&self.stated.spec.operator.name).into()
    }

    /// IANA time zone in which its dates are meant.
    async fn time_zone(&self) -> &str {
        &self.stated.spec.time_zone
    }

    /// What one tenant is called.
    async fn tenants_kind(&self) -> LocalizedText {
        (&self.stated.spec.tenants_kind).into()
    }

    /// Ways by which people reach it.
    async fn channels(&self) -> Vec<&'static str> {
        self.stated.spec.channels.iter().map(|channel| channel.as_str()).collect()
    }

    /// The kinds of records about people.
    async fn record_types(&self) -> Vec<RecordType> {
        self.stated.spec.record_types.iter().map(RecordType::from).collect()
    }

    /// Items of catalogues, and groups of them, that say nothing about it.
    #[graphql(complexity = "20 * child_complexity.max(1)")]
    async fn not_applicable(&self) -> Vec<NotApplicable> {
        self.stated.spec.not_applicable.iter().map(NotApplicable::from).collect()
    }

    /// What its requirements leave out, though what is stated above says that it matters, the gravest first.
    #[graphql(complexity = 200)]
    async fn blind_spots(&self, context: &Context<'_>) -> async_graphql::Result<Vec<BlindSpot>> {
        let op = context.data::<Op>()?;
        let found = requirements::gaps(op, &self.stated.version.name, self.at.unwrap_or(op.at())).await?;
        Ok(found.into_iter().map(BlindSpot::from).collect())
    }

    /// Nodes of its guards that have told that they are there, by name; at most 500.
    #[graphql(complexity = "100 + 20 * child_complexity")]
    async fn guards(&self, context: &Context<'_>) -> async_graphql::Result<Vec<GuardNode>> {
        Ok(guards::nodes(context.data::<Op>()?, &self.stated.version.name).await?)
    }

    /// Declared routes. A path that none of them covers is personal.
    async fn routes(&self) -> Vec<Route> {
        self.stated.spec.routes.iter().map(Route::from).collect()
    }
}

/// One kind of record about people.
#[derive(SimpleObject)]
pub struct RecordType {
    name: String,
    title: LocalizedText,
    /// What the system's own identifier of such a record is.
    external_id: String,
    /// The field to which notices are sent.
    contact_field: Option<String>,
    /// The field that holds the language of notices.
    language_field: Option<String>,
    /// The field that holds the postal address, for letters.
    postal_field: Option<String>,
    /// The field at which people are called.
    phone_field: Option<String>,
    /// The field that holds where a person lives.
    residence_field: Option<String>,
    fields: Vec<RecordField>,
}

impl From<&manifest::RecordType> for RecordType {
    fn from(stated: &manifest::RecordType) -> Self {
        Self {
            name: stated.name.clone(),
            title: (&stated.title).into(),
            external_id: stated.external_id.clone(),
            contact_field: stated.contact_field.clone(),
            language_field: stated.language_field.clone(),
            postal_field: stated.postal_field.clone(),
            phone_field: stated.phone_field.clone(),
            residence_field: stated.residence_field.clone(),
            fields: stated.fields.iter().map(RecordField::from).collect(),
        }
    }
}

/// Kind of personal data, in the words of notification duties.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "manifest::Category")]
pub enum DataCategory {
    Name,
    Contact,
    DateOfBirth,
    AccountCredentials,
    GovId,
    Financial,
    SpecialCare,
    HealthInsurance,
    Biometric,
    Genetic,
    Location,
    Education,
    Employment,
    /// A number of the system itself.
    Identifier,
    Other,
}

/// How a field is stored.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "manifest::Protection")]
pub enum FieldProtection {
    /// Under the subject's own key.
    Encrypted,
    /// As it is; for identifiers that mean nothing outside the system.
    Plain,
}

/// A field of a record.
#[derive(SimpleObject)]
pub struct RecordField {
    name: String,
    title: LocalizedText,
    category: DataCategory,
    protection: FieldProtection,
    /// Shape of the value: text, mail, name, phone, date, postal_code.
    kind: String,
    /// Whether search is possible at all.
    searchable: bool,
    /// What of a value it takes to find a person: exact, prefix (a beginning, too), substring (any part, too). None when the
    /// field cannot be searched.
    search: Option<String>,
    /// What a masked read leaves visible: none, mail, name, phone, date, all.
    mask: String,
    required: bool,
    /// ISO 8601 period after the record's last change.
    retention: String,
}

impl From<&manifest::Field> for RecordField {
    fn from(stated: &manifest::Field) -> Self {
        Self {
            name: stated.name.clone(),
            title: (&stated.title).into(),
            category: stated.category.into(),
            protection: stated.protection.into(),
            kind: stated.kind.as_str().to_owned(),
            searchable: stated.searchable,
            search: stated.search().map(|search| search.as_str().to_owned()),
            mask: stated.mask.as_str().to_owned(),
            required: stated.required,
            retention: stated.retention.as_str().to_owned(),
        }
    }
}

/// A class of URLs.
#[derive(SimpleObject)]
pub struct Route {
    name: String,
    /// `*` is one segment, a final `**` any number.
    pattern: String,
    /// Whether its pages contain data about the person who asks.
    personal: bool,
    /// HTTP methods; empty means all.
    methods: Vec<String>,
    /// What its pages show: `recordType.field`, or `recordType.*`.
    shows: Vec<String>,
}

impl From<&manifest::Route> for Route {
    fn from(stated: &manifest::Route) -> Self {
        let mut shows = Vec::new();
        for shown in &stated.shows {
            if shown.fields.is_empty() {
                shows.push(format!("{}.*", shown.record_type));
            }
            shows.extend(shown.fields.iter().map(|field| format!("{}.{field}", shown.record_type)));
        }
        Self {
            name: stated.name.clone(),
            pattern: stated.pattern.clone(),
            personal: stated.personal,
            methods: stated.methods.iter().map(|method| method.as_str().to_owned()).collect(),
            shows,
        }
    }
}
