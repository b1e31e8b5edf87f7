//! The envelope as a value: version, kind, name, labels and a typed specification.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::estimate::SystemEstimate;
use super::exception::ExceptionSpec;
use super::probe::ProbeSpec;
use super::requirement::RequirementSpec;
use super::system::SystemSpec;
use super::vocabulary::vocabulary;

/// The only version of the envelope that exists.
pub const API_VERSION: &str = "suimon/v1";

vocabulary! {
    /// What a manifest states.
    pub enum Kind {
        /// A system under protection.
        System = "System",
        /// One non-functional requirement.
        Requirement = "Requirement",
        /// How large a system must be, from stated assumptions.
        Estimate = "Estimate",
        /// What looks at the running system, and how often.
        Probe = "Probe",
        /// That a requirement is not kept for a while.
        Exception = "Exception",
    }
}

impl Kind {
    /// In a sentence.
    pub fn noun(self) -> &'static str {
        match self {
            Kind::System => "system",
            Kind::Requirement => "requirement",
            Kind::Estimate => "estimate",
            Kind::Probe => "probe",
            Kind::Exception => "exception",
        }
    }
}

/// A text in the two languages of the product.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Localized {
    /// Japanese.
    pub ja: String,
    /// English.
    pub en: String,
}

impl Localized {
    /// The text for a language tag: English for `en` and `en-…`, Japanese for everything else.
    pub fn get(&self, language: &str) -> &str {
        if language == "en" || language.starts_with("en-") { &self.en } else { &self.ja }
    }
}

/// One manifest. Serialises to the envelope `{apiVersion, kind, metadata, spec}` and back.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// Always [`API_VERSION`].
    pub api_version: String,
    /// What it states.
    pub kind: Kind,
    /// Unique among the manifests of its kind.
    pub name: String,
    /// Free words for filters.
    pub labels: BTreeMap<String, String>,
    /// The statement itself; its variant agrees with `kind`.
    pub spec: Spec,
}

/// The typed specification of a manifest.
#[derive(Debug, Clone, PartialEq)]
pub enum Spec {
    /// `kind: System`
    System(Box<SystemSpec>),
    /// `kind: Requirement`
    Requirement(Box<RequirementSpec>),
    /// `kind: Estimate`
    Estimate(Box<SystemEstimate>),
    /// `kind: Probe`
    Probe(Box<ProbeSpec>),
    /// `kind: Exception`
    Exception(Box<ExceptionSpec>),
}

/// Why a stored document is not a manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The stored JSON does not have the shape of this version's manifests.
    #[error(
        "the stored manifest cannot be read: {0}; it was written by another version of Suimon or was changed"
    )]
    Shape(#[from] serde_json::Error),
    /// Another version of the envelope.
    #[error("the stored manifest has apiVersion `{0}`; this version of Suimon reads `suimon/v1`")]
    ApiVersion(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Envelope {
    api_version: String,
    kind: Kind,
    metadata: Metadata,
    spec: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    name: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

impl Manifest {
    /// A manifest of the current version whose kind follows from its specification.
    pub fn new(name: String, labels: BTreeMap<String, String>, spec: Spec) -> Self {
        let kind = match &spec {
            Spec::System(_) => Kind::System,
            Spec::Requirement(_) => Kind::Requirement,
            Spec::Estimate(_) => Kind::Estimate,
            Spec::Probe(_) => Kind::Probe,
            Spec::Exception(_) => Kind::Exception,
        };
        Self { api_version: API_VERSION.to_owned(), kind, name, labels, spec }
    }

    /// The system's specification, when it is one.
    pub fn as_system(&self) -> Option<&SystemSpec> {
        match &self.spec {
            Spec::System(spec) => Some(spec),
            _ => None,
        }
    }

    /// The requirement's specification, when it is one.
    pub fn as_requirement(&self) -> Option<&RequirementSpec> {
        match &self.spec {
            Spec::Requirement(spec) => Some(spec),
            _ => None,
        }
    }

    /// The estimate, when it is one.
    pub fn as_estimate(&self) -> Option<&SystemEstimate> {
        match &self.spec {
            Spec::Estimate(spec) => Some(spec),
            _ => None,
        }
    }

    /// The probe, when it is one.
    pub fn as_probe(&self) -> Option<&ProbeSpec> {
        match &self.spec {
            Spec::Probe(spec) => Some(spec),
            _ => None,
        }
    }

    /// The exception, when it is one.
    pub fn as_exception(&self) -> Option<&ExceptionSpec> {
        match &self.spec {
            Spec::Exception(spec) => Some(spec),
            _ => None,
        }
    }

    /// Names of the requirements that it refers to, each with its path.
    pub fn requirements_named(&self) -> Vec<(String, &str)> {
        match &self.spec {
            Spec::System(_) | Spec::Estimate(_) => Vec::new(),
            Spec::Requirement(spec) => {
                let derived = spec.derived_from.iter().enumerate();
                let derived = derived.map(|(at, name)| (format!("spec.derivedFrom[{at}]"), name.as_str()));
                let needed = spec.depends_on.iter().enumerate();
                let needed = needed.map(|(at, name)| (format!("spec.dependsOn[{at}]"), name.as_str()));
                derived.chain(needed).collect()
            }
            Spec::Probe(spec) => {
                let verified = spec.verifies.iter().enumerate();
                verified.map(|(at, name)| (format!("spec.verifies[{at}]"), name.as_str())).collect()
            }
            Spec::Exception(spec) => vec![("spec.requirement".to_owned(), &spec.requirement)],
        }
    }

    /// Instant at which it comes into force, if it states one.
    pub fn stated_start(&self) -> Option<Timestamp> {
        match &self.spec {
            Spec::Requirement(spec) => spec.in_force_from,
            Spec::Exception(spec) => spec.in_force_from,
            Spec::System(_) | Spec::Estimate(_) | Spec::Probe(_) => None,
        }
    }

    /// Name of the system it belongs to: its own, or the one that it refers to.
    pub fn system_name(&self) -> &str {
        match &self.spec {
            Spec::System(_) => &self.name,
            Spec::Requirement(spec) => &spec.system,
            Spec::Estimate(spec) => &spec.system,
            Spec::Probe(spec) => &spec.system,
            Spec::Exception(spec) => &spec.system,
        }
    }

    /// The envelope as JSON: what is stored, compared and shown.
    pub fn to_json(&self) -> Value {
        let Self { api_version, kind, name, labels, spec } = self;
        let mut metadata = json!({ "name": name });
        if !labels.is_empty() {
            metadata["labels"] = json!(labels);
        }
        let spec = match spec {
            Spec::System(spec) => serde_json::to_value(spec),
            Spec::Requirement(spec) => serde_json::to_value(spec),
            Spec::Estimate(spec) => serde_json::to_value(spec),
            Spec::Probe(spec) => serde_json::to_value(spec),
            Spec::Exception(spec) => serde_json::to_value(spec),
        }
        .expect("specifications have text keys and finite numbers only, which JSON can hold");
        json!({ "apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec })
    }

    /// Reads back what [`Manifest::to_json`] gave. Not for what people write: see [`super::parse_files`].
    pub fn from_json(value: &Value) -> Result<Self, ManifestError> {
        let Envelope { api_version, kind, metadata, spec } = Envelope::deserialize(value)?;
        if api_version != API_VERSION {
            return Err(ManifestError::ApiVersion(api_version));
        }
        let spec = match kind {
            Kind::System => Spec::System(Box::new(SystemSpec::deserialize(spec)?)),
            Kind::Requirement => Spec::Requirement(Box::new(RequirementSpec::deserialize(spec)?)),
            Kind::Estimate => Spec::Estimate(Box::new(SystemEstimate::deserialize(spec)?)),
            Kind::Probe => Spec::Probe(Box::new(ProbeSpec::deserialize(spec)?)),
            Kind::Exception => Spec::Exception(Box::new(ExceptionSpec::deserialize(spec)?)),
        };
        Ok(Self { api_version, kind, name: metadata.name, labels: metadata.labels, spec })
    }

    /// The canonical JSON: one text for one meaning. What a store keeps, so that a version can be proved unchanged by
    /// hashing the stored text, whatever later versions of the model add.
    pub fn canonical(&self) -> String {
        let mut canonical = String::new();
        write_canonical(&self.to_json(), &mut canonical);
        canonical
    }

    /// SHA-256 of the canonical JSON, in lower-case hexadecimal. Comments, key order and layout of the file do not
    /// change it; every stated value does, and so does the order of lists.
    pub fn fingerprint(&self) -> String {
        hex::encode(Sha256::digest(self.canonical().as_bytes()))
    }
}

/// Members in the order of their keys, no spaces. Written out because the order of `serde_json`'s own maps depends on
/// a feature that any other crate of the build may switch on.
fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            let sorted: BTreeMap<&String, &Value> = members.iter().collect();
            out.push('{');
            for (at, (key, item)) in sorted.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                out.push_str(&Value::String(key.clone()).to_string());
                out.push(':');
                write_canonical(item, out);
            }
            out.push('}');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

impl Serialize for Manifest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer).map_err(ser::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Manifest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_json(&Value::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}
