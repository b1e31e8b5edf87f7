//! Every fact that rule packs and facts records may name, with its type and its name in both languages.
//!
//! One file on purpose: a new fact is one line here, and a misspelt one is refused everywhere.

/// The type of a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactKind {
    /// True or false.
    Flag,
    /// A whole number from 0.
    Count,
    /// An instant with its zone, see [`crate::Moment`].
    Moment,
    /// One word of a list.
    Choice(&'static [&'static str]),
    /// Any number of words of a list. A known set is complete: what is not in it is absent.
    Set(&'static [&'static str]),
    /// Any number of jurisdiction codes: `EU`, ISO 3166-1 (`JP`) or ISO 3166-2 (`US-CA`).
    Codes,
    /// A short text.
    Text,
}

/// One fact of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FactDef {
    /// Dotted name. A name that ends in `.` is a family: a code follows (`counts.by_jurisdiction.US-CA`).
    pub name: &'static str,
    /// Its type.
    pub kind: FactKind,
    /// Name for people, English.
    pub en: &'static str,
    /// Name for people, Japanese.
    pub ja: &'static str,
}

const fn def(name: &'static str, kind: FactKind, en: &'static str, ja: &'static str) -> FactDef {
    FactDef { name, kind, en, ja }
}

use FactKind::{Choice, Codes, Count, Flag, Moment, Set, Text};

/// Kinds of organisation, as the laws distinguish them.
const ENTITY_TYPES: &[&str] = &[
    "private",
    "jp_art58",
    "national_admin",
    "incorporated_agency",
    "local_gov",
    "local_incorporated_agency",
    "covered_entity",
    "business_associate",
    "cii_operator",
    "essential_entity",
    "important_entity",
    "telecom",
];

/// Kinds of personal data; a prefix with `.*` in a pack stands for all words below it.
const CATEGORIES: &[&str] = &[
    "special_care.race",
    "special_care.creed",
    "special_care.social_status",
    "special_care.medical_history",
    "special_care.crime",
    "special_care.crime_victim",
    "special_care.disability",
    "special_care.health_check",
    "special_care.treatment",
    "special_care.criminal_procedure",
    "special_care.juvenile_procedure",
    "financial.card",
    "financial.card_with_code",
    "financial.account",
    "financial.account_with_code",
    "financial.income",
    "credentials.id_password",
    "credentials.token",
    "credentials.payment_service",
    "gov_id.my_number",
    "gov_id.passport",
    "gov_id.driving_licence",
    "gov_id.other",
    "biometric",
    "genetic",
    "location",
    "health_insurance",
    "date_of_birth",
    "contact",
    "education",
    "employment",
    "minors",
    "authentication",
    "legal_secrecy",
    "ordinance_special_care",
    "ordinary",
];

/// The catalogue, sorted by group as a reader would look for it.
pub const FACTS: &[FactDef] = &[
    // timeline
    def("timeline.occurred_from", Moment, "start of the event", "事態の発生時期（始）"),
    def("timeline.occurred_to", Moment, "end of the event", "事態の発生時期（終）"),
    def("timeline.detected_at", Moment, "first sign noticed", "端緒の検知時期"),
    def("timeline.became_aware_at", Moment, "time of knowing", "知った時点"),
    def("timeline.discovered_at", Moment, "time of discovery", "発見時点"),
    def("timeline.determined_at", Moment, "time of determination", "確認時点"),
    def("timeline.assessment_completed_at", Moment, "end of the assessment", "評価の完了時点"),
    def("timeline.contained_at", Moment, "time of containment", "封じ込め時点"),
    def("timeline.count_exceeded_at", Moment, "time the threshold was exceeded", "人数が基準を超えた時点"),
    def(
        "timeline.processor_informed_us_at",
        Moment,
        "time the processor told us",
        "委託先から通知を受けた時点",
    ),
    def("timeline.persons_notified_at", Moment, "time the persons were told", "本人に通知した時点"),
    def("timeline.harm_assessed_at", Moment, "time harm was assessed", "被害を評価した時点"),
    // parties
    def("parties.entity_type", Choice(ENTITY_TYPES), "kind of organisation", "組織の区分"),
    def(
        "parties.role",
        Choice(&["controller", "processor", "sub_processor", "joint_controller"]),
        "role in the handling",
        "取扱いにおける立場",
    ),
    def("parties.name", Text, "name of the organisation", "組織の名称"),
    def("parties.notified_entrustor", Flag, "known items given to the entrustor", "委託元への通知の実施"),
    def(
        "parties.entrustor_bears_duty",
        Flag,
        "the entrustor itself bears the duty",
        "委託元が報告義務を負うこと",
    ),
    def("parties.entrustors_total", Count, "number of entrustors", "委託元の数"),
    // scope
    def("scope.jurisdictions", Codes, "jurisdictions concerned", "関係する法域"),
    def("scope.sector", Text, "sector", "業種"),
    def("scope.jp_delegated_minister", Flag, "authority delegated to a minister", "事業所管大臣への権限委任"),
    // data
    def(
        "data.is_personal_data",
        Flag,
        "personal data held by the organisation",
        "個人データ（保有個人情報）であること",
    ),
    def("data.being_acquired", Flag, "information being acquired", "取得しようとしている個人情報であること"),
    def(
        "data.planned_for_database",
        Flag,
        "planned to be handled as personal data",
        "個人データとして取り扱う予定",
    ),
    def("data.medium", Choice(&["electronic", "paper", "both"]), "medium", "媒体"),
    def("data.categories", Set(CATEGORIES), "categories of data", "データの種類"),
    def("data.name_present", Flag, "names included", "氏名の有無"),
    def("data.pseudonymised", Flag, "pseudonymously processed information", "仮名加工情報であること"),
    def("data.anonymised", Flag, "anonymously processed information", "匿名加工情報であること"),
    def(
        "data.non_disclosure_information",
        Flag,
        "contains non-disclosure information",
        "不開示情報を含むこと",
    ),
    // event
    def(
        "event.kinds",
        Set(&[
            "leak",
            "loss",
            "damage",
            "unavailability",
            "unlawful_use",
            "unlawful_provision",
            "viewable_by_others",
        ]),
        "kinds of event",
        "事態の種類",
    ),
    def(
        "event.recovered_unread",
        Flag,
        "recovered before anybody saw it",
        "第三者に閲覧される前に回収したこと",
    ),
    def("event.duplicate_kept", Flag, "same content kept elsewhere", "同じ内容が他に保管されていること"),
    def(
        "event.intended_provision",
        Flag,
        "intended provision to a third party",
        "自らの意図による第三者提供",
    ),
    def(
        "event.trivial_misdelivery",
        Flag,
        "trivial mis-sent fax or mail",
        "軽微な誤送信（FAX・メール等）であること",
    ),
    // cause
    def(
        "cause.category",
        Choice(&[
            "misconfiguration",
            "mis_send",
            "loss",
            "theft",
            "intrusion",
            "malware",
            "insider",
            "skimming",
            "supply_chain",
            "other",
        ]),
        "cause",
        "原因",
    ),
    def("cause.malicious_purpose", Flag, "act with an improper purpose", "不正の目的をもった行為"),
    def("cause.actor", Choice(&["outsider", "insider"]), "who acted", "行為者"),
    def(
        "cause.indicators",
        Set(&["theft_trace", "infostealer", "c2_contact", "page_tamper", "third_party_tip"]),
        "signs of compromise",
        "侵害の痕跡",
    ),
    def("cause.target", Choice(&["own", "entrustee", "service"]), "whose system was hit", "被害を受けた主体"),
    // protection
    def(
        "protection.encrypted",
        Choice(&["none", "weak", "listed_cipher"]),
        "encryption of the data",
        "データの暗号化",
    ),
    def(
        "protection.key_status",
        Choice(&["safe", "separated", "remote_wiped", "compromised"]),
        "state of the key",
        "鍵の状態",
    ),
    def("protection.hashed", Flag, "hashed", "ハッシュ化"),
    def("protection.tokenised", Flag, "tokenised", "トークン化"),
    // counts
    def("counts.principals_total", Count, "number of principals", "本人の数"),
    def("counts.records", Count, "number of records", "件数"),
    def("counts.by_jurisdiction.", Count, "number of principals in", "本人の数（法域別）"),
    def("counts.by_entrustor.", Count, "number of principals of entrustor", "本人の数（委託元別）"),
    // risk
    def(
        "risk.gdpr_risk",
        Choice(&["unlikely", "risk", "high"]),
        "risk to rights and freedoms",
        "権利利益へのリスク",
    ),
    def("risk.property_damage", Flag, "property damage by misuse feared", "財産的被害が生じるおそれ"),
    def(
        "risk.high_risk_averted",
        Flag,
        "later measures removed the high risk",
        "事後措置により高リスクが解消したこと",
    ),
    // persons
    def("persons.contact_data_available", Flag, "the persons can be reached", "本人への連絡が可能なこと"),
    def("persons.alternative_measures_taken", Flag, "alternative measures taken", "代替措置の実施"),
    def(
        "persons.disproportionate_effort",
        Flag,
        "individual notice would be disproportionate",
        "個別通知が過大な負担となること",
    ),
    def("persons.published_at", Moment, "time of publication", "公表時点"),
    def(
        "persons.notice_would_enlarge_harm",
        Flag,
        "notice would enlarge the harm",
        "通知により被害が拡大するおそれ",
    ),
];

/// Looks a fact up by its full name; a family member (`counts.by_jurisdiction.JP`) finds its family.
pub fn find(name: &str) -> Option<&'static FactDef> {
    FACTS.iter().find(|d| match name.strip_prefix(d.name) {
        Some("") => !d.name.ends_with('.'),
        Some(rest) => d.name.ends_with('.') && is_member(rest),
        None => false,
    })
}

fn is_member(rest: &str) -> bool {
    rest.len() <= 64 && rest.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

/// A jurisdiction code: two capital letters, optionally a hyphen and one to three capitals or digits.
pub fn is_code(text: &str) -> bool {
    let (country, part) = text.split_once('-').map_or((text, None), |(c, p)| (c, Some(p)));
    let capitals = |t: &str| t.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    country.len() == 2
        && country.chars().all(|c| c.is_ascii_uppercase())
        && part.is_none_or(|p| (1..=3).contains(&p.len()) && capitals(p))
}

/// The catalogue's name that is nearest to a misspelt one, when it is near enough to be worth saying.
pub(crate) fn nearest(name: &str) -> Option<&'static str> {
    let name: String = name.chars().take(64).collect();
    FACTS.iter().map(|d| (distance(&name, d.name), d.name)).min().filter(|(d, _)| *d <= 4).map(|(_, n)| n)
}

fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
