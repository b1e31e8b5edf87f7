//! Breach-notification law as data.
//!
//! Rule packs (YAML under `policies/regulations/`) say what each law asks for; a [`Facts`] record says what is known
//! of an incident; [`evaluate`] answers, for every regime, whether regulator and persons must be told and by when,
//! with a trace down to the clause. Pure: no clock, no files, no randomness.
//!
//! ```
//! use law::{EvaluatedAt, Facts, Outcome, Packs, evaluate};
//!
//! let packs = Packs::load(law::SHIPPED.iter().copied()).map_err(|e| format!("{e:?}"))?;
//! let facts = Facts::from_yaml("facts.yaml", "
//! scope.jurisdictions: [JP]
//! parties.entity_type: private
//! timeline.occurred_from: 2025-06-01T09:00:00+09:00[Asia/Tokyo]
//! timeline.became_aware_at: 2025-06-02T10:00:00+09:00[Asia/Tokyo]
//! ").map_err(|e| e.to_string())?;
//! let at = EvaluatedAt("2025-06-02T03:00:00Z".parse().map_err(|_| "instant")?);
//! let assessment = evaluate(&packs, &facts, at);
//! let japan = assessment.regime("jp-appi-26").ok_or("pack")?;
//! assert_eq!(japan.regulator, Outcome::NeedsReview); // too little is known to say no
//! assert!(japan.missing_facts.iter().any(|m| m.fact == "counts.principals_total"));
//! # Ok::<(), String>(())
//! ```

mod answers;
mod calendar;
mod catalogue;
mod choose;
pub mod clock;
mod condition_read;
mod contradictions;
mod deadline_read;
mod deadlines;
mod decision;
mod document;
mod error;
mod evaluate;
mod facts;
mod facts_serde;
mod grounds;
mod judge;
mod kleene;
mod labels;
mod moment;
mod pack;
mod pack_read;
mod packs;
mod prose;
mod questions;
mod read;
mod satisfy;
mod shipped;
mod trace;
mod tree;
mod verdicts;

pub mod cases;
pub mod enisa;
pub mod lint;
#[doc(hidden)]
pub mod view;

pub use calendar::{Calendar, MissingYear};
pub use catalogue::{FACTS, FactDef, FactKind, find as find_fact, is_code as is_jurisdiction};
pub use clock::Due;
pub use contradictions::Contradiction;
pub use decision::{
    Annotation, AsOf, Assessment, Caveat, DeadlineDecision, DeadlineStatus, Decision, DutyDecision, Missing,
    MissingFact, Other, Outcome, Pending, Scope,
};
pub use document::document;
pub use error::{FactsError, PackError};
pub use evaluate::{EvaluatedAt, evaluate};
pub use facts::{Certainty, Fact, Facts, Knowledge, Value};
pub use kleene::Truth;
pub use labels::{Labels, Lang};
pub use lint::{Lint, lint};
pub use moment::{Moment, Precision};
pub use pack::{Grade, Nature, Source, Status};
pub use packs::{Packs, RegimeInfo, VersionInfo};
pub use questions::{OpenOutcome, Question, questions};
pub use shipped::{SHIPPED, SHIPPED_CASES};
pub use trace::{Extent, Operand, Operator, Trace, TraceNode};
pub use verdicts::{DutyVerdict, Prepared, Verdict};
