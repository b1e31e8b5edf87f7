//! What this version of Suimon itself does to keep a requirement, and what it only writes down. Said plainly, because a
//! requirement that is stored and not kept is worse than one that is missing.

use super::manifest::{Localized, Mechanism, RequirementSpec, Verification};

/// How far this version keeps a requirement by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// For everything that Suimon itself stores and serves.
    OwnService,
    /// For a part of what Suimon itself stores and serves.
    OwnServicePartly,
    /// Stored and shown; nothing keeps it yet.
    StatedOnly,
    /// People verify it; nothing keeps it.
    Verified,
}

/// Coverage with the words for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnforcedBy {
    pub coverage: Coverage,
    pub text: Localized,
}

/// What keeps this requirement.
pub fn enforced_by(spec: &RequirementSpec) -> EnforcedBy {
    match (&spec.enforcement, spec.verification) {
        (Some(enforcement), _) => by_mechanism(enforcement.mechanism()),
        (None, verification) => by_people(verification),
    }
}

fn by_mechanism(mechanism: Mechanism) -> EnforcedBy {
    let (coverage, ja, en) = match mechanism {
        Mechanism::Encryption => (
            Coverage::OwnService,
            "暗号化と宣言した項目を、Suimonは暗号化してのみ保存する。対象システム自身のデータベースには及ばない。",
            "Suimon stores fields declared encrypted in no other way. The system's own database is not reached.",
        ),
        Mechanism::Access => (
            Coverage::OwnServicePartly,
            "Suimonが保管する個人情報の閲覧を、この要件の役割と条件に従って判定する。対象システムは、判定をAuthZENで問い合わせたときに限り従う。",
            "Suimon decides by it who reads the personal data that it holds. The system itself keeps it where it asks for \
             decisions (AuthZEN).",
        ),
        Mechanism::Cache => (
            Coverage::OwnServicePartly,
            "対象システムの手前で動く `suimon guard` が守る。ガードの手前にあるキャッシュの設定ミスには及ばないことがある。",
            "Kept by `suimon guard` where it runs in front of the system. Not against every mistake of a cache before it.",
        ),
        Mechanism::Retention => (
            Coverage::OwnService,
            "期間を過ぎた記録は、定期ジョブが鍵ごと消去する（enforceの場合）。未完了のインシデントの対象者は保留する。",
            "A job erases records whose period is over by destroying their key (in mode enforce). People on the list of an \
             incident that is not closed are kept until it is.",
        ),
        Mechanism::Admission => (
            Coverage::OwnServicePartly,
            "対象システムの手前で `suimon guard --admission` が動いていれば、上限を超えた人を待たせる。複数のガードは上限を共有しない。",
            "Kept by `suimon guard --admission` where it runs in front of the system: beyond the limits people wait. Several guards share \
             no limit.",
        ),
        Mechanism::Slo => (
            Coverage::StatedOnly,
            "目標は保存・表示するだけで、この版では計測しない。",
            "The objective is stored and shown; this version does not measure it.",
        ),
    };
    EnforcedBy { coverage, text: Localized { ja: ja.to_owned(), en: en.to_owned() } }
}

fn by_people(verification: Option<Verification>) -> EnforcedBy {
    let (ja, en) = match verification {
        Some(Verification::Test) => ("試験", "a test"),
        Some(Verification::Inspection) => ("点検", "an inspection"),
        Some(Verification::Document) => ("文書の確認", "reading a document"),
        None => ("人", "people"),
    };
    let text = Localized {
        ja: format!("{ja}によって確認し、結果を証跡として記録する。"),
        en: format!("Verified by {en}; the result is recorded as evidence."),
    };
    EnforcedBy { coverage: Coverage::Verified, text }
}
