//! A set of manifests: parsed together, so that references can be followed and all problems named at once.

use std::collections::{BTreeMap, BTreeSet};

use super::check::{disagreements, of_exception, of_probe};
use super::check_system::check_system;
use super::decode::{Object, Report};
use super::decode_requirement::requirement;
use super::decode_system::system;
use super::estimate::{SystemEstimate, estimate};
use super::exception::exception;
use super::limits;
use super::model::{API_VERSION, Kind, Manifest, Spec};
use super::probe::probe;
use super::problem::{Place, Problem};
use super::requirement::{RequirementSpec, ThresholdValue};
use super::system::SystemSpec;
use super::tree::{Node, Value, documents};
use super::values::{labels, name, text};
use super::wording::{quoted, suggestion};

/// Manifests that agree with each other, in the order of kind and name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ManifestSet {
    entries: BTreeMap<(Kind, String), (Manifest, Option<Place>)>,
}

impl ManifestSet {
    /// A set of manifests that were parsed before, for example those in force according to the database. Of two with
    /// the same kind and name the later one stays.
    pub fn of_stored(manifests: impl IntoIterator<Item = Manifest>) -> Self {
        let entries = manifests.into_iter().map(|m| ((m.kind, m.name.clone()), (m, None))).collect();
        Self { entries }
    }

    /// All manifests.
    pub fn iter(&self) -> impl Iterator<Item = &Manifest> {
        self.entries.values().map(|(manifest, _)| manifest)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The manifest of this kind and name.
    pub fn get(&self, kind: Kind, name: &str) -> Option<&Manifest> {
        self.entries.get(&(kind, name.to_owned())).map(|(manifest, _)| manifest)
    }

    /// Where the manifest of this kind and name begins; none for stored ones.
    pub fn place(&self, kind: Kind, name: &str) -> Option<&Place> {
        self.entries.get(&(kind, name.to_owned())).and_then(|(_, place)| place.as_ref())
    }

    /// The system of this name.
    pub fn system(&self, name: &str) -> Option<&SystemSpec> {
        self.get(Kind::System, name)?.as_system()
    }

    /// The requirement of this name.
    pub fn requirement(&self, name: &str) -> Option<&RequirementSpec> {
        self.get(Kind::Requirement, name)?.as_requirement()
    }

    /// All requirements of a system with their names.
    pub fn requirements_of<'a>(
        &'a self,
        system: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a RequirementSpec)> {
        self.iter().filter_map(move |manifest| {
            let spec = manifest.as_requirement()?;
            (spec.system == system).then_some((manifest.name.as_str(), spec))
        })
    }
}

/// Parses a set that stands alone.
///
/// Problems come in the order of file, line and column, whatever the order of the files. All files and all documents
/// are read; only the checks between the parts of one system or one requirement wait until that document itself has
/// no other problem.
pub fn parse_files<N, B>(files: impl IntoIterator<Item = (N, B)>) -> Result<ManifestSet, Vec<Problem>>
where
    N: Into<String>,
    B: AsRef<[u8]>,
{
    parse_files_against(files, &ManifestSet::default())
}

/// Parses a set whose references may also lead to `stored` manifests. A stored manifest of the same kind and name is
/// replaced; stored requirements that would then no longer agree with their system are problems too.
pub fn parse_files_against<N, B>(
    files: impl IntoIterator<Item = (N, B)>,
    stored: &ManifestSet,
) -> Result<ManifestSet, Vec<Problem>>
where
    N: Into<String>,
    B: AsRef<[u8]>,
{
    parse_files_checked(files, stored, |_| Vec::new())
}

/// A problem that a caller's own check finds: path inside the manifest, message, remedy.
pub type Finding = (String, String, String);

/// The same with a further check of each manifest that has no other problem, whose findings get their places too: for
/// rules that need what this part does not know, such as the clock or the versions before.
pub fn parse_files_checked<N, B>(
    files: impl IntoIterator<Item = (N, B)>,
    stored: &ManifestSet,
    check: impl Fn(&Manifest) -> Vec<Finding>,
) -> Result<ManifestSet, Vec<Problem>>
where
    N: Into<String>,
    B: AsRef<[u8]>,
{
    let mut files: Vec<(String, B)> = files.into_iter().map(|(name, bytes)| (name.into(), bytes)).collect();
    files.sort_by(|a, b| a.0.cmp(&b.0));
    let mut problems = Vec::new();
    if files.len() > limits::FILES {
        let message = format!("there are {} files, more than {}", files.len(), limits::FILES);
        let place = Place { file: files[limits::FILES].0.clone(), line: 1, column: 1 };
        let remedy = "apply them in several sets".to_owned();
        return Err(vec![Problem { place, path: String::new(), message, remedy }]);
    }
    let mut parsed: Vec<Document> = Vec::new();
    for (file, bytes) in &files {
        match documents(file, bytes.as_ref()) {
            Ok(nodes) if nodes.is_empty() => {
                let place = Place { file: file.clone(), line: 1, column: 1 };
                let (message, remedy) = ("the file has no manifest", "add one or remove the file");
                let (message, remedy) = (message.to_owned(), remedy.to_owned());
                problems.push(Problem { place, path: String::new(), message, remedy });
            }
            Ok(nodes) => parsed.extend(nodes.iter().map(|node| Document::read(file, node))),
            Err(problem) => problems.push(problem),
        }
    }
    note_repeated(&mut parsed);
    super::references::check(&mut parsed, stored);
    check_agreement(&mut parsed, stored);
    for Document { manifest, report, .. } in &mut parsed {
        let Some(manifest) = manifest.as_ref().filter(|_| report.is_clean()) else { continue };
        for (path, message, remedy) in check(manifest) {
            report.at(&path, message, remedy);
        }
    }

    let mut entries = BTreeMap::new();
    for Document { manifest, report, .. } in parsed {
        if let (true, Some(manifest)) = (report.is_clean(), manifest) {
            let place = report.place("");
            entries.insert((manifest.kind, manifest.name.clone()), (manifest, Some(place)));
        }
        problems.extend(report.into_problems());
    }
    if problems.is_empty() {
        return Ok(ManifestSet { entries });
    }
    problems.sort();
    problems.dedup();
    problems.truncate(limits::PROBLEMS);
    Err(problems)
}

/// The estimates among the documents of these files, by name, without looking at what else stands there or whether their
/// systems are stated: an estimate is made before there is a system.
///
/// # Errors
/// All that is wrong with them.
pub fn parse_estimates<'f, B: AsRef<[u8]>>(
    files: impl IntoIterator<Item = (&'f str, B)>,
) -> Result<BTreeMap<String, SystemEstimate>, Vec<Problem>> {
    let (mut found, mut problems) = (BTreeMap::new(), Vec::new());
    for (file, bytes) in files {
        let nodes = match documents(file, bytes.as_ref()) {
            Ok(nodes) => nodes,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        for node in nodes.iter().filter(|node| node.get("kind").and_then(Node::text) == Some("Estimate")) {
            let Document { mut report, manifest, .. } = Document::read(file, node);
            if let (true, Some(Manifest { name, spec: Spec::Estimate(spec), .. })) =
                (report.is_clean(), manifest)
                && found.insert(name.clone(), *spec).is_some()
            {
                let message = format!("Estimate `{name}` is stated twice");
                report.at("metadata.name", message, "rename or remove one of them");
            }
            problems.extend(report.into_problems());
        }
    }
    problems.sort();
    problems.truncate(limits::PROBLEMS);
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

/// One document: what could be read of it. Kind, name and references are known even when the rest is wrong, so that
/// one mistake does not make others appear or disappear.
pub(super) struct Document {
    pub report: Report,
    pub kind: Option<Kind>,
    pub name: Option<String>,
    /// Path and name of each reference to a requirement.
    pub references: Vec<(String, String)>,
    /// Name of the estimate from which the threshold comes.
    pub estimate: Option<String>,
    /// Name of the system it belongs to.
    pub system: Option<String>,
    pub manifest: Option<Manifest>,
}

impl Document {
    fn read(file: &str, node: &Node) -> Self {
        let mut report = Report::new(file, node);
        let (kind, name, manifest) = envelope(node, &mut report);
        if let Some(spec) = manifest.as_ref().and_then(Manifest::as_system)
            && report.is_clean()
        {
            check_system(spec, &mut report);
        }
        let spec = node.get("spec");
        let references = kind.zip(spec).map(|(kind, spec)| references(kind, spec)).unwrap_or_default();
        let figure = spec.and_then(|spec| spec.get("threshold")?.get("value")?.get("estimate")?.text());
        let estimate = figure.filter(|_| kind == Some(Kind::Requirement)).map(str::to_owned);
        let system = spec.and_then(|spec| spec.get("system")).and_then(Node::text);
        let belongs = kind.is_some_and(|kind| kind != Kind::System);
        let system = system.filter(|_| belongs).map(str::to_owned);
        Self { report, kind, name, references, estimate, system, manifest }
    }
}

fn references(kind: Kind, spec: &Node) -> Vec<(String, String)> {
    let keys: &[&str] = match kind {
        Kind::System | Kind::Estimate => &[],
        Kind::Requirement => &["derivedFrom", "dependsOn"],
        Kind::Probe => &["verifies"],
        Kind::Exception => &["requirement"],
    };
    let mut found = Vec::new();
    for key in keys {
        let stated = spec.get(key).map(|node| &node.value);
        if let (Kind::Exception, Some(Value::Text(name))) = (kind, stated) {
            found.push((format!("spec.{key}"), name.clone()));
        }
        let Some(Value::List(items)) = stated else { continue };
        for (at, item) in items.iter().enumerate() {
            if let Some(name) = item.text() {
                found.push((format!("spec.{key}[{at}]"), name.to_owned()));
            }
        }
    }
    found
}

fn envelope(node: &Node, report: &mut Report) -> (Option<Kind>, Option<String>, Option<Manifest>) {
    let Some(mut object) = Object::open(node, "", report, &["apiVersion", "kind", "metadata", "spec"]) else {
        return (None, None, None);
    };
    object.required("apiVersion", |node, path, report| {
        let version = text(limits::LINE)(node, path, report)?;
        if version != API_VERSION {
            let message = format!("unknown apiVersion {}", quoted(&version));
            report.at(path, message, format!("write `{API_VERSION}`"));
        }
        Some(())
    });
    let kind = object.required("kind", kind);
    let metadata = object.required("metadata", |node, path, report| {
        let mut object = Object::open(node, path, report, &["name", "labels"])?;
        let name = object.required("name", name);
        let labels = object.optional("labels", labels).unwrap_or_default();
        Some((name?, labels))
    });
    let spec = match kind {
        Some(Kind::System) => object.required("spec", system).map(|spec| Spec::System(Box::new(spec))),
        Some(Kind::Requirement) => {
            object.required("spec", requirement).map(|spec| Spec::Requirement(Box::new(spec)))
        }
        Some(Kind::Estimate) => object.required("spec", estimate).map(|spec| Spec::Estimate(Box::new(spec))),
        Some(Kind::Probe) => object.required("spec", probe).map(|spec| Spec::Probe(Box::new(spec))),
        Some(Kind::Exception) => {
            object.required("spec", exception).map(|spec| Spec::Exception(Box::new(spec)))
        }
        None => None,
    };
    let name = metadata.as_ref().map(|(name, _)| name.clone());
    let manifest = metadata.zip(spec).map(|((name, labels), spec)| Manifest::new(name, labels, spec));
    (kind, name, manifest)
}

fn kind(node: &Node, path: &str, report: &mut Report) -> Option<Kind> {
    let word = text(limits::LINE)(node, path, report)?;
    let found = Kind::ALL.iter().copied().find(|kind| kind.as_str() == word);
    if found.is_none() {
        let words: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        report.at(path, format!("unknown kind {}", quoted(&word)), suggestion(&word, &words));
    }
    found
}

fn note_repeated(documents: &mut [Document]) {
    let mut first: BTreeMap<(Kind, String), Place> = BTreeMap::new();
    for document in documents {
        let (Some(kind), Some(name)) = (document.kind, document.name.clone()) else { continue };
        match first.get(&(kind, name.clone())) {
            Some(place) => {
                let message = format!("{kind} `{name}` is stated twice, first at {place}");
                document.report.at("metadata.name", message, "rename or remove one of them");
            }
            None => {
                first.insert((kind, name), document.report.place("metadata.name"));
            }
        }
    }
}

/// What the documents and the stored manifests state together, as far as it was read without a problem.
struct Together<'s> {
    given: ManifestSet,
    /// Stated by documents that have problems: nothing is said about what refers to them.
    broken: BTreeSet<(Kind, String)>,
    stored: &'s ManifestSet,
}

impl<'s> Together<'s> {
    fn of(documents: &[Document], stored: &'s ManifestSet) -> Self {
        let clean = documents.iter().filter(|document| document.report.is_clean());
        let given = ManifestSet::of_stored(clean.filter_map(|document| document.manifest.clone()));
        let named = documents.iter().filter_map(|document| Some((document.kind?, document.name.clone()?)));
        let broken = named.filter(|(kind, name)| given.get(*kind, name).is_none()).collect();
        Self { given, broken, stored }
    }

    fn get(&self, kind: Kind, name: &str) -> Option<&Manifest> {
        if self.broken.contains(&(kind, name.to_owned())) {
            return None;
        }
        self.given.get(kind, name).or_else(|| self.stored.get(kind, name))
    }

    fn system(&self, name: &str) -> Option<&SystemSpec> {
        self.get(Kind::System, name)?.as_system()
    }

    fn requirement(&self, name: &str) -> Option<&RequirementSpec> {
        self.get(Kind::Requirement, name)?.as_requirement()
    }

    /// Whether a document states a requirement of this name, well or badly.
    fn replaces(&self, name: &str) -> bool {
        self.given.requirement(name).is_some() || self.broken.contains(&(Kind::Requirement, name.to_owned()))
    }
}

/// Compares manifests that were read without a problem.
fn check_agreement(documents: &mut [Document], stored: &ManifestSet) {
    let together = Together::of(documents, stored);
    for document in documents {
        let Some(manifest) = document.manifest.as_ref().filter(|_| document.report.is_clean()) else {
            continue;
        };
        match &manifest.spec {
            Spec::Requirement(spec) => {
                let system = together.system(&spec.system);
                for (path, message, remedy) in
                    system.map(|system| disagreements(spec, system)).unwrap_or_default()
                {
                    document.report.at(&path, message, remedy);
                }
                if let ThresholdValue::Figure(figure) = &spec.threshold.value
                    && let Some(estimate) = together.get(Kind::Estimate, &figure.estimate)
                    && estimate.system_name() != spec.system
                {
                    let message =
                        format!("`{}` estimates the system `{}`", figure.estimate, estimate.system_name());
                    let remedy = "name an estimate of the same system";
                    document.report.at("spec.threshold.value.estimate", message, remedy);
                }
            }
            Spec::Exception(spec) => {
                let requirement = together.requirement(&spec.requirement);
                for (path, message, remedy) in
                    requirement.map(|requirement| of_exception(spec, requirement)).unwrap_or_default()
                {
                    document.report.at(&path, message, remedy);
                }
            }
            Spec::Probe(spec) => {
                let requirement = |name: &str| together.requirement(name);
                for (path, message, remedy) in of_probe(spec, together.system(&spec.system), requirement) {
                    document.report.at(&path, message, remedy);
                }
            }
            // What it is about is a number of people, which no other manifest states.
            Spec::Estimate(_) => {}
            Spec::System(system) => {
                let kept =
                    stored.requirements_of(&manifest.name).filter(|(name, _)| !together.replaces(name));
                for (name, spec) in kept {
                    for (path, message, _) in disagreements(spec, system) {
                        let message =
                            format!("the stored requirement `{name}` no longer agrees at {path}: {message}");
                        document.report.at(
                            "spec",
                            message,
                            "keep what it needs, or apply a new version of it too",
                        );
                    }
                }
            }
        }
    }
}
