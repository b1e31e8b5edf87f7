//! What a system's requirements leave out, though the system's own statement says that it matters. Catalogues do not say it: neither
//! caching nor personal data is an item of the IPA grades, and the item about spikes is none of its important ones.

use jiff::Timestamp;

use super::manifest::{
    Kind, Localized, ManifestSet, Mechanism, Mode, Obligation, Protection, RequirementSpec, RouteClass,
    SystemSpec, Target,
};

/// A question that nobody has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// Personal routes, and nothing says what caches may do with them.
    PersonalRoutesWithoutCaching,
    /// No routes are declared: all of them count as personal, and nobody has thought about each.
    NoRoutes,
    /// Many people at once are expected, and nothing says who waits.
    SpikeWithoutAdmission,
    /// Personal data is stored encrypted, and nothing says who keeps the keys.
    EncryptionWithoutKeyManagement,
    /// Personal data is stored, and nothing says when it is erased.
    PersonalDataWithoutRetention,
    /// Personal data is stored, and nothing says who may read it.
    PersonalDataWithoutAccess,
    /// Something binds and is only watched.
    BindingNotEnforced,
    /// Nobody looks whether caches keep personal pages.
    CachingWithoutProbe,
}

/// A gap of a system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlindSpot {
    pub gap: Gap,
    /// The requirement that it is about, where it is about one.
    pub requirement: Option<String>,
    pub text: Localized,
    pub remedy: Localized,
}

/// The gaps of a system among these manifests at an instant, the gravest first. Of exceptions those count that hold by then as far
/// as they say themselves; who asks for approvals leaves the others out of the set.
pub fn blind_spots(set: &ManifestSet, name: &str, at: Timestamp) -> Vec<BlindSpot> {
    let Some(system) = set.system(name) else { return Vec::new() };
    let requirements: Vec<(&str, &RequirementSpec)> = set.requirements_of(name).collect();
    let of = |kind: Kind| {
        set.iter().filter(move |manifest| manifest.kind == kind && manifest.system_name() == name)
    };
    let mut found = Vec::new();
    let mut add = |gap: Gap, requirement: Option<&str>| {
        let (text, remedy) = words(gap, requirement);
        found.push(BlindSpot { gap, requirement: requirement.map(str::to_owned), text, remedy });
    };
    let kept_by =
        |mechanism: Mechanism| requirements.iter().any(|(_, spec)| mechanism_of(spec) == Some(mechanism));
    let cites = |catalogue: &str, id: &str| {
        let mut citations = requirements.iter().flat_map(|(_, spec)| &spec.catalogue);
        citations
            .any(|citation| citation.reference.catalogue.as_str() == catalogue && citation.reference.id == id)
    };
    let holds_people = !system.record_types.is_empty();
    if system.routes.is_empty() && holds_people {
        add(Gap::NoRoutes, None);
    }
    if system.routes.iter().any(|route| route.personal) && !caching_is_stated(system, &requirements) {
        add(Gap::PersonalRoutesWithoutCaching, None);
    }
    if of(Kind::Estimate).next().is_some() && !kept_by(Mechanism::Admission) && !cites("ipa-nfrg", "B.4.3.1")
    {
        add(Gap::SpikeWithoutAdmission, None);
    }
    if holds_people && !kept_by(Mechanism::Access) {
        add(Gap::PersonalDataWithoutAccess, None);
    }
    if holds_people && !kept_by(Mechanism::Retention) {
        add(Gap::PersonalDataWithoutRetention, None);
    }
    let encrypts = |system: &SystemSpec| {
        let mut fields = system.record_types.iter().flat_map(|record_type| &record_type.fields);
        fields.any(|field| field.protection == Protection::Encrypted)
    };
    if encrypts(system) && !cites("ipa-nfrg", "E.6.1.3") {
        add(Gap::EncryptionWithoutKeyManagement, None);
    }
    for (name, spec) in &requirements {
        let watched = spec.enforcement.as_ref().is_some_and(|enforcement| enforcement.mode != Mode::Enforce);
        let excepted = of(Kind::Exception)
            .filter_map(|manifest| manifest.as_exception())
            .any(|exception| exception.requirement == *name && exception.holds_at(at));
        if watched && spec.obligation == Obligation::Must && !excepted {
            add(Gap::BindingNotEnforced, Some(name));
        }
    }
    for (name, _) in requirements.iter().filter(|(_, spec)| mechanism_of(spec) == Some(Mechanism::Cache)) {
        let looked_at = of(Kind::Probe)
            .filter_map(|manifest| manifest.as_probe())
            .any(|probe| probe.verifies.iter().any(|verified| verified == name));
        if !looked_at {
            add(Gap::CachingWithoutProbe, Some(name));
        }
    }
    found
}

fn mechanism_of(spec: &RequirementSpec) -> Option<Mechanism> {
    spec.enforcement.as_ref().map(|enforcement| enforcement.mechanism())
}

/// Whether each personal route is covered by a requirement about caching.
fn caching_is_stated(system: &SystemSpec, requirements: &[(&str, &RequirementSpec)]) -> bool {
    let mut targets = Vec::new();
    for (_, spec) in requirements.iter().filter(|(_, spec)| mechanism_of(spec) == Some(Mechanism::Cache)) {
        targets.push(&spec.target);
    }
    let all = |target: &&Target| matches!(target, Target::System | Target::Routes(RouteClass::Personal));
    targets.iter().any(all)
        || system.routes.iter().filter(|route| route.personal).all(|route| {
            targets.iter().any(|target| matches!(target, Target::Route(name) if *name == route.name))
        })
}

fn words(gap: Gap, requirement: Option<&str>) -> (Localized, Localized) {
    let name = requirement.unwrap_or_default();
    let (ja, en, remedy_ja, remedy_en) = match gap {
        Gap::PersonalRoutesWithoutCaching => (
            "個人情報を表示するページがあるのに、キャッシュの扱いを定めた要件がない。".to_owned(),
            "There are personal routes, and no requirement says what caches may do with them.".to_owned(),
            "`routes:personal` を対象とし `mechanism: cache`、`rule: no_store` の要件を加える（owasp-secreq-ja@4.0:7.9.1）。",
            "Add a requirement on `routes:personal` with `mechanism: cache`, `rule: no_store` (owasp-secreq-ja@4.0:7.9.1).",
        ),
        Gap::NoRoutes => (
            "経路が宣言されていない。すべて個人ページとして扱われる。".to_owned(),
            "No routes are declared: each path counts as personal.".to_owned(),
            "システムの `routes` に、公開ページと個人ページを宣言する。",
            "Declare public and personal routes in `routes` of the system.",
        ),
        Gap::SpikeWithoutAdmission => (
            "アクセスの集中が見積もられているのに、流入制限の要件がない（B.4.3.1 は重要項目に含まれない）。".to_owned(),
            "A rush is estimated, and no requirement says who waits (B.4.3.1 is none of the important items).".to_owned(),
            "`mechanism: admission` の要件を加え、ipa-nfrg@2018:B.4.3.1 を引用する。",
            "Add a requirement with `mechanism: admission` that cites ipa-nfrg@2018:B.4.3.1.",
        ),
        Gap::EncryptionWithoutKeyManagement => (
            "暗号化する項目があるのに、鍵管理の要件がない（E.6.1.3 は重要項目に含まれない）。".to_owned(),
            "Fields are stored encrypted, and no requirement is about their keys (E.6.1.3 is none of the important items)."
                .to_owned(),
            "鍵の保管者と更新の周期を定め、ipa-nfrg@2018:E.6.1.3 を引用する。",
            "State who keeps the keys and how often they change, citing ipa-nfrg@2018:E.6.1.3.",
        ),
        Gap::PersonalDataWithoutRetention => (
            "個人情報を保管するのに、消去の要件がない。".to_owned(),
            "Personal data is stored, and no requirement says when it is erased.".to_owned(),
            "`mechanism: retention` の要件を加える（asvs@5.0.0:14.2.7）。",
            "Add a requirement with `mechanism: retention` (asvs@5.0.0:14.2.7).",
        ),
        Gap::PersonalDataWithoutAccess => (
            "個人情報を保管するのに、閲覧権限の要件がない。".to_owned(),
            "Personal data is stored, and no requirement says who may read it.".to_owned(),
            "`mechanism: access` の要件を加える（owasp-secreq-ja@4.0:1.6.1）。",
            "Add a requirement with `mechanism: access` (owasp-secreq-ja@4.0:1.6.1).",
        ),
        Gap::BindingNotEnforced => (
            format!("必須の要件 {name} が、強制されていない。"),
            format!("{name} binds (MUST) and is not enforced."),
            "`mode: enforce` とするか、期限付きの例外（Exception）を加える。",
            "Write `mode: enforce`, or add an Exception with its end.",
        ),
        Gap::CachingWithoutProbe => (
            format!("キャッシュの要件 {name} が守られているかを、誰も見ていない。"),
            format!("Nobody looks whether {name} is kept at the edge."),
            "この要件を `verifies` に挙げた Probe を加える。",
            "Add a Probe whose `verifies` names it.",
        ),
    };
    let remedy = Localized { ja: remedy_ja.to_owned(), en: remedy_en.to_owned() };
    (Localized { ja, en }, remedy)
}
