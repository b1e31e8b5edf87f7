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

use crate::enisa;

use FactKind::{Choice, Codes, Count, Flag, Moment, Set, Text};

/// Kinds of organisation, as the laws distinguish them.
const ENTITY_TYPES: &[&str] = &[
    "private",
    "jp_art58",
    "national_admin",
    "incorporated_agency",
    "local_gov",
    "local_incorporated_agency",
    "public_agency",
];

/// What particular laws make of an organisation beside its legal form; it may be several at once.
const DESIGNATIONS: &[&str] = &[
    "hipaa_covered_entity",
    "hipaa_business_associate",
    "nis2_essential",
    "nis2_important",
    "nis2_trust_service",
    "telecom_provider",
    "online_service_provider",
    "cii_operator",
    "central_body",
    "small_agent",
    "ny_dfs_covered_entity",
    "consumer_reporting_agency",
];

/// How far the exposure is known to have gone, from least to most.
const CONFIDENTIALITY_LEVELS: &[&str] = &["exposed", "accessed", "acquired", "used", "disclosed"];

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
    // Beside Japan's list, which `special_care.*` stands for.
    "sensitive.religion",
    "sensitive.political",
    "sensitive.union",
    "sensitive.sex_life",
    "health",
    "financial.card",
    "financial.card_with_code",
    "financial.account",
    "financial.account_with_code",
    "financial.income",
    "financial.credit",
    "credentials.id_password",
    "credentials.token",
    "credentials.payment_service",
    "credentials.security_answers",
    "electronic_signature",
    "gov_id.my_number",
    "gov_id.passport",
    "gov_id.driving_licence",
    "gov_id.ssn",
    "gov_id.rrn",
    "gov_id.national_id",
    "gov_id.tax",
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
    "elderly",
    "vehicle_plate",
    "authentication",
    "legal_secrecy",
    "ordinance_special_care",
    "ordinary",
];

/// The number of principals: the whole of which other counts are parts.
pub(crate) const TOTAL: &str = "counts.principals_total";

/// The catalogue, sorted by group as a reader would look for it.
pub const FACTS: &[FactDef] = &[
    // timeline
    def("timeline.occurred_from", Moment, "start of the event", "事態の発生時期（始）"),
    def("timeline.occurred_to", Moment, "end of the event", "事態の発生時期（終）"),
    def("timeline.detected_at", Moment, "first sign noticed", "端緒の検知時期"),
    def("timeline.became_aware_at", Moment, "time of knowing", "知った時点"),
    def("timeline.discovered_at", Moment, "time of discovery", "発見時点"),
    def("timeline.suspected_at", Moment, "time a breach was suspected", "漏えい等を疑った時点"),
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
    def("timeline.handling_completed_at", Moment, "time the handling was completed", "対応が完了した時点"),
    // parties
    def("parties.entity_type", Choice(ENTITY_TYPES), "kind of organisation", "組織の区分"),
    def(
        "parties.role",
        Choice(&["controller", "processor", "sub_processor", "joint_controller"]),
        "role in the handling",
        "取扱いにおける立場",
    ),
    def(
        "parties.designations",
        Set(DESIGNATIONS),
        "designations under particular laws",
        "個別法上の位置づけ",
    ),
    def(
        "parties.agent_of_controller",
        Flag,
        "acts as an agent of the one that entrusted the data",
        "委託元の代理人であること",
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
    def("data.large_scale", Flag, "data on a large scale", "大規模な取扱いであること"),
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
        "event.confidentiality_level",
        Choice(CONFIDENTIALITY_LEVELS),
        "how far the exposure went",
        "閲覧・取得等の到達段階",
    ),
    def("event.within_organisation_only", Flag, "only within the organisation", "組織内にとどまること"),
    def("event.backup_available", Flag, "restorable from a backup", "バックアップから復旧できること"),
    def("event.ongoing", Flag, "the event is still going on", "事態が継続していること"),
    def(
        "event.severe_disruption",
        Flag,
        "severe disruption of services or financial loss",
        "サービスの重大な支障又は財務上の損失",
    ),
    def("event.considerable_damage", Flag, "considerable damage to others", "第三者への相当の損害"),
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
    def("protection.key_bits", Count, "length of the key in bits", "鍵の長さ（ビット）"),
    def("protection.hashed", Flag, "hashed", "ハッシュ化"),
    def("protection.tokenised", Flag, "tokenised", "トークン化"),
    // counts
    def(TOTAL, Count, "number of principals", "本人の数"),
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
    def("risk.serious_harm_likely", Flag, "serious harm is likely", "重大な被害が生じる可能性が高いこと"),
    def("risk.significant_harm", Flag, "significant harm", "重大な損害（significant harm）"),
    def(
        "risk.real_risk_of_significant_harm",
        Flag,
        "real risk of significant harm",
        "重大な損害の現実的なおそれ",
    ),
    def("risk.serious_injury", Flag, "risk of serious injury", "重大な損害（préjudice sérieux）のおそれ"),
    def("risk.real_risk_of_serious_harm", Flag, "real risk of serious harm", "深刻な被害の現実的なおそれ"),
    def(
        "risk.low_probability_of_compromise",
        Flag,
        "low probability of compromise (four factors)",
        "侵害の可能性が低いこと（4要素評価）",
    ),
    def(
        "risk.misuse_not_likely",
        Flag,
        "misuse or harm is not reasonably likely",
        "悪用・被害のおそれが合理的に認められないこと",
    ),
    def(
        "risk.identity_theft_substantial",
        Flag,
        "substantial risk of identity theft or fraud",
        "なりすまし・詐欺の相当な危険",
    ),
    def(
        "risk.relevant_damage",
        Flag,
        "relevant risk or damage to the persons",
        "本人に関連する危険又は損害のおそれ",
    ),
    def(
        "risk.harm_averted",
        Flag,
        "measures taken in time so that harm is no longer likely",
        "適時の措置により被害のおそれがなくなったこと",
    ),
    def(
        "risk.law_enforcement_consulted",
        Flag,
        "law enforcement was consulted on the risk",
        "危険の評価に当たり捜査機関と協議したこと",
    ),
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
    def("persons.unreachable", Count, "number of persons who cannot be reached", "連絡が取れない本人の数"),
    def(
        "persons.law_enforcement_delay",
        Flag,
        "law enforcement asked to delay the notice",
        "捜査機関による通知延期の要請",
    ),
    def(
        "persons.law_enforcement_delay_until",
        Moment,
        "end of the delay asked for by law enforcement",
        "捜査機関が求めた延期の期限",
    ),
    def(
        "persons.law_enforcement_delay_written",
        Flag,
        "the request for delay was made in writing",
        "延期の要請が書面によること",
    ),
    def(
        "persons.protection_requires_notice",
        Flag,
        "notice is needed for the protection of the persons",
        "本人の保護に通知が必要であること",
    ),
    // ENISA's severity
    def("enisa.data_context", Set(enisa::CONTEXTS), "ENISA: kinds of data", "ENISA：データの性質（DPC）"),
    def(
        "enisa.context_adjustment",
        Choice(enisa::ADJUSTMENTS),
        "ENISA: adjustment by the context",
        "ENISA：文脈による補正",
    ),
    def(
        "enisa.ease_of_identification",
        Choice(enisa::EASES),
        "ENISA: ease of identification",
        "ENISA：識別の容易さ（EI）",
    ),
    def(
        "enisa.confidentiality",
        Choice(enisa::CONFIDENTIALITIES),
        "ENISA: loss of confidentiality",
        "ENISA：機密性の喪失",
    ),
    def("enisa.integrity", Choice(enisa::INTEGRITIES), "ENISA: loss of integrity", "ENISA：完全性の喪失"),
    def(
        "enisa.availability",
        Choice(enisa::AVAILABILITIES),
        "ENISA: loss of availability",
        "ENISA：可用性の喪失",
    ),
    // process; the member is the regime's id
    def("process.reported_at.", Moment, "time of the report under", "報告時点"),
    def("process.extension_granted.", Flag, "extension granted under", "期限延長の承認"),
    def(
        "process.authority_view.",
        Choice(&["reportable", "not_reportable"]),
        "view of the authority under",
        "当局の見解",
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
